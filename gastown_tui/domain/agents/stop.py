"""Whether an agent that ends its turn is sent back to its hook."""

from __future__ import annotations

from typing import Final

import msgspec

REASON: Final = (
    "Your hook still holds {bead}. If the work is finished, commit it and run `gastown done`. "
    "If it is not, go on. If you cannot go on, say why with `gastown bead comment {bead}`."
)


class StopFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when an agent's turn ends."""

    bead: str = ""
    """What is on its hook; empty when nothing is."""
    done_filed: bool = False
    """`gastown done` has been run for it."""
    sent_back: bool = False
    """This turn already is the consequence of a Stop hook (`stop_hook_active`)."""
    background: bool = False
    """Background work of the agent is still running; its end starts another turn."""
    blocked: bool = False
    """The bead waits for a gate, another bead or a person."""
    wanted: str = "running"
    """The agent's wanted state: running, paused or stopped."""
    town: str = "up"
    """The town's wanted state: up, down or estop."""


def stop_decision(facts: StopFacts) -> str | None:
    """The reason to go on, or None to let the turn end.

    An agent is sent back at most once per chain of turns: after that it has said twice that it is
    finished, and a person should look.
    """
    may_end = (
        not facts.bead
        or facts.done_filed
        or facts.sent_back
        or facts.background
        or facts.blocked
        or facts.wanted != "running"
        or facts.town != "up"
    )
    return None if may_end else REASON.format(bead=facts.bead)
