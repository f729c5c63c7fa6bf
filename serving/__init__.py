"""Talking to models: one small protocol, one file per kind of backend."""

if __name__ == "serving":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("serving is imported as agon.serving now: from agon.serving import ...")
