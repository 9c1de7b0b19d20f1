"""The lines of a diff, painted when they are seen."""

from __future__ import annotations

from bisect import bisect_right

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from gastown_tui.tui.highlight import Highlighter
from gastown_tui.tui.paint import blank, finish, paint_line, tail
from gastown_tui.tui.theme import code_style, role_style
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.diff import NOTES, Diff, Row, pairs, visible
from gastown_tui.viewmodels.text import Line, cells, clean, crop, spread

_KEPT = 4_000
"""Painted lines that are kept."""
_NOTE_ROLES = {"comment": "ask", "stale": "warn", "sent": "muted", "town": "accent"}
_SURFACES = {"+": "added", "-": "removed", " ": "base"}


class DiffView(Painted):
    """Hunks, unified or side by side, with a cursor line."""

    can_focus = True

    class Moved(Message):
        """Another line is in use."""

    def __init__(self, diff: Diff) -> None:
        super().__init__()
        self._take(diff)
        self.side = False
        self._side_wanted = False
        self._allowed = False
        self.index = 0
        self.top = 0
        self._left = 0
        """Cells of code that have gone out at the left."""
        self._longest = -1
        self._cache: dict[tuple[int, int, bool, bool], Strip] = {}

    def _take(self, diff: Diff) -> None:
        self._diff = diff
        self._highlight = Highlighter(diff)
        self._unified = tuple((at, at) for at in range(len(diff.rows)))
        self._sides: tuple[tuple[int, int], ...] | None = None
        self._longest = -1
        last = max((max(row.old, row.new) for row in diff.rows), default=0)
        self._digits = max(3, len(str(last)))

    def replace(self, diff: Diff) -> None:
        """Show another diff, at the same line if that is there, else at the same line's number."""
        here = self.current() if self._diff.rows else None
        above = self.index - self.top
        self._take(diff)
        self._cache.clear()
        at = next((n for n, row in enumerate(diff.rows) if row is here), -1)
        if at < 0 and here is not None:
            alike = (n for n, row in enumerate(diff.rows) if row[1:4] == here[1:4] and here.new)
            at = next(alike, 0)
        self.index = self._find(at) if diff.rows else 0
        self.top = max(0, min(self.index - above, len(self.lines) - self.page))
        self.refresh()
        self.post_message(self.Moved())

    def current(self) -> Row:
        """The row that is meant: of a note, the one that it stands below."""
        rows, at = self._diff.rows, self._row(self.index)
        while at > 0 and rows[at].kind in NOTES:
            at -= 1
        return rows[at]

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """What stands on each line: the row of the left and of the right side."""
        if not self.side:
            return self._unified
        if self._sides is None:
            self._sides = pairs(self._diff.rows)
        return self._sides

    @property
    def page(self) -> int:
        """Lines on the screen."""
        return max(1, self.size.height)

    @property
    def file(self) -> int:
        """The file of the line in use."""
        rows = self._diff.rows
        return rows[self._row(self.index)].file if rows else 0

    def _row(self, index: int) -> int:
        left, right = self.lines[index]
        return left if left >= 0 else right

    def line_here(self) -> int:
        """The line of the new file at the cursor, or the next one that is left of it; from 1."""
        rows = self._diff.rows
        here = next((n for n, row in enumerate(rows) if row is self.current()), 0)
        file = rows[here].file
        below = (row.new for row in rows[here:] if row.file == file and row.new)
        above = (row.new for row in reversed(rows[:here]) if row.file == file and row.new)
        return next(below, 0) or next(above, 1)

    def where(self) -> Line:
        """How far one is: hunk, line, share."""
        hunks, count = self._diff.hunks, len(self.lines)
        if not count:
            return (("nothing changed ", "muted"),)
        hunk = bisect_right(hunks, self._row(self.index))
        share = 100 * (self.index + 1) // count
        away = f"← {self._left}  " if self._left else ""
        return (
            (f"{away}hunk {hunk}/{len(hunks)}  line {self.index + 1}/{count}  {share}% ", "muted"),
        )

    def allow_side(self, *, wide: bool) -> None:
        """Is there room for two sides."""
        self._allowed = wide
        self._switch(side=wide and self._side_wanted)

    def toggle_side(self) -> bool:
        """Side by side or unified; False when there is no room."""
        if self._allowed:
            self._side_wanted = not self._side_wanted
            self._switch(side=self._side_wanted)
        return self._allowed

    def _switch(self, *, side: bool) -> None:
        if side == self.side or not self._diff.rows:
            return
        row = self._row(self.index)
        above = self.index - self.top
        self.side = side
        self.index = self._find(row)
        self.top = max(0, self.index - above)
        self._cache.clear()
        self.refresh()

    def _find(self, row: int) -> int:
        if not self.side:
            return row
        return next((at for at, pair in enumerate(self.lines) if row in pair), 0)

    def move(self, step: int) -> None:
        """Move the line in use."""
        self._go(self.index + step)

    def go_hunk(self, step: int) -> bool:
        """The next hunk, or the one before, its header near the top; False if there is none."""
        if not self._diff.rows:
            return False
        row, hunks = self._row(self.index), self._diff.hunks
        after = [each for each in hunks if each > row]
        before = [each for each in hunks if each < row]
        target = after[:1] if step > 0 else before[-1:]
        if target:
            self._go(self._find(target[0]), high=True)
        return bool(target)

    def go_file(self, number: int) -> bool:
        """The beginning of a file; False if there is none of that number."""
        if is_there := 0 <= number < len(self._diff.files):
            self._go(self._find(self._diff.files[number].row), high=True)
        return is_there

    def pan(self, way: int) -> None:
        """Go along long lines, half the width of the code at a time; 1 is to the right."""
        if self._longest < 0:
            self._longest = max((cells(visible(row.text)) for row in self._diff.rows), default=0)
        half = (self.size.width - 1) // 2 if self.side else self.size.width
        room = max(8, half - (1 if self.side else 2) * (self._digits + 1) - 3)
        step = max(4, room // 2)
        last = -(-max(0, self._longest - room) // step) * step
        left = max(0, min(self._left // step * step + way * step, last))
        if left != self._left:
            self._left = left
            self._cache.clear()
            self.refresh()
            self.post_message(self.Moved())

    def _go(self, index: int, *, high: bool = False) -> None:
        count = len(self.lines)
        index = max(0, min(count - 1, index))
        page = self.page
        top = max(0, index - 1) if high else self.top
        top = max(index - page + 1, min(top, index))
        top = max(0, min(top, count - page))
        before, before_top = self.index, self.top
        self.index, self.top = index, top
        if top != before_top:
            self.refresh(self.size.region)
        elif index != before:
            self.refresh_lines((before - top, index - top))
        if (index, top) != (before, before_top):
            self.post_message(self.Moved())

    def strip_at(self, y: int, width: int) -> Strip:
        """A line of the diff."""
        at = self.top + y
        if at >= len(self.lines):
            if not self._diff.rows and y == 1:
                return paint_line((("  nothing changed", "faint"),), width)
            return blank(width)
        key = (at, width, self.side, at == self.index)
        strip = self._cache.get(key)
        if strip is None:
            if len(self._cache) >= _KEPT:
                self._cache.clear()
            strip = self._cache[key] = self._paint(at, width, current=at == self.index)
        return strip

    def _paint(self, at: int, width: int, *, current: bool) -> Strip:
        left, right = self.lines[at]
        row = self._diff.rows[left if left >= 0 else right]
        line: Line
        if row.kind == "file":
            return self._file_line(row, width, current=current)
        if row.kind in NOTES:
            line = ((f"  {clean(row.text)}", _NOTE_ROLES[row.kind]),)
            return paint_line(line, width, "cursor" if current else "over")
        if row.kind in ("hunk", "meta"):
            text = f"{'@@ ' if row.kind == 'hunk' else ''}{visible(row.text)}"
            numbers = f" -{row.old} +{row.new}" if row.kind == "hunk" else ""
            line = ((f"  {crop(text, width - 24)}", "accent"), (numbers, "faint"))
            return paint_line(line, width, "cursor" if current else "field")
        if not self.side:
            return self._code(left, width, (row.old, row.new), current=current)
        half = (width - 1) // 2
        rows = self._diff.rows
        parts = [
            self._code(left, half, (rows[left].old,), current=current)
            if left >= 0
            else blank(half, "field"),
            blank(1, "gap"),
            self._code(right, width - half - 1, (rows[right].new,), current=current)
            if right >= 0
            else blank(width - half - 1, "field"),
        ]
        return Strip.join(parts)

    def _file_line(self, row: Row, width: int, *, current: bool) -> Strip:
        found = self._diff.files[row.file]
        moved = f"{clean(found.before)} → " if found.before else ""
        line = spread(
            ((f" {found.change} ", "chip"), (" ", "text"), (moved, "muted"),
             (clean(found.path), "strong")),
            ((f" +{found.plus}", "added"), (f" -{found.minus} ", "removed")),
            width,
        )  # fmt: skip
        return paint_line(line, width, "cursor" if current else "title")

    def _code(self, at: int, width: int, numbers: tuple[int, ...], *, current: bool) -> Strip:
        row = self._diff.rows[at]
        surface = "cursor" if current else _SURFACES[row.kind]
        gutter = "".join(f"{each or '':>{self._digits + 1}}" for each in numbers)
        sign = {"+": "added", "-": "removed"}.get(row.kind, "faint")
        segments = [
            Segment(gutter, role_style("faint", surface)),
            Segment(f" {row.kind} ", role_style(sign, surface)),
        ]
        used = len(gutter) + 3
        room, out = width - used, self._left
        for all_of_it, ink, bold, italic in self._highlight.line(at):
            whole = tail(all_of_it, out) if out else all_of_it
            out = max(0, out - cells(all_of_it))
            text = crop(whole, room)
            size = cells(text)
            if text:
                style = code_style(ink, surface, bold=bold, italic=italic)
                segments.append(Segment(text, style))
            used, room = used + size, room - size
            if room <= 0:
                break
        plain = code_style("", surface)
        return finish(segments, sum(part.cell_length for part in segments), width, plain)

    def on_resize(self) -> None:
        """Other widths."""
        self._cache.clear()
        self._go(self.index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self._scroll(-3)

    def _scroll(self, step: int) -> None:
        top = max(0, min(self.top + step, len(self.lines) - self.page))
        if top != self.top:
            self.top = top
            self.index = max(top, min(self.index, top + self.page - 1))
            self.refresh(self.size.region)
            self.post_message(self.Moved())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """The line under the mouse."""
        event.stop()
        self._go(self.top + int(event.y))
