"""The diff view: files at the left, hunks, colours of code, a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.layout import Layout
from textual.screen import Screen
from textual.widget import Widget

from gastown_tui.tui.actions import ACTIONS, BY_ID
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.placed import Placed
from gastown_tui.tui.widgets.composer import Composer
from gastown_tui.tui.widgets.diff_view import DiffFiles, DiffView
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.viewmodels.diff import Diff
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.text import clean, crop, plural, spread

Verdict: TypeAlias = tuple[str, str]
"""One of `VERDICTS`, and the reason of a rejection."""
VERDICTS: Final = ("approve", "reject", "retry", "drop")
_VERDICT_ACTIONS: Final = tuple(f"diff.{each}" for each in VERDICTS)
_FILES_WIDTH = 28
WIDE = 120
"""Columns from which two sides stand beside each other."""


class DiffScreen(Screen[Verdict | None], inherit_bindings=False):
    """One diff; closes with a verdict, or with None."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = []

    def __init__(
        self,
        diff: Diff,
        *,
        title: str,
        span: str,
        keymap: Keymap,
        truncated: bool = False,
        offers: Sequence[str] = (),
    ) -> None:
        """`span` says which commits; `offers`: which verdicts can be given."""
        super().__init__()
        self.places: dict[Widget, Place] = {}
        self._placed = Placed()
        self._title, self._span, self._truncated = title, span, truncated
        self._keymap = keymap
        self._offers = tuple(f"diff.{each}" for each in VERDICTS if each in offers)
        self._total = diff
        self.view = DiffView(diff)
        self.files = DiffFiles(diff)
        self._bar, self._hints = Bar(surface="active"), Bar()
        self._composer: Composer | None = None

    def compose(self) -> ComposeResult:
        """Title, files, lines, hints."""
        yield self._bar
        yield self.files
        yield self.view
        yield self._hints

    @property
    def layout(self) -> Layout:
        """Every widget where `places` says."""
        return self._placed

    def on_mount(self) -> None:
        """Show the first hunk."""
        self._arrange()
        self.view.focus()

    def _arrange(self) -> None:
        width, height = self.size
        left = _FILES_WIDTH if width >= 80 and len(self._total.files) > 0 else 0
        if width >= 160:
            left += 8
        body = max(1, height - 2)
        self.places = {
            self._bar: Place(0, 0, width, 1),
            self._hints: Place(0, height - 1, width, 1),
            self.view: Place(left + bool(left), 1, width - left - bool(left), body),
        }
        if left:
            self.places[self.files] = Place(0, 1, left, body)
        if self._composer is not None:
            self.places[self._composer] = self._composer.wanted(width, height)
        self.view.allow_side(wide=width >= WIDE)
        self._bar.refresh(layout=True)
        self._words()

    def _words(self) -> None:
        total = self._total
        right = (
            (f" {plural(len(total.files), 'file')} ", "muted"),
            (f" +{total.plus}", "added"),
            (f" -{total.minus} ", "removed"),
        )
        left = [(f" {crop(clean(self._title), 80)}", "strong"), (f"  {self._span}", "muted")]
        if self._truncated:
            left.append((" too long, cut ", "alert"))
        self._bar.show(spread(tuple(left), right, self.size.width))
        shown = [
            (self._keymap.label(each.id), each.hint)
            for each in ACTIONS
            if each.context == "diff"
            and each.hint
            and (each.id in self._offers or each.id not in _VERDICT_ACTIONS)
            and (each.id != "diff.side" or self.size.width >= WIDE)
        ]
        self._hints.show(hint_line("DIFF", shown, self.size.width, self.view.where()))
        self.files.show_current(self.view.file)

    def on_resize(self) -> None:
        """Another size."""
        self._arrange()

    def on_diff_view_moved(self, event: DiffView.Moved) -> None:
        """The place in the file list follows."""
        self._words()

    def on_diff_files_chosen(self, event: DiffFiles.Chosen) -> None:
        """A click on a file."""
        self.view.go_file(event.file)

    def on_key(self, event: events.Key) -> None:
        """A key of the diff view."""
        if self._composer is not None:
            return
        event.stop()
        event.prevent_default()
        name = self._keymap.action("diff", event.key)
        view = self.view
        page = view.page
        moves = {
            "diff.down": 1,
            "diff.up": -1,
            "diff.half_down": page // 2,
            "diff.half_up": -(page // 2),
            "diff.page_down": page,
            "diff.page_up": -page,
            "diff.first": -len(view.lines),
            "diff.last": len(view.lines),
        }
        if name in moves:
            view.move(moves[name])
        elif name in ("diff.next_hunk", "diff.previous_hunk"):
            view.go_hunk(1 if "next" in name else -1)
        elif name in ("diff.next_file", "diff.previous_file"):
            view.go_file(view.file + (1 if "next" in name else -1))
        elif name:
            self._decide(name)

    def _decide(self, name: str) -> None:
        if name == "diff.side":
            if not self.view.toggle_side():
                self.notify(f"two sides need {WIDE} columns", markup=False)
            self._words()
        elif name == "diff.close":
            self.dismiss(None)
        elif name == "diff.help":
            keys = [
                f"{self._keymap.labels(each.id)}: {each.title.lower()}"
                for each in ACTIONS
                if each.context == "diff" and self._keymap.labels(each.id)
            ]
            self.notify("\n".join(keys), title="Keys of the diff view", markup=False, timeout=12)
        elif name not in self._offers:
            keys = [f"{self._keymap.label(each)} {BY_ID[each].hint}" for each in self._offers]
            there = f"only: {', '.join(keys)}" if keys else "nothing is to be decided here"
            self.notify(there, markup=False)
        elif name == "diff.reject":
            self.run_worker(self._reject(), exit_on_error=False)
        else:
            self.dismiss((name.removeprefix("diff."), ""))

    async def _reject(self) -> None:
        composer = Composer(f"Reject {crop(clean(self._title), 60)}: why?")
        self._composer = composer
        self.places[composer] = composer.wanted(*self.size)
        await self.mount(composer)
        try:
            reason = await composer.answer
        finally:
            self._composer = None
            self.places.pop(composer, None)
            await composer.remove()
            self.view.focus()
        if reason:
            self.dismiss(("reject", reason))
