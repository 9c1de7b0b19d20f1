"""A list to choose from by typing: palette, help, menus and pickers are this one widget."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from textual import events
from textual.strip import Strip

from gastown_tui.tui.paint import blank, paint_line
from gastown_tui.tui.widgets.overlay import Overlay
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.match import score
from gastown_tui.viewmodels.text import Line, clean, crop, fit, spread


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to choose."""

    id: str
    title: str
    hint: str = ""
    """At the right: its keys, its state."""
    group: str = ""
    """Choices of a group stand together under its name while nothing is typed."""
    key: str = ""
    """A key that chooses it at once while nothing is typed."""


class Finder(Overlay[str]):
    """Answers with the id of what was chosen."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        typing: bool = True,
        notes: Sequence[Line] = (),
    ) -> None:
        """`notes` stand above the choices while nothing is typed."""
        super().__init__()
        self._notes = tuple(notes)
        self._title, self._choices, self._typing = title, tuple(choices), typing
        self._texts = [
            f"{clean(each.title)} {clean(each.hint)} {clean(each.group)}" for each in choices
        ]
        self.query_text = ""
        self._index = self._top = 0
        self._rows: list[Choice | Line] = []
        self._search()

    @property
    def found(self) -> list[Choice]:
        """What answers to the typed text, the best first."""
        return [row for row in self._rows if isinstance(row, Choice)]

    def wanted(self, width: int, height: int) -> Place:
        """In the upper middle; a menu as high as its rows."""
        wide = min(width, max(44, min(92, width - 8)))
        top = 1 if height < 30 else 3
        room = height - top - 1
        high = min(room, max(16, room * 3 // 4)) if self._typing else len(self._rows) + 3
        return Place((width - wide) // 2, top, wide, min(room, high))

    def _search(self) -> None:
        if not self.query_text.strip():
            rows: list[Choice | Line] = [*self._notes]
            group = ""
            for each in self._choices:
                if each.group != group:
                    group = each.group
                    rows.append(((f"  {clean(group)}", "faint"),))
                rows.append(each)
            self._rows = rows
        else:
            scored = [(score(self.query_text, text), -at) for at, text in enumerate(self._texts)]
            scored.sort(reverse=True)
            self._rows = [self._choices[-at] for value, at in scored[:200] if value > 0]
        self._index = self._top = 0
        self._move(0)

    def _move(self, step: int) -> None:
        at, rows = self._index, self._rows
        way = 1 if step >= 0 else -1
        at = max(0, min(len(rows) - 1, at + step))
        while 0 <= at < len(rows) and not isinstance(rows[at], Choice):
            at += way
        if 0 <= at < len(rows):
            self._index = at
        page = max(1, self.size.height - 3)
        above = self._index
        while above and not isinstance(rows[above - 1], Choice):
            above -= 1  # headings and notes come into sight with the row below them
        self._top = max(0, min(self._top, above), self._index - page + 1)
        if self.is_attached:
            self.refresh(self.size.region)

    def _choose(self) -> None:
        if self._index < len(self._rows) and isinstance(row := self._rows[self._index], Choice):
            self.finish(row.id)

    def strip_at(self, y: int, width: int) -> Strip:
        """The field, then the rows."""
        if y == 0:
            return paint_line(
                spread(((f" {self._title}", "strong"),), (("esc ", "faint"),), width),
                width,
                "active",
            )
        if y == 1:
            return self._field(width)
        at = self._top + y - 2
        if at >= len(self._rows) or y == self.size.height - 1:
            if y == 2 and not self._rows:
                return paint_line((("  nothing answers to that", "faint"),), width, "over")
            return blank(width, "over")
        row = self._rows[at]
        if not isinstance(row, Choice):
            return paint_line(row, width, "over")
        return paint_line(self._row(row, width), width, "cursor" if at == self._index else "over")

    def _row(self, row: Choice, width: int) -> Line:
        hint = crop(clean(row.hint), width // 2)
        key = fit(row.key, 4, "right") if row.key else "    "
        return spread(
            ((f"{key}  ", "accent"), (clean(row.title), "text")), ((f"{hint}  ", "muted"),), width
        )

    def _field(self, width: int) -> Strip:
        if not self._typing:
            return blank(width, "over")
        typed = clean(self.query_text)
        line: Line = (("  › ", "accent"), (typed, "strong"), ("▏", "accent"))
        if not typed:
            line = (*line, ("type to search", "faint"))
        return paint_line(line, width, "field")

    def on_key(self, event: events.Key) -> None:
        """Type, move, choose."""
        event.stop()
        event.prevent_default()
        steps = {"down": 1, "up": -1, "ctrl+n": 1, "ctrl+j": 1, "ctrl+k": -1, "tab": 1,
                 "shift+tab": -1, "pagedown": 10, "pageup": -10, "ctrl+d": 10}  # fmt: skip
        if not self._typing:
            steps |= {"j": 1, "k": -1}
        if event.key in ("escape", "ctrl+c", "ctrl+q"):
            self.finish(None)
        elif event.key == "enter":
            self._choose()
        elif event.key in steps:
            self._move(steps[event.key])
        elif not self.query_text and (found := self._by_key(event)):
            self.finish(found)
        elif self._typing:
            self._type(event)
        elif event.key == "q":
            self.finish(None)

    def _by_key(self, event: events.Key) -> str:
        wanted = event.character or event.key
        return next((each.id for each in self._choices if each.key and each.key == wanted), "")

    def _type(self, event: events.Key) -> None:
        if event.key == "backspace":
            self.query_text = self.query_text[:-1]
        elif event.key in ("ctrl+u", "ctrl+w"):
            kept = self.query_text.rstrip().rpartition(" ")[0]
            self.query_text = "" if event.key == "ctrl+u" else kept
        elif event.is_printable and event.character:
            self.query_text += event.character
        else:
            return
        self._search()

    def on_paste(self, event: events.Paste) -> None:
        """Type what was pasted."""
        event.stop()
        if self._typing:
            self.query_text += clean(event.text, 200)
            self._search()

    def on_resize(self) -> None:
        """Keep the choice in sight."""
        self._move(0)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose with the mouse."""
        event.stop()
        at = self._top + int(event.y) - 2
        if event.y >= 2 and 0 <= at < len(self._rows) and isinstance(self._rows[at], Choice):
            self._index = at
            self._choose()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll."""
        event.stop()
        self._move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll."""
        event.stop()
        self._move(-3)
