"""The town's stores kept in memory: read once, then followed by change number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead, Deleted, instant
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.retention import TooFarBehind
from gastown_tui.domain.town import Agent, Convoy, Request, Rig
from gastown_tui.services.ports import Applied, Store

CLOSED_KEPT = 500
"""Newest closed beads of a rig in memory; those that an open convoy tracks are kept besides."""
EVENTS_KEPT = 500
"""Newest events in memory, for the feed."""


READY_FOR = timedelta(seconds=30)
"""After which readiness is found out anew although nothing changed and no bead was due."""
_READINESS = (
    "status", "issue_type", "dependencies", "defer_until", "close_reason", "ephemeral", "pinned",
    "is_template", "metadata",
)  # fmt: skip
"""Fields of a bead that readiness, its own or another's, depends on."""


class FollowedStore(Store, Protocol):
    """A store that says how far it has come."""

    @property
    def last_change(self) -> int:
        """The number of the newest change."""


class WorkStore(FollowedStore, Protocol):
    """A store whose beads are work to pick up."""

    def ready_ids(self, now: datetime, /) -> Sequence[str]:
        """Ids of the open beads that nothing blocks."""

    def closed_parts(self, ids: Sequence[str], /) -> Mapping[str, int]:
        """How many closed beads are part of each of many; without those with none."""

    def wake(self, now: datetime, /) -> Sequence[str]:
        """Open the beads that were deferred to a moment that has passed."""


class RigBooks(msgspec.Struct):
    """One rig's configuration and beads."""

    config: RigConfig
    store: WorkStore
    change: int = -1
    beads: dict[str, Bead] = msgspec.field(default_factory=dict)
    """Every bead that is neither closed nor a wisp."""
    closed: dict[str, Bead] = msgspec.field(default_factory=dict)
    """Beads closed since the books were opened, the newest last, and what a convoy tracks."""
    closed_parts: dict[str, int] = msgspec.field(default_factory=dict)
    """How many closed beads are part of a bead, those among them that are not in memory."""
    ready: frozenset[str] = frozenset()
    ready_at: datetime | None = None
    """When `ready` was found out."""
    wakes_at: float = math.inf
    """The soonest moment to which a bead is put off, in seconds since the epoch."""

    def is_due(self, now: datetime) -> bool:
        """Whether time alone may have changed what is ready; also when the clock was set back."""
        if self.ready_at is None or abs(now - self.ready_at) > READY_FOR:
            return True
        return now.timestamp() >= self.wakes_at


