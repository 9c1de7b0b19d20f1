"""Many processes fight for few beads, and what each saw is checked against one order of all.

`contention.py WRITERS OPERATIONS SEED`

Every write leaves a note of its own, in the same transaction, so that whoever reads a bead knows
after which write it did. The history is linearizable when the store's order of the writes to a bead
agrees with the clock, every claim found the bead free, and every look saw a state that was there
while it looked, never an older one than a look before it.

Prints one JSON object; an AssertionError ends it with a traceback.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from chaos import children

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.operations import AppendNote, Claim, Create, Require, SetField

BEADS = 12


class Act(NamedTuple):
    """What a process did; times of the one clock that all processes share."""

    kind: str
    bead: str
    begun: int
    ended: int
    change: int
    """Of a write; 0 of a look."""
    note: str
    """The one that a write left, or the last one that a look saw."""
    who: str
    """Who claimed or released it, or who was in the way."""


def worker(beads, contested, me, operations, seed):
    generator = random.Random(seed * 1000 + me)
    store, name = open_store(beads), f"w{me}"
    held: set[str] = set()
    with (beads.parent / f"acts-{me}").open("w") as acts:
        for number in range(operations):
            mine = held and generator.random() < 0.6
            bead = generator.choice(sorted(held) if mine else contested)
            tag = f"{name}.{number}"
            begun = time.monotonic_ns()
            change, note, who, kind = 0, tag, name, generator.choice(["claim", "claim", "look"])
            if bead in held and kind == "claim":
                kind = "release"
                operations_ = [
                    Require(bead, status="in_progress", assignee=name),
                    SetField(bead, "status", "open"),
                    SetField(bead, "assignee", ""),
                    AppendNote(bead, tag),
                ]
                change = store.apply(operations_, actor=name).change
                held.discard(bead)
            elif kind == "claim":
                try:
                    claim = [Claim(bead, name), AppendNote(bead, tag)]
                    change = store.apply(claim, actor=name).change
                    held.add(bead)
                except Conflict as error:
                    kind, who, note = "refused", str(error).rpartition(" ")[2], ""
            else:
                seen = store.get(bead)
                note, who = seen.notes.rpartition("\n")[2], seen.assignee
            ended = time.monotonic_ns()
            acts.write(json.dumps(Act(kind, bead, begun, ended, change, note, who)) + "\n")
            if generator.random() < 0.01:
                store.fold()
    store.close()


def check(acts):
    """That one order of all acts on a bead explains what each process saw."""
    writes = sorted((a for a in acts if a.kind in {"claim", "release"}), key=lambda a: a.change)
    latest = 0
    for write in writes:
        assert write.ended > latest, f"{write} came before one that had ended when it began"
        latest = max(latest, write.begun)
    holder = ""
    for write in writes:
        if write.kind == "claim":
            assert holder == "", f"{write} took what {holder} had"
            holder = write.who
        else:
            assert holder == write.who, f"{write} let go what {holder} had"
            holder = ""
    holders = ["", *(write.who if write.kind == "claim" else "" for write in writes)]
    version = {"": 0} | {write.note: place for place, write in enumerate(writes, start=1)}
    edges = [(0, 0), *((write.begun, write.ended) for write in writes), (1 << 62, 1 << 62)]
    looks = []
    for look in (a for a in acts if a.kind == "look"):
        seen = version[look.note]
        assert holders[seen] == look.who, f"{look} saw half a write"
        assert edges[seen][0] < look.ended, f"{look} saw what was not there yet"
        assert edges[seen + 1][1] > look.begun, f"{look} saw what was not there any more"
        looks.append((look, seen))
    looks.sort(key=lambda one: one[0].begun)
    done = sorted(looks, key=lambda one: one[0].ended)
    newest, place = 0, 0
    for look, seen in looks:
        while done[place][0].ended < look.begun:
            newest = max(newest, done[place][1])
            place += 1
        assert seen >= newest, f"{look} saw less than a look before it"
    for act in (a for a in acts if a.kind == "refused"):
        during = (
            edges[place][0] < act.ended and edges[place + 1][1] > act.begun
            for place in range(len(holders))
            if holders[place] == act.who
        )
        assert any(during), f"{act} was refused for somebody who did not have it"


def contend(writers, operations, seed):
    beads = Path(tempfile.mkdtemp(prefix="gt-chaos-")) / ".beads"
    store = init_store(beads, "x")
    contested = store.apply([Create({"title": f"c{n}"}) for n in range(BEADS)], actor="t").ids
    store.close()
    each = operations // writers
    start = time.monotonic()
    runs = (lambda me=me: worker(beads, contested, me, each, seed) for me in range(writers))
    codes = children(*runs)
    took = time.monotonic() - start
    assert codes == [0] * writers, codes
    of = defaultdict(list)
    for me in range(writers):
        for line in (beads.parent / f"acts-{me}").read_text().splitlines():
            act = Act(*json.loads(line))
            of[act.bead].append(act)
    store = open_store(beads)
    counts = defaultdict(int)
    for bead, acts in of.items():
        check(acts)
        for act in acts:
            counts[act.kind] += 1
        left = [act.note for act in acts if act.kind in {"claim", "release"}]
        assert sorted(store.get(bead).notes.split()) == sorted(left), "an update was lost"
    store.close()
    shutil.rmtree(beads.parent)
    return {"acts": sum(counts.values()), **counts, "seconds": round(took, 1)}


if __name__ == "__main__":
    print(json.dumps(contend(*(int(argument) for argument in sys.argv[1:]))))
