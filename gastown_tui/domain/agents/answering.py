"""Answers one dialog, as a machine without I/O: one key at a time, looking in between.

The answer is bound to the dialog that was shown to whoever decided: when another one stands on the
screen, nothing is pressed. Enter is pressed only on rows that show the pointer on the option that
was meant, so a redraw, a race or a person's own key can never choose a neighbour.
"""

from __future__ import annotations

from typing import Final

from gastown_tui.domain.agents.dialog import Dialog
from gastown_tui.domain.agents.dialogs import (
    ENTER,
    Choice,
    find_dialog,
    next_press,
    option_for,
)
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
from gastown_tui.domain.errors import Conflict

PATIENCE_S: Final = 10.0
AGAIN_S: Final = 1.0
"""A key that has shown no effect for so long is pressed again."""
MAX_PRESSES: Final = 24


class DialogAnswer:
    """One choice on its way to one dialog. `start` once, then `handle` until it says `Finish`."""

    def __init__(self, shown: Dialog, choice: Choice | str) -> None:
        """An answer not yet begun.

        Args:
            shown: the dialog that was decided on.
            choice: approve, always, deny, or the exact text of an option.
        """
        self._shown = shown
        self._choice = choice
        self._deadline = 0.0
        self._generation: int | None = None
        self._in_flight = b""
        self._entered = False
        self._presses = 0
        self._again_at = 0.0
        self._place = -1
        self._done = False

    def start(self, now: float) -> list[Command]:
        """Check that the dialog offers the choice; keys follow from the first `SignalsSeen`."""
        self._deadline = now + PATIENCE_S
        try:
            option_for(self._shown, self._choice)
        except Conflict as error:
            return self._finish("refused", str(error))
        return [Wait(until=self._deadline)]

    def handle(self, event: Event) -> list[Command]:
        """The commands that follow from an event; empty once finished."""
        if self._done:
            return []
        match event:
            case TypedAnswer():
                return self._answered(event)
            case Tick():
                return self._late() if event.now >= self._deadline else []
            case SignalsSeen():
                return self._seen(event)

    def _seen(self, event: SignalsSeen) -> list[Command]:
        if self._in_flight:
            return []
        dialog = find_dialog(event.signals.bottom)
        if dialog is None or not _same(dialog, self._shown):
            if self._entered:
                return self._finish("submitted", self._shown.options[self._target])
            return self._finish("refused", "that dialog is no longer on its screen")
        if event.now >= self._deadline:
            return self._late()
        generation = event.signals.input_generation
        if self._generation is None:
            self._generation = generation
        if generation != self._generation:
            return self._finish("held", "a person typed")
        if dialog.selected == self._place and event.now < self._again_at:
            return [Wait(until=min(self._again_at, self._deadline))]
        if self._presses >= MAX_PRESSES:
            return self._finish("indeterminate", "its pointer does not move")
        self._place = dialog.selected
        self._in_flight = next_press(dialog, self._choice)
        rows = event.signals.rows_hash
        typed = TypeBytes(data=self._in_flight, if_generation=generation, if_rows=rows)
        return [typed, Wait(until=self._deadline)]

    def _answered(self, event: TypedAnswer) -> list[Command]:
        pressed, self._in_flight = self._in_flight, b""
        if event.ok:
            self._presses += 1
            self._entered = self._entered or pressed == ENTER
            self._again_at = event.now + AGAIN_S
            return [Wait(until=self._deadline)]
        if event.reason == "generation":
            return self._finish("held", "a person typed")
        if event.reason == "rows":
            self._place = -1
            return [Wait(until=self._deadline)]
        return self._finish("refused", event.reason or "it could not be typed")

    def _late(self) -> list[Command]:
        if self._presses:
            return self._finish("indeterminate", "the dialog did not go away")
        return self._finish("refused", "its screen was never steady")

    @property
    def _target(self) -> int:
        return option_for(self._shown, self._choice)

    def _finish(self, kind: ReceiptKind, reason: str) -> list[Command]:
        self._done = True
        return [Finish(receipt=Receipt(kind=kind, reason=reason))]


def _same(one: Dialog, other: Dialog) -> bool:
    return (one.kind, one.question, one.detail, one.options) == (
        other.kind,
        other.question,
        other.detail,
        other.options,
    )
