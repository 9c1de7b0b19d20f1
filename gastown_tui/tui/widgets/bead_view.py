"""The lines of a bead with a cursor, painted when they are seen."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.message import Message
from textual.strip import Strip

from gastown_tui.protocol import BeadText
from gastown_tui.tui.bead_lines import BeadLine, bead_lines, linked
from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.text import Line


class BeadView(Painted):
    """A bead's lines; the cursor moves over all of them, and jumps between linked beads."""

    can_focus = True

    class Opened(Message):
        """A linked bead is to be looked at."""

        def __init__(self, bead: str) -> None:
            super().__init__()
            self.bead = bead

    class Moved(Message):
        """Another line is in use."""

    def __init__(self, found: BeadText, clock: Callable[[], float]) -> None:
        super().__init__()
        self._found, self._clock = found, clock
        self._lines: list[BeadLine] = []
        self._width = 0
        self.index = 0
        self.top = 0

    @property
    def page(self) -> int:
        """Lines on the screen."""
        return max(1, self.size.height)

    @property
    def count(self) -> int:
        """Lines in all."""
        return len(self._lines)

    @property
    def linked(self) -> str:
        """The bead that the line in use stands for; empty when it stands for none."""
        return self._lines[self.index].bead if self.index < len(self._lines) else ""

    def where(self) -> Line:
        """How far down one is."""
        last = max(1, len(self._lines) - 1)
        return ((f"{100 * min(self.index, last) // last}% ", "muted"),)

    def move(self, step: int) -> None:
        """Move the cursor by lines."""
        self._go(self.index + step)

    def jump(self, step: int) -> None:
        """Move to the next linked bead, down (1) or up (-1)."""
        self._go(linked(self._lines, self.index, step))

    def _go(self, index: int) -> None:
        before = (self.index, self.top)
        self.index = max(0, min(index, len(self._lines) - 1))
        self._reveal()
        if before != (self.index, self.top):
            self.refresh()
            self.post_message(self.Moved())

    def _reveal(self) -> None:
        page = self.page
        self.top = max(0, min(self.top, self.index), self.index - page + 1)
        self.top = max(0, min(self.top, len(self._lines) - page))

    def on_resize(self) -> None:
        """Fold the text to the new width; the line in use stays in sight."""
        width = self.size.width
        if width != self._width:
            self._width = width
            self._lines = bead_lines(self._found, max(8, width - 2), self._clock())
            self.index = max(0, min(self.index, len(self._lines) - 1))
        self._reveal()
        self.refresh()

    def strip_at(self, y: int, width: int) -> Strip:
        """A line of the bead."""
        at = self.top + y
        if at >= len(self._lines):
            return blank(width)
        surface = "cursor" if at == self.index else "base"
        return paint_line(((" ", "text"), *self._lines[at].line), width, surface)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the cursor where the mouse is; a second press opens what is there."""
        event.stop()
        at = self.top + int(event.y)
        if at == self.index and self.linked:
            self.post_message(self.Opened(self.linked))
        elif at < len(self._lines):
            self._go(at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll, the cursor along."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll, the cursor along."""
        event.stop()
        self.move(-3)
