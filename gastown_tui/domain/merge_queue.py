"""The merge queue: which requests are tested and landed next, and what a result means.

::

    submitted -> testing -> review -> approved -> landing -> landed
        ^           |          |                    |        ^
        |           |          |                    |   pull (with land = "pr")
        |         (red)    (rejected)     (conflict, red alone)
        +--- rework <----------+--------------------+        attempts used up -> rejected
    held and dropped are the overseer's words, from any state but landed.

A batch is the best requests stacked on the target and tested once. When it is red, its requests
are the *suspects* (they carry the size of that batch) and nobody else is: of the others nothing is
known. While there are suspects the next batch is half of them; what is green lands, so one culprit
among b costs at most 2 ceil(log2 b) + 1 runs. A batch of one that is red is a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gastown_tui.domain.town import Request

STATES: Final = (
    "submitted", "testing", "review", "approved", "landing", "pull", "landed", "rework",
    "rejected", "held", "dropped",
)  # fmt: skip


RED_TARGET: Final = "the gates fail on the target itself"
UNRUNNABLE: Final = "a command of the gates"
"""How the reason begins when a queue is held because its gates pass on no change."""


def is_red_target(held: str) -> bool:
    """Whether a queue is held for its target's own gates: it goes on once they pass."""
    return held.startswith((RED_TARGET, UNRUNNABLE))


def score(request: Request, now: float, convoy_created: float | None = None) -> float:
    """Its place in the queue, the highest first.

    1000, 10 for each hour of its convoy, 100 for each step of priority above 4, 1 for each hour of
    its own, less 50 for each attempt after the first (300 at most).
    """
    priority = request.priority if 0 <= request.priority <= 4 else 4
    convoy_h = max(0.0, now - convoy_created) / 3600 if convoy_created is not None else 0.0
    age_h = max(0.0, now - request.created) / 3600
    return (
        1000
        + 10 * convoy_h
        + 100 * (4 - priority)
        - min(50 * max(0, request.attempt - 1), 300)
        + age_h
    )


def in_order(
    requests: Iterable[Request], now: float, convoys: Mapping[str, float] | None = None
) -> list[Request]:
    """The requests by score, ties by id; `convoys` maps a bead to its convoy's creation time."""
    convoys = convoys or {}
    return sorted(requests, key=lambda one: (-score(one, now, convoys.get(one.bead)), one.id))


def next_batch(
    requests: Iterable[Request],
    limit: int,
    now: float,
    convoys: Mapping[str, float] | None = None,
) -> list[Request]:
    """The approved requests to stack and test together now; empty when there are none."""
    ordered = in_order((one for one in requests if is_approved(one)), now, convoys)
    suspects = [one for one in ordered if one.suspect]
    return suspects[: (len(suspects) + 1) // 2] if suspects else ordered[:limit]


def is_approved(request: Request) -> bool:
    """Whether it may land: approved, for the very commit that was handed in."""
    return request.state == "approved" and request.approved == request.submitted


def after_red(batch: Iterable[str], requests: Sequence[Request]) -> dict[str, int]:
    """The new `suspect` of every request that changes it, once the batch of these ids was red."""
    members = set(batch)
    size = len(members) if len(members) > 1 else 0
    wanted = {one.id: size if one.id in members else 0 for one in requests}
    return {one.id: wanted[one.id] for one in requests if one.suspect != wanted[one.id]}


def bound(requests: int, bad: int, batch: int) -> int:
    """Landing runs that are enough for `requests` of which `bad` are red, at this batch size."""
    log2 = (batch - 1).bit_length()
    return -(-requests // batch) + bad * (2 * log2 + 1)
