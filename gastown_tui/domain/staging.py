"""What a convoy will do before it is launched: waves of work, and what stands in the way.

Only edges that block decide the order. Epics and decisions hold back what waits for them, but
nobody is sent to work on them; they take no place in a wave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.ready import BLOCKING, DONE

DISPATCHED: Final = frozenset({"", "task", "bug", "feature", "chore"})
"""Types that polecats are sent to; others only hold back."""
ERROR: Final = "error"
WARNING: Final = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that stands in the way (`error`), or that the overseer should know (`warning`)."""

    level: str
    kind: str
    """cycle, no-rig, missing, empty; rig-held, capacity, outside, gate, orphan, deferred,
    cross-rig."""
    beads: tuple[str, ...]
    text: str


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """A convoy worked out."""

    beads: tuple[str, ...]
    """What it tracks: what was asked for, with epics opened up to their children."""
    waves: tuple[tuple[str, ...], ...]
    """Beads to work on, in order; each wave needs only what the waves before it land."""
    done: tuple[str, ...]
    """Tracked beads that are closed already."""
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What forbids a launch."""
        return tuple(one for one in self.findings if one.level == ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What a launch has to be forced over."""
        return tuple(one for one in self.findings if one.level == WARNING)


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What staging needs to know of the town."""

    beads: Mapping[str, Bead]
    """Every bead of every rig by id, closed ones too."""
    rig_of: Mapping[str, str]
    """Bead to rig; a bead without is nobody's work."""
    held: Mapping[str, str] = {}
    """Rigs on which nothing starts or lands now, and why."""
    room: int = 4
    """Agents that work at once."""


def stage(wanted: Sequence[str], ground: Ground) -> Staged:
    """Work out a convoy of `wanted`: beads, or epics that stand for their children."""
    tracked = _opened(wanted, ground.beads)
    known = [bead for bead in tracked if bead in ground.beads]
    done = tuple(bead for bead in known if ground.beads[bead].status in DONE)
    alive = {bead: ground.beads[bead] for bead in known if bead not in done}
    needs = {bead: _needs(bead, alive, ground.beads) for bead in alive}
    waves, stuck = _waves(alive, needs)
    findings = (
        *_unknown(tracked, ground),
        *_cycles(stuck, needs),
        *_places(alive, ground),
        *_outside(alive, ground),
        *_others(alive, ground),
        *_orphans(wanted, alive, needs, ground),
        *_crowded(waves, ground.room),
    )
    return Staged(beads=tuple(tracked), waves=waves, done=done, findings=findings)


def _opened(wanted: Sequence[str], beads: Mapping[str, Bead]) -> list[str]:
    """The ids asked for, each epic followed by all that is under it; each once, in that order."""
    children: dict[str, list[str]] = {}
    for child in beads.values():
        for edge in child.dependencies:
            if edge.type == "parent-child":
                children.setdefault(edge.depends_on_id, []).append(child.id)
    found: dict[str, None] = {}
    waiting = list(reversed(wanted))
    while waiting:
        bead = waiting.pop()
        if bead in found:
            continue
        found[bead] = None
        if bead in beads and beads[bead].issue_type == "epic":
            waiting.extend(sorted(children.get(bead, []), reverse=True))
    return list(found)


def _blockers(bead: str, beads: Mapping[str, Bead]) -> list[str]:
    """What blocks a bead or one of its parents, which blocks it too; each once."""
    found: dict[str, None] = {}
    seen, waiting = {bead}, [bead]
    while waiting:
        edges = beads[waiting.pop()].dependencies
        for edge in edges:
            target = edge.depends_on_id
            if edge.type != "parent-child":
                if edge.type in BLOCKING:
                    found[target] = None
            elif target not in seen and target in beads and beads[target].status not in DONE:
                seen.add(target)
                waiting.append(target)
    return list(found)


def _needs(bead: str, alive: Mapping[str, Bead], beads: Mapping[str, Bead]) -> tuple[str, ...]:
    return tuple(sorted({one for one in _blockers(bead, beads) if one in alive}))


def _waves(
    alive: Mapping[str, Bead], needs: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[tuple[str, ...], ...], set[str]]:
    """Kahn's layers, and what is in a cycle or waits for one.

    What is not dispatched takes no layer: who needs it needs what it needs.
    """
    level: dict[str, int] = {}
    left = {bead: len(needs[bead]) for bead in alive}
    behind: dict[str, list[str]] = {}
    for bead, required in needs.items():
        for one in required:
            behind.setdefault(one, []).append(bead)
    free = sorted(bead for bead, count in left.items() if not count)
    while free:
        bead = free.pop()
        before = max((level[one] for one in needs[bead]), default=0)
        level[bead] = before + (alive[bead].issue_type in DISPATCHED)
        for one in behind.get(bead, ()):
            left[one] -= 1
            if not left[one]:
                free.append(one)
    layers: dict[int, list[str]] = {}
    for bead, number in level.items():
        if alive[bead].issue_type in DISPATCHED:
            layers.setdefault(number, []).append(bead)
    waves = tuple(
        tuple(sorted(layers[number], key=lambda bead: (alive[bead].priority, bead)))
        for number in sorted(layers)
    )
    return waves, set(alive) - set(level)


