"""`gastown` without a verb: start what is not running, and the screen beside it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from gastown_tui.cli.entry import is_terminal, remember, town_to_open
from gastown_tui.domain.errors import Unavailable


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
            start_town(self._town, opens=True)
        except Exception as error:  # told by whoever looks at `error`: a thread has no caller
            self.error = error


def open_screen(town: Path | None = None) -> None:
    """The screen of a town; its daemons are started beside it.

    Args:
        town: None for the one that is found, or that a person at this terminal chooses.

    Raises:
        BadInput: town.toml cannot be used.
        NotFound: there is no town here, and nobody to ask.
        Unavailable: this is no terminal, or the daemons do not start.
    """
    from gastown_tui.roots.town import check_settings

    found = town or town_to_open()
    if found is None:
        return
    if not is_terminal():
        raise Unavailable("the screen needs a terminal", hint="`gastown status` does not")
    os.environ["GASTOWN_TOWN"] = str(found)
    check_settings(found)
    if town is None:
        remember(found)
    starting = Starting(found)
    starting.start()
    from gastown_tui.roots.tui import run

    if starting.error is None:
        run(found, starting.is_alive, lambda: starting.error is not None)
    if starting.error is not None:
        raise starting.error
