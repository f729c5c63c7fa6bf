"""`python -m agon` is the command `agon`."""

import sys


def main() -> int:
    """Run the command; an interrupt ends it with status 130 even while it is still being loaded."""
    try:
        from agon.arena.cli.commands import main as run

        return run()
    except KeyboardInterrupt:
        print("agon: interrupted; nothing was written.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
