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

from gastown_tui.domain import convoys, rules_agents, rules_queue, rules_work
from gastown_tui.domain.commands import Command, Escalate
from gastown_tui.domain.town import Now, Town
from gastown_tui.domain.view import View, view

Rule = Callable[[View], Iterator[Command]]
GIVE_UP: Final = 8
"""Failures in a row at one version after which the overseer is told."""
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
)
"""Finishing and recording."""
_WHEN_UP: Final[tuple[Rule, ...]] = (
    rules_queue.finish_landings,
    rules_queue.landings,
    rules_queue.follow_pulls,
    rules_queue.evidence,
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
        why=f"{command.key} failed {last.tries} times and is tried again: {last.why}",
    )
