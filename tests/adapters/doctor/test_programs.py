"""Programs are asked by their real command lines; stand-ins answer."""

from __future__ import annotations

import os
import subprocess

import pytest

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.adapters.doctor import programs
from gastown_tui.domain.agents.catalogue import load_entries

ENTRIES = load_entries(shipped_entries(), {})


@pytest.fixture
def machine(tmp_path):
    """A PATH with stand-ins, and a home."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    env = {"PATH": f"{bin_dir}:{os.defpath}", "HOME": str(tmp_path)}

    def give(name, script):
        path = bin_dir / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return env, give


def test_git_is_told_with_identity_and_ways_to_remotes(machine, tmp_path):
    env, give = machine
    real = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    (tmp_path / ".gitconfig").write_text(
        "[user]\nname = Ada\nemail = a@b.c\n[credential]\nhelper = !/usr/bin/gh auth git-credential\n"
    )
    give("ssh-add", "echo '256 SHA256:x a (ED25519)'; echo '256 SHA256:y b (ED25519)'")
    (tmp_path / ".ssh").mkdir()
    for name in ("id_ed25519", "id_ed25519.pub", "config"):
        (tmp_path / ".ssh" / name).touch()
    found = programs.git_facts(env | {"SSH_AUTH_SOCK": "/x"})
    assert found.version in real
    assert (found.name, found.email, found.helpers) == ("Ada", "a@b.c", ["gh"])
    assert (found.ssh_keys, found.key_files) == (2, 1)
    assert programs.git_facts(env).ssh_keys is None
    give("ssh-add", "exit 1")
    assert programs.git_facts(env | {"SSH_AUTH_SOCK": "/x"}).ssh_keys == 0


def test_without_git_nothing_else_is_asked(tmp_path):
    assert programs.git_facts({"PATH": str(tmp_path), "HOME": "/"}).version == ""


def test_gh_is_asked_for_a_token_that_nobody_reads(machine):
    env, give = machine
    give("gh", '[ "$1" = --version ] && echo "gh version 2.40.1 (2023-12-13)" || echo gho_secret')
    found = programs.gh_facts(env)
    assert (found.version, found.is_logged_in) == ("2.40.1", True)
    assert "gho" not in repr(found)
    give("gh", '[ "$1" = --version ] && echo "gh version 2.40.1" || exit 1')
    assert not programs.gh_facts(env).is_logged_in


def test_agents_are_asked_for_their_version_only(machine, tmp_path):
    env, give = machine
    give("claude", f'echo "$*" >>{tmp_path}/asked; echo "2.1.330 (Claude Code)"')
    give("codex", "echo broken >&2; exit 3")
    key = {"ANTHROPIC_API_KEY": "sk-ant-0123456789"}
    found = {one.name: one for one in programs.agents_facts(ENTRIES, "claude", env | key)}
    claude = found["claude"]
    assert (claude.version, claude.pays, claude.is_town_agent) == ("2.1.330", "none", True)
    assert claude.stray_keys == ["ANTHROPIC_API_KEY"]
    assert (tmp_path / "asked").read_text() == "--version\n"
    assert (found["codex"].version, found["codex"].problem) == ("", "broken")
    assert found["shell"].is_ours
    passed = load_entries(
        shipped_entries(), {"claude": {"env_pass": ["ANTHROPIC_API_KEY"]}}
    )["claude"]  # fmt: skip
    (claude,) = programs.agents_facts({"claude": passed}, "claude", env | key)
    assert (claude.pays, claude.detail, claude.stray_keys) == ("key", "...6789", [])
