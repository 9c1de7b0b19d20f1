"""The sample repository, and that its plan of work holds in any order."""

from __future__ import annotations

import random
import subprocess

import pytest

from gastown_tui.demo.effects import Pause, Result, Run
from gastown_tui.demo.sample import gate_command, make_sample, plan_work
from gastown_tui.demo.sandbox import Sandbox
from gastown_tui.demo.script import edited, parse_script
from gastown_tui.domain.errors import BadInput, Conflict
from tests.demo.conftest import git


def drive(part):
    """Runs a part of a turn without a terminal."""
    answer = None
    while True:
        try:
            effect = part.send(answer)
        except StopIteration as end:
            return end.value
        assert not isinstance(effect, Pause)
        assert isinstance(effect, Run)
        done = subprocess.run(
            effect.argv,
            cwd=drive.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere", **dict(effect.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        answer = Result(done.returncode, done.stdout)


def gate(folder):
    return subprocess.run(gate_command(), cwd=folder, capture_output=True, text=True, check=False)


def work(sandbox, bead):
    """What an agent does for a bead, tests left out."""
    paths = []
    for step in parse_script(bead.description).steps:
        if step.verb == "edit":
            before = sandbox.read(step.subject)
            after = edited(before, step)
            assert after != before, step
            assert edited(after, step) == after
            sandbox.write(step.subject, after)
            paths.append(step.subject)
        elif step.verb == "commit":
            assert drive(sandbox.commit(step.subject, paths)).code == 0
            paths = []


def land_all(folder, plan, rng):
    """Lands all good beads in a random order, each branch begun at some older target."""
    sandbox = Sandbox(folder, "toast")
    drive.folder = folder
    landed, tips, conflicts = set(), [("main", frozenset())], 0
    waiting = [bead for bead in plan.beads if not bead.breaks]
    while waiting:
        ready = [bead for bead in waiting if landed.issuperset(bead.depends_on)]
        bead = rng.choice(ready)
        waiting.remove(bead)
        bases = [tip for tip, inside in tips if inside.issuperset(bead.depends_on)]
        git(folder, "checkout", "-q", "-B", f"work/{bead.key}", rng.choice(bases[:3]))
        work(sandbox, bead)
        conflicts += bool(drive(sandbox.rebase("main")))
        git(folder, "branch", "-f", "main", "HEAD")
        landed.add(bead.key)
        tips.append((git(folder, "rev-parse", "main"), frozenset(landed)))
    return conflicts


def test_the_repository_is_the_same_every_time(tmp_path):
    make_sample(tmp_path / "a")
    make_sample(tmp_path / "b")
    heads = {git(tmp_path / name, "rev-parse", "main") for name in "ab"}
    assert len(heads) == 1
    assert git(tmp_path / "a", "status", "--porcelain") == ""
    assert len(git(tmp_path / "a", "log", "--format=%s").splitlines()) == 8
    with pytest.raises(Conflict):
        make_sample(tmp_path / "a")
    result = gate(tmp_path / "a")
    assert result.returncode == 0
    assert "Ran 100 tests" in result.stderr


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_is_what_the_demo_promises(seed):
    plan = plan_work(seed)
    assert plan == plan_work(seed)
    keys = [bead.key for bead in plan.beads]
    assert len(set(keys)) == len(keys) == 40
    assert len(plan.convoys) == len(plan.epics) == 3
    assert {bead.parent for bead in plan.beads} == {epic.key for epic in plan.epics}
    for at, bead in enumerate(plan.beads):
        assert set(bead.depends_on) <= set(keys[:at])
        assert "```demo" in bead.description
        assert bead.acceptance
    (breaking,) = (bead for bead in plan.beads if bead.breaks)
    assert not any(breaking.key in bead.depends_on for bead in plan.beads)
    assert not breaking.contended
    assert not breaking.asks
    assert sum(bead.asks for bead in plan.beads) == 5
    assert sum(bead.contended for bead in plan.beads) >= 8
    assert max(len(bead.depends_on) for bead in plan.beads) >= 2


def test_small_and_large_plans():
    assert len({plan_work(seed) for seed in range(20)}) == 20
    small = plan_work(3, beads=8, asks=0)
    assert len(small.beads) == 8
    assert sum(bead.breaks for bead in small.beads) == 1
    assert not any(bead.asks for bead in small.beads)
    for count in (7, 41):
        with pytest.raises(BadInput):
            plan_work(1, beads=count)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]
)
def test_any_order_ends_green(tmp_path, seed):
    make_sample(tmp_path / "repo")
    conflicts = land_all(tmp_path / "repo", plan_work(seed), random.Random(seed))
    assert conflicts >= 3
    result = gate(tmp_path / "repo")
    assert result.returncode == 0, result.stderr


def test_every_slip_breaks_a_test_that_its_agent_does_not_run(tmp_path):
    make_sample(tmp_path / "repo")
    drive.folder = tmp_path / "repo"
    sandbox = Sandbox(drive.folder, "toast")
    seen = set()
    for seed in range(60):
        plan = plan_work(seed)
        (bead,) = (bead for bead in plan.beads if bead.breaks)
        script = parse_script(bead.description)
        slip = script.steps[-2]
        if slip.subject in seen:
            continue
        seen.add(slip.subject)
        assert slip.way == "replace"
        assert all("tests." in step.subject for step in script.steps if step.verb == "run")
        sandbox.write(slip.subject, edited(sandbox.read(slip.subject), slip))
        assert gate(drive.folder).returncode == 1, slip
        git(drive.folder, "checkout", "-q", ".")
    assert len(seen) == 5
