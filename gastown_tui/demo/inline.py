"""The last rows of the terminal, redrawn in place below a transcript that scrolls away.

No alternate screen: what is written above the live rows belongs to the terminal's scrollback, as
with coding agents of this kind. Every frame is one write between the marks of a synchronised
update (mode 2026), so that no half frame is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"


class Inline:
    """Paints transcript rows and live rows, writing only what differs."""

    def __init__(self, write: Callable[[str], None], columns: int, rows: int) -> None:
        self._write = write
        self.columns = columns
        self.rows = rows
        self._live: list[str] = []
        self._row = 0
        self._cursor = (0, 0)

    def paint(self, above: Sequence[str], live: Sequence[str], cursor: tuple[int, int]) -> None:
        """Writes new transcript rows and the live rows; `cursor` is (row, column) among the latter.

        Every row must fit the columns. Live rows that do not fit the screen are cut at the top.
        """
        cut = max(0, len(live) - self.rows)
        live = list(live[cut:])
        cursor = (max(cursor[0] - cut, 0), min(cursor[1], self.columns - 1))
        if not above and live == self._live and cursor == self._cursor:
            return
        body = self._all(above, live) if above or len(live) != len(self._live) else self._some(live)
        self._live = live
        body += self._to(cursor[0]) + "\r" + (f"\x1b[{cursor[1]}C" if cursor[1] else "")
        self._cursor = cursor
        self._write(f"{BEGIN}\x1b[?25l{body}\x1b[?25h{END}")

    def redraw(
        self,
        size: tuple[int, int],
        above: Sequence[str],
        live: Sequence[str],
        cursor: tuple[int, int],
    ) -> None:
        """Starts over on a screen of (columns, rows) with the tail of the transcript."""
        self.columns, self.rows = size
        room = max(self.rows - len(live), 0)
        self._live, self._row, self._cursor = [], 0, (-1, -1)
        self._write("\x1b[0m\x1b[H\x1b[2J")
        self.paint(above[len(above) - min(room, len(above)) :], live, cursor)

    def leave(self) -> None:
        """Puts the cursor below everything, for the shell that follows."""
        self._write(self._to(max(len(self._live) - 1, 0)) + "\r\n")

    def _to(self, row: int) -> str:
        move = row - self._row
        self._row = row
        if move == 0:
            return ""
        return f"\x1b[{move}B" if move > 0 else f"\x1b[{-move}A"

    def _all(self, above: Sequence[str], live: Sequence[str]) -> str:
        body = self._to(0) + "\r\x1b[J" + "".join(f"{row}\r\n" for row in above) + "\r\n".join(live)
        self._row = max(len(live) - 1, 0)
        return body

    def _some(self, live: Sequence[str]) -> str:
        # The row is erased before it is written: after a full row the cursor still stands on the
        # last cell, and erasing to the end would take that.
        changed = [number for number, row in enumerate(live) if row != self._live[number]]
        return "".join(f"{self._to(number)}\r\x1b[2K{live[number]}" for number in changed)
