"""The product: the command line, and later battles and pages. Composes the other folders."""
