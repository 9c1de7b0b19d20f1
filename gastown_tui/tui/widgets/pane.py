"""Live pictures of sessions: tiles, and the one big pane."""

from __future__ import annotations

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from gastown_tui.cells import Row
from gastown_tui.tui.paint import blank, paint_line, paint_row, with_cursor
from gastown_tui.tui.picture import Picture
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.text import Line


class PaneView(Painted):
    """A title line and, below it, the lower end of a session's terminal.

    The picture hangs at the bottom of what it shows: blank rows under the last text (a program
    that has only just begun) do not push the text out of a small tile.
    """

    wants_cursor = False

    class Clicked(Message):
        """The mouse was pressed on the pane."""

        def __init__(self, view: PaneView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> PaneView:
            """The pane."""
            return self.view

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.session = ""
        self.picture = Picture()
        self.empty = ""
        """What to say while there is no picture."""
        self.body: tuple[Line, ...] = ()
        """Shown instead of a picture: the lines of a card."""
        self._title: Line = ()
        self._surface = "title"
        self._title_strip: tuple[int, Strip] | None = None
        self._strips: dict[int, Strip] = {}
        self._shape = (0, 0, 0)
        """Width, first row and first column that the strips were painted for."""

    @property
    def title(self) -> Line:
        """The title line."""
        return self._title

    def set_title(self, line: Line, surface: str = "title") -> None:
        """Show another title; nothing is painted when it is the same."""
        if (line, surface) != (self._title, self._surface):
            self._title, self._surface, self._title_strip = line, surface, None
            self.refresh_lines((0,))

    def set_session(self, session: str) -> None:
        """Show another session, from nothing."""
        if session != self.session:
            self.session, self.picture, self.body = session, Picture(), ()
            self.reset()

    def set_body(self, lines: tuple[Line, ...]) -> None:
        """Show lines instead of a picture."""
        if lines != self.body:
            self.body = lines
            self.reset()

    def set_empty(self, text: str) -> None:
        """Say something else while there is no picture."""
        if text != self.empty:
            self.empty = text
            if not self.picture.rows:
                self.reset()

    def reset(self) -> None:
        """Forget every painted line."""
        self._strips.clear()
        self.refresh(self.size.region)

    def picture_changed(self, dirty: set[int] | None) -> None:
        """Paint what a frame changed; None for everything."""
        if dirty is None or self._place() != self._shape:
            self._strips.clear()
            self._shape = self._place()
            self.refresh(self.size.region)
            return
        top, height = self._shape[1], self.size.height
        for row in dirty:
            self._strips.pop(row, None)
        self.refresh_lines(row - top + 1 for row in dirty if top <= row < top + height - 1)

    def first_row(self) -> int:
        """The row of the picture that stands under the title."""
        return max(0, self.picture.used() - max(0, self.size.height - 1))

    def first_column(self) -> int:
        """The column of the picture at the left edge."""
        return 0

    def row_at(self, row: int) -> Row | None:
        """A row of what is shown; None beyond its end."""
        rows = self.picture.rows
        return rows[row] if 0 <= row < len(rows) else None

    def _place(self) -> tuple[int, int, int]:
        return self.size.width, self.first_row(), self.first_column()

    def strip_at(self, y: int) -> Strip:
        """The title, or a row of the picture."""
        width = self.size.width
        if y == 0:
            if self._title_strip is None or self._title_strip[0] != width:
                self._title_strip = width, paint_line(self._title, width, self._surface)
            return self._title_strip[1]
        if self.body or not self.picture.rows:
            return self._words(y, width)
        if self._shape[0] != width:
            self._strips.clear()
            self._shape = self._place()
        row = self._shape[1] + y - 1
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._paint(row, width)
        return strip

    def _paint(self, row: int, width: int) -> Strip:
        found = self.row_at(row)
        if found is None:
            return blank(width, "pane")
        left = self._shape[2]
        strip = paint_row(found, left, width)
        if self.wants_cursor and row == self.picture.cursor_y:
            strip = with_cursor(strip, self.picture.cursor_x - left, width)
        return strip

    def _words(self, y: int, width: int) -> Strip:
        if self.body:
            return (
                paint_line(self.body[y - 1], width, "base") if y <= len(self.body) else blank(width)
            )
        middle = max(1, self.size.height // 2)
        if self.empty and y == middle:
            text = self.empty[: max(0, width - 2)]
            return paint_line(((" " * ((width - len(text)) // 2) + text, "faint"),), width, "pane")
        return blank(width, "pane")

    def on_resize(self) -> None:
        """The picture hangs elsewhere now."""
        self._strips.clear()
        self._shape = self._place()

    def on_mouse_down(self) -> None:
        """Tell the screen."""
        self.post_message(self.Clicked(self))

    def region_of(self, row: int) -> Region:
        """Where a row of the picture is painted, in the widget."""
        return Region(0, row - self._shape[1] + 1, self.size.width, 1)
