"""One client's view of one session: which frame is due, and what is in it.

State is synchronised, not a stream of changes. A view remembers the picture that the client has
acknowledged and those under way; a frame carries the rows in which the picture now differs from
*any* of them. So a frame is right for whichever of these pictures the client has painted, frames
between may be lost, and a client that is slow or silent costs a bounded number of references.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gastown_tui.cells import Row
from gastown_tui.protocol import ScreenFrame
from gastown_tui.screens.crop import cut_row
from gastown_tui.screens.loop import NEVER
from gastown_tui.screens.screen import Screen

WINDOW: Final = 2
"""Frames that may be under way: one being painted, one being sent."""
URGENT_S: Final = 0.1
"""So long after a key of the client its view is not held to its frame rate."""
URGENT_GAP_S: Final = 0.004
ROUNDING: Final = 1e-3
"""Of a period: a time that is common but for rounding counts as reached."""
MOST_FPS: Final = 120.0
LEAST_FPS: Final = 0.2


class Picture(NamedTuple):
    """What a client holds, or will when the frame has arrived."""

    number: int
    cols: int
    rows: list[Row]


class View:
    """A subscription; `cols` and `height` 0 mean the whole terminal."""

    def __init__(self, cols: int, height: int, fps: float) -> None:
        self._number = 0
        self._sent_at = 0.0
        self._urgent_until = 0.0
        self.version = 0
        """The screen's version in the last frame."""
        self.reshape(cols, height, fps)

    def reshape(self, cols: int, height: int, fps: float) -> None:
        """Show another part or at another rate: the next frame is a whole one."""
        self._cols, self._height = max(0, cols), max(0, height)
        rate = min(max(fps, LEAST_FPS), MOST_FPS) if fps == fps else MOST_FPS  # noqa: PLR0124 - NaN
        self._period = 1.0 / rate
        self.restart()

    def restart(self) -> None:
        """Forget what the client has: the next frame is a whole one."""
        self._acked: Picture | None = None
        self._under_way: list[Picture] = []
        self.version = 0

    def hurry(self, now: float) -> None:
        """The client has typed: for a moment it sees every change at once."""
        self._urgent_until = now + URGENT_S

    def due(self, now: float) -> float:
        """When the next frame may go; `NEVER` while the client owes acknowledgements.

        Frames of equal rate fall on common times, so that one wake-up serves many tiles; the
        first one after a rest goes at once.
        """
        if len(self._under_way) >= WINDOW:
            return NEVER
        if now < self._urgent_until:
            return self._sent_at + URGENT_GAP_S
        if now - self._sent_at > 2 * self._period:
            return 0.0
        return (int(self._sent_at / self._period + ROUNDING) + 1) * self._period

    def acknowledge(self, number: int) -> None:
        """The client has painted frame `number`; numbers that are not under way are ignored."""
        for index, picture in enumerate(self._under_way):
            if picture.number == number:
                self._acked = picture
                del self._under_way[: index + 1]
                return

    def frame(self, session: str, screen: Screen, generation: int, now: float) -> ScreenFrame:
        """The next frame; from here on it counts as under way."""
        total = len(screen.rows)
        height = min(self._height or total, total)
        top = max(0, screen.used - height)
        rows = screen.rows[top : top + height]
        cols = min(self._cols or screen.cols, screen.cols)
        number = self._number = self._number + 1
        bases = [*((self._acked,) if self._acked else ()), *self._under_way]
        whole = self._acked is None or any(
            base.cols != cols or len(base.rows) != height for base in bases
        )
        changed = _all(rows) if whole else _differing(rows, bases)
        if cols < screen.cols:
            changed = {y: cut_row(row, cols) for y, row in changed.items()}
        self._under_way.append(Picture(number, cols, rows))
        self._sent_at = now
        self.version = screen.version
        cursor = screen.cursor
        seen = cursor.visible and top <= cursor.y < top + height and cursor.x < cols
        return ScreenFrame(
            session=session,
            number=number,
            base=0 if whole or self._acked is None else self._acked.number,
            cols=cols,
            height=height,
            rows=changed,
            cursor_x=cursor.x if seen else 0,
            cursor_y=cursor.y - top if seen else -1,
            cursor_shape=cursor.shape,
            generation=generation,
            mouse=screen.mouse,
        )


def _all(rows: list[Row]) -> dict[int, Row]:
    return {y: row for y, row in enumerate(rows) if row}


def _differing(rows: list[Row], bases: list[Picture]) -> dict[int, Row]:
    """Rows that are not the same object in all pictures; equal rows are the same object."""
    found: dict[int, Row] = {}
    for base in bases:
        for y, (old, new) in enumerate(zip(base.rows, rows, strict=True)):
            if old is not new and old != new:
                found[y] = new
    return found
