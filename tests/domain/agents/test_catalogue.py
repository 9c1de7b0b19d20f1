"""Entries: the shipped ones load, a town changes them key by key, and every mistake is named."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.errors import BadInput

SHIPPED = shipped_entries()


def test_every_shipped_entry_loads():
    entries = load_entries(SHIPPED, {})
    assert set(entries) == {"claude", "codex", "gemini", "opencode", "aider", "shell", "demo"}
    assert entries["claude"].max_working == 4
    assert all("default" in entry.permissions for entry in entries.values())


def test_a_town_changes_one_key_of_a_table_and_keeps_the_rest():
    entries = load_entries(
        SHIPPED, {"claude": {"ready": {"stall_s": 60}, "args": ["--model", "x"]}}
    )
    claude = entries["claude"]
    assert claude.ready.stall_s == 60
    assert claude.ready.grace_s == load_entries(SHIPPED, {})["claude"].ready.grace_s
    assert claude.args == ["--model", "x"]


def test_an_entry_starts_from_a_base_or_from_nothing():
    entries = load_entries(
        SHIPPED,
        {"opus": {"base": "claude", "args": ["--model", "opus"]}, "own": {"command": "mine"}},
    )
    assert entries["opus"].resume_args == entries["claude"].resume_args
    assert entries["opus"].name == "opus"
    assert entries["own"].rules == []


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"env_pas": ["X"]}, "did you mean 'env_pass'"),
        ({"ready": {"grace": 3}}, "did you mean 'grace_s'"),
        ({"rules": [{"state": "idle", "regxe": "a"}]}, "did you mean 'regex'"),
        ({"rules": [{"state": "idle", "regex": "("}]}, "bad pattern"),
        ({"args": "one"}, "args"),
        ({"max_working": 0}, "max_working"),
        ({"command": "--help"}, "is not a program"),
        ({"base": "cluade"}, "did you mean 'claude'"),
        ({"env": {"A B": "x"}}, "name of a variable"),
        ({"env": {"MY_API_KEY": "abc"}}, "env_pass"),
        ({"env": {"HARMLESS": "sk-ant-api03-abcdefgh"}}, "env_pass"),
        ("claude", "must be a table"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(table, says):
    with pytest.raises(BadInput) as error:
        load_entries(SHIPPED, {"claude": table})
    assert says in str(error.value)
    assert "claude" in str(error.value)


def test_a_new_entry_needs_a_command_and_a_plain_name():
    with pytest.raises(BadInput, match="command is missing"):
        load_entries(SHIPPED, {"mine": {"args": []}})
    with pytest.raises(BadInput, match="not a name"):
        load_entries(SHIPPED, {"../mine": {"command": "x"}})
