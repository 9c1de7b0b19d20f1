"""A town in memory: carries out what `plan` decides, on a clock of its own, with accidents.

Every command is a generator: what stands before a `yield` has happened, what stands after it is
lost when the controller dies meanwhile. Git is a set of names, a session is a row, a gate's verdict
is drawn in advance for each bead.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import (
    Command,
    Dispatch,
    Escalate,
    FinishLanding,
    PrepareSandbox,
    StartEvidence,
    StartLanding,
    StartSession,
)
from gastown_tui.domain.config import Limits, RigConfig
from gastown_tui.domain.merge_queue import after_red, is_approved
from gastown_tui.domain.plan import plan
from gastown_tui.domain.town import Agent, AgentFact, Now, Outcome, Request, Rig, RunFact, Town
from gastown_tui.domain.view import is_hooked, view

TOWN, RIG = "t1", "r"
START = 1_800_000_000.0
replace = msgspec.structs.replace
STARTERS = (Dispatch, PrepareSandbox, StartSession, StartEvidence, StartLanding, FinishLanding)


class Refused(Exception):  # noqa: N818 - reads as what it is
    """A command failed."""


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong; each is a probability."""

    crash: float = 0.05
    exits: float = 0.02
    idles: float = 0.1
    hangs: float = 0.02
    setup_fails: float = 0.1
    spawn_fails: float = 0.05
    gate_hangs: float = 0.02
    conflict: float = 0.1
    target_moves: float = 0.01


CALM = Odds(
    crash=0, exits=0, idles=0, hangs=0, setup_fails=0, spawn_fails=0, gate_hangs=0, conflict=0,
    target_moves=0,
)  # fmt: skip


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


