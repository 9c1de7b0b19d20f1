"""The one place where the town decides: from a snapshot and the time to a list of commands.

Each rule below looks at the whole snapshot and says what should be done now; `plan` drops what is
under way, what has been done at the same version, and what failed a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gastown_tui.domain import names
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import (
    CleanUp,
    CloseConvoy,
    Command,
    Dispatch,
    EndSession,
    Escalate,
    FinishEvidence,
    FinishLanding,
    MarkStopped,
    PrepareSandbox,
    StartEvidence,
    StartLanding,
    StartSession,
    Submit,
    Tell,
)
from gastown_tui.domain.merge_queue import in_order, next_batch
from gastown_tui.domain.town import RUNNING, STOPPED, Agent, Now, Request, RunFact, Town

_RETRY_S: Final = 2.0
_RETRY_MOST_S: Final = 60.0
_GIVE_UP: Final = 8
"""Failures in a row at one version after which the overseer is told."""
WAITING_STATES: Final = frozenset({"submitted", "testing", "review", "approved", "landing", "held"})
"""States of a request in which its agent has nothing to do."""
_BACK_TO_WORK: Final = (
    "There is work on your hook. Run `gastown prime`, carry it through, and finish with"
    " `gastown done`."
)


def plan(town: Town, now: Now) -> list[Command]:
    """What to do now, most urgent first; deterministic."""
    rules = (
        _end_sessions,
        _finish_gates,
        _submissions,
        _left_by_exit,
        _clean_ups,
        _landings,
        _evidence,
        _sandboxes,
        _sessions,
        _dispatches,
        _tell_rework,
        _send_back,
        _convoys,
    )
    commands: list[Command] = []
    for rule in rules:
        for command in rule(town, now):
            escalation = _given_up(town, command)
            if escalation is not None and _may(town, escalation, now):
                commands.append(escalation)
            if _may(town, command, now):
                commands.append(command)
    return commands


def _may(town: Town, command: Command, now: Now) -> bool:
    if command.key in town.in_flight:
        return False
    last = town.outcomes.get(command.key)
    if last is None or last.version != command.version:
        return True
    if last.ok:
        return False
    return now.awake - last.at >= min(_RETRY_S * 2.0 ** min(last.tries - 1, 10), _RETRY_MOST_S)


def _given_up(town: Town, command: Command) -> Escalate | None:
    last = town.outcomes.get(command.key)
    if last is None or last.ok or last.version != command.version or last.tries < _GIVE_UP:
        return None
    return Escalate(
        key=f"escalate:{command.key}",
        version=command.version,
        subject=command.key.partition(":")[2],
        why=f"{command.key} failed {last.tries} times: {last.why}",
    )


def _is_up(town: Town) -> bool:
    return town.wanted == "up"


def _runs_of(town: Town) -> dict[str, RunFact]:
    return {run.name: run for run in town.runs.values() if run.alive}


def _hooks(town: Town) -> dict[str, Bead]:
    hooks: dict[str, Bead] = {}
    for bead in town.beads.values():
        if (
            bead.assignee in town.agents
            and bead.status in {"hooked", "in_progress"}
            and bead.label("town") == town.id
        ):
            hooks.setdefault(bead.assignee, bead)
    return hooks


def _requests_by_bead(town: Town) -> dict[str, Request]:
    return {
        one.bead: one for one in town.requests.values() if one.state not in {"landed", "dropped"}
    }


def _end_sessions(town: Town, _now: Now) -> Iterator[Command]:
    living, hooks = _runs_of(town), _hooks(town)
    for address, agent in town.agents.items():
        run = living.get(address)
        if run is None:
            continue
        why = ""
        if town.wanted == "down":
            why = "the town goes down"
        elif agent.wanted == STOPPED:
            why = agent.wanted_why or "stopped by you"
        elif address not in hooks and agent.role == "polecat" and not agent.sandbox_for:
            why = "its work is done"
        if why:
            yield EndSession(
                key=f"end:{run.run}", version=agent.wanted_at, agent=address, run=run.run, why=why
            )


def _finish_gates(town: Town, _now: Now) -> Iterator[Command]:
    for request in town.requests.values():
        if f"evidence:{request.id}" in town.in_flight:
            continue  # recorded, and about to be spawned
        if request.state == "testing" and not _is_alive(town, request.gate_run):
            yield FinishEvidence(
                key=f"evidence-end:{request.id}",
                version=request.gate_run,
                request=request.id,
                run=request.gate_run,
            )
    for rig in town.rigs.values():
        if f"landing:{rig.name}" in town.in_flight:
            continue
        if rig.landing and not _is_alive(town, rig.landing):
            yield FinishLanding(
                key=f"landing-end:{rig.name}", version=rig.landing, rig=rig.name, run=rig.landing
            )


def _is_alive(town: Town, run: str) -> bool:
    found = town.runs.get(run)
    return found is not None and found.alive


def _submissions(town: Town, _now: Now) -> Iterator[Command]:
    by_bead = _requests_by_bead(town)
    for address, bead in _hooks(town).items():
        token = bead.label("done")
        if token is None or town.agents[address].sandbox_for != bead.id:
            continue
        request = by_bead.get(bead.id)
        yield Submit(
            key=f"submit:{bead.id}",
            version=token,
            agent=address,
            bead=bead.id,
            request=request.id if request else "",
        )


def _left_by_exit(town: Town, _now: Now) -> Iterator[Command]:
    """An agent whose program ended by itself, with 0 and its work unfinished, was left by exit."""
    by_bead = _requests_by_bead(town)
    for address, bead in _hooks(town).items():
        agent = town.agents[address]
        run = town.runs.get(agent.run)
        if run is None or run.alive or agent.wanted != RUNNING or not _has_work(bead, by_bead):
            continue
        if run.code == 0 and run.why == "exit" and bead.label("done") is None:
            yield MarkStopped(
                key=f"left:{address}", version=run.run, agent=address, why="left by its own exit"
            )


def _clean_ups(town: Town, _now: Now) -> Iterator[Command]:
    for request in town.requests.values():
        if request.state == "landed":
            yield CleanUp(key=f"clean:{request.id}", version=request.landed, request=request.id)


def _landings(town: Town, now: Now) -> Iterator[Command]:
    if not _is_up(town):
        return
    convoys = {bead: one.created for one in town.convoys.values() for bead in one.tracked}
    for rig in town.rigs.values():
        if rig.held or rig.landing:
            continue
        mine = [one for one in town.requests.values() if one.rig == rig.name]
        batch = next_batch(mine, rig.config.batch, now.wall, convoys)
        if batch:
            ids = tuple(one.id for one in batch)
            stamps = ",".join(f"{one.id}@{one.updated}" for one in batch)
            yield StartLanding(
                key=f"landing:{rig.name}",
                version=f"{rig.tip}:{stamps}",
                rig=rig.name,
                requests=ids,
            )


def _evidence(town: Town, now: Now) -> Iterator[Command]:
    if not _is_up(town):
        return
    running = sum(one.state == "testing" for one in town.requests.values())
    running += sum(key.startswith("evidence:") for key in town.in_flight)
    waiting = [one for one in town.requests.values() if one.state == "submitted"]
    for request in in_order(waiting, now.wall):
        key = f"evidence:{request.id}"
        if key in town.in_flight or request.rig not in town.rigs:
            continue
        if running >= town.limits.gates:
            return
        stamp = f"{request.submitted}@{request.updated}"
        command = StartEvidence(key=key, version=stamp, request=request.id)
        if _may(town, command, now):
            running += 1
            yield command


def _has_work(bead: Bead, by_bead: dict[str, Request]) -> bool:
    """Whether the agent that has this bead on its hook is the one to act now."""
    request = by_bead.get(bead.id)
    return request is None or request.state == "rework"


def _sandboxes(town: Town, _now: Now) -> Iterator[Command]:
    if not _is_up(town):
        return
    for address, bead in _hooks(town).items():
        agent = town.agents[address]
        if agent.wanted == RUNNING and agent.sandbox_for == "":
            yield PrepareSandbox(
                key=f"sandbox:{address}", version=bead.id, agent=address, bead=bead.id
            )


def _sessions(town: Town, now: Now) -> Iterator[Command]:
    if not _is_up(town):
        return
    living, by_bead = _runs_of(town), _requests_by_bead(town)
    for address, bead in _hooks(town).items():
        agent = town.agents[address]
        if (
            agent.wanted != RUNNING
            or address in living
            or address in town.resume_held
            or agent.sandbox_for != bead.id
            or bead.label("done") is not None
            or not _has_work(bead, by_bead)
        ):
            continue
        yield from _start_session(town, agent, bead, now)


def _start_session(town: Town, agent: Agent, bead: Bead, now: Now) -> Iterator[Command]:
    last = town.runs.get(agent.run)
    respawns = int(bead.label("respawns") or 0) if (bead.label("respawns") or "0").isdigit() else 0
    died = last is not None and died_unasked(last)
    if last is not None and last.code == 0 and last.why == "exit":
        return  # being marked as left by exit
    if died and respawns >= town.limits.respawns:
        yield Escalate(
            key=f"escalate:{bead.id}",
            version=f"respawns:{respawns}",
            subject=bead.id,
            why=f"{agent.address} died {respawns + 1} times on {bead.id}:"
            f" it waits for you (restart it, or sling the bead anew)",
        )
        return
    if died and last is not None and respawns:
        backoff = min(2.0**respawns, _RETRY_MOST_S)
        if now.wall - last.ended < backoff:
            return
    is_new = last is None or last.why.startswith("spawn failed")
    yield StartSession(
        key=f"start:{agent.address}",
        version=f"{bead.id}:{'' if is_new else agent.run}",
        agent=agent.address,
        bead=bead.id,
        resume=bool(not is_new and agent.conversation),
        is_respawn=died,
    )


def died_unasked(run: RunFact) -> bool:
    """Whether a run ended by a crash or a signal that neither we nor the host's end caused."""
    if run.alive:
        return False
    return run.why.startswith("ended: hung") or (run.why in {"exit", "signal"} and run.code != 0)


