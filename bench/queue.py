"""The merge queue, simulated: how many gate runs a thousand requests take."""

from __future__ import annotations

import random
import time
from typing import Final

import msgspec

from bench.figures import Limit, Row
from gastown_tui.domain.merge_queue import after_red, bound, next_batch
from gastown_tui.domain.town import Request

REQUESTS: Final = 1000
BAD: Final = 10
BATCH: Final = 20
_SEEDS: Final = 20


def rows(*, quick: bool) -> list[Row]:
    """The worst of some random queues."""
    seeds = range(3 if quick else _SEEDS)
    start = time.monotonic()
    runs = [gate_runs(REQUESTS, BAD, BATCH, seed) for seed in seeds]
    each_ms = (time.monotonic() - start) / sum(runs) * 1000
    limit = min(bound(REQUESTS, BAD, BATCH), 0.2 * REQUESTS)
    note = f"{BAD} bad, batch {BATCH}, worst of {len(seeds)} queues; {each_ms:.1f} ms a decision"
    return [
        Row(group="merge queue", what=f"gate runs of {REQUESTS} requests", ours=max(runs),
            limit=Limit(limit), note=note)
    ]  # fmt: skip


def gate_runs(requests: int, bad: int, batch: int, seed: int) -> int:
    """Landing runs until all good requests have landed and all bad ones are out.

    Raises:
        AssertionError: a good one did not land, or a bad one did.
    """
    generator = random.Random(seed)
    queue = {
        f"r{at}": Request(
            id=f"r{at}", rig="r", bead=f"b{at}", agent="a", state="approved",
            submitted="t", approved="t", created=float(at),
        )
        for at in range(requests)
    }  # fmt: skip
    broken = frozenset(generator.sample(sorted(queue), bad))
    landed: set[str] = set()
    runs = 0
    while batched := next_batch(queue.values(), batch, 0.0):
        runs += 1
        ids = [one.id for one in batched]
        if broken.isdisjoint(ids):
            landed.update(ids)
            for each in ids:
                del queue[each]
            continue
        for each, suspect in after_red(ids, list(queue.values())).items():
            queue[each] = msgspec.structs.replace(queue[each], suspect=suspect)
        if len(ids) == 1:
            del queue[ids[0]]
    assert not queue
    assert len(landed) == requests - bad
    assert landed.isdisjoint(broken)
    return runs
