"""A launch holds what is on the list and nothing else: arguments, environment, files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.agents.environment import money
from gastown_tui.domain.agents.launch import Consents, LaunchContext, launch
from gastown_tui.domain.agents.stop import StopFacts, stop_decision
from gastown_tui.domain.errors import BadInput, Forbidden

ENTRIES = load_entries(shipped_entries(), {})
CLAUDE = ENTRIES["claude"]
UUID = "01234567-89ab-cdef-0123-456789abcdef"
PERSON = {
    "HOME": "/home/ann",
    "PATH": "/usr/bin::relative:/opt/bin:/usr/bin",
    "LC_ALL": "C.UTF-8",
    "XDG_RUNTIME_DIR": "/run/user/7",
    "SSH_AUTH_SOCK": "/run/agent",
    "CLAUDE_CONFIG_DIR": "/home/ann/.claude-work",
    "ANTHROPIC_API_KEY": "sk-ant-secret-1234",
    "CLAUDECODE": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "GIT_DIR": "/elsewhere",
    "VIRTUAL_ENV": "/venv",
    "TMUX": "/tmp/tmux",
    "AWS_SECRET_ACCESS_KEY": "x",
    "GASTOWN_RUN": "of-somebody-else",
    "GASTOWN_AGENT": "somebody/else",
}


def context(**changes):
    values = {
        "town": "/town",
        "rig": "rig",
        "role": "polecat",
        "agent": "rig/polecats/nux",
        "bead": "rig-abc",
        "run": "run7",
        "slot": 3,
        "conversation": UUID,
        "settings_path": "/town/s.json",
        "hooks_path": "/town/hooks",
        "bin_dir": "/ours/bin",
        "caller_env": PERSON,
    }
    return LaunchContext(**values | changes)


def test_the_command_line_of_a_start_and_of_a_resume():
    start = launch(CLAUDE, context()).argv
    assert start[:3] == ["claude", "--session-id", UUID]
    assert start[3:5] == ["--settings", "/town/s.json"]
    assert start[-2] == "--"
    assert "gastown prime" in start[-1]
    assert launch(CLAUDE, context(resume=True)).argv[1:3] == ["--resume", UUID]
    assert "rig-abc" not in " ".join(start)


def test_the_environment_is_built_and_not_inherited():
    spec = launch(CLAUDE, context(git_env={"GIT_CEILING_DIRECTORIES": "/town"}))
    assert spec.env["PATH"] == "/ours/bin:/usr/bin:/opt/bin"
    assert spec.env["GASTOWN_RUN"] == "run7"
    assert spec.env["GASTOWN_SLOT"] == "3"
    assert spec.env["BD_ACTOR"] == "rig/polecats/nux"
    assert spec.env["CLAUDE_CONFIG_DIR"] == "/home/ann/.claude-work"
    assert {key for key in spec.env if key.startswith("GIT_")} == {"GIT_CEILING_DIRECTORIES"}
    gone = {
        "ANTHROPIC_API_KEY",
        "CLAUDECODE",
        "CLAUDE_CODE_ENTRYPOINT",
        "VIRTUAL_ENV",
        "TMUX",
        "AWS_SECRET_ACCESS_KEY",
    }
    assert not gone & set(spec.env)
    assert money(spec.env) == "subscription"


def test_a_named_variable_passes_and_says_what_pays():
    entry = load_entries(
        shipped_entries(), {"claude": {"env_pass": ["ANTHROPIC_API_KEY", "MISSING"]}}
    )["claude"]
    spec = launch(entry, context())
    assert money(spec.env, entry.keys) == "API key ...1234"
    assert "MISSING" not in spec.env


@given(
    st.dictionaries(
        st.sampled_from(["GASTOWN_RUN", "GASTOWN_TOWN", "BD_ACTOR", "PATH", "X"]),
        st.text("ab/:", max_size=8),
    )
)
def test_nothing_the_town_or_a_person_sets_replaces_the_identity(env):
    entry = load_entries(shipped_entries(), {"shell": {"env": env, "env_pass": list(env)}})["shell"]
    made = launch(
        entry, context(caller_env=PERSON | env, secrets=env, extra_env=env, git_env=env)
    ).env
    assert made["GASTOWN_RUN"] == "run7"
    assert made["GASTOWN_TOWN"] == "/town"
    assert made["BD_ACTOR"] == "rig/polecats/nux"
    assert made["PATH"].split(":")[0] == "/ours/bin"


def test_the_settings_allow_our_verbs_and_the_gates_and_no_more():
    spec = launch(CLAUDE, context(gate_commands=["make test", "ruff check . && mypy"]))
    settings = json.loads(spec.files["/town/s.json"])
    allow = settings["permissions"]["allow"]
    assert "Bash(gastown done:*)" in allow
    assert "Bash(make test:*)" in allow
    assert "Bash(ruff check . && mypy)" in allow
    assert "Bash(ruff check . && mypy:*)" not in allow
    assert not any("approve" in rule or "kill" in rule or "sling" in rule for rule in allow)
    commands = [
        hook["command"]
        for groups in settings["hooks"].values()
        for group in groups
        for hook in group["hooks"]
    ]
    python = {command for command in commands if command.startswith("gastown")}
    assert python == {"gastown agent-stop", "gastown prime"}
    assert [e for e, groups in settings["hooks"].items() if len(groups) > 1] == [
        "SessionStart",
        "Stop",
    ]
    assert spec.files["/town/hooks"] == ""


def test_mcp_servers_of_the_repository_run_only_by_the_overseers_word():
    def settings(**changes):
        return json.loads(
            launch(CLAUDE, context(mcp_known=["a", "b"], **changes)).files["/town/s.json"]
        )

    never_asked = settings()
    assert "enabledMcpjsonServers" not in never_asked
    assert "disabledMcpjsonServers" not in never_asked
    some = settings(consents=Consents(mcp=["a"]))
    assert some["enabledMcpjsonServers"] == ["a"]
    assert some["disabledMcpjsonServers"] == ["b"]


def test_bypass_needs_a_wrapper_or_the_overseers_word():
    with pytest.raises(Forbidden):
        launch(CLAUDE, context(permissions="bypass"))
    argv = launch(CLAUDE, context(permissions="bypass", consents=Consents(bypass=True))).argv
    assert argv[argv.index("--permission-mode") + 1] == "bypassPermissions"
    wrapped = load_entries(shipped_entries(), {"claude": {"wrapper": ["bwrap", "--"]}})["claude"]
    assert launch(wrapped, context(permissions="bypass")).argv[:3] == ["bwrap", "--", "claude"]


@pytest.mark.parametrize(
    ("entry", "changes", "says"),
    [
        ("claude", {"permissions": "yolo"}, "no permission mode"),
        ("claude", {"prompt": "x" * 5000}, "longer than"),
        ("claude", {"conversation": "--help"}, "UUID"),
        ("claude", {"prompt": "a\0b"}, "NUL"),
        ("aider", {"resume": True}, "cannot continue"),
    ],
)
def test_what_cannot_be_started_is_refused(entry, changes, says):
    with pytest.raises(BadInput, match=says):
        launch(ENTRIES[entry], context(**changes))


def test_a_prompt_is_never_an_option_and_is_put_in_as_it_is():
    argv = launch(CLAUDE, context(prompt="--dangerously {settings} {conversation}")).argv
    assert argv[-2:] == ["--", "--dangerously {settings} {conversation}"]


@pytest.mark.parametrize(
    "facts",
    [
        {"bead": ""},
        {"done_filed": True},
        {"sent_back": True},
        {"background": True},
        {"blocked": True},
        {"wanted": "stopped"},
        {"town": "estop"},
    ],
)
def test_an_agent_may_end_its_turn(facts):
    assert stop_decision(StopFacts(**{"bead": "rig-abc"} | facts)) is None


def test_an_agent_with_work_is_sent_back_to_it():
    assert "rig-abc" in stop_decision(StopFacts(bead="rig-abc"))


def test_bd_is_found_and_allowed_only_where_it_is_wanted():
    with_bd = launch(CLAUDE, context(bd_dir="/ours/bd"))
    assert with_bd.env["PATH"].startswith("/ours/bin:/ours/bd:")
    assert "Bash(bd ready:*)" in with_bd.files["/town/s.json"]
    without = launch(CLAUDE, context())
    assert "/ours/bd" not in without.env["PATH"]
    assert "Bash(bd" not in without.files["/town/s.json"]
