"""The files of a diff, with the current one and those that were seen."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip

from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.diff import Diff
from gastown_tui.viewmodels.text import Line, cells, clean, fit, line_text, spread


class DiffFiles(Painted):
    """The files of a diff, the current one marked."""

    class Chosen(Message):
        """A file was clicked."""

        def __init__(self, file: int) -> None:
            super().__init__()
            self.file = file

    def __init__(self, diff: Diff) -> None:
        super().__init__()
        self._files = diff.files
        self._seen: frozenset[int] = frozenset()
        self._current = self._top = 0
        self._strips: dict[tuple[int, int, bool], Strip] = {}

    def replace(self, diff: Diff, seen: frozenset[int]) -> None:
        """Other files, or other ones that are seen."""
        self._files, self._seen = diff.files, seen
        self._current, self._top = -1, min(self._top, max(0, len(diff.files) - 1))
        self._strips.clear()
        self.refresh(self.size.region)

    def show_current(self, file: int) -> None:
        """Mark a file."""
        if file == self._current:
            return
        self._current = file
        page = max(1, self.size.height)
        self._top = max(0, min(max(self._top, file - page + 1), file, len(self._files) - 1))
        self.refresh(self.size.region)

    def strip_at(self, y: int, width: int) -> Strip:
        """A file."""
        at = self._top + y
        if at >= len(self._files):
            return blank(width)
        key = (at, width, at == self._current)
        if key not in self._strips:
            self._strips[key] = paint_line(
                self._line(at, width), width, "rest" if at == self._current else "base"
            )
        return self._strips[key]

    def _line(self, at: int, width: int) -> Line:
        found = self._files[at]
        right: Line = ((f" +{found.plus}", "added"), (f" -{found.minus} ", "removed"))
        path = clean(found.path)
        room = width - 4 - cells(line_text(right))
        if cells(path) > room:
            path = "…" + path[-max(1, room - 1) :]
        is_seen = at in self._seen
        ink = "faint" if is_seen else "text"
        role = {"A": "ok", "D": "error", "R": "warn"}.get(found.change, "muted")
        return spread(
            (
                (f"{'✓' if is_seen else ' '}{found.change} ", "faint" if is_seen else role),
                (fit(path, room), "strong" if at == self._current else ink),
            ),
            right,
            width,
        )

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose a file."""
        event.stop()
        at = self._top + int(event.y)
        if at < len(self._files):
            self.post_message(self.Chosen(at))
