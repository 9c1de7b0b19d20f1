"""Lines on their way to the terminal without a detour through Textual's compositor.

A compositor has to ask who covers whom. The widgets of the dashboard never overlap, so a line of
one of them is a move of the cursor and its strip: the pane that is typed into does not wait for
messages, timers and thirty tiles. While anything may lie over the panes the lines go the ordinary
way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from gastown_tui.tui.widgets.painted import Painted

SLICE_S: Final = 0.002
"""How long lines are painted before keys and frames are looked at again."""
_PAUSE_S: Final = 0.001
"""How long these are looked at: a key takes several turns of the loop on its way."""


class Output(Protocol):
    """Where encoded lines go: a driver of Textual's."""

    def write(self, data: str) -> None:
        """Write text and escape sequences."""
        ...


class Brush:
    """Paints lines of widgets: what is in a hurry at once, everything else in slices."""

    def __init__(self, output: Callable[[], Output | None], console: Callable[[], Console]) -> None:
        """`output` gives nothing while lines have to go the ordinary way."""
        self._output, self._console = output, console
        self._due: dict[Painted, set[int]] = {}
        self._scheduled = False

    def paint(self, widget: Painted, lines: Iterable[int], *, hurry: bool = False) -> None:
        """Have lines painted soon; those of a widget in a `hurry` are painted when this returns."""
        self._due.setdefault(widget, set()).update(lines)
        if hurry:
            if output := self._output():
                self._write(output, [self._take(widget)])
            else:
                widget.refresh_slowly(self._due.pop(widget))
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._slice)

    def _slice(self) -> None:
        self._scheduled = False
        output = self._output()
        if output is None:
            due, self._due = self._due, {}
            for widget, lines in due.items():
                widget.refresh_slowly(lines)
            return
        until, texts = time.monotonic() + SLICE_S, []
        while self._due:
            texts.append(self._take(next(iter(self._due))))
            if time.monotonic() > until:
                break
        self._write(output, texts)
        if self._due:
            self._scheduled = True
            asyncio.get_running_loop().call_later(_PAUSE_S, self._slice)

    def _take(self, widget: Painted) -> str:
        lines = self._due.pop(widget)
        left, top, width, height = widget.region  # as it stands on the terminal now
        if not width or widget.size != (width, height):
            widget.refresh_slowly(lines)
            return ""
        console = self._console()
        return "".join(
            f"\x1b[{top + y + 1};{left + 1}H{widget.strip_at(y, width).render(console)}"
            for y in sorted(lines)
            if 0 <= y < height
        )

    def _write(self, output: Output, texts: Iterable[str]) -> None:
        if text := "".join(texts):
            output.write(text)
