"""`gastown` without a verb: start what is not running, and the screen beside it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from gastown_tui.adapters.town_files import find_town
from gastown_tui.domain.errors import NotFound, Unavailable


class Starting(threading.Thread):
    """Starts a town's daemons while the screen, which takes as long, is loaded and painted."""

    def __init__(self, town: Path) -> None:
        super().__init__(daemon=True, name="start")
        self._town = town
        self.error: Exception | None = None
        """Why it did not come to that."""

    def run(self) -> None:
        """Start them."""
        from gastown_tui.cli.town import start_town

        try:
            start_town(self._town)
        except Exception as error:  # told by whoever looks at `error`: a thread has no caller
            self.error = error


def open_screen(town: Path | None = None) -> None:
    """The screen of a town; its daemons are started beside it.

    Raises:
        BadInput: town.toml cannot be used.
        NotFound: there is no town here.
        Unavailable: this is no terminal, or the daemons do not start.
    """
    from gastown_tui.roots.town import check_settings

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Unavailable("the screen needs a terminal", hint="`gastown status` does not")
    try:
        found = town or find_town(None, os.environ)
    except NotFound as error:
        raise NotFound(
            "there is no town here",
            hint="try `gastown demo`, or make one with `gastown init`, then `gastown rig add`",
        ) from error
    os.environ["GASTOWN_TOWN"] = str(found)
    check_settings(found)
    starting = Starting(found)
    starting.start()
    from gastown_tui.roots.tui import run

    if starting.error is None:
        run(found, starting.is_alive, lambda: starting.error is not None)
    if starting.error is not None:
        raise starting.error
