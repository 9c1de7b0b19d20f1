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
        self.version = 1
        self.cursor = HIDDEN
        self._mouse = ""
        self._blank(cols, rows)

    def _blank(self, cols: int, height: int) -> None:
        self.cols = cols
        self.rows: list[Row] = [()] * height
        self._texts = [""] * height
        self._faint = [-1] * height
        self._changed: set[int] = set()
        """Rows whose text has not been looked at since they changed."""
        self._digest = ""

    def apply(self, damage: Damage, cols: int, height: int) -> None:
        """Take over what changed in a terminal of `cols` by `height` cells."""
        changed = cols != self.cols or height != len(self.rows)
        if changed:
            self._blank(cols, height)
        rows = self.rows
        for y, row in damage.rows.items():
            if y < height and rows[y] != row:  # what is equal stays the same object
                rows[y] = row
                self._changed.add(y)
                changed = True
        if damage.cursor != self.cursor:
            self.cursor = damage.cursor
            changed = True
        self.version += changed

    @property
    def mouse(self) -> str:
        """Which mouse events the program wants, as in `ScreenFrame.mouse`."""
        return self._mouse

    @mouse.setter
    def mouse(self, wanted: str) -> None:
        self.version += wanted != self._mouse
        self._mouse = wanted

    def texts(self) -> list[str]:
        """All rows as text without trailing blanks; not to be changed."""
        if self._changed:
            self._digest = ""
            for y in self._changed:
                row = self.rows[y]
                self._texts[y] = row_text(row)
                self._faint[y] = faint_from(row)
            self._changed.clear()
        return self._texts

    def faint(self) -> list[int]:
        """Of all rows the first cell of faint text, -1 where there is none; not to be changed."""
        self.texts()
        return self._faint

    @property
    def written(self) -> int:
        """Rows down to the last one that is not blank."""
        texts = self.texts()
        y = len(texts)
        while y and not texts[y - 1]:
            y -= 1
        return y

    @property
    def used(self) -> int:
        """Rows down to the cursor or the last row that is not blank, whichever is lower."""
        cursor = self.cursor
        return max(self.written, cursor.y + 1 if cursor.visible else 0)

    def digest(self) -> str:
        """The hash of the visible rows' text."""
        texts = self.texts()
        if not self._digest:
            joined = "\n".join(texts).encode("utf-8", "replace")
            self._digest = hashlib.blake2b(joined, digest_size=8).hexdigest()
        return self._digest
