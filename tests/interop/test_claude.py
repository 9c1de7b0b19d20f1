"""The real Claude Code is started, read and typed to as the catalogue says."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
from fake_messages import Script, Text, Tool, Turn, run, say, user_texts

from gastown_tui.adapters.agents.transcript import Transcript, transcript_path
from gastown_tui.domain.agents.answering import DialogAnswer
from gastown_tui.domain.agents.dialogs import find_dialog, start_up_answer
from gastown_tui.domain.agents.launch import Consents
from gastown_tui.domain.agents.nudge import Nudge
from gastown_tui.domain.agents.stop import StopFacts, stop_decision

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def heard(town):
    """The last thing that each request of the conversation ended with."""
    return [user_texts(body["messages"])[-1] for body in town.model.requests]


def nudge(town, pane, text, mode="wait", **more):
    machine = Nudge(town.entry.typing, **more)
    return town.drive(pane, machine, machine.start(text, mode, time.time()))


def answer(town, pane, dialog, choice):
    machine = DialogAnswer(dialog, choice)
    return town.drive(pane, machine, machine.start(time.time()))


def test_first_prompt_hooks_allowed_verbs_and_cost(town):
    town = town(
        Script(
            "start here",
            [
                run("gastown prime"),
                run("head -c 200000 /dev/zero | tr '\\0' x >big; gastown hook"),
                say("Done so far."),
            ],
        )
    )
    with town.start(prompt="start here; --version is no option") as pane:
        state = town.wait_state(pane, "waiting")
        assert (state.needs, state.dialog.kind) == ("permission", "permission")  # only the second
        assert "head -c" in state.question
        assert answer(town, pane, state.dialog, "approve").kind == "submitted"
        state = town.wait_state(pane, "idle")
        assert state.source == "registry"
        assert "Done so far." in pane.text()
    assert town.asked() == ["prime", "hook", "agent-stop"]
    assert "gastown prime for rig/polecats/nux" in "".join(
        user_texts(town.model.requests[1]["messages"])
    )
    names = [event.name for event in town.events]
    assert names[:3] == ["SessionStart", "UserPromptSubmit", "PreToolUse"]
    assert names[-1] == "Stop"
    assert {event.conversation for event in town.events} == {town.conversation}
    path = transcript_path(town.root / "home" / ".claude", town.repo, town.conversation)
    transcript = Transcript(path, town.entry.prices)
    assert transcript.read()
    assert transcript.usage.output == 3 * 30
    assert transcript.cost > 0


def test_the_stop_hook_sends_it_back_to_its_hook_without_a_key(town):
    town = town(
        Script("start", [say("I think I am finished."), run("gastown done"), say("Now I am.")])
    )
    reason = stop_decision(StopFacts(bead="rig-abc"))
    (town.root / "block").write_text(json.dumps({"decision": "block", "reason": reason}))
    with town.start(prompt="start") as pane:
        pane.wait("three answers", lambda _: len(town.model.requests) == 3)
        town.wait_state(pane, "idle")
        assert pane.generation == 0
    assert town.asked() == ["agent-stop", "done", "agent-stop"]
    assert any("rig-abc" in text for text in user_texts(town.model.requests[1]["messages"]))


def test_dialogs_are_answered_by_what_an_option_says(town):
    question = {
        "question": "Which colour?",
        "header": "Colour",
        "multiSelect": False,
        "options": [
            {"label": "Red", "description": "warm"},
            {"label": "Blue", "description": "cool"},
        ],
    }
    town = town(
        Script(
            "start",
            [
                run("curl -s http://127.0.0.1:1/"),
                run("python3 -c 'open(2)'"),
                run("python3 -c 'open(3)'"),
                Turn([Text("Well."), Tool("AskUserQuestion", {"questions": [question]})]),
                run("curl -s http://127.0.0.1:2/"),
                say("Stopped."),
            ],
        )
    )
    with town.start(prompt="start") as pane:
        first = town.wait_state(pane, "waiting").dialog
        assert answer(town, pane, first, "approve").reason == "Yes"
        assert answer(town, pane, first, "approve").kind == "refused"  # bound to what was shown
        second = pane.wait(
            "python", lambda s: "open(2)" in "\n".join(s.bottom) and find_dialog(s.bottom)
        )
        dialog = find_dialog(second.bottom)
        receipt = answer(town, pane, dialog, "always")
        assert receipt.kind == "submitted"
        assert "auto mode" not in receipt.reason
        asks = pane.wait(
            "the question", lambda s: (d := find_dialog(s.bottom)) and d.kind == "question"
        )
        assert town.state(pane).needs == "question"
        assert answer(town, pane, find_dialog(asks.bottom), "Blue").kind == "submitted"
        last = pane.wait(
            "python", lambda s: "127.0.0.1:2/" in "\n".join(s.bottom) and find_dialog(s.bottom)
        )
        assert nudge(town, pane, "are you there?").kind == "queued"
        assert answer(town, pane, find_dialog(last.bottom), "deny").reason == "No"
        assert nudge(town, pane, "use make instead", "now").kind == "submitted"
        pane.wait_text("Stopped.")
        assert "use make instead" in heard(town)[-1]
        town.wait_state(pane, "idle")
        assert "auto mode on" not in pane.text()
    assert "open(3)" in json.dumps(town.model.requests[3]["messages"])  # not asked a second time
    assert "Blue" in json.dumps(town.model.requests[4]["messages"])


def test_nudges_to_an_idle_a_busy_and_a_half_typed_agent(town):
    hold = threading.Event()
    long = "a line of a long nudge that goes on and on\n" * 60
    town = town(
        Script(
            "start",
            [
                say("one"),
                say("two is long and slow", hold=hold),
                say("three"),
                say("four"),
                say("five"),
            ],
        )
    )
    with town.start(prompt="start") as pane:
        town.wait_state(pane, "idle")
        assert nudge(town, pane, "to the idle one:\nsecond line").kind == "submitted"
        town.wait_state(pane, "working")
        assert nudge(town, pane, "to the busy one", patience_s=1.0).kind == "queued"
        assert nudge(town, pane, "to the busy one", "now").kind == "submitted"
        hold.set()
        pane.wait("the third answer", lambda _: len(town.model.requests) == 3)
        town.wait_state(pane, "idle")

        pane.person("half a tho")
        assert nudge(town, pane, "beside a draft").kind == "held"
        pane.wait_text("❯\u00a0half a tho")
        pane.person("\x7f" * 10)
        town.wait_state(pane, "idle")
        assert nudge(town, pane, long).kind == "submitted"
        pane.wait("the fourth answer", lambda _: len(town.model.requests) == 4)
        town.wait_state(pane, "idle")

        assert nudge(town, pane, "!touch by-a-command").kind == "refused"
        assert b"\x1b[201~" not in pane.output
    assert not (town.repo / "by-a-command").exists()
    assert heard(town)[1:] == ["to the idle one:\nsecond line", "to the busy one", long.strip()]
    assert "Interrupted" not in pane.text()


def test_a_killed_agent_goes_on_in_its_conversation(town):
    hold = threading.Event()
    turns = [
        run("gastown step one"),
        say("thinking for long", hold=hold),
        run("gastown step two"),
        say("All done."),
    ]
    town = town(Script("start here", turns))
    with town.start(prompt="start here") as pane:
        pane.wait("the second request", lambda _: len(town.model.requests) == 2)
        town.wait_state(pane, "working")
        os.kill(pane.pid, signal.SIGKILL)
        pane._reader.join(5)
        assert town.state(pane).state == "exited"
    hold.set()
    with town.start(resume=True, prompt="go on") as pane:
        town.wait_state(pane, "idle", 40)
        assert town.registry.read(pane.pid).conversation == town.conversation
    said = json.dumps(town.model.requests[2]["messages"])
    assert "start here" in said
    assert "gastown step one" in said
    assert said.rstrip('}]"').endswith("go on") or heard(town)[2] == "go on"


def test_nothing_is_trusted_without_the_overseers_word(town):
    town = town(Script("start", [say("trusted")]), trusted=False)
    (town.repo / ".mcp.json").write_text(json.dumps({"mcpServers": {"one": {"command": "true"}}}))
    with town.start(prompt="start", mcp_known=["one"], consents=Consents(mcp=[])) as pane:
        state = town.wait_state(pane, "waiting")
        assert (state.needs, state.dialog.kind) == ("dialog", "trust")
        assert start_up_answer(state.dialog, Consents(), []) is None
        assert nudge(town, pane, "hello").kind == "queued"
        yes = start_up_answer(state.dialog, Consents(trust=True), [])
        assert answer(town, pane, state.dialog, yes).kind == "submitted"
        town.wait_state(pane, "idle")  # and its MCP servers are not asked about
        assert heard(town) == ["start"]


def test_a_failed_turn_is_an_error_not_an_idle_agent(town):
    failing = Turn([], error=(401, "authentication_error", "invalid x-api-key"))
    town = town(Script("start", [failing, failing, failing]))
    with town.start(prompt="start") as pane:
        state = town.wait_state(pane, "error", 40)
        assert state.needs == "auth", state
