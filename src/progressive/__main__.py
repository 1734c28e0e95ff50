"""The command `progressive`; `python -m progressive` is the same.

Floor 5.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        # a pipeline asks this on every build: without loading anything
        from progressive import __version__

        sys.stdout.write(f"progressive {__version__}\n")
        return
    from progressive._cli.faults import tell_without_secrets
    from progressive._cli.main import cli

    tell_without_secrets()
    cli(prog_name="progressive")


if __name__ == "__main__":
    main()
