"""Rules about merge requests: hand-ins, gates, landing, and what comes after."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from gastown_tui.domain import pulls, reports
from gastown_tui.domain.commands import (
    CleanUp,
    CloseDropped,
    Command,
    EndSession,
    Escalate,
    FinishEvidence,
    FinishLanding,
    FollowPulls,
    RecheckTarget,
    StartEvidence,
    StartLanding,
    Submit,
)
from gastown_tui.domain.merge_queue import in_order, is_red_target, next_batch
from gastown_tui.domain.town import RUNNING, Request, RunFact
from gastown_tui.domain.view import View

_LOST_MOST_S: Final = 60.0
_TARGET_EVERY_S: Final = 300.0
_LOST_TOO_OFTEN: Final = 8
"""Gate runs in a row without a verdict after which the overseer is told."""


def submissions(view: View) -> Iterator[Command]:
    """Turn `done` into a hand-in; while the change is being landed it waits for the outcome.

    A report counts for a bead without a merge request: else a change would be lost sight of.
    """
    for address, bead in view.hooks.items():
        token = bead.label("done")
        agent, request = view.town.agents[address], view.requests.get(bead.id)
        if token is None or agent.sandbox_for != bead.id:
            continue
        if request is not None and (request.state in {"landing", "landed"} or request.is_own):
            continue
        yield Submit(
            key=f"submit:{bead.id}",
            version=token,
            agent=address,
            bead=bead.id,
            request=request.id if request else "",
            is_reported=request is None and reports.is_written(bead, address),
        )


def end_gates(view: View) -> Iterator[Command]:
    """Gate runs that take too long, or whose result nobody waits for any more."""
    for run in sorted(view.living.values(), key=lambda one: one.run):
        if run.kind != "gate":
            continue
        why = _why_end(view, run)
        if why:
            yield EndSession(
                key=f"end:{run.run}", version=why.partition(":")[0], agent="", run=run.run, why=why
            )


def _why_end(view: View, run: RunFact) -> str:
    request = view.town.requests.get(run.note.get("request", ""))
    name = run.note.get("rig") or (request.rig if request else "")
    rig = view.town.rigs.get(name)
    if run.note.get("purpose") == "evidence":
        is_starting = request is not None and f"evidence:{request.id}" in view.town.in_flight
        is_awaited = request is not None and request.state == "testing"
        if not is_starting and not (is_awaited and request and request.gate_run == run.run):
            return "nobody waits for it"
    if rig is not None and view.quiet_s(run.started) >= rig.config.gate_timeout_s:
        return f"time limit: the gates took longer than {rig.config.gate_timeout_s:g} s"
    return ""


def finish_evidence(view: View) -> Iterator[Command]:
    """Gate runs on branches that have ended, or that never were."""
    for request in _sorted(view):
        if request.state != "testing" or f"evidence:{request.id}" in view.town.in_flight:
            continue  # in flight: recorded, and about to be spawned
        if request.rig in view.town.rigs and not _is_alive(view, request.gate_run):
            yield FinishEvidence(
                key=f"evidence-end:{request.id}",
                version=request.gate_run,
                request=request.id,
                run=request.gate_run,
            )


def finish_landings(view: View) -> Iterator[Command]:
    """Landing runs that have ended, or that never were."""
    for name, rig in sorted(view.town.rigs.items()):
        if not rig.landing or f"landing:{name}" in view.town.in_flight:
            continue
        if not _is_alive(view, rig.landing):
            yield FinishLanding(
                key=f"landing-end:{name}", version=rig.landing, rig=name, run=rig.landing
            )


def _is_alive(view: View, run: str) -> bool:
    found = view.town.runs.get(run)
    return found is not None and found.alive


def _sorted(view: View) -> list[Request]:
    return [request for _, request in sorted(view.town.requests.items())]


def clean_ups(view: View) -> Iterator[Command]:
    """What has landed is cleaned up."""
    for request in _sorted(view):
        if request.state == "landed" and request.rig in view.town.rigs:
            yield CleanUp(key=f"clean:{request.id}", version=request.landed, request=request.id)


def dropped(view: View) -> Iterator[Command]:
    """What was dropped is closed."""
    for request in _sorted(view):
        if request.state == "dropped" and request.rig in view.town.rigs:
            yield CloseDropped(key=f"drop:{request.id}", version="", request=request.id)


def landings(view: View) -> Iterator[Command]:
    """The next batch of every rig whose queue is free."""
    town = view.town
    convoys = {bead: one.created for one in town.convoys.values() for bead in one.tracked}
    room = town.limits.gates - len(_gates(view))
    for name, rig in sorted(town.rigs.items()):
        is_held = bool(rig.held) and not (rig.upstream and is_red_target(rig.held))
        if is_held or rig.landing or f"landing:{name}" in town.in_flight:
            continue  # a newer upstream may be what mends a red target
        mine = [one for one in _sorted(view) if one.rig == name]
        limit = 1 if rig.config.land == "pr" else rig.config.batch
        batch = [] if rig.upstream else next_batch(mine, limit, view.now.wall, convoys)
        if not (batch or rig.upstream) or any(_is_too_soon(view, one) for one in batch):
            continue
        stamps = ",".join(f"{one.id}@{one.updated}" for one in batch)
        command = StartLanding(
            key=f"landing:{name}",
            version=f"{rig.tip}:{stamps or rig.upstream}:{rig.tries}",
            rig=name,
            requests=tuple(one.id for one in batch),
        )
        if room > 0:
            room -= view.may(command)
            yield command


def red_targets(view: View) -> Iterator[Command]:
    """Targets that fail their own gates: tested again when they or the gates change, or in time."""
    for name, rig in sorted(view.town.rigs.items()):
        if not is_red_target(rig.held) or rig.landing:
            continue
        config, turn = rig.config, int(view.now.awake // _TARGET_EVERY_S)
        commands = "\0".join((*config.setup.run, *config.gates, f"{config.gate_timeout_s:g}"))
        gates = zlib.crc32(commands.encode("utf-8", "replace"))
        yield RecheckTarget(key=f"target:{name}", version=f"{rig.tip}:{gates:08x}:{turn}", rig=name)


def follow_pulls(view: View) -> Iterator[Command]:
    """Rigs whose pull requests are to be asked about: soon after a change, later seldom."""
    for name, rig in sorted(view.town.rigs.items()):
        mine = [one for one in _sorted(view) if one.rig == name and is_followed(one)]
        if rig.config.land != "pr" or not mine:
            continue
        key = f"pulls:{name}"
        last = view.town.outcomes.get(key)
        quiet_s = view.now.wall - max(one.updated for one in mine)
        if last is None or view.now.awake - last.at >= pulls.wait_s(quiet_s):
            yield FollowPulls(key=key, version=f"{view.now.awake:.3f}", rig=name)


def is_followed(request: Request) -> bool:
    """Whether its pull request may still be merged or closed by somebody."""
    return bool(request.pull) and request.state not in {"landing", "landed", "dropped"}


def _is_too_soon(view: View, request: Request) -> bool:
    """Gates that end without a verdict are run again, but not in a circle."""
    if not request.lost:
        return False
    return view.ago_s(request.updated) < min(2.0**request.lost, _LOST_MOST_S)


def _gates(view: View) -> set[str]:
    """Gate runs that live or are about to."""
    town = view.town
    used = {f"evidence:{one.id}" for one in town.requests.values() if one.state == "testing"}
    used |= {f"landing:{name}" for name, rig in town.rigs.items() if rig.landing}
    used |= {key for key in town.in_flight if key.startswith(("evidence:", "landing:", "target:"))}
    for run in view.living.values():
        request = town.requests.get(run.note.get("request", ""))
        if run.kind == "gate" and run.note.get("purpose") == "evidence":
            is_counted = request is not None and request.gate_run == run.run
            used.add(f"evidence:{request.id}" if request and is_counted else run.run)
    return used


def evidence(view: View) -> Iterator[Command]:
    """Branches whose gates are to be run, by their place in the queue."""
    used = _gates(view)
    landing = (one for one in landings(view) if view.may(one))
    used |= {one.key for one in landing}  # these go before new evidence
    room = view.town.limits.gates - len(used)
    waiting = [one for one in view.town.requests.values() if one.state == "submitted"]
    for request in in_order(waiting, view.now.wall):
        rig = view.town.rigs.get(request.rig)
        if f"evidence:{request.id}" in used or rig is None or rig.held:
            continue
        if _is_too_soon(view, request):
            if request.lost >= _LOST_TOO_OFTEN:
                yield _lost(request)
            continue
        if room <= 0:
            return
        command = StartEvidence(
            key=f"evidence:{request.id}",
            version=f"{request.submitted}@{request.updated}",
            request=request.id,
        )
        room -= view.may(command)
        yield command


def _lost(request: Request) -> Escalate:
    return Escalate(
        key=f"escalate:lost:{request.id}",
        version=request.submitted,
        subject=request.id,
        why=f"the gates of {request.id} ({request.bead}) ended {request.lost} times without a"
        " verdict: look at their pane",
    )


def waiting_for_overseer(view: View) -> Iterator[Command]:
    """Changes that came back and have nobody who mends them: said once for each attempt."""
    for request in _sorted(view):
        why = why_stranded(view, request)
        if why:
            yield Escalate(
                key=f"escalate:{request.id}",
                version=f"rework:{request.attempt}:{why}",
                subject=request.id,
                why=f"{request.id} ({request.bead}) came back ({request.rework}) and waits for"
                f" you: {why}; the change is kept on {request.branch}",
            )


def why_stranded(view: View, request: Request) -> str:
    """Why nobody can mend a change that came back; empty when somebody can."""
    if request.state != "rework" or request.rig not in view.town.rigs:
        return ""
    bead = view.town.beads.get(request.bead)
    if bead is None:
        return f"its bead {request.bead} is closed"
    agent = view.town.agents.get(bead.assignee)
    if agent is None:
        return f"its agent {bead.assignee or request.agent} has gone"
    hook = view.hooks.get(bead.assignee)
    if hook is None or hook.id != bead.id:
        return f"{bead.id} is on nobody's hook"
    if agent.wanted != RUNNING:
        return f"{agent.address} is {agent.wanted}"
    return ""
