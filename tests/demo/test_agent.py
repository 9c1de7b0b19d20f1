"""The demo agent as a program on a PTY."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.demo.conftest import STEPS, git

ASK = STEPS.replace(
    '[[step]]\ncommit = "Add double"',
    '[[step]]\nrun = "python -c \'print(6 * 7)\'"\nask = "May I?"\n[[step]]\ncommit = "Add double"',
)
SLOW = '[[step]]\nthink = 60\n[[step]]\nedit = "x.txt"\ncreate = "x"\n[[step]]\ncommit = "Add x"\n'


def test_works_a_bead_to_the_end(town, agents):
    agent = agents("Run gastown prime")
    text = agent.wait("is filed")
    assert town.subjects() == ["Add double", "Tell about double"]
    assert town.log("done.log") == [git(town.sandbox, "rev-parse", "HEAD")]
    assert git(town.sandbox, "status", "--porcelain") == ""
    author = git(town.sandbox, "log", "-1", "--format=%an <%ae>")
    assert author == "toast <toast@gastown.invalid>"
    assert "- Add double.\n- First." not in (town.sandbox / "CHANGELOG.md").read_text()
    assert all(part in text for part in ("● Edit(CHANGELOG.md)", "4 + - Add double.", "Ran 1 test"))


def test_looks_busy_then_idle(town, agents):
    town.order(SLOW)
    agent = agents("Run gastown prime")
    text = agent.wait(
        lambda text: re.search(r"[·✢✳✶✻✽] [\w ]+… \(1s · ↓ \d+ tokens · esc to", text)
    )
    assert re.search(r"^─+\n>\n─+\n  » scripted", text, re.MULTILINE)
    assert re.match(r"[⠀-⣿] Double 数 things", agent.screen.title)
    assert agent.screen.progress is not None
    assert agent.screen.bracketed_paste
    agent.type("\x1b")
    agent.wait("Interrupted")
    agent.wait(lambda _: agent.screen.title.startswith("✳ "))
    assert "esc to interrupt" not in agent.screen.text()
    assert town.log("done.log") == []


def test_a_nudge_starts_a_turn_when_idle(town, agents):
    town.order("", state="none", bead="", title="")
    agent = agents()
    agent.wait("/exit to leave")
    assert town.log("calls.log") == []
    agent.nudge("wake up")
    agent.wait("nothing on my hook")
    town.order(STEPS)
    agent.nudge("there is work")
    agent.wait("Noted: there is work")
    agent.wait("is filed")
    agent.nudge("and?")
    agent.wait("is filed already")
    assert len(town.log("done.log")) == 1


def test_a_nudge_waits_in_the_queue_when_busy(town, agents):
    town.order(SLOW.replace("60", "30"))
    agent = agents("Run gastown prime")
    agent.wait("esc to interrupt")
    agent.nudge("one more thing")
    agent.wait(lambda text: "  > one more thing  queued" in text)
    agent.type("a draft")
    text = agent.wait("Noted: one more thing")
    assert text.index("is filed") < text.index("Noted: one more thing")
    assert "> a draft" in "\n".join(agent.wait("filed already").splitlines()[-6:])


@pytest.mark.parametrize(
    ("keys", "ran"), [("\r", True), ("1", True), ("\x1b[B\x1b[B\r", False), ("\x1b", False)]
)
def test_a_dialog_is_answered_by_keys(town, agents, keys, ran):
    town.order(ASK)
    agent = agents("Run gastown prime")
    text = agent.wait("Do you want to proceed?")
    assert "\n ❯ 1. Yes\n" in text
    assert agent.screen.title.startswith("✳")
    for key in re.findall(r"\x1b\[.|.", keys, re.DOTALL):
        agent.type(key)
    agent.wait("is filed")
    assert ("\n  ⎿  42\n" in agent.screen.text()) == ran
    assert town.subjects() == ["Add double", "Tell about double"]


def test_the_second_option_covers_the_session(town, agents):
    twice = '[[step]]\nrun = "python -c \'print(9)\'"\nask = "Again?"\n'
    town.order(ASK + twice)
    agent = agents("Run gastown prime")
    agent.wait("Do you want to proceed?")
    agent.type("\x1b[B")
    agent.wait("❯ 2. Yes, and")
    agent.type("\r")
    assert "  ⎿  9" in agent.wait("is filed")


def test_survives_any_size(town, agents):
    town.order(SLOW)
    agent = agents("Run gastown prime with a prompt that is longer than the screen is wide")
    agent.wait("esc to interrupt")
    for columns, rows in ((40, 10), (9, 4), (200, 55), (80, 24)):
        agent.screen.resize(columns, rows)
        agent.process.setwinsize(rows, columns)
        agent.wait(lambda text, n=columns: text.count("─" * n) == 2 and "»" in text)
    agent.wait(lambda text: "esc to interrupt" in text and "● Double 数" not in text)
    assert agent.screen.text().count("esc to interrupt)") == 1


@pytest.mark.parametrize("keys", ["/exit\r", "\x04", "\x03\x03"])
def test_leaves_when_told_to(town, agents, keys):
    town.order("", state="none")
    agent = agents()
    agent.wait("/exit to leave")
    for key in (keys,) if keys.startswith("/") else keys:
        agent.type(key)
    assert agent.ended() == 0
    assert b"\x1b[?2004l" in agent.raw


def test_a_term_signal_ends_a_stalled_agent_cleanly(town, agents):
    agent = agents("go", GASTOWN_DEMO_BEHAVIOUR="stall")
    agent.wait("● Write(test_double.py)")
    agent.process.kill(signal.SIGTERM)
    assert agent.ended() == 143
    assert b"\x1b[?2004l" in agent.raw


def test_says_what_is_wrong_and_goes_on(town, agents):
    agent = agents("Run gastown prime")
    agent.wait("is filed")
    for steps, words in (
        ('[[step]]\nedit = "../x"\ncreate = "x"\n', "not a path inside the sandbox"),
        ('[[step]]\nrun = "rm -rf /"\n', "runs python only"),
        ("[[step]]\nrun = \"python -c 'raise SystemExit(3)'\"\n", "exit code 3"),
        ("[[step", "not TOML"),
    ):
        town.order(steps, attempt=2)
        agent.nudge("again")
        agent.wait(words)
        agent.wait("/exit to leave")
    (town.root / "prime.json").write_text("Traceback (most recent call last):\n  boom\n")
    agent.nudge("again")
    agent.wait("did not print JSON: Traceback")
    assert agent.process.isalive()
    assert len(town.log("done.log")) == 1


def test_crashes_as_often_as_ordered(town, agents):
    for code in (1, 1):
        agent = agents("go", "--session-id", "c1", GASTOWN_DEMO_BEHAVIOUR="crash:2")
        assert agent.ended() == code
    agent = agents("--resume", "c1", GASTOWN_DEMO_BEHAVIOUR="crash:2")
    agent.wait("Resumed.")
    agent.wait("is filed")
    assert town.subjects() == ["Add double", "Tell about double"]


def test_stalls_without_a_byte(town, agents):
    agent = agents("go", GASTOWN_DEMO_BEHAVIOUR="stall")
    agent.wait("● Write(test_double.py)")
    quiet = time.monotonic()
    while time.monotonic() - quiet < 1.0:
        before = len(agent.raw)
        agent.pump(0.2)
        if len(agent.raw) > before:
            quiet = time.monotonic()
    assert "esc to interrupt" in agent.screen.text()
    assert town.log("done.log") == []


def test_contends_on_order(town, agents):
    agents("go", GASTOWN_DEMO_BEHAVIOUR="conflict").wait("is filed")
    log = (town.sandbox / "CHANGELOG.md").read_text()
    assert "- Double 数 things (lib-1).\n" in log
    assert "- Add double.\n" in log
    assert git(town.sandbox, "status", "--porcelain") == ""


def test_breaks_and_asks_on_order(town, agents):
    agents("go", GASTOWN_DEMO_BEHAVIOUR="break").wait("is filed")
    assert "raise RuntimeError" in (town.sandbox / "calc.py").read_text()
    town.order(STEPS.replace("double", "twice"), bead="lib-2")
    agents("go", GASTOWN_DEMO_BEHAVIOUR="ask").wait("Do you want to proceed?")
