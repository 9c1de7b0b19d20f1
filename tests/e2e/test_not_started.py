"""An agent whose program is not there, and a town that is down: what the verbs say, end to end."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from towns import POLECAT, Town, wait_for

MISSING = "is not on the PATH of the town: install"


def entry(town: Town, name: str, command: str) -> None:
    """Let the rig's agents be one of the town's own kind."""
    with (town.path / "town.toml").open("a") as file:
        file.write(f'\n[agents.{name}]\nbase = "shell"\nabout = ""\ncommand = "{command}"\n')
    rig = town.path / "lib" / "rig.toml"
    rig.write_text(f'agent = "{name}"\n{rig.read_text()}')


def row(town: Town) -> dict[str, object]:
    rows = json.loads(town.ok("agents", "--json"))
    return rows[0] if rows else {}


@pytest.mark.slow
def test_a_program_that_is_missing_is_told_at_once_and_everywhere(town, root):
    """`up` and `sling` say it, the agent waits with its reason, and restart tries again."""
    entry(town, "ours", "no-such-agent")
    place = root / "bin"
    place.mkdir()
    town.extra["PATH"] = f"{place}:{os.environ['PATH']}"
    assert f"no-such-agent {MISSING} no-such-agent" in town.run("up").stderr
    bead = town.bead()
    done = town.run("sling", bead)
    assert done.returncode == 0
    assert MISSING in done.stderr
    wait_for(lambda: row(town).get("needs") == "error")
    found = row(town)
    assert (found["state"], found["bead"]) == ("error", bead)
    assert MISSING in str(found["evidence"])
    assert f"needs you: {POLECAT}: error: no-such-agent" in town.ok("status")
    assert MISSING in town.ok("agents", "explain", "furiosa").replace("\n" + " " * 22, " ")
    kinds = [one["kind"] for one in json.loads(town.ok("events", "--json"))]
    assert (kinds.count("not-started"), kinds.count("escalated")) == (1, 1)
    assert MISSING in town.refused("restart", "furiosa")
    (place / "no-such-agent").symlink_to("/bin/sh")
    assert "starts again" in town.ok("restart", "furiosa")
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    wait_for(lambda: row(town)["needs"] == "")
    assert town.run("sling", bead).stderr == ""


@pytest.mark.slow
def test_a_town_that_is_down_shows_what_it_has_on_disk(town):
    """Beads, hooks and requests, said to be down; a sling is stored, and says what it replaces."""
    town.ok("up")
    bead = town.start_agent()
    town.ok("down")
    for verb in ("status", "agents", "events"):
        done = town.run(verb)
        assert (done.returncode, done.stderr.count("(down)")) == (0, 1), done.stderr
    for verb in ("mq", "convoy"):
        assert town.run(verb, "list", "--json").stdout.strip() == "[]"
    said = town.ok("status")
    assert " (down) in " in said
    assert f"on the hook of {POLECAT}: {bead} do it" in said
    assert json.loads(town.ok("status", "--json"))["town"]["running"] is False
    assert (row(town)["state"], row(town)["bead"]) == ("down", bead)
    other = town.bead("second")
    done = town.run("sling", other)
    assert (done.returncode, done.stderr) == (0, "")
    assert "it is stored, and goes when the town is up" in done.stdout
    assert "already" in town.ok("sling", other)
    assert "nux, no longer to the next free polecat" in town.ok("sling", other, "--agent", "nux")
    subprocess.run(["rm", str(town.path / "lib" / "rig.toml")], check=True)
    assert "beads:" in town.ok("status")


def test_who_cannot_be_slung_to_is_refused(town):
    """Only polecats of the bead's rig; an agent that nobody knows is told, and stored."""
    bead = town.bead()
    assert "is no polecat" in town.refused("sling", bead, "--agent", "lib/crew/x")
    assert "does not work in lib" in town.refused("sling", bead, "--agent", "two/polecats/x")
    rig = town.path / "lib" / "rig.toml"
    rig.write_text(f'agent = "nobody"\n{rig.read_text()}')
    done = town.run("sling", bead)
    assert done.returncode == 0
    assert "no agent is called 'nobody' in the catalogue: aider" in done.stderr
