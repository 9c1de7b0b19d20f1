"""A session's picture as it is sent: the rows last read from its terminal."""

from __future__ import annotations

import hashlib

from gastown_tui.cells import FAINT, Row, row_text
from gastown_tui.terminal import Cursor, Damage

HIDDEN = Cursor(x=0, y=0, visible=False, shape="block", blinking=False)


def faint_from(row: Row) -> int:
    """The first cell of faint text in `row`, -1 if it has none."""
    x = 0
    for text, style, width in row:
        if style & FAINT and not text.isspace():
            return x
        x += width
    return -1


class Screen:
    """Rows, cursor and what is derived from them; `version` rises when a viewer would see it."""

    def __init__(self, cols: int, rows: int) -> None:
        self.cols = cols
        self.rows: list[Row] = [()] * rows
        self.cursor = HIDDEN
        self.version = 1
        self._texts: list[str | None] = [""] * rows

    def apply(self, damage: Damage, cols: int, height: int) -> None:
        """Take over what changed in a terminal of `cols` by `height` cells."""
        changed = cols != self.cols or height != len(self.rows)
        if changed:
            self.cols = cols
            self.rows = [()] * height
            self._texts = [""] * height
        rows, texts = self.rows, self._texts
        for y, row in damage.rows.items():
            if y < height and rows[y] != row:  # what is equal stays the same object
                rows[y] = row
                texts[y] = None
                changed = True
        if damage.cursor != self.cursor:
            self.cursor = damage.cursor
            changed = True
        self.version += changed

    def text(self, y: int) -> str:
        """Row `y` as text without trailing blanks."""
        text = self._texts[y]
        if text is None:
            text = self._texts[y] = row_text(self.rows[y])
        return text

    def texts(self) -> list[str]:
        """All rows as text."""
        return [self.text(y) for y in range(len(self.rows))]

    @property
    def used(self) -> int:
        """Rows down to the cursor or the last row that is not blank, whichever is lower."""
        cursor = self.cursor
        least = cursor.y + 1 if cursor.visible else 0
        for y in range(len(self.rows) - 1, least - 1, -1):
            if self.text(y):
                return y + 1
        return least

    def digest(self) -> str:
        """The hash of the visible rows' text."""
        joined = "\n".join(self.texts()).encode("utf-8", "replace")
        return hashlib.blake2b(joined, digest_size=8).hexdigest()