def _dispatches(town: Town, _now: Now) -> Iterator[Command]:
    if not _is_up(town):
        return
    hooks, by_bead = _hooks(town), _requests_by_bead(town)
    starting = {key.partition(":")[2] for key in town.in_flight if key.startswith("dispatch:")}
    working = sum(_has_work(bead, by_bead) for bead in hooks.values()) + len(starting)
    taken = set(hooks)
    known = set(town.agents)
    for bead in _slung(town):
        if working >= town.limits.max_working:
            return
        if bead.id in starting:
            continue
        rig = town.rig_of[bead.id]
        agent = _free_agent(town, rig, bead.label("sling") or "", taken, known)
        if agent is None:
            continue
        taken.add(agent)
        working += 1
        yield Dispatch(
            key=f"dispatch:{bead.id}",
            version=bead.updated_at,
            bead=bead.id,
            rig=rig,
            agent=agent,
            is_new=agent not in known,
        )
        known.add(agent)


def _slung(town: Town) -> list[Bead]:
    """Beads to be handed out, most important first, oldest first."""
    found = [
        bead
        for bead in town.beads.values()
        if bead.label("sling") is not None
        and bead.status == "open"
        and bead.label("town") == town.id
        and bead.id in town.ready
        and town.rig_of.get(bead.id) in town.rigs
    ]
    return sorted(found, key=lambda bead: (bead.priority, bead.created_at, bead.id))


