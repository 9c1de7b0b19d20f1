"""The last known picture of a session's terminal."""

from __future__ import annotations

from gastown_tui.cells import Row
from gastown_tui.protocol import ScreenFrame


class Picture:
    """Rows of a terminal (or of a crop of it), kept up to date by frames."""

    __slots__ = ("cols", "cursor_x", "cursor_y", "number", "rows")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.cols = 0
        self.cursor_x, self.cursor_y = 0, -1
        self.number = 0
        """Of the last frame; 0 before the first."""

    def apply(self, frame: ScreenFrame) -> set[int] | None:
        """Take a frame over; the rows that look different now, None for all of them."""
        whole = frame.base == 0 or frame.height != len(self.rows) or frame.cols != self.cols
        height = max(0, min(frame.height, 10_000))
        if whole:
            empty: Row = ()
            keep = self.rows if frame.base else []
            self.rows = [keep[at] if at < len(keep) else empty for at in range(height)]
        dirty = {at for at in frame.rows if 0 <= at < height}
        for at in dirty:
            self.rows[at] = frame.rows[at]
        before = self.cursor_y
        if (before, self.cursor_x) != (frame.cursor_y, frame.cursor_x):
            dirty.update(at for at in (before, frame.cursor_y) if 0 <= at < height)
        self.cols, self.number = frame.cols, frame.number
        self.cursor_x, self.cursor_y = frame.cursor_x, frame.cursor_y
        return None if whole else dirty

    def used(self) -> int:
        """How many rows there are down to the last that shows something."""
        for at in range(len(self.rows) - 1, -1, -1):
            if at == self.cursor_y or any(
                style >> 26 or not text.isspace() for text, style, _ in self.rows[at] if text
            ):
                return at + 1
        return 0
