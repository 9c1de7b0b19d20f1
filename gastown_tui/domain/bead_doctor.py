"""What is wrong with a beads directory, and what repairing would do about it.

Two kinds of checks: how the file is written, and what its beads mean together. Only what has one
right answer is repaired; the rest is for a person to decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from gastown_tui.domain import ids
from gastown_tui.domain.bead import CLOSED, TOMBSTONE, WORK_TYPES, instant
from gastown_tui.domain.operations import SetField
from gastown_tui.domain.statuses import STATUSES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.bead_file import BeadFile
    from gastown_tui.domain.operations import Operation

Level: TypeAlias = Literal["problem", "warning", "note"]
"""A problem stops folding; a warning is likely to hurt; a note is only worth knowing."""

CLOCK_SLACK: Final = 600.0
"""Seconds that a clock of another machine may be ahead."""
LONG_LINE: Final = 2 << 20
"""Bytes of a line above which classic `bd` reads no further."""
_ORDERING: Final = frozenset({"blocks", "conditional-blocks"})
_TIMES: Final = ("created_at", "updated_at", "started_at", "closed_at")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found."""

    level: Level
    kind: str
    """What it is in one word, the same for ever: `bad-line`, `dangling`, `circle` ..."""
    file: str
    line: int = 0
    """Counted from 1; 0 when it is about no line."""
    bead: str = ""
    what: str
    repair: str = ""
    """What repairing does; empty when it leaves this to a person."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}"


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the beads of one directory are seen in."""

    file: str
    now: float
    """Seconds since the epoch."""
    prefix: str
    lines: Mapping[str, int] = {}
    """Of beads that stand in the file."""
    elsewhere: Collection[str] = frozenset()
    """Ids of beads in the town's other directories."""
    prefixes: Collection[str] = frozenset()
    """Of the town's other directories, all of whose beads are in `elsewhere`."""
    strangers: Collection[str] = frozenset()
    """Prefixes of other directories, whose beads are not looked up."""
    types: Collection[str] = frozenset()
    """Declared in the directory's configuration."""
    statuses: Collection[str] = frozenset()


def of_file(scanned: BeadFile, name: str) -> list[Finding]:
    """What is wrong with how a file is written."""
    found = [
        Finding(
            level="problem", kind=p.kind, file=p.file, line=p.line, what=p.what, repair=p.repair
        )
        for p in scanned.problems
    ]
    if scanned.layout.bom:
        what = "the file begins with a byte order mark, which bd and br cannot read"
        found.append(
            Finding(
                level="warning", kind="byte-order-mark", file=name, line=1, what=what,
                repair="it is taken out",
            )
        )  # fmt: skip
    lines = scanned.beads.values()
    if scanned.layout.open_end and scanned.beads:
        last = max(lines, key=lambda s: s.number)
        what = "the last line has no newline: what another program appends would be glued to it"
        found.append(
            Finding(
                level="note", kind="open-end", file=name, line=last.number, what=what,
                repair="a newline is added",
            )
        )  # fmt: skip
    if any(s.line.endswith(b"\r") for s in lines):
        first = min((s for s in lines if s.line.endswith(b"\r")), key=lambda s: s.number)
        what = "lines end in CR LF; they are kept so"
        found.append(
            Finding(level="note", kind="carriage-return", file=name, line=first.number, what=what)
        )
    for one in lines:
        if len(one.line) > LONG_LINE:
            what = f"{one.id} is a line of {len(one.line) >> 20} MB; classic bd reads none over 2"
            found.append(
                Finding(
                    level="note", kind="long-line", file=name, line=one.number, bead=one.id,
                    what=what,
                )
            )  # fmt: skip
    return found


def of_beads(beads: Sequence[Bead], around: Surroundings) -> list[Finding]:
    """What is wrong with what the beads of a directory say together."""
    by_id = {bead.id: bead for bead in beads}
    found = [
        *_types(beads, around),
        *_circles(by_id, around),
    ]
    for bead in beads:
        if bead.status != TOMBSTONE:
            found += _times(bead, around)
            found += _state(bead, around)
            found += _edges(bead, by_id, around)
    found.sort(key=lambda f: (f.line, f.bead, f.kind))
    return found


def repairs(beads: Iterable[Bead]) -> list[Operation]:
    """What mends the beads whose right state is beyond doubt."""
    found: list[Operation] = []
    for bead in beads:
        if _lacks_close_time(bead):
            found.append(SetField(bead.id, "closed_at", bead.updated_at))
        elif _has_stray_close_time(bead):
            found.append(SetField(bead.id, "closed_at", None))
    return found


def undeclared_types(beads: Iterable[Bead], declared: Collection[str]) -> list[str]:
    """Types in use that `bd` would refuse, sorted."""
    used = {bead.issue_type for bead in beads if bead.status != TOMBSTONE and not bead.ephemeral}
    return sorted(kind for kind in used if kind not in WORK_TYPES and kind not in declared)


def _found(around: Surroundings, bead: str, kind: str, what: str, repair: str = "") -> Finding:
    return Finding(
        level="warning",
        kind=kind,
        file=around.file,
        line=around.lines.get(bead, 0),
        bead=bead,
        what=what,
        repair=repair,
    )


