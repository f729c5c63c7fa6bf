"""`python -m arena` is `agon`."""

import sys

from arena.cli import main

if __name__ == "__main__":
    sys.exit(main())
