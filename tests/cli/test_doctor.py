"""`gastown doctor`, on this machine and in a town."""

from __future__ import annotations

import json
import os
import shutil
import socket

import pytest

from gastown_tui.adapters.moved import rejoin
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.cli import main
from gastown_tui.cli.doctor import page
from gastown_tui.domain.doctor.finding import ok, warn


@pytest.fixture
def look(capfd):
    """The findings by what they are about, and the exit status."""

    def run():
        capfd.readouterr()
        status = main.run(["doctor", "--json"])
        told = json.loads(capfd.readouterr().out)
        assert told["ok"] == (status == 0)
        return {one["about"]: one for one in told["findings"]}, status

    return run


def test_where_no_town_is_the_machine_is_looked_at(look, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GASTOWN_TOWN", raising=False)
    found, _ = look()
    assert {"python", "git", "disk", "memory", "sockets", "language"} <= set(found)
    assert "town" not in found
    monkeypatch.setenv("GASTOWN_TOWN", str(tmp_path))
    assert main.run(["doctor"]) == 1  # misspelt is not unnamed


def belong_here(town):
    """The fixture is a copy: as if the original had been moved here."""
    own = town / "lib" / "repo" / ".git" / "worktrees" / "-beads"
    (town / "lib" / ".beads" / ".git").write_text(f"gitdir: {own}\n")


def test_a_town_in_order(look, quiet_town):
    belong_here(quiet_town)
    rejoin(quiet_town, "lib")
    found, status = look()
    assert (found["town"]["level"], found["beads lib"]["level"], status) == ("ok", "ok", 0)
    assert found["rig lib"]["text"].startswith("lands on gastown/main (local)")


def test_a_damaged_town_says_what_to_do(look, quiet_town):
    with (quiet_town / "lib" / ".beads" / "issues.jsonl").open("a") as file:
        file.write("{half a li\n")
    with (quiet_town / "town.toml").open("a") as file:
        file.write("\nnonsense = 1\n")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(runtime_dir(quiet_town) / "host.sock"))
    found, status = look()
    assert status == 1
    assert (found["beads lib"]["level"], found["town"]["level"]) == ("fail", "fail")
    assert "bead doctor" in found["beads lib"]["remedy"]
    assert "nonsense" in found["town"]["text"]
    assert "host.sock" in found["daemons"]["text"]


def test_a_rig_that_was_copied_or_moved_and_one_without_its_hub(look, quiet_town):
    found, status = look()
    assert (found["rig lib"]["level"], status) == ("fail", 1)
    assert "this town is a copy" in found["rig lib"]["text"]
    belong_here(quiet_town)
    found, status = look()
    assert (found["rig lib"]["level"], status) == ("warn", 0)
    assert "moved: 1 worktree" in found["rig lib"]["text"]
    shutil.rmtree(quiet_town / "lib" / "repo")
    found, status = look()
    assert (found["rig lib"]["level"], status) == ("fail", 1)


def test_looking_changes_nothing(look, quiet_town):
    def stamps():
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in quiet_town.rglob("*")
            if path.is_file() and ".gastown" not in path.parts
        }

    look()  # the first look at a store may bring its file in
    before = stamps()
    look()
    assert stamps() == before
    assert os.listdir(quiet_town)


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_the_terminal(columns):
    parts = {
        "machine": [ok("python", "word " * 40), warn("inotify", "x", "sudo sysctl -w a=b " * 9)]
    }
    lines = list(page(parts, columns))
    assert max(map(len, lines)) <= columns
    assert sum("->" in line for line in lines) == 1


def test_what_it_says_cannot_steer_the_terminal():
    assert "\x1b" not in "".join(page({"town": [ok("rig", "a\x1b[2Jb")]}, 80))
