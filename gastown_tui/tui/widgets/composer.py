"""A few lines of text to be written: nudges, reasons, titles of beads."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import TextArea

from gastown_tui.tui.widgets.overlay import Overlay
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.viewmodels.layout import Place
from gastown_tui.viewmodels.text import clean, spread


class Field(TextArea):
    """A text field in which enter sends."""

    class Sent(Message):
        """Enter was pressed."""

    class Cancelled(Message):
        """Escape was pressed."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape", "ctrl+c", "ctrl+q"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Sent() if event.key == "enter" else self.Cancelled())
            return
        if event.key in ("ctrl+j", "shift+enter", "alt+enter"):
            event.stop()
            event.prevent_default()
            self.insert("\n")
            return
        await super()._on_key(event)


class Composer(Overlay[str]):
    """Answers with the text; empty text counts only where it is allowed."""

    can_focus = False
    mode = "WRITE"

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        optional: bool = False,
        check: Callable[[str], str] | None = None,
        brief: bool = False,
        drafts: MutableMapping[str, str] | None = None,
    ) -> None:
        """`brief`: a word or two; `drafts` keeps what was not sent, by title, for the next time."""
        super().__init__()
        self._title, self._optional, self._check, self._brief = title, optional, check, brief
        self._given, self._drafts = text, None if brief else drafts
        self._text = text = (self._drafts or {}).get(title, text)
        self.field = Field(text, soft_wrap=True, show_line_numbers=False, compact=True)
        self._bar = Bar(surface="live")
        self._note = Bar(surface="over")

    def compose(self) -> ComposeResult:
        """Title, field, hints."""
        yield self._bar
        yield self.field
        yield self._note

    def on_mount(self) -> None:
        """Show the title, put the cursor behind the text."""
        self._bar.show(((f" {clean(self._title)}", "strong"),))
        self._hint(self._note_text())
        self.field.move_cursor(self.field.document.end)
        self.field.focus()

    def _note_text(self) -> str:
        return "what you had written before" if self._text != self._given else ""

    def _hint(self, problem: str) -> None:
        line = (("ctrl+j ", "accent"), ("new line   ", "muted"))
        self._note.show(
            spread(
                ((f" {problem}", "warn"),) if problem else ((" ", "text"),),
                (("enter ", "accent"), ("ok   " if self._brief else "send   ", "muted"),
                 *(() if self._brief else line), ("esc ", "accent"), ("cancel ", "muted")),
                max(20, self.size.width or 80),
            )
        )  # fmt: skip

    def on_resize(self) -> None:
        """The hints stand at the right."""
        self._hint(self._note_text())

    def wanted(self, width: int, height: int) -> Place:
        """Above the hints line, over the whole width."""
        lines = min(8, max(3, self._text.count("\n") + 2))
        high = min(height - 2, lines + 2)
        wide = min(width, 120)
        return Place((width - wide) // 2, height - 1 - high, wide, high)

    def on_field_sent(self, event: Field.Sent) -> None:
        """Answer, if the text will do."""
        event.stop()
        text = self.field.text.strip()
        problem = "" if text or self._optional else "nothing is written yet"
        if not problem and self._check is not None:
            problem = self._check(text)
        if problem:
            self._hint(problem)
        else:
            if self._drafts is not None:
                self._drafts.pop(self._title, None)
            self.finish(text)

    def on_field_cancelled(self, event: Field.Cancelled) -> None:
        """Answer with nothing; what was written is kept for the next time."""
        event.stop()
        if self._drafts is not None:
            self._drafts.pop(self._title, None)
            if (text := self.field.text).strip() and text != self._given:
                self._drafts[self._title] = text
        self.finish(None)
