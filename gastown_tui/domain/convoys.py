"""How convoys travel: when they feed, when they have landed, when they are stranded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import CloseConvoy, Command, Escalate, FeedConvoy
from gastown_tui.domain.proposals import DROPPED, is_proposed
from gastown_tui.domain.ready import BLOCKING
from gastown_tui.domain.staging import DISPATCHED
from gastown_tui.domain.town import Convoy
from gastown_tui.domain.view import View

OPEN: Final = "open"
"""Made, and nothing of it is done by itself."""
STAGED: Final = "staged"
PROPOSED: Final = "proposed"
"""By the mayor, until the overseer accepts or drops it."""
WORKING: Final = "working"
WAITING: Final = "waiting"
"""For room, or for a free hook."""
STRANDED: Final = "stranded"
"""Launched, and nothing will move before somebody does something."""
LANDED: Final = "landed"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a convoy stands."""

    state: str
    why: str = ""
    working: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    """Beads whose change was rejected."""
    unslung: tuple[str, ...] = ()
    """Ready, and not yet slung."""


def standing(view: View, convoy: Convoy) -> Standing:
    """How an open convoy stands now."""
    beads = [view.town.beads[one] for one in convoy.tracked if one in view.town.beads]
    at_work = [one for one in beads if one.status in {"hooked", "in_progress"}]
    stuck = [one.id for one in at_work if _is_rejected(view, one)]
    working = tuple(one.id for one in at_work if one.id not in stuck)
    ready = [one for one in beads if one.status == "open" and one.id in view.town.ready]
    slung = [one for one in ready if _is_slung(view, one)]
    unslung = tuple(
        one.id
        for one in beads
        if one.issue_type in DISPATCHED
        and (one in ready or is_proposed(one))
        and not _is_slung(view, one)
    )
    state, why = OPEN, ""
    if convoy.proposed:
        state = convoy.proposed if convoy.proposed == DROPPED else PROPOSED
    elif not beads and convoy.tracked:
        state = LANDED
    elif convoy.staged:
        state = STAGED
    elif working:
        state = WORKING
    elif slung:
        state = WAITING
    elif convoy.launched and not unslung:
        state, why = STRANDED, _why_stranded(view, beads, stuck)
    return Standing(state=state, why=why, working=working, stuck=tuple(stuck), unslung=unslung)


def _is_slung(view: View, bead: Bead) -> bool:
    return bead.label("sling") is not None and bead.label("town") == view.town.id


def _is_rejected(view: View, bead: Bead) -> bool:
    request = view.requests.get(bead.id)
    return request is not None and request.state == "rejected"


def _why_stranded(view: View, beads: list[Bead], stuck: list[str]) -> str:
    """The first thing that somebody has to do."""
    if stuck:
        return f"{stuck[0]} was rejected"
    for bead in beads:
        if bead.status in {"deferred", "blocked", "pinned"}:
            return f"{bead.id} is {bead.status}"
        if bead.issue_type not in DISPATCHED:
            return f"{bead.id} is a {bead.issue_type}: nobody is sent to it"
        for edge in bead.dependencies:
            if edge.type in BLOCKING and edge.depends_on_id in view.town.beads:
                return f"{bead.id} waits for {edge.depends_on_id}"
    return f"{beads[0].id} cannot be worked on" if beads else "it is empty"


def closing(view: View) -> Iterator[Command]:
    """Convoys of which every bead is closed, as far as every one can be seen.

    One that is owned is closed by its owner alone.
    """
    prefixes = tuple(f"{rig.config.prefix}-" for rig in view.town.rigs.values())
    for name, convoy in sorted(view.town.convoys.items()):
        is_known = all(bead.startswith(prefixes) for bead in convoy.tracked)
        if convoy.owned or convoy.proposed or not is_known or not convoy.tracked:
            continue
        if not any(bead in view.town.beads for bead in convoy.tracked):
            yield CloseConvoy(key=f"convoy:{name}", version=str(len(convoy.tracked)), convoy=name)


def feeding(view: View) -> Iterator[Command]:
    """Launched convoys with ready work that is not slung: it is; and stranded ones, said once."""
    for name, convoy in sorted(view.town.convoys.items()):
        if not convoy.launched or convoy.staged or convoy.proposed:
            continue
        found = standing(view, convoy)
        fresh = tuple(one for one in found.unslung if _may_sling(view, one))
        if fresh:
            version = ",".join(fresh)[:200]
            yield FeedConvoy(key=f"feed:{name}", version=version, convoy=name, beads=fresh)
        elif found.state == STRANDED:
            text = f"{convoy.title or name} is stranded: {found.why}"
            yield Escalate(key=f"escalate:convoy:{name}", version=found.why, subject=name, why=text)


def _may_sling(view: View, bead: str) -> bool:
    found = view.town.beads[bead]
    return bead in view.town.rig_of and found.label("town") in {None, view.town.id}
