"""`python -m agon` is the command `agon`."""

import sys

from agon.arena.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
