"""An agent that cannot be started: shown with its reason, tried three times, then it waits."""

from __future__ import annotations

import asyncio
import errno
import typing

import pytest

from gastown_tui.domain import commands, plan
from gastown_tui.domain.config import Setup
from gastown_tui.domain.errors import BadInput, CannotStart, NotFound
from gastown_tui.domain.operations import SetState
from gastown_tui.services import launching
from gastown_tui.services.context import ACTOR

WHY = "claude is not on the PATH of the town"
AGENT = "r/polecats/furiosa"


@pytest.fixture
def claude(make):
    """A town whose agent's program is missing, with one bead slung."""
    bench = make(agent="claude")
    bench.machine.missing["claude"] = WHY
    bench.bead()
    bench.sling()
    return bench


def row(bench):
    bench.controller._look()
    return bench.feed.tables["agents"][AGENT]


async def test_a_missing_program_is_an_error_with_what_to_do(claude):
    await claude.settle()
    for _ in range(5):
        claude.clock.wall += 100.0
        await claude.settle()
    shown = row(claude)
    assert (shown["state"], shown["needs"], shown["bead"]) == ("error", "error", "gt-1")
    assert shown["evidence"].startswith(f"{WHY}: install Claude Code or choose another agent")
    assert "R tries again" in shown["evidence"]
    assert claude.host.spawned == []
    assert claude.controller._outcomes[f"start:{AGENT}"].tries == 3
    assert shown["since"] < claude.clock.wall - 300
    kinds = claude.kinds()
    assert (kinds.count("not-started"), kinds.count("escalated")) == (1, 1)
    assert claude.books.bead("gt-1").assignee == AGENT


async def test_restart_tries_again_and_says_what_happens(claude):
    for _ in range(5):
        await claude.settle()
        claude.clock.wall += 100.0

    async def loop():
        while True:
            claude.controller._look()
            await asyncio.sleep(0.01)

    looking = asyncio.ensure_future(loop())
    try:
        with pytest.raises(CannotStart, match=WHY):
            await claude.ask("restart", AGENT)
        claude.machine.missing.clear()
        _, said = await claude.ask("restart", AGENT)
    finally:
        looking.cancel()
    assert "starts again" in said
    assert [frame.name for frame in claude.host.spawned] == [AGENT]
    assert row(claude)["needs"] == ""


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda m: m.setattr(launching, "write_private", _fails(OSError(errno.EACCES, "no", "f"))),
         "f: no"),
        (lambda m: m.setattr(launching, "launch", _fails(BadInput("no permission mode"))),
         "no permission mode"),
    ],
)  # fmt: skip
async def test_whatever_keeps_a_start_from_being_made_is_told(bench, monkeypatch, broken, why):
    bench.bead()
    bench.sling()
    broken(monkeypatch)
    for _ in range(5):
        await bench.settle()
        bench.clock.wall += 100.0
    assert (row(bench)["state"], row(bench)["needs"]) == ("error", "error")
    assert row(bench)["evidence"].startswith(why)
    assert bench.books.agents[AGENT].run == ""


async def test_what_the_host_refuses_leaves_the_run_and_the_deaths_as_they_were(bench, monkeypatch):
    bench.bead()
    bench.sling()
    await bench.settle()
    agent = bench.books.agents[AGENT]
    bench.host.finish(agent.run, code=1)

    async def refused(_frame):
        raise NotFound("exec failed")

    monkeypatch.setattr(bench.host, "spawn", refused)
    for _ in range(6):
        await bench.settle()
        bench.clock.wall += 100.0
    assert bench.books.agents[AGENT].run == agent.run
    assert bench.books.agents[AGENT].conversation == agent.conversation
    assert bench.books.bead("gt-1").label("respawns") is None
    assert row(bench)["evidence"].startswith("exec failed")


async def test_a_set_up_that_fails_is_told_where_it_can_be_read(make):
    bench = make(setup=Setup(run=["false"]))
    bench.bead()
    bench.sling()

    spawn = bench.host.spawn

    async def fails(frame):
        result = await spawn(frame)
        if frame.kind == "setup":
            bench.host.finish(frame.run, code=1)
        return result

    bench.host.spawn = fails
    for _ in range(6):
        await bench.settle()
        bench.clock.wall += 100.0
    found = row(bench)
    assert (found["state"], found["needs"]) == ("error", "error")
    assert "the set-up of r failed: 1 failed: gastown peek setup/r/furiosa" in found["evidence"]


async def test_an_agent_that_dies_again_and_again_needs_the_overseer(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    deaths = [SetState(bead="gt-1", dimension="respawns", value="3")]
    bench.books.write_rig("r", deaths, actor=ACTOR)
    bench.host.finish(bench.books.agents[AGENT].run, code=1)
    await bench.settle()
    found = row(bench)
    assert (found["state"], found["needs"]) == ("error", "error")
    assert found["evidence"].startswith("died 4 times on gt-1: exit code 1")


def _fails(error):
    def call(*_args):
        raise error

    return call


@pytest.mark.parametrize(("kind", "is_told"), [("shell", False), ("demo", True)])
async def test_a_prompt_that_runs_what_is_typed_is_never_typed_to(make, kind, is_told):
    """Whoever sits there is not sent back to work."""
    bench = make(agent=kind)
    bench.bead()
    bench.sling()
    await bench.settle()
    for _ in range(12):
        bench.clock.wall += 3600.0
        await bench.settle()
    assert bool(bench.nudger.said) == is_told
    assert "escalated" not in bench.kinds()


async def test_rework_of_such_a_prompt_is_told_to_the_overseer_once(make):
    bench = make(agent="shell", review="none")
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate(), code=1)
    for _ in range(3):
        await bench.settle()
        bench.clock.wall += 100.0
    assert bench.request().state == "rework"
    assert bench.nudger.said == []
    said = [one.title for one in bench.books.events.values() if one.event_kind == "escalated"]
    assert len(said) == 1
    assert "the change of gt-1 came back (gate)" in said[0]


def test_what_fails_again_and_again_is_told_in_words():
    """No command of the town is told by its key."""
    for kind in typing.get_args(commands.Command):
        assert kind is commands.Escalate or kind in plan._WORDS
