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
    news = _News(store, change)
    for (unit, ids), writes in zip(units, wisps.operations(planned, change), strict=True):
        if not dry_run and (news.ties(unit) or not _done(store, writes, actor)):
            skipped += 1
            continue
        ids.extend(unit)
    return Swept(promoted=tuple(promoted), deleted=tuple(deleted), skipped=skipped)


class _News:
    """What others have tied to something since a change.

    Who begins to depend on a wisp writes only to itself, so the wisp's own change does not tell.
    Should it happen between the last look and the write, an edge to nothing is left, which holds
    nobody back.
    """

    def __init__(self, store: WispStore, change: int) -> None:
        self._store, self._change = store, change
        self._tied: set[str] = set()

    def ties(self, unit: Sequence[str]) -> bool:
        """Whether anything that was written meanwhile has an edge to one of these."""
        self._change, changed = self._store.changes(self._change)
        for one in changed:
            if isinstance(one, Bead):
                self._tied.update(edge.depends_on_id for edge in one.dependencies)
        return not self._tied.isdisjoint(unit)


def _done(store: WispStore, writes: Sequence[Operation], actor: str) -> bool:
    """Whether a unit was as it had been seen, and so was written to."""
    try:
        store.apply(writes, actor=actor)
    except (Conflict, NotFound):
        return False
    return True
