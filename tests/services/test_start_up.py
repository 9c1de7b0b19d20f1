"""Questions of a program's start are answered from the overseer's recorded yes, and no others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gastown_tui.domain.config import Consent
from gastown_tui.domain.plan import plan
from gastown_tui.protocol import Signals

SCREENS = Path(__file__).parents[1] / "domain" / "agents" / "screens"
YES = Consent(trust=True, by="ada", at="2026-11-23")


class Answers:
    """Answers dialogs as asked, unless told otherwise."""

    def __init__(self, bench):
        self.given, self.receipt = [], "submitted: Yes"
        bench.nudger.answer = self.answer

    async def answer(self, session, dialog, option):
        self.given.append((session, dialog.kind, option))
        return self.receipt


async def started(make, consent, name="2.1.330-trust", folder=None, **rig):
    bench = make(consent=consent, **rig)
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.answers = Answers(bench)
    show(bench, name, folder)
    return bench


def agent_of(bench):
    return next(iter(bench.books.agents.values()))


def show(bench, name, folder=None):
    agent = agent_of(bench)
    text = (SCREENS / f"claude-{name}.txt").read_text()
    text = text.replace("/town/rig/polecats/nux", str(folder or bench.context.paths.sandbox(agent)))
    bench.facts.on_signals(
        Signals(session=agent.address, run=agent.run, bottom=text.rstrip("\n").split("\n"),
                rows_hash=name, last_output=bench.clock.wall)
    )  # fmt: skip


async def test_a_recorded_yes_is_given_once_and_said_whose_it_is(make):
    bench = await started(make, YES)
    await bench.settle()
    await bench.settle()
    address = agent_of(bench).address
    assert bench.answers.given == [(address, "trust", "Yes, I trust this folder")]
    said = [one.title for one in bench.books.events.values() if one.event_kind == "answered"]
    assert len(said) == 1
    assert "ada said so on 2026-11-23" in said[0]


@pytest.mark.parametrize(
    ("consent", "name", "folder"),
    [
        (Consent(), "2.1.330-trust", None),
        (YES, "2.1.330-trust", "/somewhere/else"),
        (YES, "2.1.330-trust_rules", None),
        (YES, "2.1.330-api_key", None),
        (YES, "2.1.330-bypass", None),
        (YES, "2.1.330-mcp", None),
        (YES, "2.1.330-permission-bash", None),
    ],
)
async def test_every_other_question_waits_for_the_overseer(make, consent, name, folder):
    bench = await started(make, consent, name, folder)
    await bench.settle()
    assert bench.answers.given == []
    row = bench.feed.tables["agents"][agent_of(bench).address]
    assert (row["state"], row["needs"] != "") == ("waiting", True)


async def test_an_agent_that_has_begun_is_answered_no_more(make):
    bench = await started(make, YES)
    bench.facts._signs.prompts = lambda _session: 1
    await bench.settle()
    assert bench.answers.given == []


async def test_what_could_not_be_pressed_is_tried_again(make):
    bench = await started(make, YES)
    bench.answers.receipt = "held: a person typed"
    for _ in range(3):
        bench.controller._look()
        for task in list(bench.controller._tasks.values()):
            await task
    assert len(bench.answers.given) == 1  # not in a circle
    bench.answers.receipt = "submitted"
    bench.clock.wall += 5
    await bench.settle()
    assert len(bench.answers.given) == 2


async def test_a_yes_that_was_taken_back_is_not_given(make):
    bench = await started(make, YES)
    command = next(
        one
        for one in plan(
            bench.controller.snapshot(bench.facts.refresh(bench.clock.now())), bench.clock.now()
        )
        if one.key.startswith("answer:")
    )
    rig = bench.books.rigs["r"]
    rig.config = msgspec.structs.replace(rig.config, consent=Consent())
    await bench.controller._carry_out(command)
    assert bench.answers.given == []


async def test_the_servers_that_may_run_are_in_the_settings_and_no_question(make):
    bench = make(consent=Consent(mcp=["one"]), agent="claude")
    bench.machine.servers = ["one", "two"]
    bench.bead()
    bench.sling()
    await bench.settle()
    argv = bench.host.spawned[0].argv
    settings = msgspec.json.decode(Path(argv[argv.index("--settings") + 1]).read_bytes())
    assert settings["enabledMcpjsonServers"] == ["one"]
    assert settings["disabledMcpjsonServers"] == ["two"]
