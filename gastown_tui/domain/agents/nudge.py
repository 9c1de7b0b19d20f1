"""Hands a text to a running agent, as a machine without I/O: events in, commands out.

::

    GATE ──body──> TYPING ──> LANDING ──seen in the box──> ENTERING ──> VERIFYING ──> submitted
     │  <───rows changed───┘  │   <────────rows changed────────┘            │
     │                        │                                            └ still ours: Enter
     ├ never free: queued     └ never seen: indeterminate                    again, then
     └ a dialog: queued                                                      typed-not-submitted

Rules that hold in every state: a dialog, a draft or a raised input generation ends it; every write
is guarded by the rows it was decided on; the body is written once; Enter is pressed only on rows
that show our text in the prompt box; there is no Escape.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from gastown_tui.domain.agents.catalogue import Typing
from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.agents.screen import PromptBox, prompt_box
from gastown_tui.domain.agents.typist import (
    Command,
    Event,
    Finish,
    Receipt,
    ReceiptKind,
    SignalsSeen,
    Tick,
    TypeBytes,
    TypedAnswer,
    Wait,
)

__all__ = [
    "Command",
    "Event",
    "Finish",
    "Mode",
    "Nudge",
    "Receipt",
    "SignalsSeen",
    "Tick",
    "TypeBytes",
    "TypedAnswer",
    "Wait",
    "cleaned",
]

Mode = Literal["wait", "now"]

DRAFT_S: Final = 5.0
"""How long half-typed text of somebody else is waited for."""
NO_BOX_S: Final = 5.0
"""How long a screen without a prompt box is waited for."""
LANDING_S: Final = 2.0
VERIFY_S: Final = 4.5
ANSWER_S: Final = 5.0
"""After so long without an answer to a write, nobody knows whether it was written."""
RETRIES_S: Final = (0.5, 1.5, 3.0)
"""When Enter is pressed again, after the first time, while the box still holds our text."""
SLICE: Final = 64
"""Bytes of one write of raw keys: longer bursts overrun an input queue."""
MAX_TEXT: Final = 20_000
"""Characters."""
_INSERT: Final = b"i"
"""Leaves the normal mode of a vi-like prompt; an Escape would interrupt the agent."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def cleaned(text: str) -> str:
    """Text without control characters; line ends become newlines, those at the end go."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text).strip("\n").rstrip()


class Nudge:
    """One text on its way to one agent. `start` once, then `handle` until it says `Finish`."""

    def __init__(
        self,
        typing: Typing,
        *,
        may_command: bool = False,
        patience_s: float = 600.0,
        keeps: bool = False,
    ) -> None:
        """A nudge not yet begun.

        Args:
            typing: how this agent takes text.
            may_command: the sender is the overseer, whose text may start with `/` or `!` and so
                run the agent's own commands.
            patience_s: how long it waits for the agent to be ready.
            keeps: it will be tried again, so whatever is in its way now makes it `queued`.
        """
        self._typing = typing
        self._may_command = may_command
        self._patience = patience_s
        self._keeps = keeps
        self._mode: Mode = "wait"
        self._body = ""
        self._slices: list[bytes] = []
        self._phase: Literal["gate", "typing", "landing", "entering", "verifying", "done"] = "gate"
        self._deadline = 0.0
        """Of the phase."""
        self._give_up = 0.0
        """Of the gate."""
        self._obstacle = ""
        self._obstacle_since = 0.0
        self._generation = 0
        self._prompts = 0
        self._idle_before = False
        self._typed_at = 0.0
        """When the last part of the body was written; 0 while nothing of it is."""
        self._pending = b""
        self._entered_at = 0.0
        self._presses = 0
        self._ours_seen = False

    def start(self, text: str, mode: Mode, now: float) -> list[Command]:
        """Take the text; what is typed is decided when the first `SignalsSeen` arrives."""
        self._body = cleaned(text)
        self._mode = mode
        self._give_up = now + self._patience
        self._deadline = self._give_up
        if not self._typing.submits:
            return self._finish("refused", "it has no prompt to type into")
        if self._typing.executes and not self._may_command:
            return self._finish("refused", "what is typed there is run as a command")
        if not self._body.strip():
            return self._finish("refused", "the text is empty")
        if len(self._body) > MAX_TEXT:
            return self._finish("refused", f"longer than {MAX_TEXT} characters: put it on a bead")
        if self._is_command() and not self._may_command:
            return self._finish(
                "refused", f"{self._body[0]!r} at the start is a command of the agent's own"
            )
        return [Wait(until=self._deadline)]

    def handle(self, event: Event) -> list[Command]:
        """The commands that follow from an event; empty once finished."""
        if self._phase == "done":
            return []
        match event:
            case TypedAnswer():
                return self._answered(event)
            case Tick():
                return self._late(event.now) if event.now >= self._deadline else [self._wait()]
            case SignalsSeen():
                return self._seen(event)

    # What is on the screen

    def _seen(self, event: SignalsSeen) -> list[Command]:
        if self._phase in ("typing", "entering"):
            return []
        if event.now >= self._deadline:
            return self._late(event.now)
        if not event.signals.alive or event.state in ("exited", "stopped"):
            ended = self._phase == "gate"
            return self._finish("refused" if ended else "indeterminate", "its session has ended")
        match self._phase:
            case "gate":
                return self._at_gate(event)
            case "landing":
                return self._landing(event)
            case _:
                return self._verifying(event)

    def _at_gate(self, event: SignalsSeen) -> list[Command]:
        if reason := _asking(event):
            return self._finish("queued", reason)
        if reason := _unfit(event):
            return self._hindrance("refused", reason)
        busy = event.state in ("working", "stalled", "starting")
        if busy and not (self._mode == "now" and self._typing.queues and event.state != "starting"):
            self._obstacle = ""
            return [self._wait()]
        box = prompt_box(event.signals, self._typing)
        if box is None:
            return self._hindered(event.now, "no-box", NO_BOX_S)
        if box.draft:
            return self._hindered(event.now, "draft", DRAFT_S)
        self._generation = event.signals.input_generation
        self._prompts = event.prompts
        self._idle_before = not busy
        if "-- NORMAL --" in "\n".join(event.signals.bottom[box.bottom + 1 :]):
            return self._type(_INSERT, event, "typing")
        return self._type_body(event)

    def _hindered(self, now: float, what: str, seconds: float) -> list[Command]:
        """Wait a little for a draft to go or a prompt box to come."""
        if self._obstacle != what:
            self._obstacle, self._obstacle_since = what, now
        until = self._obstacle_since + seconds
        if now < until:
            return [Wait(until=min(until, self._deadline))]
        if what == "draft":
            return self._hindrance("held", "there is half-typed text in its prompt box")
        return self._hindrance("refused", "there is no prompt box on its screen")

    def _type_body(self, event: SignalsSeen) -> list[Command]:
        body = self._body.encode("utf-8", "replace")
        paste = self._typing.bracketed_paste and event.signals.bracketed_paste
        if paste and not self._is_command():
            self._slices = [b"\x1b[200~" + body + b"\x1b[201~"]
        elif "\n" in self._body:
            return self._finish("refused", "it does not take several lines at once")
        else:
            self._slices = _sliced(self._body)
        return self._type(self._slices.pop(0), event, "typing")

    def _landing(self, event: SignalsSeen) -> list[Command]:
        if event.signals.input_generation != self._generation:
            return self._finish("held", "a person typed: the text stands in its prompt box")
        if self._slices:
            if find_dialog(event.signals.bottom):
                return self._finish("indeterminate", "a dialog opened while it was typed")
            return self._type(self._slices.pop(0), event, "typing")
        soon = self._typed_at + self._typing.submit_gap_s
        if event.now < soon:
            return [Wait(until=soon)]
        if not self._holds_ours(self._box(event)) or find_dialog(event.signals.bottom):
            return [self._wait()]
        return self._type(b"\r", event, "entering")

    def _verifying(self, event: SignalsSeen) -> list[Command]:
        if event.prompts > self._prompts:
            return self._submitted("its hook says so")
        box = self._box(event)
        self._ours_seen = self._holds_ours(box)
        if self._idle_before and event.state in ("working", "waiting"):
            return self._submitted("it works")
        if box is not None and not self._ours_seen:
            return self._submitted("" if self._idle_before else "it reads it after this step")
        if event.signals.input_generation != self._generation:
            return self._finish("held", "a person typed: the text stands in its prompt box")
        due = self._presses - 1
        if box is None or due >= len(RETRIES_S):
            return [self._wait()]
        at = self._entered_at + RETRIES_S[due]
        if event.now < at:
            return [Wait(until=min(at, self._deadline))]
        return self._type(b"\r", event, "entering")

    # What became of a write

    def _answered(self, event: TypedAnswer) -> list[Command]:
        if self._phase not in ("typing", "entering"):
            return []
        entering = self._phase == "entering"
        if not event.ok:
            return self._not_written(event, entering=entering)
        if entering:
            self._presses += 1
            if self._presses == 1:
                self._entered_at = event.now
            return self._go("verifying", self._entered_at + VERIFY_S)
        if self._pending == _INSERT and not self._typed_at:
            return self._go("gate", self._give_up)
        self._typed_at = event.now
        return self._go("landing", event.now + LANDING_S)

    def _not_written(self, event: TypedAnswer, *, entering: bool) -> list[Command]:
        written = entering or self._typed_at > 0
        if event.reason == "rows":
            return self._changed(entering=entering)
        if event.reason == "generation":
            if not written:
                return self._hindrance("held", "a person is typing")
            return self._finish("held", "a person typed: the text stands in its prompt box")
        reason = {"full": "it does not read its input"}.get(event.reason, event.reason)
        return self._finish("typed-not-submitted" if written else "refused", reason)

    def _changed(self, *, entering: bool) -> list[Command]:
        """The rows had changed, nothing was written: look again and decide anew."""
        if entering and self._presses:
            return self._go("verifying", self._entered_at + VERIFY_S)
        if not entering and not self._typed_at:
            return self._go("gate", self._give_up)
        if not entering:
            self._slices.insert(0, self._pending)
        return self._go("landing", self._typed_at + LANDING_S + ANSWER_S)

    def _late(self, now: float) -> list[Command]:
        match self._phase:
            case "gate" if self._obstacle and now < self._give_up:
                return [self._wait()]
            case "gate":
                return self._finish("queued", "it has not been free yet")
            case "typing" | "entering":
                return self._finish("indeterminate", "no answer to what was typed")
            case "landing":
                return self._finish("indeterminate", "the text was not seen in its prompt box")
            case _ if self._ours_seen:
                return self._finish("typed-not-submitted", "Enter did not send it")
            case _:
                return self._finish("indeterminate", "its prompt box is gone")

    # Small parts

    def _type(
        self,
        data: bytes,
        event: SignalsSeen,
        phase: Literal["typing", "entering"],
    ) -> list[Command]:
        self._phase = phase
        self._pending = data
        self._deadline = event.now + ANSWER_S
        rows = event.signals.rows_hash
        typed = TypeBytes(data=data, if_generation=self._generation, if_rows=rows)
        return [typed, self._wait()]

    def _go(self, phase: Literal["gate", "landing", "verifying"], deadline: float) -> list[Command]:
        self._phase = phase
        self._deadline = deadline
        return [self._wait()]

    def _wait(self) -> Wait:
        return Wait(until=self._deadline)

    def _finish(self, kind: ReceiptKind, reason: str) -> list[Command]:
        self._phase = "done"
        return [Finish(receipt=Receipt(kind=kind, reason=reason))]

    def _hindrance(self, kind: ReceiptKind, reason: str) -> list[Command]:
        """Nothing was typed."""
        return self._finish("queued" if self._keeps else kind, reason)

    def _submitted(self, how: str) -> list[Command]:
        return self._finish("submitted", how)

    def _box(self, event: SignalsSeen) -> PromptBox | None:
        return prompt_box(event.signals, self._typing)

    def _is_command(self) -> bool:
        return "\n" not in self._body and self._body.startswith(tuple(self._typing.raw_prefixes))

    def _holds_ours(self, box: PromptBox | None) -> bool:
        """Whether the box holds our text and nothing else."""
        if box is None:
            return False
        if re.search(self._typing.paste_marker, box.text):
            rest = re.sub(self._typing.paste_marker, "", box.text)
            return _squashed(rest) in _squashed(self._body)
        shown = _squashed(box.draft)
        return bool(shown) and shown in _squashed(self._body)


def _asking(event: SignalsSeen) -> str:
    """What the agent waits for an answer to; empty when it does not."""
    dialog = find_dialog(event.signals.bottom)
    if dialog:
        return f"it shows a {dialog.kind} dialog: {dialog.question}"
    return f"it is waiting ({event.needs})" if event.state == "waiting" else ""


def _unfit(event: SignalsSeen) -> str:
    """Why the agent cannot take text at all now; empty when it can, or soon may."""
    if event.signals.held:
        return f"its output is held: {event.signals.held}"
    if event.state == "error":
        return f"it is {event.state} ({event.needs})"
    return "it is paused" if event.state == "paused" else ""


def _squashed(text: str) -> str:
    return "".join(text.split())


def _sliced(text: str) -> list[bytes]:
    """Raw keys in writes of at most `SLICE` bytes, never cut within a character."""
    slices = [b""]
    for character in text:
        data = character.encode("utf-8", "replace")
        if len(slices[-1]) + len(data) > SLICE:
            slices.append(b"")
        slices[-1] += data
    return slices
