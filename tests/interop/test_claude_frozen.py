"""The real Claude Code goes on over a freeze: in a tool's run, and at its prompt."""

from __future__ import annotations

import signal
import time

import pytest
from fake_messages import Script, run, say, user_texts

from gastown_tui.domain.agents.answering import DialogAnswer
from gastown_tui.domain.agents.nudge import Nudge
from gastown_tui.host import processes
from gastown_tui.host.fence import Target, members
from gastown_tui.host.freezing import Freezing

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def freeze_for(pane, seconds):
    """Stop everything of the session, and let it go on."""
    leader = processes.find(pane.pid)
    target, freezing = Target(run="none", pid=pane.pid, ticks=leader.ticks), Freezing()
    freezing.send(target, signal.SIGSTOP, frozenset())
    found = members(target, processes.Scan(), frozenset(), frozenset())
    assert all(one.stopped for one in found.values())
    time.sleep(seconds)
    assert all(processes.find(one.pid).stopped for one in found.values())
    freezing.send(target, signal.SIGCONT, frozenset())
    return len(found)


def test_a_tool_and_a_prompt_go_on_after_a_thaw(town):
    turns = [run("sleep 2; echo over >over"), say("The tool has run."), say("Here I am again.")]
    town = town(Script("start here", turns))
    with town.start(prompt="start here") as pane:
        state = town.wait_state(pane, "waiting")
        machine = DialogAnswer(state.dialog, "approve")
        assert town.drive(pane, machine, machine.start(time.time())).kind == "submitted"
        time.sleep(0.7)
        assert freeze_for(pane, 3.0) > 1, "the tool's processes too"
        town.wait_state(pane, "idle")
        assert "The tool has run." in pane.text()
        assert (town.repo / "over").exists()
        freeze_for(pane, 2.0)
        machine = Nudge(town.entry.typing)
        receipt = town.drive(pane, machine, machine.start("and now this", "wait", time.time()))
        assert receipt.kind == "submitted"
        pane.wait("the answer", lambda _: "Here I am again." in pane.text())
    assert "and now this" in user_texts(town.model.requests[-1]["messages"])[-1]
