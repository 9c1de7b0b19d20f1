"""What stands over the panes for a moment: opaque, with the focus, answered or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.strip import Strip

from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.text import Line, wrap

_T = TypeVar("_T")
_WIDEST = 72
ARM_S = 0.3
"""How long a confirmation is shown before it is given."""
STRAY_S = 0.05
"""Who says yes sooner than this has not seen the question."""


class Overlay(Painted, Generic[_T]):
    """An overlay; `answer` is what became of it, None when it was cancelled."""

    can_focus = True
    mode: ClassVar[str] = "ASKED"
    """What the line of hints calls it: the keys of the town do not work now."""

    def __init__(self) -> None:
        super().__init__(classes="overlay")
        self.answer: asyncio.Future[_T | None] = asyncio.get_running_loop().create_future()

    def finish(self, value: _T | None) -> None:
        """Answer, once."""
        if not self.answer.done():
            self.answer.set_result(value)

    def wanted(self, width: int, height: int) -> Place:
        """Where it stands on a screen of this size."""
        return Place(0, 0, width, height)

    def on_paste(self, event: events.Paste) -> None:
        """A paste is nothing to an overlay that has no field."""
        event.stop()


class Dialog(Overlay[bool]):
    """A question with yes and no; yes only counts once it has been shown for a moment.

    Who knows what comes may say yes before that moment is over, and no until it is.
    """

    def __init__(self, title: str, lines: tuple[Line, ...], clock: Callable[[], float]) -> None:
        super().__init__()
        self._lines: tuple[Line, ...] = (
            ((f" {title}", "strong"),),
            (),
            *(((" ", "text"), *part) for line in lines for part in wrap(line, _WIDEST - 6)),
            (),
            ((" y", "accent"), (" or ", "muted"), ("enter", "accent"), (" yes    ", "muted"),
             ("n", "accent"), (" or ", "muted"), ("esc", "accent"), (" no", "muted")),
        )  # fmt: skip
        self._clock = clock
        self._shown = clock()

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def wanted(self, width: int, height: int) -> Place:
        """In the middle, as high as what it says."""
        wide, high = min(width, max(40, min(_WIDEST, width - 8))), min(height, len(self._lines) + 2)
        return Place((width - wide) // 2, max(0, (height - high) // 3), wide, high)

    def strip_at(self, y: int, width: int) -> Strip:
        """A line of the question."""
        if 1 <= y <= len(self._lines):
            line = self._lines[y - 1]
            return paint_line(((" ", "text"), *line), width, "over")
        return blank(width, "over")

    def on_key(self, event: events.Key) -> None:
        """Yes or no."""
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "n", "q", "ctrl+c"):
            self.finish(None)
        elif event.key in ("enter", "y"):
            shown = self._clock() - self._shown
            if shown >= ARM_S:
                self.finish(True)
            elif shown >= STRAY_S:
                asyncio.get_running_loop().call_later(ARM_S - shown, self.finish, True)
