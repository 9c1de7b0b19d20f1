"""The bead view: everything about one bead, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.layout import Layout
from textual.screen import Screen
from textual.widget import Widget

from gastown_tui.protocol import BeadText
from gastown_tui.tui.actions import ACTIONS
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.placed import Placed
from gastown_tui.tui.widgets.bead_view import BeadView
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.text import clean, spread

BeadVerdict = tuple[str, str]
"""What is to be done: `open` and a linked bead, or the id of an action and nothing."""
_MOVES: Final = frozenset(
    {
        "bead.down", "bead.up", "bead.half_down", "bead.half_up", "bead.page_down", "bead.page_up",
        "bead.first", "bead.last", "bead.next_link", "bead.previous_link",
    }
)  # fmt: skip


class BeadScreen(Screen[BeadVerdict | None], inherit_bindings=False):
    """One bead; closes with what is to be done to it, or with None."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = []

    def __init__(
        self, found: BeadText, *, keymap: Keymap, clock: Callable[[], float], at: int = 0
    ) -> None:
        """`at`: the line to begin on."""
        super().__init__()
        self.places: dict[Widget, Place] = {}
        self._placed = Placed()
        self._found, self._keymap = found, keymap
        self.view = BeadView(found, clock)
        self.view.index = at
        self._bar, self._hints = Bar(surface="active"), Bar()

    def compose(self) -> ComposeResult:
        """Title, lines, hints."""
        yield self._bar
        yield self.view
        yield self._hints

    @property
    def layout(self) -> Layout:
        """Every widget where `places` says."""
        return self._placed

    def on_mount(self) -> None:
        """Show the first line."""
        self._arrange()
        self.view.focus()

    def _arrange(self) -> None:
        width, height = self.size
        self.places = {
            self._bar: Place(0, 0, width, 1),
            self.view: Place(0, 1, width, max(1, height - 2)),
            self._hints: Place(0, height - 1, width, 1),
        }
        self._bar.refresh(layout=True)
        self._words()

    def _words(self) -> None:
        bead, row = clean(self._found.bead.get("id", "")), self._found.bead
        kind = clean(row.get("issue_type", ""))
        left = ((f" {bead}", "strong"), (f"  {kind}", "muted"))
        self._bar.show(spread(left, ((f"{clean(self._found.rig)} ", "muted"),), self.size.width))
        shown = [
            (self._keymap.label(each.id), each.hint)
            for each in ACTIONS
            if each.context == "bead" and each.hint and self._fits(each.id)
        ]
        self._hints.show(hint_line("BEAD", shown, self.size.width, self.view.where()))

    def _fits(self, action: str) -> bool:
        """Whether an action means something for a bead in this state."""
        is_closed = self._found.bead.get("status") in {"closed", "tombstone"}
        if action == "bead.reopen":
            return is_closed or self._found.bead.get("status") == "deferred"
        return not is_closed or action not in {"bead.close", "bead.claim", "bead.sling_it"}

    def on_resize(self) -> None:
        """Another size."""
        self._arrange()

    def on_bead_view_moved(self, event: BeadView.Moved) -> None:
        """The share that is seen."""
        event.stop()
        self._words()

    def on_bead_view_opened(self, event: BeadView.Opened) -> None:
        """A click on a linked bead."""
        event.stop()
        self.dismiss(("open", event.bead))

    def on_key(self, event: events.Key) -> None:
        """A key of the bead view."""
        event.stop()
        event.prevent_default()
        name = self._keymap.action("bead", event.key)
        if name in _MOVES:
            self._move(name)
        elif name == "bead.open":
            if self.view.linked:
                self.dismiss(("open", self.view.linked))
            else:
                self.view.jump(1)
        elif name == "bead.leave":
            self.dismiss(None)
        elif name == "bead.help":
            keys = [
                f"{self._keymap.labels(each.id)}: {each.title.lower()}"
                for each in ACTIONS
                if each.context == "bead" and self._keymap.labels(each.id)
            ]
            self.notify("\n".join(keys), title="Keys of the bead view", markup=False, timeout=12)
        elif name:
            self.dismiss((name, ""))

    def _move(self, name: str) -> None:
        view = self.view
        steps = {
            "bead.down": 1,
            "bead.up": -1,
            "bead.half_down": view.page // 2,
            "bead.half_up": -(view.page // 2),
            "bead.page_down": view.page,
            "bead.page_up": -view.page,
            "bead.first": -view.count,
            "bead.last": view.count,
        }
        if name in steps:
            view.move(steps[name])
        else:
            view.jump(1 if name == "bead.next_link" else -1)
