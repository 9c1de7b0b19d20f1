"""What the rules ask of a town again and again, worked out once for each decision."""

from __future__ import annotations

import math

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import Command
from gastown_tui.domain.standstill import late_since
from gastown_tui.domain.town import RUNNING, Agent, Now, Outcome, Request, RunFact, Town

START_TRIES = 3
"""How often a start is tried that fails for a lasting reason; then it waits for the overseer."""
NEVER_RAN = "spawn failed: "
"""Before the reason, in how a run ended whose program could not be started."""
_RETRY_S = 2.0
_RETRY_MOST_S = 60.0


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A town at one moment, with its hooks, living runs and requests looked up."""

    town: Town
    now: Now
    hooks: dict[str, Bead]
    """Agent to the bead on its hook, in order of address."""
    extra: tuple[Bead, ...]
    """Beads that others have put on a hook that holds another bead."""
    living: dict[str, RunFact]
    """Session name to its living run."""
    requests: dict[str, Request]
    """Bead to its merge request: the open one, else the one that has landed."""

    @property
    def is_up(self) -> bool:
        """Whether work may begin."""
        return self.town.wanted == "up"

    def has_work(self, bead: Bead) -> bool:
        """Whether the agent that has this bead on its hook is the one to act now."""
        request = self.requests.get(bead.id)
        return request is None or request.state == "rework"

    def is_told(self, bead: Bead) -> bool:
        """Whether the agent knows that it is the one to act."""
        request = self.requests.get(bead.id)
        return request is None or request.told >= request.attempt

    def may(self, command: Command) -> bool:
        """Whether a command is neither under way, nor done, nor failed a moment ago."""
        if command.key in self.town.in_flight:
            return False
        last = self.town.outcomes.get(command.key)
        if last is None or last.version != command.version:
            return True
        if last.ok or (last.is_lasting and last.tries >= START_TRIES):
            return False
        wait = min(_RETRY_S * 2.0 ** min(last.tries - 1, 10), _RETRY_MOST_S)
        return self.now.awake - last.at >= wait

    def failed_start(self, agent: Agent) -> Outcome | None:
        """How an agent's start, or the making of its sandbox, failed last; None if it did not."""
        bead = self.hooks.get(agent.address)
        if bead is None:
            return None
        last = self.town.runs.get(agent.run)
        for key, version in (
            (f"start:{agent.address}", start_version(agent, bead, last)),
            (f"sandbox:{agent.address}", sandbox_version(agent, bead)),
        ):
            found = self.town.outcomes.get(key)
            if found is not None and not found.ok and found.version == version:
                return found
        return None

    def working(self) -> set[str]:
        """Agents that are at work, or about to be by a command that is under way."""
        found = set()
        for address, bead in self.hooks.items():
            if not self.has_work(bead):
                continue
            if address in self.living:
                is_busy = self.is_told(bead) or f"tell:{address}" in self.town.in_flight
            else:
                is_busy = f"start:{address}" in self.town.in_flight
            if is_busy:
                found.add(address)
        return found

    def quiet_s(self, seen: float) -> float:
        """Seconds since `seen`, or since the town became what it is if that was later."""
        return self.now.wall - late_since(self.now, seen, self.town.since)

    def ago_s(self, moment: float) -> float:
        """Seconds since; one that a clock set back has left in the future is over."""
        return self.now.wall - moment if moment <= self.now.wall else math.inf


def view(town: Town, now: Now) -> View:
    """Look a town up."""
    hooks, extra = _hooks(town)
    requests: dict[str, Request] = {}
    for request in sorted(town.requests.values(), key=lambda one: (one.created, one.id)):
        former = requests.get(request.bead)
        if request.state != "dropped" and (former is None or former.state == "landed"):
            requests[request.bead] = request
    living = {run.name: run for run in town.runs.values() if run.alive}
    return View(town=town, now=now, hooks=hooks, extra=extra, living=living, requests=requests)


def is_hooked(town: str, bead: Bead) -> bool:
    """Whether the town of this id has put the bead on somebody's hook."""
    return bead.status in {"hooked", "in_progress"} and bead.label("town") == town


def _hooks(town: Town) -> tuple[dict[str, Bead], tuple[Bead, ...]]:
    by_agent: dict[str, list[Bead]] = {}
    for bead in town.beads.values():
        if bead.assignee in town.agents and is_hooked(town.id, bead):
            by_agent.setdefault(bead.assignee, []).append(bead)
    hooks: dict[str, Bead] = {}
    extra: list[Bead] = []
    for address in sorted(by_agent):
        first, *others = sorted(
            by_agent[address], key=lambda bead: _claim(town.agents[address], bead)
        )
        hooks[address] = first
        extra += others
    return hooks, tuple(extra)


def _claim(agent: Agent, bead: Bead) -> tuple[bool, int, str, str]:
    """The order of beads on one hook: what the sandbox is for, then importance and age."""
    return (agent.sandbox_for != bead.id, bead.priority, bead.created_at, bead.id)


def respawns_of(bead: Bead) -> int:
    """How often sessions have died on a bead without anybody asking for it."""
    text = bead.label("respawns") or "0"
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def died_unasked(run: RunFact) -> bool:
    """Whether a run ended by a crash or a signal that neither we nor the host's end caused."""
    if run.alive:
        return False
    return run.why.startswith("ended: hung") or (run.why in {"exit", "signal"} and run.code != 0)


def left_by_exit(run: RunFact | None, bead: Bead, request: Request | None) -> bool:
    """Whether a program ended by itself, with 0, while its work on this bead was unfinished.

    What ended before its change came back had done its part.
    """
    if run is None or run.alive or run.code != 0 or run.why != "exit":
        return False
    if run.note.get("bead", bead.id) != bead.id:
        return False
    return request is None or run.ended >= request.updated


def never_ran(run: RunFact) -> bool:
    """Whether a run's program could not be started at all."""
    return run.why.startswith(NEVER_RAN)


def start_version(agent: Agent, bead: Bead, last: RunFact | None) -> str:
    """What a start answers to; changes with each session that has come about.

    A failed start is the same start again, until the overseer wants it anew.
    """
    stamp = f"lost {agent.run}" if agent.run else ""
    if last is not None:
        stamp = "" if never_ran(last) else last.run
    return f"{bead.id}:{stamp}:{agent.wanted_at}:{agent.branch}"


def sandbox_version(agent: Agent, bead: Bead) -> str:
    """What the making of a sandbox answers to."""
    return f"{bead.id}@{bead.updated_at}:{agent.wanted_at}"


def is_wanted(agent: Agent) -> bool:
    """Whether the overseer wants the agent to run."""
    return agent.wanted == RUNNING