def _types(beads: Sequence[Bead], around: Surroundings) -> Iterator[Finding]:
    """Types and statuses that nobody declared: one finding each, at the first bead."""
    first = {bead.issue_type: bead.id for bead in reversed(beads)}
    for kind in undeclared_types(beads, around.types):
        count = sum(bead.issue_type == kind for bead in beads)
        what = f"type {kind} of {count} beads is not declared: bd refuses the whole file for it"
        repair = "it is declared in config.yaml, types.custom"
        yield _found(around, first[kind], "undeclared-type", what, repair)
    seen: dict[str, str] = {}
    for bead in beads:
        if bead.status not in STATUSES and bead.status not in around.statuses:
            seen.setdefault(bead.status, bead.id)
    for status, bead_id in seen.items():
        what = f"status {status} is not declared: bd refuses the whole file for it"
        yield _found(around, bead_id, "undeclared-status", what)


def _times(bead: Bead, around: Surroundings) -> Iterator[Finding]:
    for name in _TIMES:
        text = getattr(bead, name)
        moment = instant(text)
        if text and not moment:
            what = f"{bead.id}: {name} is no time ({text[:40]!r})"
            yield _found(around, bead.id, "no-time", what)
        elif moment > around.now + CLOCK_SLACK:
            what = f"{bead.id}: {name} lies in the future ({text[:40]}); a clock is wrong"
            yield _found(around, bead.id, "future", what)


def _lacks_close_time(bead: Bead) -> bool:
    return bead.status == CLOSED and not bead.closed_at and bool(instant(bead.updated_at))


def _has_stray_close_time(bead: Bead) -> bool:
    return bead.status in STATUSES - {CLOSED, TOMBSTONE} and bool(bead.closed_at)


def _state(bead: Bead, around: Surroundings) -> Iterator[Finding]:
    if bead.status in {"in_progress", "hooked"} and not bead.assignee:
        what = f"{bead.id} is {bead.status}, but nobody has it"
        yield _found(around, bead.id, "nobody", what)
    if _lacks_close_time(bead):
        what = f"{bead.id} is closed without a time"
        yield _found(around, bead.id, "closed-at", what, "closed_at becomes its last change")
    elif _has_stray_close_time(bead):
        what = f"{bead.id} is {bead.status}, but has a time of closing"
        yield _found(around, bead.id, "closed-at", what, "closed_at is taken out")


def _edges(bead: Bead, by_id: Mapping[str, Bead], around: Surroundings) -> Iterator[Finding]:
    for edge in bead.dependencies:
        target = by_id.get(edge.depends_on_id)
        if target is None:
            if _is_dangling(edge.depends_on_id, around):
                what = (
                    f"{bead.id}: {edge.type} leads to {edge.depends_on_id[:80]}, which is nowhere"
                )
                yield _found(around, bead.id, "dangling", what)
        elif edge.type == "parent-child" and not bead.is_closed and target.is_closed:
            gone = "deleted" if target.status == TOMBSTONE else "closed"
            what = f"{bead.id} is {bead.status}, but its parent {target.id} is {gone}"
            yield _found(around, bead.id, "closed-parent", what)


def _is_dangling(target: str, around: Surroundings) -> bool:
    """Whether a target that is not here should be, or should be in a directory that we know."""
    if not target:
        return True
    if target.startswith("external:") or target in around.elsewhere:
        return False
    known = (around.prefix, *around.prefixes)
    return ids.prefix_of(target, (*known, *around.strangers)) in known


def _circles(by_id: Mapping[str, Bead], around: Surroundings) -> Iterator[Finding]:
    """Beads that wait for each other, and beads that are parts of themselves."""
    for kinds, words, alone in (
        (_ORDERING, "wait for each other: none of them is ever ready", "waits for itself"),
        (frozenset({"parent-child"}), "are parts of each other", "is its own parent"),
    ):
        graph = {
            bead.id: [
                edge.depends_on_id
                for edge in bead.dependencies
                if edge.type in kinds and edge.depends_on_id in by_id
            ]
            for bead in by_id.values()
            if bead.status != TOMBSTONE
        }
        for circle in circles(graph):
            shown = " -> ".join(circle[:6]) + (" -> ..." if len(circle) > 6 else "")
            what = f"{shown} {words if len(circle) > 1 else alone}"
            yield _found(around, circle[0], "circle", what)


def circles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other, each sorted; a node alone if it names itself.

    Tarjan's way, without recursion: chains of beads may be long.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    found: list[list[str]] = []
    for root in graph:
        if root in order:
            continue
        work = [(root, iter(graph[root]))]
        order[root] = low[root] = len(order)
        stack.append(root)
        stacked.add(root)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    group = [stack.pop()]
                    while group[-1] != node:
                        group.append(stack.pop())
                    stacked.difference_update(group)
                    if len(group) > 1 or node in graph[node]:
                        found.append(sorted(group))
            elif target not in order and target in graph:
                order[target] = low[target] = len(order)
                stack.append(target)
                stacked.add(target)
                work.append((target, iter(graph[target])))
            elif target in stacked:
                low[node] = min(low[node], order[target])
    return found
