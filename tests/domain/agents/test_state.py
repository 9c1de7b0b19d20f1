"""States come from the most exact sign there is, and every one says where it comes from."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.agents.screen import prompt_box
from gastown_tui.domain.agents.state import HOLD_S, Evidence, HookEvent, RegistryRecord, derive
from gastown_tui.protocol import Signals

ENTRIES = load_entries(shipped_entries(), {})
CLAUDE = ENTRIES["claude"]
SCREENS = Path(__file__).parent / "screens"
LINE = "─" * 60
IDLE = ["● Done.", "", LINE, "❯ ", LINE, "  ? for shortcuts"]
PERMISSION = (SCREENS / "claude-2.1.330-permission-bash.txt").read_text().rstrip("\n").split("\n")
PROMPTED = (HookEvent(name="UserPromptSubmit", at=1),)


def signals(rows=(), **more):
    return Signals(session="s", bottom=list(rows), last_output=1.0, **more)


def registry(status, **more):
    return RegistryRecord(**{"status": status, "same_process": True, "updated": 50.0} | more)


def hook(name, **more):
    return HookEvent(name=name, **{"at": 1.0} | more)


def evidence(**more):
    values = {
        "entry": CLAUDE,
        "signals": signals(IDLE),
        "hooks": PROMPTED,
        "age_s": 100.0,
        "quiet_s": 1.0,
    }
    return Evidence(**values | more)


def see(**more):
    state = derive(evidence(**more), 1000.0)
    return state.state, state.needs, state.source


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # a dead process says nothing else any more
        ({"alive": False, "exit_code": 1, "registry": registry("busy")}, ("exited", "", "exit")),
        ({"alive": False, "exit_signal": 9, "wanted": "stopped"}, ("stopped", "", "wanted")),
        ({"frozen": True, "registry": registry("busy")}, ("paused", "", "exit")),
        # the live dialog before the registry, the registry before hooks, hooks before the title
        ({"signals": signals(PERMISSION), "registry": registry("busy")}, ("waiting", "permission", "dialog")),
        ({"registry": registry("busy"), "hooks": (hook("Stop"),)}, ("working", "", "registry")),
        ({"registry": registry("shell")}, ("parked", "", "registry")),
        ({"registry": registry("waiting", waiting_for="permission prompt")}, ("waiting", "permission", "registry")),
        ({"registry": registry("waiting", waiting_for="input needed")}, ("waiting", "question", "registry")),
        ({"registry": registry("waiting", waiting_for="dialog open")}, ("waiting", "dialog", "registry")),
        ({"hooks": (hook("Stop"),), "signals": signals(IDLE, title="⠂ task")}, ("idle", "", "hook")),
        ({"hooks": (), "signals": signals(IDLE, title="⠂ task")}, ("working", "", "title")),
        ({"hooks": (), "signals": signals(IDLE, title="◐ task")}, ("working", "", "title")),
        ({"hooks": (), "signals": signals(IDLE, title="✳ task")}, ("idle", "", "title")),
        ({"hooks": (), "signals": signals(IDLE, progress=-1)}, ("working", "", "title")),
        # another process under the same id, or another version, tells nothing
        ({"registry": registry("busy", same_process=False), "hooks": (hook("Stop"),)}, ("idle", "", "hook")),
        ({"registry": registry("dreaming"), "hooks": (hook("Stop"),)}, ("idle", "", "hook")),
        # a prompt that was just taken; an old one that was interrupted
        ({"registry": registry("idle"), "hooks": (hook("UserPromptSubmit", at=51.0),)}, ("working", "", "hook")),
        ({"registry": registry("idle"), "hooks": (hook("UserPromptSubmit", at=49.0),)}, ("idle", "", "registry")),
        # sub-agents inherit the hooks
        ({"hooks": (hook("Stop"), hook("PreToolUse", sub_agent=True))}, ("idle", "", "hook")),
        ({"hooks": (hook("PermissionRequest", tool="Bash"),)}, ("waiting", "permission", "hook")),
        ({"hooks": (hook("PermissionRequest", tool="AskUserQuestion"),)}, ("waiting", "question", "hook")),
        # a hook's word that work goes on does not hold for ever
        ({"hooks": (hook("PreToolUse", age_s=500.0),), "quiet_s": 60.0}, ("idle", "", "quiet")),
        ({"registry": registry("idle"), "hooks": (hook("StopFailure", kind="authentication_failed"),)}, ("error", "auth", "hook")),
        ({"hooks": (hook("StopFailure", kind="rate_limit"),)}, ("error", "limit", "hook")),
        ({"hooks": (hook("StopFailure", kind="server_error"),)}, ("error", "api", "hook")),
        # from the command line to the first prompt it only looks idle
        ({"registry": registry("idle"), "hooks": (hook("SessionStart"),), "age_s": 2.0}, ("starting", "", "registry")),
        ({"registry": registry("idle"), "hooks": (), "age_s": 60.0}, ("idle", "", "registry")),
        ({"signals": None, "hooks": (), "age_s": 1.0}, ("starting", "", "quiet")),
        # what never gets ready is shown; what was ready once, or works, is not that
        ({"signals": signals(["x"]), "hooks": (), "quiet_s": 60.0}, ("starting", "", "quiet")),
        ({"signals": signals(["x"]), "hooks": (), "quiet_s": 60.0, "age_s": 121.0}, ("error", "start", "quiet")),
        ({"signals": signals(["x"]), "hooks": (hook("SessionStart"),), "quiet_s": 60.0, "age_s": 121.0}, ("error", "start", "quiet")),
        ({"signals": signals(["x"]), "hooks": (), "quiet_s": 1.0, "age_s": 121.0}, ("working", "", "quiet")),
        ({"signals": signals(["x"]), "quiet_s": 60.0, "age_s": 121.0, "hooks": (hook("PreToolUse", age_s=500.0),)}, ("idle", "", "quiet")),
        ({"signals": signals(IDLE), "hooks": (), "quiet_s": 60.0, "age_s": 121.0}, ("idle", "", "quiet")),
        ({"signals": signals(PERMISSION), "hooks": (), "quiet_s": 60.0, "age_s": 121.0}, ("waiting", "permission", "dialog")),
        ({"entry": ENTRIES["shell"], "signals": signals(["$"]), "hooks": (), "quiet_s": 60.0, "age_s": 121.0}, ("idle", "", "quiet")),
        ({"entry": ENTRIES["shell"], "signals": Signals(session="s", bottom=[]), "hooks": (), "quiet_s": 200.0, "age_s": 121.0}, ("error", "start", "quiet")),
        ({"signals": signals(["x"]), "hooks": (), "quiet_s": 1.0}, ("working", "", "quiet")),
        # spinning without a step
        ({"registry": registry("busy"), "progress_s": 901.0}, ("stalled", "", "registry")),
        ({"registry": registry("idle"), "progress_s": 901.0}, ("idle", "", "registry")),
    ],
)  # fmt: skip
def test_the_most_exact_sign_wins(facts, expected):
    assert see(**facts) == expected


RETRY = ["✻ 401 invalid x-api-key · retrying in 11s · attempt 2/10", "", *IDLE[2:]]
LATE_RETRY = ["✻ API error · Retrying in 34s · attempt 7/10", "  ⎿  Tip: x", *IDLE[2:]]
EARLY_RETRY = ["✻ API error · Retrying in 1s · attempt 2/10", *IDLE[2:]]


@pytest.mark.parametrize(
    ("rows", "status", "expected"),
    [
        (RETRY, "busy", ("error", "auth")),
        (LATE_RETRY, "busy", ("error", "api")),
        (EARLY_RETRY, "busy", ("working", "")),
        (["  ⎿  OAuth token revoked · Please run /login", *IDLE[2:]], "idle", ("error", "auth")),
        (["  ⎿  Credit balance too low · Add funds", *IDLE[2:]], "idle", ("error", "limit")),
        (["● API Error: 529 Overloaded.", *IDLE[2:]], "idle", ("error", "api")),
        # what a tool printed is not what Claude says
        (["  ⎿  Invalid API key", "", "● The test passes.", *IDLE[2:]], "idle", ("idle", "")),
        (["  ⎿  Invalid API key", *IDLE[2:]], "busy", ("working", "")),
        (["  API Error: 529 is what the log says", *IDLE[2:]], "idle", ("idle", "")),
    ],
)
def test_errors_are_read_where_only_the_program_writes(rows, status, expected):
    assert see(signals=signals(rows), registry=registry(status))[:2] == expected


def test_a_pause_between_two_steps_is_not_idle():
    working = derive(evidence(registry=registry("busy")), 10.0)
    gap = derive(evidence(registry=registry("idle"), previous=working), 11.0)
    assert (gap.state, gap.since, gap.recheck_at) == ("working", 10.0, 11.0 + HOLD_S)
    again = derive(evidence(registry=registry("busy"), previous=gap), 11.2)
    assert (again.state, again.since, again.quieter_since) == ("working", 10.0, 0.0)
    later = derive(evidence(registry=registry("idle"), previous=gap), 11.4)
    assert (later.state, later.since) == ("idle", 11.0)


def test_what_was_ready_once_is_never_called_unready():
    ready = derive(evidence(registry=registry("idle")), 10.0)
    gone = {"signals": signals(["a pager"]), "hooks": (), "quiet_s": 60.0, "age_s": 300.0}
    assert derive(evidence(previous=ready, **gone), 300.0).state == "idle"
    first = derive(evidence(**gone | {"age_s": 60.0}), 60.0)
    assert (first.state, first.recheck_at) == ("starting", 120.0)
    stuck = derive(evidence(previous=first, **gone), 300.0)
    assert "no prompt box" in stuck.evidence
    assert stuck.question
    assert derive(evidence(previous=stuck, registry=registry("idle")), 301.0).state == "idle"


def test_since_is_kept_while_nothing_changes():
    one = derive(evidence(registry=registry("idle")), 10.0)
    two = derive(evidence(registry=registry("idle"), hooks=(hook("Stop"),), previous=one), 20.0)
    assert two.since == 10.0
    assert derive(evidence(registry=registry("busy"), previous=two), 30.0).since == 30.0


def test_a_dialog_carries_its_question_and_options():
    state = derive(evidence(signals=signals(PERMISSION)), 10.0)
    assert "curl -s http://x.invalid; touch zz" in state.question
    assert state.dialog.options[0] == "Yes"
    assert "permission dialog" in state.evidence


def test_the_demo_agent_is_read_by_its_title():
    demo = ENTRIES["demo"]
    rows = [
        "  Do you want to proceed?",
        " ❯ 1. Yes",
        "   2. No",
        "",
        " Enter to select · Esc to cancel",
    ]
    for shown, expected in [
        (signals(IDLE, title="⠂ task", progress=40), "working"),
        (signals(IDLE, title="✳ task"), "idle"),
        (signals(rows, title="✳ task"), "waiting"),
    ]:
        assert derive(evidence(entry=demo, hooks=(), signals=shown), 1.0).state == expected


@pytest.mark.parametrize(
    ("rows", "faint", "text", "draft"),
    [
        (IDLE, -1, "", ""),
        ([LINE, "❯\u00a0half a thought", LINE], -1, "half a thought", "half a thought"),
        ([LINE, "❯ one", "  two", LINE, "  footer"], -1, "one\ntwo", "one\ntwo"),
        ([LINE, '❯ Try "fix lint"', LINE], 2, 'Try "fix lint"', ""),
        ([LINE, "❯ write the tests", LINE], 2, "write the tests", ""),
        ([LINE, "❯ write the tests", LINE], 3, "write the tests", ""),
        ([LINE, "❯ wri te the tests", LINE], 5, "wri", "wri"),
        (["╭" + LINE, "│ > hello            │", "╰" + LINE], -1, "hello", "hello"),
        (["❯ an earlier prompt", "", "● Working"], -1, None, None),
        ([LINE, "table", LINE], -1, None, None),
    ],
)
def test_the_prompt_box_tells_a_draft_from_a_suggestion(rows, faint, text, draft):
    shown = signals(rows)
    if faint >= 0:
        shown = msgspec.structs.replace(
            shown, faint_from=[faint if "❯" in row else -1 for row in rows]
        )
    box = prompt_box(shown, CLAUDE.typing)
    if text is None:
        assert box is None
    else:
        assert (box.text, box.draft) == (text, draft)
