"""The product: the command line, and later battles and pages. Composes the other folders."""

if __name__ == "arena":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("arena is imported as agon.arena now: from agon.arena import ...")