def _unknown(tracked: Sequence[str], ground: Ground) -> Iterator[Finding]:
    if not tracked:
        yield _error("empty", (), "there is nothing in it")
    for bead in tracked:
        if bead not in ground.beads:
            yield _error("missing", (bead,), f"there is no bead {bead}")


def _cycles(stuck: set[str], needs: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Each cycle among what is stuck, once, from its smallest id."""
    seen: set[str] = set()
    for start in sorted(stuck):
        path, place = list[str](), dict[str, int]()
        bead: str | None = start
        while bead is not None and bead not in seen and bead not in place:
            place[bead] = len(path)
            path.append(bead)
            bead = next((one for one in needs[bead] if one in stuck), None)
        if bead is not None and bead in place:
            cycle = path[place[bead] :]
            first = cycle.index(min(cycle))
            cycle = [*cycle[first:], *cycle[:first]]
            text = " needs ".join([*cycle, cycle[0]])
            yield _error("cycle", tuple(cycle), f"they wait for each other: {text}")
        seen.update(path)


def _places(alive: Mapping[str, Bead], ground: Ground) -> Iterator[Finding]:
    for bead in alive:
        if bead not in ground.rig_of:
            yield _error("no-rig", (bead,), f"{bead} belongs to no rig")
    rigs = sorted({ground.rig_of[bead] for bead in alive if bead in ground.rig_of})
    for rig in rigs:
        if ground.held.get(rig):
            there = tuple(bead for bead in alive if ground.rig_of.get(bead) == rig)
            yield _warning("rig-held", there, f"nothing lands in {rig}: {ground.held[rig]}")
    if len(rigs) > 1:
        text = f"it goes over {len(rigs)} rigs: {', '.join(rigs)}"
        yield _warning("cross-rig", (), text)


def _outside(alive: Mapping[str, Bead], ground: Ground) -> Iterator[Finding]:
    """Blockers that nobody in the convoy will remove."""
    for bead in alive:
        for one in _blockers(bead, ground.beads):
            other = ground.beads.get(one)
            if one not in alive and other is not None and other.status not in DONE:
                text = f"{bead} waits for {one}, which is not in the convoy: {other.title}"
                yield _warning("outside", (bead, one), text)


def _others(alive: Mapping[str, Bead], ground: Ground) -> Iterator[Finding]:
    """What is not worked on although it is in the convoy."""
    for bead, found in alive.items():
        if found.issue_type not in DISPATCHED and found.issue_type != "epic":
            text = f"{bead} is a {found.issue_type}: it holds back, but nobody is sent to it"
            yield _warning("gate", (bead,), text)
        elif found.status == "deferred" or found.defer_until:
            until = found.defer_until or "somebody says so"
            yield _warning("deferred", (bead,), f"{bead} is put off until {until}")


def _orphans(
    wanted: Sequence[str],
    alive: Mapping[str, Bead],
    needs: Mapping[str, tuple[str, ...]],
    ground: Ground,
) -> Iterator[Finding]:
    """Children of an epic with no edge to any other where others have some: perhaps forgotten."""
    if not any(one in ground.beads and ground.beads[one].issue_type == "epic" for one in wanted):
        return
    linked = {bead for bead, required in needs.items() if required}
    linked |= {one for required in needs.values() for one in required}
    if not linked:
        return
    for bead, found in alive.items():
        if bead not in linked and bead not in wanted and found.issue_type in DISPATCHED:
            yield _warning("orphan", (bead,), f"{bead} is tied to no other bead of its epic")


def _crowded(waves: Sequence[tuple[str, ...]], room: int) -> Iterator[Finding]:
    for number, wave in enumerate(waves, 1):
        if len(wave) > room:
            text = f"wave {number} has {len(wave)} beads, {room} are worked on at once"
            yield _warning("capacity", wave, text)


def _error(kind: str, beads: tuple[str, ...], text: str) -> Finding:
    return Finding(level=ERROR, kind=kind, beads=beads, text=text)


def _warning(kind: str, beads: tuple[str, ...], text: str) -> Finding:
    return Finding(level=WARNING, kind=kind, beads=beads, text=text)
