"""The terminal's bell and its own notifications, for what the town calls the overseer for.

Formats: BEL; OSC 9 text (iTerm2), OSC 777 notify;title;body (rxvt); inside tmux they travel in a
DCS passthrough (tmux(1), allow-passthrough), inside GNU screen in a plain DCS. The Linux console
would print them, so it only rings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gastown_tui.protocol import TableRow
from gastown_tui.viewmodels.text import clean, crop, number, string

_BELL: Final = "\a"
_LONGEST: Final = 180
_AGAIN_S: Final = 5.0
"""That a person is here is said at most so often."""


def call(row: TableRow, town: str, env: Mapping[str, str]) -> str:
    """What is written to the terminal for one notice; nothing in it can end the sequence early."""
    bell = _BELL if row.get("bell") is True else ""
    text = crop(clean(string(row, "text")), _LONGEST)
    title = crop(clean(town) or "gastown", 40).replace(";", ",")
    term, kind = env.get("TERM", ""), string(row, "osc")
    if not kind or term in ("linux", "dumb", ""):
        return bell
    body = f"777;notify;{title};{text.replace(';', ',')}" if kind == "777" else f"9;{title}: {text}"
    sequence = f"\x1b]{body}\a"
    if env.get("TMUX"):
        sequence = f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    elif term.startswith("screen"):
        sequence = f"\x1bP{sequence}\x1b\\"
    return sequence + bell


class Alarm:
    """Rings for notices that come while the screen is there; says when a person is at it."""

    def __init__(
        self, wall: Callable[[], float], present: Callable[[bool], None], env: Mapping[str, str]
    ) -> None:
        self._present, self._env = present, env
        self._after = wall()
        self._said = float("-inf")

    def calls(self, rows: Mapping[str, TableRow], town: str) -> str:
        """What is to be written for notices that are new."""
        fresh = [row for row in rows.values() if number(row, "at") > self._after]
        if not fresh:
            return ""
        newest = max(fresh, key=lambda row: number(row, "at"))
        self._after = number(newest, "at")
        return call(newest, town, self._env)

    def here(self, steady: float) -> None:
        """A person did something at the screen."""
        if steady - self._said >= _AGAIN_S:
            self._said = steady
            self._present(True)

    def away(self) -> None:
        """The terminal has lost the focus."""
        self._said = float("-inf")
        self._present(False)
