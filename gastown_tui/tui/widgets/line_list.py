"""The one virtual list: any number of rows, painted when they are seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec
from textual import events
from textual.message import Message
from textual.strip import Strip

from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.tui.widgets.painted import Painted
from gastown_tui.viewmodels.text import Line, keep_order

_FROZEN_S = 5.0
"""How long the order stays as it is after a key."""


class ListModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows."""

    keys: Sequence[str]
    line: Callable[[str, int], Line]
    """The line of a key at a width; called for what is seen only."""
    headings: frozenset[str] = frozenset()
    """Keys that the cursor steps over."""
    empty: str = ""
    """What to say when there is nothing."""
    ordered: bool = False
    """Does the order mean something (a tree), so that it must never be frozen."""
    follow: bool = False
    """Does a cursor on the first row stay on the first row (the latest event)."""


class LineList(Painted):
    """A title line with tabs, rows, a cursor that stays with its row.

    The order does not change under the cursor: while the list has the focus, and for some seconds
    after a key, rows that are there keep their places and new ones come at the end.
    """

    can_focus = True

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, source: LineList, key: str) -> None:
            super().__init__()
            self.source, self.key = source, key

    class Opened(Message):
        """A row was clicked while the cursor stood on it."""

        def __init__(self, source: LineList, key: str) -> None:
            super().__init__()
            self.source, self.key = source, key

    class TabClicked(Message):
        """A name on the title line was clicked."""

        def __init__(self, panel: str) -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, clock: Callable[[], float], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._model = ListModel(keys=(), line=lambda _key, _width: ())
        self._keys: tuple[str, ...] = ()
        self._at: dict[str, int] = {}
        self.index = 0
        self._top = 0
        self._touched = 0.0
        self._title: Line = ()
        self._tabs: tuple[tuple[int, int, str], ...] = ()
        self._painted: dict[int, tuple[Line, str, int, Strip]] = {}

    @property
    def cursor(self) -> str:
        """The key under the cursor; empty when there is none."""
        return self._keys[self.index] if self.index < len(self._keys) else ""

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys as they stand."""
        return self._keys

    def set_title(self, line: Line, tabs: tuple[tuple[int, int, str], ...] = ()) -> None:
        """Show another title; `tabs` tells which cells (from, to) stand for which panel."""
        self._tabs = tabs
        if line != self._title:
            self._title = line
            self.update_lines()

    def show(self, model: ListModel, changed: Collection[str] | None = None) -> None:
        """Show other rows; the cursor stays with its row, and only what differs is painted.

        `changed` are the keys whose lines may read differently; without it any may.
        """
        before, key = self._keys, self.cursor
        frozen = self.has_focus or self._clock() - self._touched < _FROZEN_S
        follows = model.follow and self.index == 0 and not frozen
        self._model = model
        keys = tuple(model.keys)
        if frozen and not model.ordered and before:
            keys = keep_order(before, keys)
        if keys is not before and keys != before:
            changed = None
            self._keys = keys
            self._at = {each: at for at, each in enumerate(keys)}
            index = self._at.get(key, min(self.index, max(0, len(keys) - 1)))
            if key in self._at:
                self._top += index - self.index
            self.index = index
            if follows or not before:
                self.index = self._first()
            if self.cursor in model.headings:
                self.index = self._free(self.index, 1)
            self._reveal()
        if self.cursor != key:
            self.post_message(self.Moved(self, self.cursor))
        self.update_lines(changed)

    def update_lines(self, changed: Collection[str] | None = None) -> None:
        """Look at the visible rows of these keys (all without) and paint what reads differently."""
        dirty = []
        width, height = self.size
        if not height:  # hidden: what comes now is seen when it is shown again
            self._painted.clear()
        for y in range(height):
            found = self._painted.get(y)
            if found is None or not self._concerns(y, changed):
                continue
            if found[:3] != self._wanted(y, width):
                del self._painted[y]
                dirty.append(y)
        self.refresh_lines(dirty)

    def _concerns(self, y: int, changed: Collection[str] | None) -> bool:
        """Whether line `y` may tell of one of these keys; headings tell of many."""
        at = self._top + y - 1
        if changed is None or not 0 <= at < len(self._keys):
            return True
        return self._keys[at] in changed or self._keys[at] in self._model.headings

    def go(self, key: str) -> bool:
        """Put the cursor on a key; False when it is not there."""
        at = self._at.get(key)
        if at is None:
            return False
        if at != self.index:
            self._set(at)
        return True

    def move(self, step: int) -> None:
        """Move the cursor by rows, over headings."""
        self._touched = self._clock()
        if self._keys:
            target = max(0, min(len(self._keys) - 1, self.index + step))
            self._set(self._free(target, 1 if step > 0 else -1))

    def end(self, *, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self.move(len(self._keys) if last else -len(self._keys))

    @property
    def page(self) -> int:
        """Rows on the screen."""
        return max(1, self.size.height - 1)

    def _first(self) -> int:
        return self._free(0, 1)

    def _free(self, at: int, step: int) -> int:
        """The nearest row that is no heading, looking `step` first."""
        headings, keys = self._model.headings, self._keys
        if not keys or keys[at] not in headings:
            return at
        for way in (step, -step):
            each = at
            while 0 <= each < len(keys):
                if keys[each] not in headings:
                    return each
                each += way
        return at

    def _set(self, at: int) -> None:
        if at == self.index:
            return
        self.index = at
        self._reveal()
        self.update_lines()
        self.post_message(self.Moved(self, self.cursor))

    def _reveal(self) -> None:
        page = self.page
        low = self.index
        if low and self._keys[low - 1] in self._model.headings:
            low -= 1
        self._top = max(0, min(self._top, low, len(self._keys) - 1), self.index - page + 1)
        self._top = max(0, min(self._top, len(self._keys) - page))

    def _wanted(self, y: int, width: int) -> tuple[Line, str, int]:
        at = self._top + y - 1
        if y == 0:
            return (self._title, "active" if self.has_focus else "title", width)
        if at >= len(self._keys):
            if y == 2 and not self._keys and self._model.empty:
                return ((("  " + self._model.empty, "faint"),), "base", width)
            return ((), "base", width)
        key = self._keys[at]
        surface = "base"
        if at == self.index and key not in self._model.headings:
            surface = "cursor" if self.has_focus else "rest"
        return (self._model.line(key, width), surface, width)

    def strip_at(self, y: int, width: int) -> Strip:
        """The title or a row."""
        found = self._painted.get(y)
        if found is not None and found[2] == width:
            return found[3]
        wanted = self._wanted(y, width)
        line, surface, _ = wanted
        strip = paint_line(line, width, surface) if line else blank(width, surface)
        self._painted[y] = (*wanted, strip)
        return strip

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._painted.clear()
        if self._keys:
            self._reveal()
        self.refresh_lines(range(self.size.height))

    def on_focus(self) -> None:
        """The cursor and the title look different."""
        self.update_lines()

    def on_blur(self) -> None:
        """The cursor and the title look different."""
        self.update_lines()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the cursor where the mouse is; a second press opens."""
        event.stop()
        self.focus()
        y = int(event.y)
        if y == 0:
            for left, right, panel in self._tabs:
                if left <= event.x < right:
                    self.post_message(self.TabClicked(panel))
            return
        at = self._top + y - 1
        if at >= len(self._keys) or self._keys[at] in self._model.headings:
            return
        self._touched = self._clock()
        if at == self.index:
            self.post_message(self.Opened(self, self.cursor))
        else:
            self._set(at)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll, the cursor along."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll, the cursor along."""
        event.stop()
        self.move(-3)
