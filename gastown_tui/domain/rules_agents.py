"""Rules about agents: sandboxes, sessions, and what is said to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gastown_tui.domain.agents.dialogs import start_up_answer
from gastown_tui.domain.agents.launch import consents_of
from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.commands import (
    AnswerDialog,
    Command,
    EndSession,
    Escalate,
    MarkStopped,
    PrepareSandbox,
    PutAway,
    StartSession,
    Tell,
)
from gastown_tui.domain.review import attempt_words
from gastown_tui.domain.town import STOPPED, Agent, RunFact
from gastown_tui.domain.view import (
    START_TRIES,
    View,
    died_unasked,
    is_wanted,
    left_by_exit,
    respawns_of,
    sandbox_version,
    start_version,
)

_BACKOFF_MOST_S: Final = 60.0
_NUDGES: Final = 5
"""Nudges of one session without a hand-in after which the overseer is told instead."""
_BACK_TO_WORK: Final = (
    "There is work on your hook. Run `gastown prime`, carry it through, and finish with"
    " `gastown done`."
)


def end_sessions(view: View) -> Iterator[Command]:
    """Sessions that nobody wants any more; a rig that cannot be read now is no reason."""
    for address, agent in sorted(view.town.agents.items()):
        run = view.living.get(address)
        if run is None:
            continue
        why = ""
        if view.town.wanted == "down":
            why = "the town goes down"
        elif agent.wanted == STOPPED:
            why = agent.wanted_why or "stopped by you"
        elif agent.rig in view.town.rigs and _is_free(view, agent):
            why = "its work is done"
        if why:
            yield EndSession(
                key=f"end:{run.run}", version=agent.wanted_at, agent=address, run=run.run, why=why
            )


def _is_free(view: View, agent: Agent) -> bool:
    has_nothing = agent.address not in view.hooks and not agent.sandbox_for
    return agent.role == "polecat" and has_nothing


def left_by_their_exit(view: View) -> Iterator[Command]:
    """An agent whose program ended by itself, with 0 and its work unfinished, was left by exit."""
    for address, bead in view.hooks.items():
        agent = view.town.agents[address]
        run = view.town.runs.get(agent.run)
        if run is None or address in view.living or not is_wanted(agent):
            continue
        if not view.has_work(bead) or bead.label("done") is not None:
            continue
        if left_by_exit(run, bead, view.requests.get(bead.id)):
            yield MarkStopped(
                key=f"left:{address}", version=run.run, agent=address, why="left by its own exit"
            )


def put_away(view: View) -> Iterator[Command]:
    """Sandboxes for beads that are closed, or on another hook, with nothing in the queue."""
    for address, agent in sorted(view.town.agents.items()):
        made_for = agent.sandbox_for
        if not made_for or agent.rig not in view.town.rigs:
            continue
        bead = view.town.beads.get(made_for)
        request = view.requests.get(made_for)
        if bead is not None and bead.assignee == address:
            continue
        if bead is not None and bead.assignee == "" and bead.status != "open":
            continue
        if request is not None and request.agent == address:
            continue
        yield PutAway(key=f"away:{address}", version=agent.branch, agent=address, bead=made_for)


def not_started(view: View) -> Iterator[Command]:
    """Agents whose start has failed as often as it is tried: they wait for the overseer."""
    for address, bead in view.hooks.items():
        agent = view.town.agents[address]
        failed = view.failed_start(agent)
        if failed is None or not failed.is_lasting or failed.tries < START_TRIES:
            continue
        if is_wanted(agent) and view.has_work(bead) and address not in view.living:
            yield Escalate(
                key=f"escalate:start:{address}",
                version=failed.version,
                subject=address,
                why=f"{address} did not start {failed.tries} times and waits for you, {bead.id}"
                f" stays on its hook: {failed.why}",
            )


def sandboxes(view: View) -> Iterator[Command]:
    """Agents with a bead on the hook and no sandbox for it."""
    for address, bead in view.hooks.items():
        agent = view.town.agents[address]
        if is_wanted(agent) and not agent.sandbox_for and view.has_work(bead):
            yield PrepareSandbox(
                key=f"sandbox:{address}",
                version=sandbox_version(agent, bead),
                agent=address,
                bead=bead.id,
            )


def set_to_work(view: View) -> Iterator[Command]:
    """Agents that have work and are not at it, while there is room: those with rework first."""
    room = view.town.limits.max_working - len(view.working())
    starts = view.town.room.starts

    def order(entry: tuple[str, Bead]) -> tuple[bool, int, str, str]:
        bead = entry[1]
        return (bead.id not in view.requests, bead.priority, bead.created_at, bead.id)

    for address, bead in sorted(view.hooks.items(), key=order):
        agent = view.town.agents[address]
        if not is_wanted(agent) or not view.has_work(bead) or bead.label("done") is not None:
            continue
        if address in view.living and view.is_told(bead):
            continue
        command = _next_step(view, agent, bead)
        if isinstance(command, Escalate):
            yield command
        elif command is not None and room > 0 and (starts > 0 or isinstance(command, Tell)):
            room -= view.may(command)
            starts -= view.may(command) and isinstance(command, StartSession)
            yield command


def _next_step(view: View, agent: Agent, bead: Bead) -> StartSession | Tell | Escalate | None:
    if agent.address in view.living:
        fact = view.town.facts.get(agent.address)
        if fact is not None and fact.runs_text:
            return _rework_unsaid(view, agent, bead)
        return _tell_rework(view, agent, bead)
    return _start(view, agent, bead)


def _start(view: View, agent: Agent, bead: Bead) -> StartSession | Escalate | None:
    if agent.sandbox_for != bead.id or agent.address in view.town.resume_held:
        return None
    last = view.town.runs.get(agent.run)
    if left_by_exit(last, bead, view.requests.get(bead.id)):
        return None
    deaths = respawns_of(bead)
    died = last is not None and died_unasked(last) and last.note.get("bead", bead.id) == bead.id
    if died and deaths >= view.town.limits.respawns:
        return Escalate(
            key=f"escalate:{bead.id}",
            version=f"respawns:{agent.run}",
            subject=bead.id,
            why=f"{agent.address} died {deaths + 1} times on {bead.id}:"
            f" it waits for you (restart it, or sling the bead anew)",
        )
    backoff_s = min(2.0**deaths, _BACKOFF_MOST_S) if deaths else 0.0
    if died and last is not None and view.ago_s(last.ended) < backoff_s:
        return None
    return StartSession(
        key=f"start:{agent.address}",
        version=start_version(agent, bead, last),
        agent=agent.address,
        bead=bead.id,
        resume=bool(last is not None and agent.conversation),
        is_respawn=died,
    )


def is_worn_out(view: View, agent: Agent, bead: Bead) -> bool:
    """Whether sessions have died on the bead too often to start another unasked."""
    last = view.town.runs.get(agent.run)
    if last is None or not died_unasked(last):
        return False
    return respawns_of(bead) >= view.town.limits.respawns


def _tell_rework(view: View, agent: Agent, bead: Bead) -> Tell:
    request = view.requests[bead.id]
    attempt = attempt_words(request.reds, view.town.limits.attempts)
    return Tell(
        key=f"tell:{agent.address}",
        version=f"{request.id}:{request.attempt}",
        agent=agent.address,
        text=f"Your change came back ({request.rework}, attempt {attempt}): {request.why} "
        "Run `gastown prime` for the details, mend it, and run `gastown done` again.",
        request=request.id,
        attempt=request.attempt,
    )


def _rework_unsaid(view: View, agent: Agent, bead: Bead) -> Escalate:
    """Whoever works at a prompt that runs what is typed hears of rework from the overseer."""
    request = view.requests[bead.id]
    return Escalate(
        key=f"escalate:{request.id}",
        version=f"rework:{request.attempt}",
        subject=agent.address,
        why=f"the change of {bead.id} came back ({request.rework}): {request.why};"
        f" {agent.address} runs what is typed at its prompt, so it is not told there",
    )


def start_up_dialogs(view: View) -> Iterator[Command]:
    """Questions of a program's start that the overseer has answered once for all sessions.

    Once for each run and kind: a program that asks again wants a person.
    """
    for address, fact in sorted(view.town.facts.items()):
        agent, run = view.town.agents.get(address), view.living.get(address)
        rig = view.town.rigs.get(agent.rig) if agent else None
        if agent is None or run is None or rig is None or not is_wanted(agent):
            continue
        if fact.dialog is None or fact.prompts:
            continue
        option = start_up_answer(fact.dialog, consents_of(rig.config), list(fact.servers))
        if option is not None:
            yield AnswerDialog(
                key=f"answer:{address}",
                version=f"{run.run}:{fact.dialog.kind}",
                agent=address,
                run=run.run,
                dialog=fact.dialog,
                option=option,
            )


def send_back(view: View) -> Iterator[Command]:
    """Agents that sit at their prompt, or say nothing, with work on the hook.

    One whose prompt runs what is typed is worked by a person, who knows when it goes on.
    """
    for address, bead in view.hooks.items():
        agent, fact = view.town.agents[address], view.town.facts.get(address)
        run = view.living.get(address)
        if fact is None or fact.runs_text or run is None or not is_wanted(agent):
            continue
        if not view.has_work(bead) or bead.label("done") is not None or not view.is_told(bead):
            continue
        begun = max(run.started, instant(agent.wanted_at))
        if fact.state == "idle":
            if view.quiet_s(max(fact.since, begun)) >= view.town.limits.idle_s * 2**agent.nudged:
                yield _nudge(agent, run, f"{fact.since:.0f}")
        elif fact.state in {"working", "stalled"}:
            yield from _silent(view, agent, run, view.quiet_s(max(fact.last_output, begun)))


def _nudge(agent: Agent, run: RunFact, occasion: str) -> Command:
    if agent.nudged >= _NUDGES:
        return Escalate(
            key=f"escalate:{agent.address}",
            version=f"idle:{run.run}",
            subject=agent.address,
            why=f"{agent.address} sits at its prompt with work on its hook, and was sent back to"
            f" it {agent.nudged} times: look at its pane",
        )
    return Tell(
        key=f"tell:{agent.address}",
        version=f"idle:{run.run}:{occasion}",
        agent=agent.address,
        text=_BACK_TO_WORK,
    )


def _silent(view: View, agent: Agent, run: RunFact, quiet_s: float) -> Iterator[Command]:
    if quiet_s >= view.town.limits.hung_s:
        yield EndSession(
            key=f"end:{run.run}",
            version="hung",
            agent=agent.address,
            run=run.run,
            why="hung: no output",
        )
    elif quiet_s >= view.town.limits.stall_s:
        yield Tell(
            key=f"tell:{agent.address}",
            version=f"stall:{run.run}",
            agent=agent.address,
            text=_BACK_TO_WORK,
        )