class World:
    def __init__(self, seed: int, beads: int = 12, limits: Limits | None = None, **rig):
        self.rng = random.Random(seed)
        self.limits = limits or Limits(max_working=3, polecats=6, gates=2, stall_s=300, hung_s=600)
        config = RigConfig(
            name=RIG, prefix="gt", upstream="u", gates=["test"], gate_timeout_s=900.0,
            **({"review": "none"} | rig),
        )  # fmt: skip
        self.rig = Rig(config=config, tip="base")
        self.now, self.count, self.since = START, 0, START
        self.wanted, self.odds = "up", Odds()
        self.beads: dict[str, Bead] = {}
        self.closed: dict[str, str] = {}
        self.agents: dict[str, Agent] = {}
        self.requests: dict[str, Request] = {}
        self.runs: dict[str, RunFact] = {}
        self.state: dict[str, tuple[str, float, float]] = {}
        self.timers: list[tuple[float, int, object]] = []
        self.steps: dict[str, Iterator[float]] = {}
        self.commands: dict[str, Command] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.branches: dict[str, str] = {}
        self.landed: set[str] = set()
        self.tip_of: dict[str, str] = {}
        self.reds: dict[str, int] = {}
        self.escalated: list[tuple[str, str]] = []
        self.issued: list[Command] = []
        self.dropped: set[str] = set()
        self.gate_runs = 0
        for number in range(beads):
            self.add_bead(f"gt-{number:03d}")

    # -- the town's state

    def new(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count:06d}"

    def add_bead(self, name: str, **fields) -> None:
        labels = (f"town:{TOWN}", "sling:any")
        made = stamp(self.now)
        self.beads[name] = Bead(
            id=name, labels=labels, created_at=made, updated_at=made,
            priority=self.rng.randrange(5), **fields,
        )  # fmt: skip
        self.reds[name] = 0

    def label(self, bead: str, dimension: str, value: str | None) -> None:
        old = self.beads[bead]
        kept = tuple(one for one in old.labels if not one.startswith(f"{dimension}:"))
        labels = kept + ((f"{dimension}:{value}",) if value is not None else ())
        self.set_bead(bead, labels=labels)

    def set_bead(self, bead: str, **fields) -> None:
        self.beads[bead] = replace(self.beads[bead], updated_at=stamp(self.now), **fields)

    def set_agent(self, address: str, **fields) -> None:
        self.agents[address] = replace(self.agents[address], **fields)

    def set_request(self, request: str, **fields) -> None:
        self.requests[request] = replace(self.requests[request], updated=self.now, **fields)

    def set_rig(self, **fields) -> None:
        self.rig = replace(self.rig, **fields)

    def close(self, bead: str, why: str) -> None:
        if bead in self.beads:
            self.closed[bead] = why
            del self.beads[bead]

    def want(self, wanted: str) -> None:
        self.wanted, self.since = wanted, self.now

    def snapshot(self) -> Town:
        blocked = {edge.issue_id for bead in self.beads.values() for edge in bead.dependencies
                   if edge.depends_on_id in self.beads}  # fmt: skip
        return Town(
            id=TOWN, wanted=self.wanted, since=self.since, limits=self.limits,
            rigs={RIG: self.rig}, beads=dict(self.beads),
            rig_of=dict.fromkeys(self.beads, RIG),
            ready=frozenset(b.id for b in self.beads.values()
                            if b.status == "open" and b.id not in blocked),
            agents=dict(self.agents), requests=dict(self.requests), runs=dict(self.runs),
            facts={address: AgentFact(state=kind, since=since, last_output=last)
                   for address, (kind, since, last) in self.state.items()
                   if address in self.agents},
            in_flight=frozenset(self.steps), outcomes=dict(self.outcomes),
        )  # fmt: skip

    def clock(self) -> Now:
        return Now(wall=self.now, awake=self.now - START)

    def living(self, name: str) -> list[RunFact]:
        return [run for run in self.runs.values() if run.alive and run.name == name]

    # -- time

    def at(self, delay: float, what) -> None:
        self.count += 1
        self.timers.append((self.now + delay, self.count, what))

    def look(self) -> None:
        for command in plan(self.snapshot(), self.clock()):
            self.issued.append(command)
            self.steps[command.key] = getattr(self, type(command).__name__.lower())(command)
            self.commands[command.key] = command
            self.advance(command.key)

    def advance(self, key: str) -> None:
        """Carry a command on to its next pause, or to its end."""
        steps, command = self.steps[key], self.commands[key]
        ok, why = True, ""
        try:
            delay = next(steps)
        except StopIteration:
            pass
        except Refused as error:
            ok, why = False, str(error)
        else:

            def go_on() -> None:
                if self.steps.get(key) is steps:
                    self.advance(key)

            self.at(delay, go_on)
            return
        last = self.outcomes.get(key)
        again = last is not None and not last.ok and last.version == command.version
        tries = last.tries + 1 if not ok and again else 1
        self.outcomes[key] = Outcome(
            version=command.version, ok=ok, why=why, at=self.now - START, tries=tries
        )
        del self.steps[key], self.commands[key]

    def step(self, longest: float = 5.0) -> None:
        """Look, then let time pass until something happens."""
        self.look()
        until = self.now + longest
        due = min((when for when, _, _ in self.timers), default=until)
        self.now = max(self.now + 0.05, min(due, until))
        ready = sorted((one for one in self.timers if one[0] <= self.now), key=lambda one: one[:2])
        self.timers = [one for one in self.timers if one[0] > self.now]
        for _, _, what in ready:
            what()

    # -- accidents

    def restart_controller(self) -> None:
        self.steps.clear()
        self.commands.clear()
        self.outcomes.clear()

    def kill_host(self) -> None:
        for run in list(self.runs.values()):
            if run.alive:
                self.end_run(run.run, why="host died")
        self.restart_controller()

    def end_run(self, run: str, *, why: str, code: int | None = None) -> None:
        if self.runs[run].alive:
            fact = self.runs[run]
            self.runs[run] = replace(fact, alive=False, ended=self.now, why=why, code=code)
            if fact.name in self.state:
                self.state[fact.name] = ("exited", self.now, self.now)

    # -- agents

    def spawn(self, run: str, name: str, kind: str, note: dict[str, str]) -> None:
        for old in list(self.runs.values()):
            if old.alive and (old.name == name or old.note.get("work", "-") == note.get("work")):
                self.end_run(old.run, why="ended: fenced")
        if self.rng.random() < self.odds.spawn_fails:
            self.runs[run] = RunFact(run=run, name=name, kind=kind, alive=False, ended=self.now,
                                     why="spawn failed: no room", note=note)  # fmt: skip
            raise Refused("no room")
        self.runs[run] = RunFact(
            run=run, name=name, kind=kind, alive=True, started=self.now, note=note
        )

    def work_on(self, address: str, run: str) -> None:
        """Draw what an agent does next."""
        self.state[address] = ("working", self.now, self.now)
        draw, odds = self.rng.random(), self.odds

        def later(what) -> None:
            def act() -> None:
                hooked = [b for b in self.beads.values() if b.assignee == address]
                if self.runs[run].alive and self.wanted != "estop":
                    what(hooked[0].id if hooked else "")

            self.at(self.rng.uniform(20, 400), act)

        def done(bead: str) -> None:
            if bead:
                token = self.new("d")
                self.tip_of[self.agents[address].branch] = self.new("c")
                self.label(bead, "done", token)
            self.state[address] = ("idle", self.now, self.now)

        def idle(_bead: str) -> None:
            self.state[address] = ("idle", self.now, self.now)

        if draw < odds.crash:
            later(lambda _b: self.end_run(run, why="exit", code=1))
        elif (draw := draw - odds.crash) < odds.exits:
            later(lambda _b: self.end_run(run, why="exit", code=0))
        elif (draw := draw - odds.exits) < odds.idles:
            later(idle)
        elif draw - odds.idles >= odds.hangs:
            later(done)

    # -- the town's hands

    def hooked(self, address: str, bead: str) -> Bead:
        found = self.beads.get(bead)
        if found is None or found.assignee != address or not is_hooked(TOWN, found):
            raise Refused("no longer hooked")
        return found

    def dispatch(self, c: Dispatch):
        bead = self.beads.get(c.bead)
        if bead is None or bead.status != "open":
            raise Refused("not open")
        assert all(b.assignee != c.agent for b in self.beads.values() if is_hooked(TOWN, b))
        if c.agent not in self.agents:
            name = c.agent.rpartition("/")[2]
            self.agents[c.agent] = Agent(
                address=c.agent, record=f"hq-{name}", rig=RIG, name=name, wanted_at=stamp(self.now)
            )
        self.set_bead(c.bead, status="hooked", assignee=c.agent)
        self.label(c.bead, "sling", None)
        yield 0.01

    def preparesandbox(self, c):
        self.hooked(c.agent, c.bead)
        if f"/{c.bead}@" not in self.agents[c.agent].branch:
            self.set_agent(c.agent, branch=f"polecat/x/{c.bead}@{self.new('b')}")
        yield self.rng.uniform(1, 30)
        branch = self.agents[c.agent].branch
        self.branches.setdefault(branch, "base")
        yield self.rng.uniform(1, 60)
        if self.rng.random() < self.odds.setup_fails:
            raise Refused("set-up")
        self.hooked(c.agent, c.bead)
        self.set_agent(c.agent, sandbox_for=c.bead, base="base")

    def startsession(self, c):
        self.hooked(c.agent, c.bead)
        agent = self.agents[c.agent]
        if agent.wanted != "running":
            raise Refused("not wanted")
        assert self.wanted == "up"
        if c.is_respawn:
            count = int(self.beads[c.bead].label("respawns") or 0) + 1
            self.label(c.bead, "respawns", str(count))
        run = self.new("run")
        self.set_agent(c.agent, run=run, conversation="conv", nudged=0)
        yield 0.1
        if self.wanted in {"down", "estop"}:
            raise Refused("not up")
        self.spawn(run, c.agent, "agent", {"bead": c.bead, "work": f"sandbox {c.agent}"})
        self.work_on(c.agent, run)
        for request in self.requests.values():
            if request.bead == c.bead and request.state == "rework":
                self.set_request(request.id, told=request.attempt)

    def endsession(self, c):
        yield 2.0
        why = f"ended: {c.why}"
        self.end_run(c.run, why=why, code=143 if "time limit" in why else None)

    def markstopped(self, c):
        if self.agents[c.agent].wanted == "running":
            self.set_agent(c.agent, wanted="stopped", wanted_why=c.why)
        yield 0.01

    def submit(self, c):
        bead = self.hooked(c.agent, c.bead)
        if bead.label("done") is None:
            return
        yield self.rng.uniform(0.1, 3)
        agent = self.agents[c.agent]
        tip = self.tip_of[agent.branch]
        self.branches[agent.branch] = tip
        mine = [r for r in self.requests.values() if r.bead == c.bead and r.state != "dropped"]
        if mine:
            assert mine[0].state != "landed"
            state = "held" if mine[0].state == "held" else "submitted"
            self.set_request(
                mine[0].id, state=state, submitted=tip, approved="", evidence="", gate_run="",
                suspect=0, lost=0, rework="", branch=agent.branch, agent=c.agent,
            )  # fmt: skip
        else:
            new = self.new("mr")
            self.requests[new] = Request(
                id=new, rig=RIG, bead=c.bead, agent=c.agent, branch=agent.branch, submitted=tip,
                created=self.now, updated=self.now, priority=bead.priority,
            )  # fmt: skip
        yield 0.01
        if c.bead in self.beads:
            self.label(c.bead, "done", None)

    def tell(self, c):
        yield self.rng.uniform(0.2, 5)
        living = self.living(c.agent)
        if not living:
            raise Refused("gone")
        if c.request:
            if c.request in self.requests:
                self.set_request(c.request, told=c.attempt)
        else:
            self.set_agent(c.agent, nudged=self.agents[c.agent].nudged + 1)
        self.work_on(c.agent, living[0].run)

    def escalate(self, c: Escalate):
        if (c.key, c.version) not in self.escalated:
            self.escalated.append((c.key, c.version))
        yield 0.01

    def closeconvoy(self, c):
        raise NotImplementedError
        yield

    # -- the refinery's hands

    def is_red(self, request: Request) -> bool:
        return self.reds[request.bead] > 0 and self.reds[request.bead] > request.reds

    def gate(self, run: str, name: str, note: dict[str, str], red: bool) -> None:
        self.spawn(run, name, "gate", note)
        self.gate_runs += 1
        if self.rng.random() >= self.odds.gate_hangs:
            self.at(self.rng.uniform(5, 300),
                    lambda: self.end_run(run, why="exit", code=int(red)))  # fmt: skip

    def startevidence(self, c):
        request = self.requests.get(c.request)
        if request is None or request.state != "submitted":
            return
        yield self.rng.uniform(0.1, 5)
        now = self.requests.get(c.request)
        if now is None or now.state != "submitted" or now.submitted != request.submitted:
            return
        run = self.new("run")
        self.set_request(c.request, state="testing", gate_run=run)
        yield 0.05
        note = {"purpose": "evidence", "request": c.request, "rig": RIG, "work": f"e {c.request}"}
        self.gate(run, f"gate/{RIG}/{c.request}", note, self.is_red(request))

    def verdict(self, run: str) -> str:
        found = self.runs.get(run)
        if found is None or not (found.why == "exit" or "time limit" in found.why):
            return "lost"
        return "green" if found.why == "exit" and found.code == 0 else "red"

    def back(self, request: Request, kind: str) -> None:
        reds = request.reds + (kind != "conflict")
        is_last = reds >= self.limits.attempts
        self.set_request(
            request.id, state="rejected" if is_last else "rework", rework=kind, approved="",
            suspect=0, lost=0, reds=reds, attempt=request.attempt + (not is_last),
        )  # fmt: skip

    def finishevidence(self, c):
        yield 0.1
        request = self.requests.get(c.request)
        if request is None or request.state != "testing" or request.gate_run != c.run:
            return
        verdict = self.verdict(c.run)
        if verdict == "lost":
            self.set_request(c.request, state="submitted", gate_run="", lost=request.lost + 1)
        elif verdict == "red":
            self.back(request, "gate")
        else:
            free = self.rig.config.review == "none"
            self.set_request(
                c.request, state="approved" if free else "review", evidence=request.submitted,
                approved=request.submitted if free else "", lost=0,
            )  # fmt: skip

    def startlanding(self, c):
        batch = [self.requests[one] for one in c.requests if one in self.requests]
        batch = [one for one in batch if is_approved(one)]
        if not batch or self.rig.landing:
            return
        yield self.rng.uniform(0.5, 10)
        if self.rng.random() < self.odds.target_moves:
            self.set_rig(held="somebody moved the target")
            return
        for one in batch:
            now = self.requests.get(one.id)
            if now is None or not is_approved(now) or now.submitted != one.submitted:
                raise Refused("changed meanwhile")
        stacked = []
        for one in batch:
            if self.rng.random() < self.odds.conflict:
                self.back(one, "conflict")
            else:
                stacked.append(one)
        if not stacked:
            return
        run = self.new("run")
        for one in stacked:
            self.set_request(one.id, state="landing", gate_run=run)
        self.set_rig(landing=run)
        yield 0.05
        note = {"purpose": "landing", "rig": RIG, "work": "landing"}
        self.gate(run, f"gate/{RIG}/landing", note, any(self.is_red(one) for one in stacked))

    def finishlanding(self, c):
        yield 0.1
        if self.rig.landing != c.run:
            return
        batch = [r for r in self.requests.values() if r.state == "landing" and r.gate_run == c.run]
        verdict = self.verdict(c.run)
        if verdict == "green":
            self.landed |= {one.submitted for one in batch}  # git first, then the books
            yield 0.5
        self.set_rig(landing="")
        for one in batch:
            if verdict == "green":
                self.set_request(one.id, state="landed", landed=one.submitted)
            else:
                lost = one.lost + 1 if verdict == "lost" else 0
                self.set_request(one.id, state="approved", gate_run="", lost=lost)
        if verdict == "red":
            for one, size in after_red([one.id for one in batch],
                                       list(self.requests.values())).items():  # fmt: skip
                self.set_request(one, suspect=size)
            if len(batch) == 1:
                self.back(self.requests[batch[0].id], "gate")
        yield 0.05
        for one in batch if verdict == "green" else ():
            self.close(one.bead, f"Merged {one.submitted}")

    def free(self, address: str) -> None:
        self.set_agent(address, sandbox_for="", branch="", base="", conversation="")

    def cleanup(self, c):
        request = self.requests[c.request]
        self.close(request.bead, f"Merged {request.landed}")
        yield 2.0
        agent = self.agents[request.agent]
        if agent.sandbox_for == request.bead:
            for run in self.living(agent.address):
                self.end_run(run.run, why="ended: its work has landed")
            assert request.landed in self.landed
            if self.branches.get(request.branch) == request.landed:
                del self.branches[request.branch]
            self.free(agent.address)
        self.requests.pop(c.request, None)

    def closedropped(self, c):
        self.close(self.requests[c.request].bead, "Dropped")
        yield 0.01
        self.requests.pop(c.request, None)

    def putaway(self, c):
        yield 2.0
        agent, bead = self.agents[c.agent], self.beads.get(c.bead)
        if agent.sandbox_for != c.bead or (bead and bead.assignee == c.agent):
            return
        for run in self.living(c.agent):
            self.end_run(run.run, why="ended: no longer its work")
        self.branches[agent.branch] = self.tip_of.get(agent.branch, "base")
        self.free(c.agent)


def working(world: World) -> int:
    """Agents that know of work and have a living session, counted apart from the plan."""
    seen = view(world.snapshot(), world.clock())
    return sum(
        address in seen.living and seen.has_work(bead) and seen.is_told(bead)
        for address, bead in seen.hooks.items()
    )
