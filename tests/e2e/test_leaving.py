"""Leaving: what was added by path is as before, and nothing goes that nobody else has."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from towns import Town, make_repo, wait_for

from gastown_tui.adapters import leaving as disk
from gastown_tui.roots import leaving

POLECAT = "app/polecats/furiosa"


def git(path: Path, *args: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
    return subprocess.run(
        ["git", *identity, "-C", str(path), *args], check=True, capture_output=True, text=True
    ).stdout.strip()


def picture(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every file below a folder: mode, time of change and bytes."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        about = path.lstat()
        content: object = b""
        if stat.S_ISLNK(about.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(about.st_mode):
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (about.st_mode, about.st_mtime_ns, content)
    return found


def make_checkout(root: Path) -> tuple[Path, Path]:
    """A checkout somebody works in: a stash, a worktree, hooks, changes; and its remote."""
    path, bare = make_repo(root / "work", {"f": "one\n", "g": "one\n"}), root / "remote.git"
    git(path, "clone", "-q", "--bare", str(path), str(bare))
    git(path, "remote", "add", "origin", str(bare))
    git(path, "fetch", "-q")
    git(path, "branch", "mine")
    git(path, "worktree", "add", "-q", str(root / "second"), "mine")
    (path / "f").write_text("stashed\n")
    git(path, "stash")
    (path / ".git" / "hooks" / "pre-commit").write_text("#!/bin/sh\nexit 0\n")
    (path / "g").write_text("not committed\n")
    (path / "new").write_text("untracked\n")
    git(path, "status")
    return path, bare


@pytest.fixture
def home(root: Path) -> Path:
    """A person's home in which Claude has been used."""
    place = root / "home"
    (place / ".claude" / "projects" / "-elsewhere").mkdir(parents=True)
    (place / ".claude.json").write_text(json.dumps({"projects": {"/elsewhere": {}}}))
    (place / ".claude" / "settings.json").write_text('{"model": "mine"}\n')
    (place / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.invalid\n")
    return place


@pytest.fixture
def mine(town: Town, home: Path, root: Path) -> Iterator[Town]:
    """A running town that knows its person's home, and state of its own."""
    town.extra |= {"HOME": str(home), "XDG_STATE_HOME": str(root / "state")}
    return town


def work(town: Town) -> str:
    """A bead of `app`, worked by a shell until it has landed."""
    bead = town.bead(rig="app")
    town.ok("sling", bead)
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    out = town.inside("echo two >f && git commit -qam two && gastown done", POLECAT)
    assert "handed in" in out, out
    target = (town.path / "app" / "repo", "rev-list", "--count", "gastown/main")
    wait_for(lambda: git(*target) == "2")
    wait_for(lambda: bead_of(town, bead)["status"] == "closed")
    return bead


def bead_of(town: Town, bead: str) -> dict[str, object]:
    return json.loads(town.ok("bead", "show", bead, "--json"))[0]


@pytest.mark.slow
def test_a_path_its_remote_and_the_home_are_as_before(mine, home, root):
    path, bare = make_checkout(root)
    before = [picture(place) for place in (path, bare, root / "second", home)]
    refs = git(path, "for-each-ref"), git(bare, "for-each-ref"), git(path, "stash", "list")
    mine.ok("rig", "add", "app", str(path), "--gate", "test -f f", "--review", "none")
    mine.ok("up")
    work(mine)
    said = mine.refused("rig", "remove", "app")
    assert said.startswith("this would be lost: 1 target that nobody has fetched"), said
    assert (mine.path / "app" / "rig.toml").exists()
    gone = mine.ok("rig", "remove", "app", "--discard")
    assert f"{path}: the repository it was added from, not touched" in gone
    assert not (mine.path / "app").exists()
    assert "app/" not in mine.ok("agents")
    assert "app/" not in mine.ok("session", "list")
    assert [row["name"] for row in json.loads(mine.ok("status", "--json"))["rigs"]] == ["lib"]
    assert not list((mine.path / ".gastown").glob("*/app*"))
    assert [picture(place) for place in (path, bare, root / "second", home)] == before
    assert refs == (
        git(path, "for-each-ref"), git(bare, "for-each-ref"), git(path, "stash", "list")
    )  # fmt: skip


@pytest.mark.slow
def test_a_rig_may_come_back_under_its_name(mine, root):
    path, _bare = make_checkout(root)
    mine.ok("up")
    for _ in range(2):
        mine.ok("rig", "add", "app", str(path), "--gate", "test -f f", "--review", "none")
        work(mine)
        git(path, "fetch", "-q", str(mine.path / "app" / "repo"), "gastown/main:landed", "--force")
        mine.ok("rig", "remove", "app")  # what the person has fetched is not lost
        git(path, "branch", "-D", "landed")


def test_whatever_has_not_landed_is_named(mine, root):
    path, _bare = make_checkout(root)
    mine.ok("rig", "add", "app", str(path), "--gate", "test -f f", "--review", "required")
    mine.ok("up")
    bead = mine.bead("first", rig="app")
    idle = mine.bead("never slung", rig="app")
    mine.ok("sling", bead)
    wait_for(lambda: POLECAT in mine.ok("session", "list"))
    mine.inside("echo two >f && git commit -qam two && echo three >g && echo x >h", POLECAT)
    (mine.path / "app" / "notes.md").write_text("mine\n")
    done = mine.run("rig", "remove", "app", "--json")
    found = {(one["kind"], one["what"]) for one in json.loads(done.stdout)["unlanded"]}
    branch = git(mine.path / POLECAT, "rev-parse", "--abbrev-ref", "HEAD")
    assert done.returncode == 1
    assert found == {
        ("hook", bead), ("bead", idle), ("branch", branch),
        ("sandbox", str(mine.path / POLECAT)), ("file", str(mine.path / "app" / "notes.md")),
    }  # fmt: skip
    assert POLECAT in mine.ok("session", "list")
    assert "app" in mine.inside(f"gastown rig remove app --discard; test -e {mine.path}/app && echo app", POLECAT)  # fmt: skip
    out = mine.inside(
        "gastown rig remove app --discard; gastown uninstall --yes --discard", POLECAT
    )
    assert out.count("is for the overseer") == 2
    assert (mine.path / "app" / "rig.toml").exists()


def test_a_town_is_taken_away_with_what_lies_outside_of_it(mine, home, root):
    path, _bare = make_checkout(root)
    before = picture(path), picture(home)
    mine.ok("rig", "add", "app", str(path), "--gate", "test -f f", "--review", "none")
    mine.ok("up")
    work(mine)
    (mine.path / "todo.txt").write_text("mine\n")
    assert "say --discard" in mine.refused("uninstall", "--yes")
    assert "say --yes" in mine.refused("uninstall", "--discard")
    assert mine.ok("status")
    pid = mine.daemon("controller")
    said = mine.ok("uninstall", "--discard", "--yes")
    assert "pip uninstall gastown" in said
    assert not Path(f"/proc/{pid}").exists()
    assert [entry.name for entry in mine.path.iterdir()] == ["todo.txt"]
    assert f"{mine.path}/todo.txt: not ours" in said
    assert not list(mine.runtime.rglob("*"))
    assert not list((root / "state").rglob("*"))
    assert (picture(path), picture(home)) == before


STEPS = ("end_sessions", "put_aside", "_close_records", "delete")
BETWEEN = [(step, after) for step in STEPS for after in (False, True)][:-1]


@pytest.mark.parametrize(("step", "after"), BETWEEN)
def test_killed_between_any_two_steps_it_is_finished_by_the_same_call(
    town, monkeypatch, step, after
):
    class Killed(BaseException):
        pass

    real = getattr(leaving, step)

    def dies(*args, **options):
        if after:
            real(*args, **options)
        raise Killed

    def remove():
        return leaving.remove_rig(
            town.path, "lib", town.env, actor="overseer", may=lambda _: None, let_go=lambda: None
        )

    with monkeypatch.context() as patch:
        patch.setattr(leaving, step, dies)
        # A kill undoes nothing.
        patch.setattr(leaving, "_rename", _forward)
        with pytest.raises(Killed):
            remove()
    remove()
    assert not (town.path / "lib").exists()
    assert not disk.aside(town.path, "lib").parent.exists()
    with pytest.raises(Exception, match="there is no rig 'lib'"):
        remove()


def _forward(old: Path, new: Path) -> None:
    if old.exists() and old.name == "rig.toml":
        old.replace(new)


@pytest.mark.parametrize("call", range(6))
def test_a_removal_of_the_town_that_was_killed_is_finished_too(town, monkeypatch, call):
    class Killed(BaseException):
        pass

    calls, real = 0, leaving.delete

    def dies(places):
        nonlocal calls
        calls += 1
        if calls == call + 1:
            raise Killed
        real(places)

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "delete", dies)
        try:
            leaving.remove_town(town.path, town.env, may=lambda _: None)
        except Killed:
            assert town.path.exists()
            patch.undo()
            leaving.remove_town(town.path, town.env, may=lambda _: None)
    assert not town.path.exists()
    assert not list(town.runtime.rglob("*"))


