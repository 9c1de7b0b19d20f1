"""Live pictures of sessions: tiles, and the one big pane."""

from __future__ import annotations

from textual.message import Message
from textual.strip import Strip

from gastown_tui.cells import Row
from gastown_tui.tui.paint import blank, paint_line, paint_row, with_cursor
from gastown_tui.tui.picture import Picture
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.text import Line, line_cells, wrap

_WORDS_MOST = 8
"""Lines of what is said in place of a picture."""


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
        self.edge = 0
        """Columns of the gap to the right neighbour that the widget paints itself: widgets that
        touch are sent to the terminal as one piece, which costs a third less than with a gap."""
        self._shape = (0, 0, 0)
        """Width, first row and first column that the strips were painted for."""

    @property
    def columns(self) -> int:
        """The width of what it shows."""
        return max(0, self.size.width - self.edge)

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
        self.refresh_lines(range(self.size.height))

    def picture_changed(self, dirty: set[int] | None, *, hurry: bool = False) -> None:
        """Paint what a frame changed; None for everything."""
        size = self.size
        place = self._place()
        if dirty is None or place != self._shape:
            self._strips.clear()
            self._shape = place
            self.refresh_lines(range(size.height), hurry=hurry)
            return
        top = self._shape[1]
        for row in dirty:
            self._strips.pop(row, None)
        lines = [row - top + 1 for row in dirty if top <= row < top + size.height - 1]
        if lines:
            self.refresh_lines(lines, hurry=hurry)

    def first_row(self) -> int:
        """The row of the picture that stands under the title."""
        rows = self.picture.rows
        return max(0, self.picture.used() - max(0, self.size.height - 1)) if rows else 0

    def first_column(self) -> int:
        """The column of the picture at the left edge."""
        return 0

    def row_at(self, row: int) -> Row | None:
        """A row of what is shown; None beyond its end."""
        rows = self.picture.rows
        return rows[row] if 0 <= row < len(rows) else None

    def _place(self) -> tuple[int, int, int]:
        return self.size.width, self.first_row(), self.first_column()

    def strip_at(self, y: int, width: int) -> Strip:
        """The title, or a row of the picture."""
        if y == 0:
            if self._title_strip is None or self._title_strip[0] != width:
                line = paint_line(self._title, width - self.edge, self._surface, self.edge)
                self._title_strip = width, line
            return self._title_strip[1]
        if self.body or not self.picture.rows:
            return self._words(y, width - self.edge)
        if self._shape[0] != width:
            self._strips.clear()
            self._shape = self._place()
        row = self._shape[1] + y - 1
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._paint(row, width - self.edge)
        return strip

    def _paint(self, row: int, width: int) -> Strip:
        found = self.row_at(row)
        if found is None:
            return blank(width, "pane", self.edge)
        left = self._shape[2]
        strip = paint_row(found, left, width, self.edge)
        if self.wants_cursor and row == self.picture.cursor_y:
            strip = with_cursor(strip, self.picture.cursor_x - left, width + self.edge)
        return strip

    def _words(self, y: int, width: int) -> Strip:
        if self.body:
            line = self.body[y - 1] if y <= len(self.body) else ()
            return paint_line(line, width, "base", self.edge)
        said = wrap(((self.empty, "faint"),), max(1, width - 4))[:_WORDS_MOST] if self.empty else ()
        at = y - max(1, self.size.height // 2 - len(said) // 2)
        if not 0 <= at < len(said):
            return blank(width, "pane", self.edge)
        indent = " " * ((width - line_cells(said[at])) // 2)
        return paint_line(((indent, "faint"), *said[at]), width, "pane", self.edge)

    def on_resize(self) -> None:
        """The picture hangs elsewhere now."""
        self._strips.clear()
        self._shape = self._place()

    def on_mouse_down(self) -> None:
        """Tell the screen."""
        self.post_message(self.Clicked(self))
