"""Lines and terminal rows as strips of exactly the width they are painted on."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from gastown_tui.cells import Row
from gastown_tui.tui.theme import pane_style, role_style
from gastown_tui.viewmodels.text import Line


def safe(text: str) -> str:
    """The text without anything a terminal would act on."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else " " for mark in text)


def paint_line(line: Line, width: int, surface: str = "base", edge: int = 0) -> Strip:
    """A line on a surface, and `edge` cells of the gap beyond it."""
    segments, used = [], 0
    for raw, role in line:
        if text := safe(raw):
            segments.append(Segment(text, role_style(role, surface)))
            used += cell_len(text)
    return finish(segments, used, width, role_style("text", surface), edge)


def finish(segments: list[Segment], used: int, width: int, blank: Style, edge: int = 0) -> Strip:
    """Segments that fill `used` cells as a strip of `width` cells, and `edge` cells of the gap."""
    if used > width:
        segments = list(Strip(segments, used).crop(0, width))
        used = sum(segment.cell_length for segment in segments)
    if used < width:
        segments.append(Segment(" " * (width - used), blank))
    if edge:
        segments.append(Segment(" " * edge, role_style("text", "gap")))
    return Strip(segments, width + edge)


@lru_cache(maxsize=256)
def blank(width: int, surface: str = "base", edge: int = 0) -> Strip:
    """An empty strip."""
    return finish([], 0, width, role_style("text", surface), edge)


def paint_row(row: Row, left: int, width: int, edge: int = 0) -> Strip:
    """A terminal's row from its cell `left` on, and `edge` cells of the gap."""
    segments: list[Segment] = []
    room = width
    for run_text, style, run_size in row:
        text, size = safe(run_text), run_size
        if not text.isascii() or len(text) != size:
            text = set_cell_size(text, size) if cell_len(text) != size else text
        if left:
            if size <= left:
                left -= size
                continue
            text = tail(text, left)
            size, left = size - left, 0
        if size > room:
            text, size = set_cell_size(text, room), room
        segments.append(Segment(text, pane_style(style)))
        room -= size
        if room <= 0:
            break
    return finish(segments, width - room, width, pane_style(0), edge)


def tail(text: str, left: int) -> str:
    """The text without its first `left` cells; half of a wide character becomes a blank."""
    if text.isascii():
        return text[left:]
    for at, mark in enumerate(text):
        if left <= 0:
            return " " * -left + text[at:]
        left -= cell_len(mark)
    return " " * -left


def with_cursor(strip: Strip, x: int, width: int) -> Strip:
    """The strip with the cell at `x` reversed."""
    if not 0 <= x < width:
        return strip
    under = strip.crop(x, x + 1)
    marked = Strip(
        [Segment(text, (style or Style()) + Style(reverse=True)) for text, style, _ in under], 1
    )
    return Strip.join([strip.crop(0, x), marked, strip.crop(x + 1, width)])
