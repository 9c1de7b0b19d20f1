"""What waits for the overseer: agents that need an answer, changes that need a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gastown_tui.viewmodels.agents import Agents, needy
from gastown_tui.viewmodels.text import Record, number, string

VERDICT = ("review", "rejected")
"""States in which a merge request goes no further without the overseer, as they are shown."""

PROPOSED = "proposed"
"""State of a convoy that the overseer has to accept or drop."""

Waiting = tuple[str, str]
"""The panel that it stands in, `agents`, `queue`, `tree` or `convoys`, and its key there."""


def in_state(queue: Mapping[str, Record], state: str) -> tuple[str, ...]:
    """The requests in a state, the longest wait first."""
    found = (key for key, row in queue.items() if string(row, "state") == state)
    return tuple(sorted(found, key=lambda key: (number(queue[key], "since"), key)))


def proposed(convoys: Mapping[str, Record]) -> tuple[str, ...]:
    """The convoys that wait for the overseer's word."""
    return tuple(sorted(key for key, row in convoys.items() if string(row, "state") == PROPOSED))


def all_waiting(
    agents: Agents,
    queue: Mapping[str, Record],
    gates: Iterable[str] = (),
    proposals: Iterable[str] = (),
) -> tuple[Waiting, ...]:
    """Everything that waits: agents, requests to review, rejected ones, gates, proposals."""
    requests = (("queue", key) for state in VERDICT for key in in_state(queue, state))
    return (
        *(("agents", key) for key in needy(agents)),
        *requests,
        *(("tree", key) for key in sorted(gates)),
        *(("convoys", key) for key in sorted(proposals)),
    )


def next_waiting(waiting: tuple[Waiting, ...], current: Waiting, step: int) -> Waiting | None:
    """What stands `step` places from `current`, round and round; None when nothing waits.

    From something that does not wait it is the first (the last, going back).
    """
    if not waiting:
        return None
    if current not in waiting:
        return waiting[0 if step > 0 else -1]
    return waiting[(waiting.index(current) + step) % len(waiting)]
