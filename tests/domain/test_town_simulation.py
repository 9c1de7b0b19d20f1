"""A whole town simulated: what must hold at every moment, and that everything ends well."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from gastown_tui.domain.bead import Dependency
from gastown_tui.domain.commands import StartSession
from gastown_tui.domain.plan import plan

_SPEC = importlib.util.spec_from_file_location(
    "town_simulator", Path(__file__).with_name("town_simulator.py")
)
sim = importlib.util.module_from_spec(_SPEC)
sys.modules["town_simulator"] = sim
_SPEC.loader.exec_module(sim)
HOUR = 3600.0


class Watch:
    """Looks at a world after every step and says what must never be."""

    def __init__(self, world):
        self.world, self.seen = world, 0
        self.done: dict[str, str] = {}
        self.failed: dict[tuple[str, str], tuple[float, int]] = {}
        self.merged: set[str] = set()

    def restarted(self):
        self.done.clear()
        self.failed.clear()

    def check_issued(self, before):
        """`before`: the snapshot that the commands were decided on."""
        world = self.world
        for command in world.issued[self.seen :]:
            key, version = command.key, command.version
            assert key not in before.in_flight, command
            if isinstance(command, sim.STARTERS):
                assert before.wanted == "up", command
            if isinstance(command, StartSession):
                assert before.agents[command.agent].wanted == "running", command
            last = before.outcomes.get(key)
            if last is not None and last.version == version:
                assert not last.ok, f"done again: {command}"
                waited = world.now - sim.START - last.at
                assert waited >= min(2.0**last.tries, 60.0) - 0.01, f"too soon: {command}"
        self.seen = len(world.issued)

    def check(self):
        world = self.world
        hooks = Counter(
            bead.assignee for bead in world.beads.values() if sim.is_hooked(sim.TOWN, bead)
        )
        assert all(count == 1 for count in hooks.values()), hooks
        alive = [run for run in world.runs.values() if run.alive]
        assert all(count == 1 for count in Counter(run.name for run in alive).values())
        assert sum(run.kind == "gate" for run in alive) <= world.limits.gates
        assert sim.working(world) <= world.limits.max_working
        assert len(world.agents) <= world.limits.polecats
        for bead, why in world.closed.items():
            if why.startswith("Merged") and bead not in self.merged:
                assert why.removeprefix("Merged ") in world.landed
                self.merged.add(bead)
        for request in world.requests.values():
            if request.state == "rejected":
                assert request.reds >= world.limits.attempts
            if request.submitted and request.state != "landed":
                kept = request.submitted in world.landed
                assert kept or request.branch in world.branches, f"lost: {request}"


def run(world, seconds, *, every=None, watch=None):
    watch = watch or Watch(world)
    until = world.now + seconds
    while world.now < until:
        before, shown = world.snapshot(), len(world.issued)
        watch.seen = shown
        world.step()
        watch.check_issued(before) if world.issued[shown:] else None
        watch.check()
        if every is not None:
            every(watch)
        if not world.beads and not world.requests:
            return watch
    return watch


def accidents(rng):
    def every(watch):
        draw = rng.random()
        if draw < 0.01:
            watch.world.restart_controller()
        elif draw < 0.014:
            watch.world.kill_host()
        elif draw < 0.03:
            hand_in_again(rng, watch.world)
        elif draw < 0.035:
            unhook(rng, watch.world)

    return every


def hand_in_again(rng, world):
    """An agent goes on after `done`, and says it once more."""
    parked = [a for a in world.agents.values() if a.sandbox_for in world.beads and a.branch]
    for agent in rng.sample(parked, min(1, len(parked))):
        if world.living(agent.address) and world.beads[agent.sandbox_for].assignee:
            world.tip_of[agent.branch] = world.new("c")
            world.label(agent.sandbox_for, "done", world.new("d"))


def unhook(rng, world):
    """The overseer takes a bead off its hook and slings it anew."""
    under_way = {one.bead for one in world.requests.values() if one.state != "rework"}
    hooked = [b for b in world.beads.values() if b.assignee and b.id not in under_way]
    for bead in rng.sample(hooked, min(1, len(hooked))):
        world.label(bead.id, "done", None)
        world.label(bead.id, "sling", "any")
        world.set_bead(bead.id, status="open", assignee="")


def overseer(rng, world):
    """Does anything an overseer may do, at random."""
    agents = list(world.agents)
    requests = [one for one in world.requests.values() if one.state not in {"landing", "landed"}]
    draw = rng.random()
    if draw < 0.2 and agents:
        world.set_agent(rng.choice(agents), wanted="stopped", wanted_at=sim.stamp(world.now))
    elif draw < 0.6:
        for agent in agents:
            restart(world, agent)
    elif draw < 0.65:
        world.want(rng.choice(["paused", "down", "estop"]))
    elif draw < 0.75:
        world.want("up")
    elif draw < 0.8 and requests:
        world.set_request(rng.choice(requests).id, state="held")
    elif draw < 0.85 and requests:
        retry(world, rng.choice(requests))
    elif draw < 0.88 and requests:
        one = rng.choice(requests)
        world.set_request(one.id, state="rework", rework="review", attempt=one.attempt + 1,
                          approved="", suspect=0)  # fmt: skip
    elif draw < 0.9 and requests:
        world.set_request(rng.choice(requests).id, state="dropped")
    elif draw < 0.92 and world.beads:
        bead = rng.choice(list(world.beads))
        world.close(bead, "by hand")


def retry(world, request):
    if request.state not in {"testing", "landing", "landed", "dropped"}:
        world.set_request(request.id, state="submitted", evidence="", approved="", rework="",
                          suspect=0, gate_run="", reds=0, lost=0)  # fmt: skip


def restart(world, address):
    agent = world.agents[address]
    for bead in list(world.beads.values()):
        if bead.assignee == address:
            world.label(bead.id, "respawns", None)
    last = world.runs.get(agent.run)
    forget = {"run": ""} if last and not last.alive and last.code == 0 else {}
    world.set_agent(address, wanted="running", wanted_at=sim.stamp(world.now), **forget)


def settle(world, *, hours=48.0):
    """Nothing goes wrong any more, and the overseer answers everything: all must end."""
    world.odds = sim.CALM
    watch, asked = Watch(world), [world.now]

    def every(_watch):
        if world.now < asked[0]:
            return
        asked[0] = world.now + 600
        if world.wanted != "up":
            world.want("up")
        world.set_rig(held="")
        for address, agent in list(world.agents.items()):
            stuck = agent.wanted != "running" or world.state.get(address, ("",))[0] == "exited"
            asked_for = any(f":{address}" in key for key, _ in world.escalated)
            if not world.living(address) and (stuck or asked_for):
                restart(world, address)
            elif world.living(address) and agent.nudged >= 5:
                for one in world.living(address):
                    world.end_run(one.run, why="ended: restarted by you")
                restart(world, address)
        for request in list(world.requests.values()):
            if request.state == "held":
                retry(world, request)
            elif request.state == "review":
                world.set_request(request.id, state="approved", approved=request.submitted)
            elif request.state == "rejected" or (
                request.state == "rework" and request.bead not in world.beads
            ):
                world.dropped.add(request.bead)
                world.set_request(request.id, state="dropped")

    run(world, hours * HOUR, every=every, watch=watch)
    assert not world.beads, f"left over: {list(world.beads.values())}"
    assert not world.requests, f"left over: {list(world.requests.values())}"
    assert not [one for one in world.runs.values() if one.alive and one.kind == "gate"]
    run_on(world, 120)
    assert not [one for one in world.agents.values() if one.sandbox_for]


def run_on(world, seconds):
    until = world.now + seconds
    while world.now < until:
        world.step()


def test_a_calm_town_lands_everything_and_then_rests():
    world = sim.World(1, beads=20)
    world.odds = sim.CALM
    run(world, 12 * HOUR)
    assert len(world.closed) == 20
    assert all(why.startswith("Merged") for why in world.closed.values())
    run_on(world, 60)
    assert not [one for one in world.runs.values() if one.alive]
    assert not world.branches
    count = len(world.issued)
    run_on(world, HOUR)
    assert len(world.issued) == count, "an idle town does nothing"
    assert not world.escalated


@pytest.mark.parametrize("seed", range(8))
def test_accidents_lose_nothing(seed):
    world = sim.World(seed, beads=14)
    rng = random.Random(seed)
    run(world, 6 * HOUR, every=accidents(rng))
    settle(world)
    assert all(why.startswith("Merged") for why in world.closed.values())


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_overseer_does_it_ends(seed):
    world = sim.World(100 + seed, beads=14, review="required")
    rng, chance = random.Random(seed), accidents(random.Random(seed))

    def every(watch):
        chance(watch)
        if rng.random() < 0.03:
            overseer(rng, watch.world)

    run(world, 8 * HOUR, every=every)
    settle(world)


@pytest.mark.parametrize("seed", range(6))
def test_bad_changes_are_rejected_after_the_attempts_and_good_ones_land(seed):
    world = sim.World(200 + seed, beads=15)
    world.odds = sim.CALM
    rng = random.Random(seed)
    bad = set(rng.sample(sorted(world.beads), 3))
    slow = set(rng.sample(sorted(set(world.beads) - bad), 3))
    for bead in bad:
        world.reds[bead] = 99
    for bead in slow:
        world.reds[bead] = rng.randrange(1, world.limits.attempts)
    run(world, 24 * HOUR)
    left = {one.bead: one.state for one in world.requests.values()}
    assert left == dict.fromkeys(bad, "rejected")
    assert set(world.closed) == {f"gt-{n:03d}" for n in range(15)} - bad


def test_work_waits_for_what_blocks_it():
    world = sim.World(7, beads=4)
    world.odds = sim.CALM
    order = []
    for number in range(1, 4):
        name = f"gt-{number:03d}"
        edge = Dependency(issue_id=name, depends_on_id=f"gt-{number - 1:03d}")
        world.set_bead(name, dependencies=(edge,))
    close = world.close
    world.close = lambda bead, why: (order.append(bead), close(bead, why))
    run(world, 12 * HOUR)
    assert list(dict.fromkeys(order)) == [f"gt-{n:03d}" for n in range(4)]


@pytest.mark.parametrize("wanted", ["paused", "down", "estop"])
def test_a_town_that_is_not_up_starts_nothing(wanted):
    world = sim.World(5, beads=10)
    run(world, 900)
    world.want(wanted)
    shown = len(world.issued)
    run(world, 2 * HOUR)
    assert not [one for one in world.issued[shown:] if isinstance(one, sim.STARTERS)]
    if wanted == "estop":
        assert len(world.issued) == shown
    if wanted == "down":
        assert not [one for one in world.runs.values() if one.alive and one.kind == "agent"]
    settle(world)


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_depends_on_nothing_but_its_arguments(seed):
    world, rng = sim.World(seed, beads=12), random.Random(seed)

    def mixed(mapping):
        items = list(mapping.items())
        rng.shuffle(items)
        return dict(items)

    for _ in range(150):
        town, now = world.snapshot(), world.clock()
        shuffled = msgspec.structs.replace(
            town, beads=mixed(town.beads), agents=mixed(town.agents), runs=mixed(town.runs),
            requests=mixed(town.requests), facts=mixed(town.facts),
        )  # fmt: skip
        assert plan(town, now) == plan(town, now) == plan(shuffled, now)
        world.step()


def test_gates_are_not_run_in_circles():
    """Gates whose runs never come to a verdict are tried at growing distances, and said."""
    world = sim.World(3, beads=1)
    world.odds = msgspec.structs.replace(sim.CALM, spawn_fails=0.0)
    gate = world.gate

    def lost(run, name, note, red):
        gate(run, name, note, red)
        world.at(1.0, lambda: world.end_run(run, why="signal"))

    world.gate = lost
    run(world, 2 * HOUR)
    assert 8 <= world.gate_runs <= 2 * 60 + 20
    assert [key for key, _ in world.escalated if "lost" in key]
