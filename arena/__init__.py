"""The product: battles, pages and the command line. Composes the other folders."""

if __name__ == "arena":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("arena is imported as agon.arena now: from agon.arena import ...")
