"""The base of every widget that looks up its lines instead of rendering them."""

from __future__ import annotations

from collections.abc import Iterable

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from gastown_tui.tui.brush import Brush
from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.viewmodels.text import Line


class Painted(Widget):
    """A widget whose lines come from `strip_at`, past Textual's style cache.

    No border, padding, opacity or tint of CSS applies to it.
    """

    ALLOW_SELECT = False
    brush: Brush | None = None
    """Paints its lines, where the parent has one."""

    def strip_at(self, y: int, width: int) -> Strip:
        """Line `y` as a strip of exactly `width` cells, the widget's width; a lookup."""
        return blank(width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the widget, as the compositor asks for them."""
        width = self.size.width  # costly: asked once, not once a line
        strip_at = self.strip_at
        strips = [strip_at(y, width) for y in crop.line_range]
        if crop.x or crop.width != width:
            left, right = crop.column_span
            return [strip.crop(left, right) for strip in strips]
        return strips

    def refresh_lines(self, lines: Iterable[int], *, hurry: bool = False) -> None:
        """Paint these lines again; in a `hurry`, before anything else."""
        if self.brush is None:
            self.refresh_slowly(lines)
        else:
            self.brush.paint(self, lines, hurry=hurry)

    def refresh_slowly(self, lines: Iterable[int]) -> None:
        """Have Textual paint these lines when it comes to it."""
        width = self.size.width
        regions = [Region(0, y, width, 1) for y in lines]
        if regions:
            self.refresh(*regions)


class Bar(Painted):
    """Lines at the edge of the screen: the strip on top, the hints below."""

    def __init__(self, *, surface: str = "bar", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._surface = surface
        self._lines: tuple[Line, ...] = ((),)
        self._strips: dict[int, tuple[Line, int, Strip]] = {}

    @property
    def line(self) -> Line:
        """What its first line says."""
        return self._lines[0]

    def show(self, *lines: Line) -> None:
        """Say something else; only what differs is painted."""
        before, self._lines = self._lines, lines
        if lines != before:
            self.refresh_lines(
                y
                for y in range(max(len(before), len(lines)))
                if before[y : y + 1] != lines[y : y + 1]
            )

    def strip_at(self, y: int, width: int) -> Strip:
        """A line as last shown."""
        line = self._lines[y] if y < len(self._lines) else ()
        known = self._strips.get(y)
        if known is None or known[:2] != (line, width):
            known = self._strips[y] = (line, width, paint_line(line, width, self._surface))
        return known[2]
