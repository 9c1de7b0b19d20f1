"""What an agent is started with is told by name, never by value."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.agents.explain import launched
from gastown_tui.domain.agents.launch import Consents, LaunchContext, environment, launch

ENTRIES = load_entries(shipped_entries(), {"claude": {"env_pass": ["DEPLOY_KEY", "ABSENT"]}})
UUID = "01234567-89ab-cdef-0123-456789abcdef"
NAMES = st.sampled_from(
    ["HOME", "DEPLOY_KEY", "AWS_SECRET_ACCESS_KEY", "LC_ALL", "TOKEN", "CLAUDECODE"]
)
VALUES = st.text("0123456789", min_size=6, max_size=6).map(lambda text: f"<value {text}>")


def start(**changes):
    values = {
        "town": "/town", "rig": "rig", "role": "polecat", "agent": "rig/polecats/nux", "run": "run7",
        "conversation": UUID, "settings_path": "/town/s.json", "bin_dir": "/ours/bin", "cwd": "/box",
    }  # fmt: skip
    return LaunchContext(**values | changes)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_every_variable_is_named_with_its_source_and_no_value_is_told(person, secrets):
    entry, context = ENTRIES["claude"], start(caller_env=person, secrets=secrets)
    record = launched(entry, context, launch(entry, context))
    assert set(record.environment) == set(environment(entry, context))
    assert set(record.held_back) | set(record.environment) >= set(person)
    assert not set(record.held_back) & set(record.environment)
    assert b"<value" not in msgspec.json.encode(record)
    for name in secrets:
        assert record.environment[name] == "env_file"


def test_the_record_of_a_start():
    entry = ENTRIES["claude"]
    context = start(
        caller_env={"DEPLOY_KEY": "x", "TMUX": "y"}, permissions="allowlist", gate_commands=["make test"],
        consents=Consents(trust=True, mcp=["one"]), mcp_known=["one", "two"],
    )  # fmt: skip
    record = launched(entry, context, launch(entry, context))
    assert record.command[:3] == ["claude", "--session-id", UUID]
    assert (record.permissions, record.permission_args) == (
        "allowlist",
        ["--permission-mode", "acceptEdits"],
    )
    assert "Bash(make test)" in record.allowed
    assert (record.mcp_on, record.mcp_off, record.consents) == (["one"], ["two"], ["trust"])
    assert (record.environment["DEPLOY_KEY"], record.held_back) == ("env_pass", ["TMUX"])
    assert record.missing == ["ABSENT"]
    assert record.pays == "subscription"


def test_a_program_without_settings_of_ours_has_none_to_tell_of():
    entry = ENTRIES["shell"]
    context = start()
    record = launched(entry, context, launch(entry, context))
    assert (record.settings, record.allowed, record.pays) == ("", [], "")
