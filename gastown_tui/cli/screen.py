"""`gastown` without a verb: start what is not running, then the screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gastown_tui.adapters.town_files import find_town
from gastown_tui.domain.errors import NotFound, Unavailable


def open_screen(town: Path | None = None) -> None:
    """The screen of a town; its daemons are started first."""
    from gastown_tui.cli.town import start_town

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Unavailable("the screen needs a terminal", hint="`gastown status` does not")
    try:
        found = town or find_town(None, os.environ)
    except NotFound as error:
        raise NotFound(
            "there is no town here",
            hint="try `gastown demo`, or make one with `gastown init`, then `gastown rig add`",
        ) from error
    from gastown_tui.roots.tui import run

    os.environ["GASTOWN_TOWN"] = str(found)
    start_town(found)
    run(found)
