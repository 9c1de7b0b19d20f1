"""Agents of a real town: what they were started with, what reaches them, what they leave."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from towns import POLECAT, copy_town, wait_for

SECRET = "s3cret-4711"


@pytest.fixture
def town(template):
    place = Path(tempfile.mkdtemp(prefix="gt"))
    made = copy_town(template, place)
    made.extra = {"OF_MY_SHELL": "kept-from-it"}
    yield made
    made.end()
    shutil.rmtree(place, ignore_errors=True)


def sandbox(town):
    return town.path / POLECAT


def test_secrets_reach_the_session_and_are_told_by_name_alone(town):
    keys = town.path / "lib" / "keys.env"
    keys.write_text(f"TOKEN={SECRET}\n")
    settings = town.path / "lib" / "rig.toml"
    settings.write_text(settings.read_text().replace('# env_file = ""', 'env_file = "keys.env"'))
    keys.chmod(0o644)
    town.ok("up")
    wait_for(lambda: "chmod 600" in town.ok("status"))
    keys.chmod(0o600)
    wait_for(lambda: "chmod 600" not in town.ok("status"))
    bead = town.start_agent()
    env = town.session_env()
    assert env["TOKEN"] == SECRET
    assert "OF_MY_SHELL" not in env

    told = json.loads(town.ok("agents", "explain", "furiosa", "--json"))
    assert (told["agent"], told["bead"], told["entry"]) == (POLECAT, bead, "shell")
    assert told["command"] == ["sh", "-i"]
    assert told["evidence"]
    assert told["environment"]["TOKEN"] == "env_file"
    assert set(told["environment"]) <= set(env)
    assert "OF_MY_SHELL" in told["held_back"]
    page = town.ok("agents", "explain", POLECAT)
    assert "TOKEN" in page
    assert "kept-from-it" not in page
    assert max(map(len, page.splitlines())) <= 100

    town.ok("down")
    page = town.ok("agents", "explain", POLECAT)
    assert f"the town is down; {bead} stays on its hook" in page
    assert "sh -i" in page
    found = subprocess.run(
        ["grep", "-rlI", SECRET, str(town.path)], capture_output=True, text=True, check=False
    )
    logs = {str(Path(one).relative_to(town.path)) for one in found.stdout.splitlines()}
    assert logs <= {"lib/keys.env"}


def test_down_commits_what_a_session_left_and_unhook_lets_it_go(town):
    town.ok("up")
    bead = town.start_agent()
    box = sandbox(town)
    (box / "half.txt").write_text("half done\n")
    (box / ".env").write_text("KEY=1\n")
    said = town.ok("down")
    assert f"{POLECAT}: what it left is committed on polecat/furiosa/{bead}@" in said
    assert ".env (has the name of a secret)" in said
    log = subprocess.run(
        ["git", "-C", str(box), "log", "--format=%an: %s", "-1", "--stat"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "furiosa: left by furiosa" in log
    assert "half.txt" in log
    assert ".env" not in log
    assert (box / ".env").exists()

    town.ok("up", "--resume", "all")
    town.ok("stop", POLECAT)
    said = town.ok("unhook", bead)
    assert f"{bead} is off the hook of {POLECAT}" in said
