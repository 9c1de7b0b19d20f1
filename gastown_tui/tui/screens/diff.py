"""The diff view: files at the left, hunks, colours of code, comments, a verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final, NamedTuple, TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.layout import Layout
from textual.screen import Screen
from textual.widget import Widget

from gastown_tui.domain.review import LONGEST_PROMPT
from gastown_tui.tui.actions import ACTIONS, BY_ID
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.placed import Placed
from gastown_tui.tui.review import Review
from gastown_tui.tui.widgets.composer import Composer
from gastown_tui.tui.widgets.diff_files import DiffFiles
from gastown_tui.tui.widgets.diff_view import DiffView
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.text import Line, clean, crop, line_cells, plural, spread

Verdict: TypeAlias = tuple[str, str]
"""One of `VERDICTS`, and what is said with it."""
VERDICTS: Final = ("approve", "reject", "nudge", "retry", "drop")
_VERDICT_ACTIONS: Final = tuple(f"diff.{each}" for each in VERDICTS)
_FILES_WIDTH = 28
_FILES_FROM = 100
"""Columns from which the files stand beside the lines: in a narrower screen code needs them all."""
WIDE = 120
"""Columns from which two sides stand beside each other."""


class Tools(NamedTuple):
    """What leads out of the diff view; each says what is in the way, or nothing."""

    edit: Callable[[str, int], Awaitable[str]]
    """Opens an editor at a path of the change and a line."""
    shell: Callable[[], Awaitable[str]]
    """Opens a shell where the files are."""


class DiffScreen(Screen[Verdict | None], inherit_bindings=False):
    """One diff; closes with a verdict, or with None."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = []

    def __init__(
        self,
        review: Review,
        *,
        title: str,
        keymap: Keymap,
        tools: Tools,
        clock: Callable[[], float],
        offers: Sequence[str] = (),
    ) -> None:
        """`offers`: which verdicts can be given; `clock` tells the wall time."""
        super().__init__()
        self.places: dict[Widget, Place] = {}
        self._placed = Placed()
        self.review, self._tools, self._clock = review, tools, clock
        self._title = title
        self._span = f"{clean(review.found.base)[:12]}..{clean(review.found.tip)[:12]}"
        self._keymap = keymap
        self._offers = tuple(f"diff.{each}" for each in VERDICTS if each in offers)
        self._warned = False
        self.view = DiffView(review.diff)
        self.files = DiffFiles(review.bare)
        self._bar, self._hints = Bar(surface="active"), Bar()
        self._composer: Composer | None = None
        self._drafts: dict[str, str] = {}

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
        self.files.replace(self.review.bare, self.review.seen)
        self._arrange()
        self.view.focus()

    def _arrange(self) -> None:
        width, height = self.size
        left = _FILES_WIDTH if width >= _FILES_FROM and len(self.review.bare.files) > 0 else 0
        if left and width >= 160:
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
        total, width = self.review.bare, self.size.width
        right: Line = (
            (f" {plural(len(total.files), 'file')} ", "muted"),
            (f" +{total.plus}", "added"),
            (f" -{total.minus} ", "removed"),
        )
        words = self.review.words(self._clock())
        if self.review.found.truncated:
            words = (*words, (" too long, cut ", "alert"))
        room = width - line_cells(words) - line_cells(right) - 2
        left = [(f" {crop(clean(self._title), max(12, min(80, room)))} ", "strong"), *words]
        if room - len(clean(self._title)) > len(self._span) + 2:
            left.append((f"  {self._span}", "muted"))
        self._bar.show(spread(tuple(left), right, width))
        shown = [
            (self._keymap.label(each.id), each.hint)
            for each in ACTIONS
            if each.context == "diff" and each.hint and self._is_hinted(each.id)
        ]
        self._hints.show(hint_line("DIFF", shown, width, self.view.where()))
        self.files.show_current(self.view.file)

    def _is_hinted(self, name: str) -> bool:
        if name in _VERDICT_ACTIONS:
            return name in self._offers
        return {
            "diff.side": self.size.width >= WIDE,
            "diff.since": self.review.has_news,
            "diff.send": bool(self.review.look.comments) and self._sends() != "",
        }.get(name, True)

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
        if name and not self._moved(name):
            self._decide(name)

    def _moved(self, name: str) -> bool:
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
            self._at_end(view.go_hunk(1 if "next" in name else -1), name)
        elif name in ("diff.next_file", "diff.previous_file"):
            self._at_end(view.go_file(view.file + (1 if "next" in name else -1)), name)
        elif name in ("diff.left", "diff.right"):
            view.pan(1 if name == "diff.right" else -1)
        else:
            return False
        return True

    def _at_end(self, is_there: bool, name: str) -> None:  # noqa: FBT001
        if not is_there:
            way, what = name.removeprefix("diff.").split("_")
            self._say(f"there is no {way} {what}")

    def _decide(self, name: str) -> None:
        doing = {
            "diff.since": self._toggle_since,
            "diff.comment": self._comment,
            "diff.send": self._send,
            "diff.editor": self._edit,
            "diff.shell": self._shell,
        }.get(name)
        if doing is not None:
            self.run_worker(doing(), exit_on_error=False)
        elif name == "diff.side":
            if not self.view.toggle_side():
                self._say(f"two sides need {WIDE} columns")
            self._words()
        elif name == "diff.seen":
            self._seen()
        elif name == "diff.undo":
            self._undo()
        elif name == "diff.close":
            self._close(None)
        elif name == "diff.help":
            told, title = _keys_told(self._keymap), "Keys of the diff view"
            self.notify(told, title=title, markup=False, timeout=12)
        elif name not in self._offers:
            keys = [f"{self._keymap.label(each)} {BY_ID[each].hint}" for each in self._offers]
            there = f"only: {', '.join(keys)}" if keys else "nothing is to be decided here"
            self._say(there)
        elif name in ("diff.reject", "diff.nudge"):
            self.run_worker(self._send(), exit_on_error=False)
        else:
            self._verdict(name.removeprefix("diff."))

    def _say(self, text: str) -> None:
        if text:
            self.notify(crop(clean(text), 300), markup=False)

    def _close(self, verdict: Verdict | None) -> None:
        self.review.looked(self._clock())
        self.dismiss(verdict)

    def _verdict(self, kind: str) -> None:
        """A verdict without words; comments that would be left behind are asked about once."""
        waiting = len(self.review.look.comments)
        if kind == "approve" and waiting and not self._warned:
            self._warned = True
            send, again = self._keymap.label("diff.send"), self._keymap.label("diff.approve")
            self._say(
                f"{plural(waiting, 'comment')} not sent: {send} sends the change back with them,"
                f" {again} again approves it without"
            )
            return
        self._close((kind, ""))

    # ------------------------------------------------------------ the review

    def _show(self) -> None:
        self.view.replace(self.review.diff)
        self.files.replace(self.review.bare, self.review.seen)
        self._arrange()

    async def _toggle_since(self) -> None:
        self._say(await self.review.toggle_since())
        self._show()

    def _seen(self) -> None:
        if not self.review.bare.files:
            return
        at = self.view.file
        is_marked = self.review.toggle_seen(at)
        self._show()
        if is_marked:
            self.view.go_file(self.review.next_unseen(at))
        self._words()

    def _undo(self) -> None:
        if self.review.bare.rows:
            self.review.toggle_undo(self.view.current())
            self._show()

    async def _comment(self) -> None:
        if not self.review.bare.rows:
            return
        row = self.view.current()
        old = self.review.comment_on(row)
        file = clean(self.review.bare.files[row.file].path)
        place = f"{file}:{row.new or row.old}" if row.kind in "+- " else file
        text = await self._write(
            f"Comment on {crop(place, 60)}", old.text if old else "", optional=old is not None
        )
        if text is not None:
            self.review.comment(row, text)
            self._show()

    def _sends(self) -> str:
        return next((each for each in ("reject", "nudge") if f"diff.{each}" in self._offers), "")

    async def _send(self) -> None:
        """Send everything that was written as one prompt, with a few words on the whole."""
        kind, comments = self._sends(), self.review.look.comments
        if not kind:
            self._say("nothing can be sent back now")
            return
        what = "Send to the agent" if kind == "nudge" else "Reject"
        title = f"{what} {crop(clean(self._title), 50)}: why?"
        if comments:
            title = f"{what}, with {plural(len(comments), 'comment')}: anything to add?"
        words = await self._write(title, optional=bool(comments), check=self._too_long)
        if words is not None:
            self._close((kind, self.review.prompt(words)))

    def _too_long(self, words: str) -> str:
        over = len(self.review.prompt(words)) - LONGEST_PROMPT
        return f"{over} characters too long for one prompt" if over > 0 else ""

    async def _write(
        self,
        title: str,
        text: str = "",
        *,
        optional: bool = False,
        check: Callable[[str], str] | None = None,
    ) -> str | None:
        composer = Composer(title, text=text, optional=optional, check=check, drafts=self._drafts)
        self._composer = composer
        self.places[composer] = composer.wanted(*self.size)
        await self.mount(composer)
        try:
            return await composer.answer
        finally:
            self._composer = None
            self.places.pop(composer, None)
            await composer.remove()
            self.view.focus()

    # ------------------------------------------------------------ out of here

    async def _edit(self) -> None:
        if self.review.bare.rows:
            row = self.view.current()
            path = self.review.bare.files[row.file].path
            self._say(await self._tools.edit(path, self.view.line_here()))

    async def _shell(self) -> None:
        self._say(await self._tools.shell())


def _keys_told(keymap: Keymap) -> str:
    return "\n".join(
        f"{keymap.labels(each.id)}: {each.title.lower()}"
        for each in ACTIONS
        if each.context == "diff" and keymap.labels(each.id)
    )
