"""`python -m gastown_tui` and the `gastown` command."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; every refusal is one line on stderr, exit status 1 (usage: 2)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to take away
    from gastown_tui.cli.main import leave, prepare_process, run

    prepare_process()
    leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
