"""Opens gates: looks at what they wait for, and calls the overseer when that will not come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, cast

import msgspec

from gastown_tui.domain import bead_gates
from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.bead_gates import Answer, Message, Probe, Seen, Verdict
from gastown_tui.domain.errors import GastownError, NotFound
from gastown_tui.domain.operations import Operation
from gastown_tui.services.context import Context

LOOK_S: Final = 5.0
"""Between two looks at all gates."""
ASK_S: Final = 60.0
"""Between two questions to GitHub about the same thing."""
ACTOR: Final = "controller"

log = logging.getLogger("gastown.gates")


class GateStore(Protocol):
    """What is needed of a beads directory."""

    @property
    def last_change(self) -> int:
        """Number of the newest change."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def list(
        self, *, issue_type: str, include_closed: bool = False, include_wisps: bool = False
    ) -> Sequence[Bead]:
        """The beads of a type."""

    def apply(self, operations: Sequence[Operation], /, *, actor: str) -> object:
        """One transaction."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A beads directory with gates in it."""

    name: str
    """The rig, or `hq`."""
    prefix: str
    store: GateStore
    repository: str = ""
    """Where GitHub is asked; empty for the town's own."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An open gate and how it stands."""

    place: str
    gate: Bead
    verdict: Verdict


class GateBeads:
    """The gates of a town, or of one directory."""

    def __init__(
        self,
        places: Callable[[], Sequence[Place]],
        ask: Callable[[str, Probe], Answer],
        *,
        escalate: Callable[[Place, Bead, str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called after a look that has opened a gate or found another standing."""
        self._places = places
        self._ask = ask
        self._escalate = escalate
        self._changed = changed
        self._answers: dict[tuple[str, str, str], tuple[float, Answer]] = {}
        self._known: dict[str, tuple[int, tuple[Bead, ...]]] = {}
        self.standing: tuple[Standing, ...] = ()
        """As of the last look, those that are still shut."""

    async def run(self, now: Callable[[], float]) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look(now())
            except GastownError as error:
                log.warning("gates: %s", error)
            except Exception:  # the town goes on; the next look tries again
                log.exception("gates could not be looked at")
            await asyncio.sleep(LOOK_S)

    async def look(self, now: float) -> int:
        """Open every gate whose time has come and call the overseer where needed; how many did.

        GitHub is asked and stores are written in threads; everything else is read from the stores.
        """
        places = self._places()
        mine = [(place, gate) for place in places for gate in self._gates(place)]
        await self._inquire(mine, now)
        status = self._status(places, [gate for _, gate in mine])
        messages = self._messages(places, [gate for _, gate in mine])
        done, left = 0, list[Standing]()
        for place, gate in mine:
            seen = Seen(now=now, status=status, messages=messages, answers=self._answers_for(place))
            verdict = bead_gates.judge(gate, seen)
            if verdict.action == bead_gates.OPENS:
                done += await self._open(place, gate, verdict.why)
                continue
            if verdict.action == bead_gates.ESCALATES:
                done += await self._call(place, gate, verdict.why)
            left.append(Standing(place=place.name, gate=gate, verdict=verdict))
        if done or self.standing != tuple(left):
            self.standing = tuple(left)
            self._changed()
        return done

    def _gates(self, place: Place) -> tuple[Bead, ...]:
        change = place.store.last_change
        known = self._known.get(place.name)
        if known is None or known[0] != change:
            found = place.store.list(issue_type=bead_gates.GATE, include_wisps=True)
            known = self._known[place.name] = (change, tuple(found))
        return known[1]

    async def _inquire(self, mine: Sequence[tuple[Place, Bead]], now: float) -> None:
        wanted: dict[tuple[str, str, str], tuple[Place, Probe, Bead]] = {}
        for place, gate in mine:
            probe = bead_gates.probe_of(gate)
            if probe is not None and place.repository:
                wanted[(place.name, probe.kind, probe.name)] = (place, probe, gate)
        self._answers = {key: one for key, one in self._answers.items() if key in wanted}
        for key, (place, probe, gate) in wanted.items():
            last = self._answers.get(key)
            if last is not None and now - last[0] < ASK_S:
                continue
            answer = await asyncio.to_thread(self._ask, place.repository, probe)
            self._answers[key] = (now, answer)
            fixed = bead_gates.named_run(gate, answer)
            if fixed:
                await _write(place, fixed)

    def _answers_for(self, place: Place) -> dict[tuple[str, str], Answer]:
        answers = self._answers.items()
        return {
            (kind, name): one for (where, kind, name), (_, one) in answers if where == place.name
        }

    def _status(self, places: Sequence[Place], gates: Sequence[Bead]) -> Mapping[str, str]:
        by_prefix = sorted(places, key=lambda place: -len(place.prefix))
        found: dict[str, str] = {}
        for target in {bead_gates.awaited_bead(gate) for gate in gates} - {""}:
            place = next((one for one in by_prefix if target.startswith(f"{one.prefix}-")), None)
            if place is None:
                continue
            try:
                found[target] = place.store.get(target).status
            except NotFound:
                continue
        return found

    def _messages(self, places: Sequence[Place], gates: Sequence[Bead]) -> list[Message]:
        if not any(gate.await_type == "mail" for gate in gates):
            return []
        return [
            Message(
                to=bead.assignee,
                sender=bead.sender or bead.created_by,
                subject=bead.title,
                sent=instant(bead.created_at),
            )
            for place in places
            for bead in place.store.list(
                issue_type="message", include_closed=True, include_wisps=True
            )
        ]

    async def _open(self, place: Place, gate: Bead, why: str) -> int:
        try:
            await _write(place, bead_gates.opening(gate, why))
        except GastownError as error:  # somebody else was first, or it has changed: look again
            log.info("%s: %s", gate.id, error)
            return 0
        return 1

    async def _call(self, place: Place, gate: Bead, why: str) -> int:
        if bead_gates.ESCALATED in gate.labels:
            return 0
        self._escalate(place, gate, why)
        await _write(place, bead_gates.escalating(gate))
        return 1


async def _write(place: Place, operations: Sequence[Operation]) -> None:
    """Write in a thread: where `bd` keeps the beads, that is a run of it."""
    await asyncio.to_thread(place.store.apply, operations, actor=ACTOR)


def gates_of_town(
    context: Context, ask: Callable[[str, Probe], Answer], wake: Callable[[], None]
) -> GateBeads:
    """The gates of all rigs and of the town itself; escalations are events of the town."""

    def places() -> list[Place]:
        books = context.books
        found = [
            Place(
                name=name,
                prefix=rig.store.prefix,
                store=cast("GateStore", rig.store),
                repository=rig.config.upstream,
            )
            for name, rig in books.rigs.items()
        ]
        town = books.town
        return [*found, Place(name=town.prefix, prefix=town.prefix, store=cast("GateStore", town))]

    def escalate(place: Place, gate: Bead, why: str) -> None:
        context.note("escalated", gate.id, f"{gate.title}: {why}", rig=place.name)

    def changed() -> None:
        context.gates = {one.gate.id: one.verdict for one in gates.standing}
        wake()

    gates = GateBeads(places, ask, escalate=escalate, changed=changed)
    return gates
