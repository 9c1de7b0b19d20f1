"""Rules about work: who gets which bead, hooks that make no sense."""

from __future__ import annotations

from collections.abc import Iterator

from gastown_tui.domain import names
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import Command, Dispatch, Escalate
from gastown_tui.domain.rules_agents import is_worn_out
from gastown_tui.domain.town import RUNNING, Town
from gastown_tui.domain.view import View, is_hooked


def dispatches(view: View) -> Iterator[Command]:
    """Beads that are slung and ready, onto free hooks, while there is room to work."""
    town = view.town
    if any(key.startswith("dispatch:") for key in town.in_flight):
        return  # the next look knows which hooks are taken
    if town.room.why:
        return  # said on what waits: `why_waiting`
    room = town.limits.max_working - len(_claims(view))
    taken, known = set(view.hooks), set(town.agents)
    for bead in _slung(town):
        rig, wish = town.rig_of[bead.id], bead.label("sling") or ""
        if "/" in wish and not wish.startswith(f"{rig}/polecats/"):
            yield _escalate(bead, "sling", f"{bead.id} is slung to {wish}: no polecat of {rig}")
            continue
        if room <= 0:
            return
        agent = _free_agent(view, rig, bead, taken, known)
        if agent is None:
            continue
        command = Dispatch(
            key=f"dispatch:{bead.id}",
            version=bead.updated_at,
            bead=bead.id,
            rig=rig,
            agent=agent,
            is_new=agent not in town.agents,
        )
        if view.may(command):
            taken.add(agent)
            known.add(agent)
            room -= 1
        yield command


def why_waiting(view: View) -> str:
    """What keeps every bead that is slung and ready from a hook; empty when nothing does."""
    town = view.town
    states = {"paused": "the town is paused", "down": "the town is down", "estop": "it is frozen"}
    if town.wanted in states:
        return f"waits: {states[town.wanted]}"
    if town.is_full:
        return "waits: the disk is full"
    if town.room.why:
        return "waits for memory"
    if len(_claims(view)) >= town.limits.max_working:
        return f"waits for room: {town.limits.max_working} may work at once (max_working)"
    return ""


def waits(view: View) -> dict[str, str]:
    """Beads that are slung and ready, and why they are on no hook; not those that soon will be."""
    town, general = view.town, why_waiting(view)
    found: dict[str, str] = {}
    known: dict[tuple[str, str], str] = {}
    for bead in _slung(town):
        kind = (town.rig_of[bead.id], bead.label("sling") or "")
        if not general and kind not in known:
            known[kind] = _why_nobody(view, bead, *kind)
        if why := general or known[kind]:
            found[bead.id] = why
    return found


def _why_nobody(view: View, bead: Bead, rig: str, wish: str) -> str:
    """Why no polecat is free for a bead; empty when one is."""
    if _free_agent(view, rig, bead, set(view.hooks), set(view.town.agents)) is not None:
        return ""
    if "/" in wish:
        return f"waits for {wish}"
    most = view.town.limits.polecats
    return f"waits for a polecat: {most} of {rig} have work or a change in the queue (polecats)"


def _claims(view: View) -> set[str]:
    """Agents that have work or soon will, so that nobody else gets their place."""
    found = view.working()
    for address, bead in view.hooks.items():
        agent = view.town.agents[address]
        if agent.wanted == RUNNING and view.has_work(bead):
            is_coming = address not in view.town.resume_held
            if is_coming and not is_worn_out(view, agent, bead):
                found.add(address)
    return found


def _slung(town: Town) -> list[Bead]:
    """Beads to be handed out, most important first, oldest first."""
    found = [
        bead
        for bead in (town.beads[one] for one in town.ready if one in town.beads)
        if bead.status == "open"
        and bead.label("sling") is not None
        and bead.label("town") == town.id
        and town.rig_of.get(bead.id) in town.rigs
    ]
    return sorted(found, key=lambda bead: (bead.priority, bead.created_at, bead.id))


def _free_agent(view: View, rig: str, bead: Bead, taken: set[str], known: set[str]) -> str | None:
    agents, wish = view.town.agents, bead.label("sling") or ""

    def is_free(address: str) -> bool:
        agent = agents.get(address)
        if address in taken:
            return False
        return agent is None or (agent.wanted == RUNNING and agent.sandbox_for in {"", bead.id})

    mine = sorted(address for address in known if address.startswith(f"{rig}/polecats/"))
    has_place = len(mine) < view.town.limits.polecats
    if "/" in wish:
        return wish if is_free(wish) and (wish in known or has_place) else None
    for address in mine:
        if address in agents and agents[address].sandbox_for == bead.id and is_free(address):
            return address  # its work on this very bead is still there
    pool = [names.polecat(rig, name) for name in names.POOL]
    for address in [*pool, *mine]:
        if address in known and is_free(address):
            return address
    if not has_place:
        return None
    return next((address for address in pool if address not in known), None)


def strange_hooks(view: View) -> Iterator[Command]:
    """Hooks that others have set and nobody can work on: said once."""
    for bead in view.extra:
        hook = view.hooks[bead.assignee]
        text = f"{bead.id} is on the hook of {bead.assignee}, which has {hook.id}: it waits"
        yield _escalate(bead, "hook", text)
    for _, bead in sorted(view.town.beads.items()):
        if bead.status != "hooked" or bead.assignee in view.town.agents:
            continue
        if is_hooked(view.town.id, bead):
            text = f"{bead.id} is on the hook of {bead.assignee or 'nobody'}, which is no agent"
            yield _escalate(bead, "hook", text)


def _escalate(bead: Bead, what: str, text: str) -> Escalate:
    return Escalate(
        key=f"escalate:{what}:{bead.id}",
        version=f"{bead.assignee}:{bead.label('sling') or ''}",
        subject=bead.id,
        why=text,
    )
