"""How long wisps are kept, which are kept for good, and which go.

========================= ============
`wisp_type`               time to live
========================= ============
heartbeat, ping           6 hours
patrol, gc_report, others 24 hours
recovery, error           7 days
escalation                7 days
========================= ============

Events of the town live by their kind: 30 days for deaths, escalations, letters and landings, 14
days for all others. Wisps that hang together by parent-child edges live and go as one, counted from
the newest write to any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.operations import Delete, Operation, Require, SetField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
DEFAULT_S: Final = _DAY
TTL_S: Final = {
    "heartbeat": 6 * _HOUR, "ping": 6 * _HOUR,
    "patrol": _DAY, "gc_report": _DAY,
    "recovery": 7 * _DAY, "error": 7 * _DAY, "escalation": 7 * _DAY,
}  # fmt: skip
"""Seconds that a wisp of a type is kept."""
EVENT_S: Final = 14 * _DAY
LONG_EVENT_S: Final = 30 * _DAY
_LONG_EVENTS: Final = ("death", "escalat", "mail", "landed", "refused")
KEEP: Final = "keep"
"""The label of a wisp that somebody wants to keep."""
_WORKED_ON: Final = frozenset({"in_progress", "hooked", "pinned"})


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about wisps now; ids of each unit together."""

    promoted: tuple[tuple[str, ...], ...] = ()
    """To be kept for good."""
    deleted: tuple[tuple[str, ...], ...] = ()


def time_to_live(bead: Bead) -> float:
    """Seconds that a wisp is kept after the last write to it."""
    if bead.issue_type == records.EVENT and bead.is_closed:
        is_long = any(word in bead.event_kind for word in _LONG_EVENTS)
        return LONG_EVENT_S if is_long else EVENT_S
    return TTL_S.get(bead.wisp_type, DEFAULT_S)


def plan(beads: Iterable[Bead], now: float) -> Sweep:
    """Which wisps go, and which are kept for good.

    A unit is kept for good when somebody commented on one of it, labelled one `keep`, or when a
    durable bead that is not closed depends on one. It goes when its time is over, unless somebody
    works on it, it is part of a durable bead that is not closed, or another wisp that stays depends
    on it. What the town runs by never goes.

    Args:
        beads: all of a directory that are wisps, and all durable ones tied to any.
        now: seconds since the epoch.
    """
    by_id = {bead.id: bead for bead in beads if bead.status != "tombstone"}
    units = _units(by_id)
    of = {name: number for number, unit in enumerate(units) for name in unit}
    needed: dict[int, set[int]] = {}
    wanted: set[int] = set()
    for bead in by_id.values():
        for edge in bead.dependencies:
            target = of.get(edge.depends_on_id)
            if target is None or of.get(bead.id) == target:
                continue
            if bead.ephemeral:
                if not bead.is_closed:
                    needed.setdefault(of[bead.id], set()).add(target)
            elif not bead.is_closed:
                wanted.add(target)
    wanted |= {n for n, unit in enumerate(units) if any(_is_wanted(by_id[one]) for one in unit)}
    promoted = _reached(wanted, needed)
    staying = {n for n, unit in enumerate(units) if n not in promoted and _stays(unit, by_id, now)}
    kept = _reached(staying, needed) | promoted
    return Sweep(
        promoted=tuple(unit for n, unit in enumerate(units) if n in promoted),
        deleted=tuple(unit for n, unit in enumerate(units) if n not in kept),
    )


def _reached(start: set[int], edges: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    queue = list(start)
    while queue:
        one = queue.pop()
        if one not in found:
            found.add(one)
            queue += edges.get(one, ())
    return found


def _units(by_id: Mapping[str, Bead]) -> list[tuple[str, ...]]:
    """Wisps that hang together, the root of each first."""
    above: dict[str, str] = {}
    for bead in by_id.values():
        for edge in bead.dependencies if bead.ephemeral else ():
            parent = by_id.get(edge.depends_on_id)
            if edge.type == "parent-child" and parent is not None and parent.ephemeral:
                above[bead.id] = parent.id
    groups: dict[str, list[str]] = {}
    for bead in by_id.values():
        if not bead.ephemeral:
            continue
        root, seen = bead.id, {bead.id}
        while root in above and above[root] not in seen:
            root = above[root]
            seen.add(root)
        groups.setdefault(root, []).append(bead.id)
    return [(root, *(one for one in unit if one != root)) for root, unit in groups.items()]


def _is_wanted(bead: Bead) -> bool:
    return bool(bead.comments) or KEEP in bead.labels


def _stays(unit: tuple[str, ...], by_id: Mapping[str, Bead], now: float) -> bool:
    beads = [by_id[one] for one in unit]
    if any(one.issue_type in records.CUSTOM_TYPES for one in beads):
        return True
    if any(one.status in _WORKED_ON for one in beads):
        return True
    if any(one.issue_type == records.EVENT and not one.is_closed for one in beads):
        return True  # a request that waits for a controller
    above = (by_id.get(edge.depends_on_id) for one in beads for edge in one.dependencies
             if edge.type == "parent-child")  # fmt: skip
    if any(one is not None and not one.ephemeral and not one.is_closed for one in above):
        return True  # the steps of work that is still to be done
    last = max(instant(one.updated_at) or instant(one.created_at) for one in beads)
    return now - last < max(time_to_live(one) for one in beads)


def operations(sweep: Sweep, change: int) -> list[list[Operation]]:
    """The writes, one transaction for each unit; a unit written to since `change` is left alone."""
    kept: list[list[Operation]] = [
        [*_untouched(unit, change), *(SetField(one, "ephemeral", None) for one in unit)]
        for unit in sweep.promoted
    ]
    gone: list[list[Operation]] = [
        [*_untouched(unit, change), *(Delete(one, "its time was over") for one in reversed(unit))]
        for unit in sweep.deleted
    ]
    return kept + gone


def _untouched(unit: tuple[str, ...], change: int) -> list[Operation]:
    return [Require(one, change=change) for one in unit]
