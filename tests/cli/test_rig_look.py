"""`rig add --dry-run`: finds what is there, makes nothing, changes nothing."""

from __future__ import annotations

import json
import subprocess

import pytest
from click.testing import CliRunner

from gastown_tui.cli import consent
from gastown_tui.cli.rig import rig
from gastown_tui.cli.setup import make_town
from gastown_tui.roots.town import rig_config


def git(path, *arguments):
    names = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", "-C", str(path), *names, *arguments], check=True, capture_output=True)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A town, and a checkout of an upstream with something of everything."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    town = make_town(tmp_path / "town", "town")
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    source = tmp_path / "src"
    for name, text in {
        "package-lock.json": "{}", "package.json": '{"scripts":{"test":"vitest"}}',
        ".gitignore": ".env*\nnode_modules/\n*.pem\n", ".worktreeinclude": "*.pem\n",
        ".mcp.json": '{"mcpServers":{"db":{}}}', ".beads/issues.jsonl": "{}\n",
        ".husky/pre-commit": "x", "CLAUDE.md": "x",
    }.items():  # fmt: skip
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "up.git")
    git(tmp_path, "init", "-q", "-b", "main", "src")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "one")
    git(source, "remote", "add", "origin", "../up.git")
    git(source, "push", "-q", "origin", "main")
    git(source, "config", "commit.gpgsign", "true")
    for name in (".env", "dev.pem", "node_modules/x"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("1")
    hook = source / ".git" / "hooks" / "commit-msg"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    return town, source


def contents(*folders):
    return {
        path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for folder in folders
        for path in folder.rglob("*")
    }


def test_a_dry_run_tells_all_and_touches_nothing(place, tmp_path):
    town, source = place
    before = contents(source, tmp_path / "up.git", town)
    done = CliRunner().invoke(rig, ["add", "x", str(source), "--dry-run", "--json", "--setup"])
    assert contents(source, tmp_path / "up.git", town) == before
    told = json.loads(done.stdout)
    facts = told["facts"]
    assert (done.exit_code, told["ok"]) == (0, True)
    assert facts["setup"]["secrets"] == [".env", "dev.pem"]
    assert facts["not_copied"] == ["node_modules/"]
    assert (facts["mcp"], facts["beads"], facts["hooks"]) == (["db"], 1, [".husky"])
    assert (facts["own_hooks"], facts["is_signed"]) == (["commit-msg"], True)
    assert facts["origin"] == str(tmp_path / "up.git")
    assert 'run = ["npm ci"]' in told["rig_toml"]


def test_an_address_is_looked_at_without_a_trace(place, tmp_path):
    town, _ = place
    url = f"file://{tmp_path}/up.git"
    done = CliRunner().invoke(rig, ["add", "x", url, "--dry-run"])
    assert done.exit_code == 0
    assert "--gate 'npm test'" in done.stdout
    assert not (town / "x").exists()


def test_what_is_shown_is_what_is_written(place):
    town, source = place
    flags = ["--setup", "--gate", "true", "--no-trust"]
    dry = CliRunner().invoke(rig, ["add", "x", str(source), "--dry-run", "--json", *flags])
    before = contents(source)
    assert CliRunner().invoke(rig, ["add", "x", str(source), *flags]).exit_code == 0
    assert contents(source) == before
    assert (town / "x" / "rig.toml").read_text() == json.loads(dry.stdout)["rig_toml"]


@pytest.mark.parametrize(
    ("flags", "is_used"), [([], False), (["--yes"], True), (["--setup"], True)]
)
def test_set_up_is_used_by_a_yes_only(place, flags, is_used):
    town, source = place
    done = CliRunner().invoke(rig, ["add", "x", str(source), *flags])
    assert bool(rig_config(town, "x").setup.run) == is_used
    assert ("Nobody was asked" in done.stdout) == ("--yes" not in flags)


def test_a_person_is_asked_for_land_permissions_and_set_up(place, monkeypatch):
    town, source = place
    monkeypatch.setattr(consent, "is_person", lambda: True)
    asked = CliRunner().invoke(rig, ["add", "x", str(source)], input="push\nallowlist\nn\n\n\n")
    assert asked.exit_code == 0, asked.output
    config = rig_config(town, "x")
    assert (config.land, config.permissions, config.setup.run) == ("push", "allowlist", [])


def test_a_place_that_takes_no_push_is_refused_before_the_clone(place, tmp_path):
    town, _ = place
    plain = tmp_path / "plain"
    git(tmp_path, "init", "-q", "-b", "main", "plain")
    git(plain, "commit", "-qm", "one", "--allow-empty")
    done = CliRunner().invoke(rig, ["add", "x", str(plain), "--land", "push"])
    assert "nothing is pushed into it" in str(done.exception)
    assert not (town / "x").exists()
