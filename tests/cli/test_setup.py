"""Towns and projects are made whole or not at all."""

import shutil
import subprocess

import pytest

from gastown_tui.adapters.beads_git import BeadsGit
from gastown_tui.cli import main


def git(path, *args):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", "-C", str(path), *who, *args], check=True, capture_output=True)


def test_a_town_is_made_where_nothing_is(ok, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is a town already" in (ok("init", "t"), refused("init", "t"))[1]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "f").touch()
    assert "is not empty" in refused("init", "full")
    assert "is not empty" in refused("init", "full/f")
    assert "'nobody' is no agent: known: aider" in refused("init", "u", "--agent", "nobody")
    assert not (tmp_path / "u").exists()
    for name in ("with space", "ünïcode", "-dash"):
        ok("init", "--", name)
        assert (tmp_path / name / "town.toml").is_file()
    monkeypatch.setenv("HOME", "")
    assert "HOME is not set" in refused("init")
    assert "proc" in refused("init", "/proc/x")


def test_a_town_that_fails_half_way_is_taken_away(tmp_path, monkeypatch, refused):
    def fail(_self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BeadsGit, "make_town", fail)
    there = tmp_path / "there"
    there.mkdir()
    refused("init", str(there))
    refused("init", str(tmp_path / "new"))
    assert list(there.iterdir()) == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../x", "a b", "A", "é", ".beads", "mayor", "", "x" * 41, "a/b"])
def test_names_of_rigs_are_no_paths(quiet_town, refused, name):
    assert "cannot name a rig" in refused("rig", "add", name, "/tmp")
    assert sorted(p.name for p in quiet_town.iterdir() if p.name[0] != ".") == ["lib", "town.toml"]


def test_what_cannot_be_a_project_is_refused(quiet_town, refused, tmp_path):
    """Nothing is left of any of them, and the name stays free."""
    plain, empty, many, good = (tmp_path / name for name in ("plain", "empty", "many", "good"))
    for place in (plain, empty, many, good):
        place.mkdir()
    git(empty, "init", "-q")
    for place in (many, good):
        git(place, "init", "-q", "-b", "one")
        git(place, "commit", "-q", "--allow-empty", "-m", "x")
    git(many, "branch", "two")
    git(many, "checkout", "-q", "--detach")
    bare = tmp_path / "bare"
    subprocess.run(["git", "clone", "-q", "--bare", str(many), str(bare)], check=True)
    git(bare, "symbolic-ref", "HEAD", "refs/heads/gone")
    for source, words in (
        (plain, "not a git repository"),
        (empty, "has no commit yet"),
        (bare, "no default branch"),
        (tmp_path / "nothing", "there is no"),
        (quiet_town, "is inside the town"),
        (quiet_town / "lib" / "repo", "is inside the town"),
        ("http://127.0.0.1:1/x", "git clone"),
        ("ext::sh -c 'touch pwned'", "not allowed"),
        ("--upload-pack=x", "No such option"),
    ):
        code = 2 if words == "No such option" else 1
        assert words in refused("rig", "add", "new", str(source), code=code)
        assert not (quiet_town / "new").exists()
    assert "the prefix li is taken" in refused("rig", "add", "new", str(good), "--prefix", "li")
    assert "nothing is pushed into it" in refused("rig", "add", "new", str(good), "--land", "push")
    assert "is not one of" in refused("rig", "add", "new", str(good), "--permissions", "x", code=2)
    assert "there is a rig lib already" in refused("rig", "add", "lib", str(good))
    assert not (quiet_town / "new").exists()
    assert not (quiet_town / "pwned").exists()


def test_what_a_killed_rig_add_left_is_no_obstacle(quiet_town, ok, refused, tmp_path):
    git_dir = tmp_path / "we ird é" / "-p'j\"x"
    git_dir.mkdir(parents=True)
    git(git_dir, "init", "-q", "-b", "main")
    git(git_dir, "commit", "-q", "--allow-empty", "-m", "x")
    (quiet_town / "new" / ".repo.partial-abc").mkdir(parents=True)
    ok("rig", "add", "new", str(git_dir))
    assert "new" in ok("rig", "list")
    shutil.rmtree(quiet_town / "new")
    (quiet_town / "new").mkdir()
    (quiet_town / "new" / "mine").touch()
    assert "is in the way" in refused("rig", "add", "new", str(git_dir))
    assert (quiet_town / "new" / "mine").exists()


def test_no_git_is_one_line(tmp_path, monkeypatch, refused):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert "is too old: install git 2.34" in refused("init", str(tmp_path / "t"))
    assert not (tmp_path / "t").exists()
    assert main.run(["--version"]) == 0
