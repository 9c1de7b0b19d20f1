"""The one place where the town decides: from a snapshot and the time to a list of commands.

Each rule looks at the whole snapshot and says what should be done now; `plan` drops what is under
way, what has been done at the same version, and what failed a moment ago. Rules about agents are
in `rules_agents`, those about work in `rules_work`, those about merge requests in `rules_queue`.

What a rule may do depends on what the overseer wants of the town:

====== ===========================================================================================
up     everything
paused what was begun is finished and recorded; nothing starts, nothing lands
down   the same, and sessions are ended
estop  nothing: everything is frozen as it is
====== ===========================================================================================

A disk that is all but full is as `paused`: whatever began there would end half done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gastown_tui.domain import convoys, proposals, rules_agents, rules_queue, rules_work
from gastown_tui.domain.commands import (
    AnswerDialog,
    CleanUp,
    CloseConvoy,
    CloseDropped,
    Command,
    Dispatch,
    EndSession,
    Escalate,
    FeedConvoy,
    FinishEvidence,
    FinishLanding,
    FollowPulls,
    MarkStopped,
    PrepareSandbox,
    PutAway,
    RecheckTarget,
    ReturnProposal,
    StartEvidence,
    StartLanding,
    StartSession,
    Submit,
    Tell,
)
from gastown_tui.domain.town import Now, Town
from gastown_tui.domain.view import View, view

Rule = Callable[[View], Iterator[Command]]
GIVE_UP: Final = 8
"""Failures in a row at one version after which the overseer is told."""
_WORDS: Final[dict[type, str]] = {
    AnswerDialog: "answering the dialog of {}",
    CleanUp: "cleaning up after {}",
    CloseConvoy: "closing the convoy {}",
    ReturnProposal: "telling the mayor of the dropped {}",
    CloseDropped: "closing the dropped {}",
    Dispatch: "putting {} on a hook",
    EndSession: "ending the session {}",
    Escalate: "telling you about {}",
    FeedConvoy: "slinging what is ready in {}",
    FinishEvidence: "taking the verdict of the gates on {}",
    FinishLanding: "landing in {}",
    FollowPulls: "asking how the pull requests of {} stand",
    MarkStopped: "recording that {} has stopped",
    PrepareSandbox: "making the sandbox of {}",
    RecheckTarget: "running the gates on the target of {}",
    PutAway: "putting away the sandbox of {}",
    StartEvidence: "starting the gates on {}",
    StartLanding: "preparing a landing in {}",
    StartSession: "starting {}",
    Submit: "handing in for {}",
    Tell: "telling {} to go on",
}
"""What each command does, for a person; the place is for what its key is about."""
_ALWAYS: Final[tuple[Rule, ...]] = (
    rules_agents.end_sessions,
    rules_queue.end_gates,
    rules_queue.finish_evidence,
    rules_queue.submissions,
    rules_agents.left_by_their_exit,
    rules_queue.clean_ups,
    rules_queue.dropped,
    rules_agents.put_away,
    rules_queue.waiting_for_overseer,
    rules_work.strange_hooks,
    convoys.closing,
    proposals.returning,
)
"""Finishing and recording."""
_WHEN_UP: Final[tuple[Rule, ...]] = (
    rules_queue.finish_landings,
    rules_queue.landings,
    rules_queue.follow_pulls,
    rules_queue.red_targets,
    rules_queue.evidence,
    rules_agents.not_started,
    rules_agents.sandboxes,
    rules_agents.set_to_work,
    rules_agents.start_up_dialogs,
    rules_agents.send_back,
    convoys.feeding,
    rules_work.dispatches,
)
"""Beginning, and moving the target."""


def plan(town: Town, now: Now) -> list[Command]:
    """What to do now, in the order to do it; deterministic."""
    if town.wanted == "estop":
        return []
    seen = view(town, now)
    rules = (*_ALWAYS, *(_WHEN_UP if seen.is_up and not town.is_full else ()))
    commands: list[Command] = []
    for rule in rules:
        for command in rule(seen):
            escalation = _given_up(town, command)
            if escalation is not None and seen.may(escalation):
                commands.append(escalation)
            if seen.may(command):
                commands.append(command)
    return commands


def _given_up(town: Town, command: Command) -> Escalate | None:
    last = town.outcomes.get(command.key)
    if last is None or last.ok or last.version != command.version or last.tries < GIVE_UP:
        return None
    return Escalate(
        key=f"escalate:{command.key}",
        version=command.version,
        subject=command.key.partition(":")[2],
        why=f"{_in_words(command)} has failed {last.tries} times and is tried again: {last.why}",
    )


def _in_words(command: Command) -> str:
    """What a command does, for a person."""
    subject = command.key.partition(":")[2]
    return _WORDS.get(type(command), "what the town does for {}").format(subject)
