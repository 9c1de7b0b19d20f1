"""Work that came back, and agents that are killed at any instant."""

from __future__ import annotations

import random
import time

import pytest

from gastown_tui.demo.sandbox import gits_in
from tests.demo.conftest import STEPS, git

OTHER = "\n\ndef triple(value):\n    return add(value, add(value, value))\n"
BACK = {"kind": "conflict", "reason": "CHANGELOG.md", "files": ["CHANGELOG.md"], "log": ""}


def land_another(town):
    """Somebody else's change on the target, beside the agent's lines."""
    with (town.repo / "calc.py").open("a") as file:
        file.write(OTHER)
    log = town.repo / "CHANGELOG.md"
    log.write_text(log.read_text().replace("released\n", "released\n- Add triple.\n"))
    git(town.repo, "commit", "-q", "-am", "Add triple")


def check_both(town):
    assert town.subjects() == ["Add double", "Tell about double"]
    calc = (town.sandbox / "calc.py").read_text()
    assert calc.count("def triple") == calc.count("def double") == 1
    assert calc.endswith("return add(value, value)\n")
    log = (town.sandbox / "CHANGELOG.md").read_text()
    assert log == "# Changes\n\n## Unreleased\n- Add triple.\n- Add double.\n\n- First.\n"
    assert git(town.sandbox, "status", "--porcelain") == ""
    assert git(town.sandbox, "symbolic-ref", "HEAD") == "refs/heads/polecat/toast"
    assert git(town.sandbox, "merge-base", "HEAD", "main") == git(town.repo, "rev-parse", "main")
    assert town.log("done.log")[-1] == git(town.sandbox, "rev-parse", "HEAD")


def test_a_conflict_keeps_both_sides(town, agents):
    agents("go").wait("is filed")
    land_another(town)
    town.order(STEPS, attempt=2, rework=BACK)
    agent = agents("go")
    agent.wait("This came back (conflict)")
    agent.wait("both sides kept in calc.py, CHANGELOG.md")
    agent.wait("is filed")
    check_both(town)


def test_a_failed_gate_takes_the_fix(town, agents):
    agents("go").wait("is filed")
    fix = '[[fix]]\nedit = "calc.py"\nfind = "a + b"\nreplace = "b + a"\n[[fix]]\ncommit = "Mend"\n'
    back = {"kind": "gate", "reason": "tests failed", "files": [], "log": "FAILED (errors=1)"}
    for attempt in (2, 3):
        town.order(STEPS + fix, attempt=attempt, rework=back)
        agents("go").wait("is filed")
        assert town.subjects() == ["Add double", "Tell about double", "Mend"]
    town.order(STEPS, attempt=4, rework=back)
    agents("go").wait("is filed")
    assert len(town.log("done.log")) == 4


def test_a_stale_lock_goes_when_no_git_runs(town, agents):
    lock = town.repo / ".git" / "worktrees" / "sandbox" / "index.lock"
    lock.touch()
    assert gits_in(town.sandbox) == []
    agent = agents("go")
    agent.wait("left index.lock here")
    agent.wait("is filed")
    assert town.subjects() == ["Add double", "Tell about double"]


@pytest.mark.parametrize(("seed", "conflict"), [(1, False), (2, False), (3, True), (4, True)])
def test_killed_at_any_instant_ends_with_the_same_commits(town, agents, seed, conflict):
    rng = random.Random(seed)
    if conflict:
        agents("go", "--session-id", "c").wait("is filed")
        land_another(town)
        town.order(STEPS, attempt=2, rework=BACK)
    filed = len(town.log("done.log"))
    for _ in range(5):
        agent = agents("go", "--session-id", "c", GASTOWN_DEMO_SPEED="200")
        until = time.monotonic() + rng.uniform(0.02, 0.8)
        while time.monotonic() < until:
            agent.pump(0.01)
        agent.kill()
    agent = agents("--resume", "c", GASTOWN_DEMO_SPEED="200")
    agent.wait("filed")
    agent.wait("/exit to leave")
    assert len(town.log("done.log")) > filed
    assert town.subjects() == ["Add double", "Tell about double"]
    assert git(town.sandbox, "status", "--porcelain") == ""
    assert (town.sandbox / "CHANGELOG.md").read_text().count("- Add double.") == 1
    if conflict:
        check_both(town)