class Books:
    """Beads of the town and of every rig; `refresh` follows what anybody has written."""

    def __init__(self, town: FollowedStore, rigs: Mapping[str, RigBooks]) -> None:
        self.town = town
        self.rigs = dict(rigs)
        self._change = -1
        self.agents: dict[str, Agent] = {}
        """By address."""
        self.requests: dict[str, Request] = {}
        """Open merge requests by id."""
        self.rig_records: dict[str, Bead] = {}
        """By rig name."""
        self.convoys: dict[str, Convoy] = {}
        self.events: dict[str, Bead] = {}
        """The newest events by id, oldest first."""
        self.town_record: Bead | None = None
        self.version = 0
        """Raised by every refresh that found something."""

    def add_rig(self, rig: RigBooks) -> None:
        """Follow one more rig."""
        self.rigs[rig.config.name] = rig
        self.version += 1

    def refresh(self, now: datetime) -> bool:
        """Read what has changed; True when something has."""
        changed = self._refresh_town()
        for rig in self.rigs.values():
            changed |= self._refresh_rig(rig, now)
        if changed:
            self._forget_closed()
            self.version += 1
        return changed

    def _forget_closed(self) -> None:
        """Let go of the oldest closed beads, but of none that a convoy still counts."""
        full = [rig for rig in self.rigs.values() if len(rig.closed) > CLOSED_KEPT]
        if not full:
            return
        tracked = {bead for convoy in self.convoys.values() for bead in convoy.tracked}
        for rig in full:
            others = [bead for bead in rig.closed if bead not in tracked]
            for bead in others[: max(0, len(others) - CLOSED_KEPT)]:
                del rig.closed[bead]

    def _refresh_town(self) -> bool:
        try:
            change, beads = self._followed(self.town, self._change)
        except TooFarBehind:
            self._forget_town()
            change, beads = self._followed(self.town, -1)
        if self._change < 0:
            beads = [*self.town.list(include_wisps=True), *self._newest_events()]
        if not beads and change == self._change:
            return False
        self._change = change
        for bead in beads:
            self._take(bead)
        while len(self.events) > EVENTS_KEPT:
            del self.events[next(iter(self.events))]
        return True

    @staticmethod
    def _followed(store: FollowedStore, after: int) -> tuple[int, Sequence[Bead | Deleted]]:
        """What has changed; nothing yet for a reader that is about to list everything."""
        return (store.last_change, ()) if after < 0 else store.changes(after)

    def _forget_town(self) -> None:
        """Begin as with nothing read."""
        self._change, self.town_record = -1, None
        for known in (self.agents, self.requests, self.rig_records, self.convoys, self.events):
            known.clear()

    def _newest_events(self) -> Sequence[Bead]:
        """What a former controller has noted, oldest first."""
        found = self.town.list(issue_type=records.EVENT, include_closed=True, include_wisps=True)
        return sorted(found, key=lambda bead: bead.created_at)[-EVENTS_KEPT:]

    def _take(self, bead: Bead | Deleted) -> None:
        if isinstance(bead, Deleted):
            self.requests.pop(bead.id, None)
            self.convoys.pop(bead.id, None)
            self.events.pop(bead.id, None)
            self.agents = {key: one for key, one in self.agents.items() if one.record != bead.id}
            return
        if bead.issue_type == records.EVENT:
            self.events[bead.id] = bead
        elif bead.issue_type == records.AGENT:
            agent = records.agent_of(bead)
            if agent is not None:
                self.agents.pop(agent.address, None)
                if not bead.is_closed:
                    self.agents[agent.address] = agent
        elif bead.issue_type == records.REQUEST:
            request = records.request_of(bead)
            self.requests.pop(bead.id, None)
            if request is not None and not bead.is_closed:
                self.requests[bead.id] = request
        elif bead.issue_type == records.RIG:
            self.rig_records[bead.label("rig") or ""] = bead
        elif bead.issue_type == records.TOWN:
            self.town_record = bead
        elif bead.issue_type == records.CONVOY:
            self.convoys.pop(bead.id, None)
            if not bead.is_closed:
                self.convoys[bead.id] = records.convoy_of(bead)
                self._fetch_tracked(self.convoys[bead.id])

    def _fetch_tracked(self, convoy: Convoy) -> None:
        for rig in self.rigs.values():
            for bead in convoy.tracked:
                if bead.startswith(f"{rig.store.prefix}-") and bead not in rig.beads:
                    try:
                        found = rig.store.get(bead)
                    except NotFound:
                        continue
                    if found.is_closed:
                        rig.closed[bead] = found

    def _refresh_rig(self, rig: RigBooks, now: datetime) -> bool:
        is_due = rig.is_due(now)
        if is_due:
            rig.store.wake(now)
        try:
            change, beads = self._followed(rig.store, rig.change)
        except TooFarBehind:
            rig.change, is_due = -1, True
            rig.beads.clear()
            rig.closed.clear()
            rig.closed_parts.clear()
            change, beads = self._followed(rig.store, -1)
        if rig.change < 0:
            beads = rig.store.list()
        rig.change = change
        if not beads and not is_due:
            return False
        moves = is_due
        wholes: set[str] = set()
        for bead in beads:
            before = rig.beads.pop(bead.id, None) or rig.closed.pop(bead.id, None)
            if _moves_ready(before, bead):
                moves = True
                wholes |= {bead.id, *_wholes(before), *_wholes(bead)}
            if isinstance(bead, Deleted) or bead.ephemeral:
                continue
            (rig.closed if bead.is_closed else rig.beads)[bead.id] = bead
        if wholes:
            known = rig.store.closed_parts(list(wholes))
            for whole in wholes:
                rig.closed_parts.pop(whole, None)
            rig.closed_parts.update(known)
        if is_due or any(isinstance(bead, Bead) and bead.defer_until for bead in beads):
            rig.wakes_at = _soonest(rig.beads.values(), now.timestamp())
        ready = rig.ready
        if moves:
            rig.ready = frozenset(rig.store.ready_ids(now))
            rig.ready_at = now
        return bool(beads) or ready != rig.ready

    def rig_of(self, bead: str) -> str:
        """The rig whose beads have this id's prefix.

        Raises:
            NotFound: no rig has it.
        """
        best = ""
        for name, rig in self.rigs.items():
            prefix = rig.store.prefix
            if bead.startswith(f"{prefix}-") and (
                not best or len(prefix) > len(self.rigs[best].store.prefix)
            ):
                best = name
        if not best:
            raise NotFound(f"no rig has beads like {bead}", hint="see `gastown status`")
        return best

    def bead(self, bead: str) -> Bead:
        """A work bead by its full id, straight from its store."""
        return self.rigs[self.rig_of(bead)].store.get(bead)

    def write_town(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """Write to the town's directory."""
        return self.town.apply(operations, actor=actor, transaction=transaction)

    def write_rig(
        self,
        rig: str,
        operations: Sequence[Operation],
        *,
        actor: str,
        transaction: str | None = None,
    ) -> Applied:
        """Write to a rig's directory."""
        return self.rigs[rig].store.apply(operations, actor=actor, transaction=transaction)

    def rig_views(
        self, tips: Mapping[str, str], upstreams: Mapping[str, str] = {}
    ) -> dict[str, Rig]:
        """Every rig with its record, its target's tip, and that of an upstream that has moved."""
        return {
            name: records.rig_with(
                Rig(
                    config=rig.config,
                    tip=tips.get(name, ""),
                    upstream=upstreams.get(name, "") if rig.config.land == "local" else "",
                ),
                self.rig_records.get(name),
            )
            for name, rig in self.rigs.items()
        }


def _soonest(beads: Iterable[Bead], now: float) -> float:
    """The next moment to which one of these is put off."""
    moments = (instant(bead.defer_until) for bead in beads if bead.defer_until)
    return min((moment for moment in moments if moment > now), default=math.inf)


def _wholes(bead: Bead | Deleted | None) -> list[str]:
    """What a bead is part of."""
    if not isinstance(bead, Bead):
        return []
    return [edge.depends_on_id for edge in bead.dependencies if edge.type == "parent-child"]


def _moves_ready(before: Bead | None, after: Bead | Deleted) -> bool:
    """Whether a change can make any bead ready, or not ready any more."""
    if before is None or isinstance(after, Deleted):
        return True
    return any(getattr(before, name) != getattr(after, name) for name in _READINESS)