def runs(pid: int) -> bool:
    """Whether a process is there and more than an entry that nobody has read."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_dead_host_left_behind_ends_with_its_rig(town):
    town.ok("up")
    town.start_agent()
    session = "lib/polecats/furiosa"
    stays = "trap '' HUP; echo $$ >/dev/shm/$GASTOWN_RUN; exec sleep 600"
    town.type(f'sh -c "{stays.replace("$$", chr(92) + "$$")}" &', session)
    run = town.session_env(session)["GASTOWN_RUN"]
    note = Path(f"/dev/shm/{run}")
    pid = int(str(wait_for(lambda: note.exists() and note.read_text().strip())))
    note.unlink()
    host = int((town.path / ".gastown" / "host.lock").read_text())
    os.kill(host, signal.SIGKILL)
    wait_for(lambda: not runs(host))
    assert runs(pid)
    assert "1 bead on a hook" in town.refused("rig", "remove", "lib")
    assert (town.path / "lib" / "rig.toml").exists()
    town.ok("rig", "remove", "lib", "--discard")
    assert not runs(pid)
    assert not (town.path / "lib").exists()


def test_a_damaged_rig_can_be_removed(town):
    shutil.rmtree(town.path / "lib" / "repo")
    (town.path / "lib" / "rig.toml").write_text("nonsense = \n")
    assert "2 things that cannot be looked at" in town.refused("rig", "remove", "lib")
    town.ok("rig", "remove", "lib", "--discard")
    assert not (town.path / "lib").exists()


@pytest.mark.slow
def test_set_up_is_undone_and_leaves_nothing_behind(mine, home, root):
    path, _bare = make_checkout(root)
    (path / ".git" / "info" / "exclude").write_text(".env\ndeps/\n")
    (path / ".env").write_text("KEY=1\n")
    (path / "deps").mkdir()
    (path / "deps" / "lib").write_text("big\n")
    log = root / "log"
    mine.ok("rig", "add", "app", str(path), "--gate", "test -f deps/lib", "--review", "none")
    settings = mine.path / "app" / "rig.toml"
    say = f'echo $GASTOWN_PORT_BASE $PWD >> "{log}"'
    table = {"copy": [".env"], "link": ["deps"], "run": [f"{say}; echo up >> {log}"],
             "inputs": ["g"], "teardown": [f"{say}; echo down >> {log}"]}  # fmt: skip
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    settings.write_text(
        settings.read_text().split("[setup]")[0].rstrip("# \n") + f"\n[setup]\n{text}"
    )
    before = picture(path)
    mine.ok("up")
    work(mine)
    done = log.read_text().split()
    assert done.count("up") == 3  # the sandbox, the branch's gates, those before landing
    wait_for(lambda: log.read_text().split().count("down") == 1)  # the sandbox has gone
    assert len({word for word in done if word.isdecimal()}) == 3
    mine.ok("rig", "remove", "app", "--discard")
    assert log.read_text().split().count("down") == 3
    assert picture(path) == before
    assert not (root / "state" / "gastown" / "ports.json").exists()


def test_a_checkout_that_holds_something_is_named_and_another_goes(mine, root):
    path, _bare = make_checkout(root)
    mine.ok("rig", "add", "app", str(path), "--gate", "test -f f", "--review", "required")
    mine.ok("up")
    bead = mine.bead(rig="app")
    mine.ok("sling", bead)
    wait_for(lambda: POLECAT in mine.ok("session", "list"))
    mine.inside("echo two >f && git commit -qam two && gastown done", POLECAT)
    wait_for(lambda: "review" in mine.ok("mq", "list"))
    place = root / "tried"
    mine.ok("mq", "checkout", bead, "--to", str(place))
    (place / "f").write_text("mine\n")
    kinds = {
        (one["kind"], one["what"])
        for one in json.loads(mine.run("rig", "remove", "app", "--json").stdout)["unlanded"]
    }
    assert ("checkout", str(place)) in kinds
    git(place, "checkout", "-q", "f")
    found = json.loads(mine.run("rig", "remove", "app", "--json").stdout)["unlanded"]
    assert "checkout" not in {one["kind"] for one in found}
    mine.ok("rig", "remove", "app", "--discard")
    assert not place.exists()