def _free_agent(town: Town, rig: str, wish: str, taken: set[str], known: set[str]) -> str | None:
    def is_free(address: str) -> bool:
        agent = town.agents.get(address)
        return address not in taken and (
            agent is None or (agent.wanted == RUNNING and not agent.sandbox_for)
        )

    if "/" in wish:
        return wish if is_free(wish) else None
    in_rig = [address for address in known if address.startswith(f"{rig}/polecats/")]
    for name in names.POOL:
        address = names.polecat(rig, name)
        if address in known and is_free(address):
            return address
    if len(in_rig) >= town.limits.polecats:
        return None
    for name in names.POOL:
        address = names.polecat(rig, name)
        if address not in known:
            return address
    return None


def _tell_rework(town: Town, _now: Now) -> Iterator[Command]:
    living = _runs_of(town)
    for request in town.requests.values():
        if request.state != "rework" or request.told >= request.attempt:
            continue
        agent = town.agents.get(request.agent)
        if agent is None or agent.wanted != RUNNING or agent.address not in living:
            continue
        yield Tell(
            key=f"tell:{agent.address}",
            version=f"{request.id}:{request.attempt}",
            agent=agent.address,
            text=f"Your change came back ({request.rework}): {request.why} "
            "Run `gastown prime` for the details, mend it, and run `gastown done` again.",
            request=request.id,
            attempt=request.attempt,
        )


def _send_back(town: Town, now: Now) -> Iterator[Command]:
    """Agents that sit at their prompt, or say nothing, with work on the hook."""
    if not _is_up(town):
        return
    living, by_bead = _runs_of(town), _requests_by_bead(town)
    for address, bead in _hooks(town).items():
        fact, run = town.facts.get(address), living.get(address)
        if fact is None or run is None or town.agents[address].wanted != RUNNING:
            continue
        if not _has_work(bead, by_bead) or bead.label("done") is not None:
            continue
        quiet = now.wall - max(fact.last_output, run.started)
        if fact.state == "idle" and now.wall - fact.since >= town.limits.idle_s:
            yield Tell(
                key=f"tell:{address}", version=f"idle:{run.run}", agent=address, text=_BACK_TO_WORK
            )
        elif fact.state in {"working", "stalled"} and quiet >= town.limits.hung_s:
            yield EndSession(
                key=f"end:{run.run}",
                version="hung",
                agent=address,
                run=run.run,
                why="hung: no output",
            )
        elif fact.state in {"working", "stalled"} and quiet >= town.limits.stall_s:
            yield Tell(
                key=f"tell:{address}", version=f"stall:{run.run}", agent=address, text=_BACK_TO_WORK
            )


def _convoys(town: Town, _now: Now) -> Iterator[Command]:
    for convoy in town.convoys.values():
        if convoy.tracked and not any(bead in town.beads for bead in convoy.tracked):
            yield CloseConvoy(
                key=f"convoy:{convoy.id}", version=str(len(convoy.tracked)), convoy=convoy.id
            )
