"""What machines that type into a terminal hear and say, whoever drives them."""

from __future__ import annotations

from typing import Literal

import msgspec

from gastown_tui.domain.agents.catalogue import State
from gastown_tui.protocol import Signals

ReceiptKind = Literal[
    "submitted", "queued", "held", "refused", "typed-not-submitted", "indeterminate"
]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a nudge.

    submitted: the agent has it. queued: nothing was typed, try again later. held: a person is
    typing. refused: it cannot take text now. typed-not-submitted: the text stands in its prompt
    box. indeterminate: unknown, and so never sent again by itself.
    """

    kind: ReceiptKind
    reason: str = ""


class SignalsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's terminal and state, as last published; answered at once, while they are fresh."""

    signals: Signals
    state: State
    now: float
    needs: str = ""
    prompts: int = 0
    """How many prompts of this run its hooks or transcript have told of."""


class TypedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the last `TypeBytes`; reasons as in `protocol.Typed`."""

    ok: bool
    now: float
    reason: str = ""


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """Time has passed."""

    now: float


class TypeBytes(msgspec.Struct, frozen=True, kw_only=True):
    """Write these bytes whole, or not at all."""

    data: bytes
    if_generation: int
    if_rows: str


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Send a `Tick` at this time if nothing else has happened."""

    until: float


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The end, with its receipt."""

    receipt: Receipt


Event = SignalsSeen | TypedAnswer | Tick
Command = TypeBytes | Wait | Finish
