"""Wisps swept from a store when their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gastown_tui.domain import wisps
from gastown_tui.domain.bead import Bead, Deleted
from gastown_tui.domain.errors import Conflict, NotFound
from gastown_tui.domain.operations import Operation
from gastown_tui.services.ports import Applied


class WispStore(Protocol):
    """What of a beads directory is needed here."""

    @property
    def last_change(self) -> int:
        """The number of the last change."""

    def list(self, *, include_closed: bool = False, include_wisps: bool = False) -> Sequence[Bead]:
        """The beads there are."""

    def changes(self, after: int, /) -> tuple[int, Sequence[Bead | Deleted]]:
        """What changed since a change number, and the newest one."""

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """One synced transaction, all or nothing."""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep did."""

    promoted: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    skipped: int = 0
    """Units that somebody wrote to meanwhile; the next sweep looks at them again."""


def sweep(store: WispStore, now: float, *, actor: str, dry_run: bool = False) -> Swept:
    """Take away wisps whose time is over, and keep for good those that somebody needs.

    A unit that is written to, commented on or depended on between the look and the write is left
    as it is. Killed anywhere, it has done some units and none of them by half.

    Args:
        store: of any beads directory.
        now: seconds since the epoch.
        actor: who does it.
        dry_run: only say what would be done.
    """
    change = store.last_change
    planned = wisps.plan(store.list(include_closed=True, include_wisps=True), now)
    promoted: list[str] = []
    deleted: list[str] = []
    skipped = 0
    units = [(unit, promoted) for unit in planned.promoted]
    units += [(unit, deleted) for unit in planned.deleted]
    for (unit, ids), writes in zip(units, wisps.operations(planned, change), strict=True):
        if not dry_run and not _done(store, unit, writes, change, actor):
            skipped += 1
            continue
        ids.extend(unit)
    return Swept(promoted=tuple(promoted), deleted=tuple(deleted), skipped=skipped)


def _done(
    store: WispStore, unit: Sequence[str], writes: Sequence[Operation], change: int, actor: str
) -> bool:
    """Whether a unit was as it had been seen, and so was written to.

    Who begins to depend on it writes only to itself: that is looked for here. Should it happen
    between this look and the write, an edge to nothing is left, which holds nobody back.
    """
    _, changed = store.changes(change)
    others = (one for one in changed if isinstance(one, Bead) and one.id not in unit)
    if any(edge.depends_on_id in unit for one in others for edge in one.dependencies):
        return False
    try:
        store.apply(writes, actor=actor)
    except (Conflict, NotFound):
        return False
    return True
