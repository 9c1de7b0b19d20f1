"""`python -m gastown_tui` and the `gastown` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every refusal is one line on stderr, exit status 1 (usage: 2)."""
    from gastown_tui.cli.main import prepare_process, run

    prepare_process()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
