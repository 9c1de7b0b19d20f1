"""Bad input, end to end: one clear line each, nothing lost, no daemon that dies or runs hot."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from towns import POLECAT, RAW, Town, make_repo, one_line, wait_for

BAD_SETTINGS = {
    "x = [": "is not TOML",
    'agnt = "shell"': "did you mean agent?",
    "agent = 3": "Expected `str`, got `int`",
    'agent = "nobody"': "known: aider, claude",
    "[limits]\nmax_wroking = 3": "did you mean max_working?",
    "[limits]\nmax_working = 0": "must be at least 1",
}


def spoil(path: Path, text: str) -> str:
    """Put a bad piece into settings; what they were."""
    good = path.read_text()
    key = text.partition(" ")[0]
    kept = "\n".join(line for line in good.splitlines() if not line.startswith(f"{key} "))
    path.write_text(f"{kept}\n{text}\n" if text.startswith("[") else f"{text}\n{kept}")
    return good


@pytest.mark.parametrize("text", BAD_SETTINGS)
def test_settings_that_cannot_be_used_stop_the_start(town, text):
    """The file, what is wrong, and the nearest that is right; no daemon is started."""
    spoil(town.path / "town.toml", text)
    said = town.refused("up")
    assert "town.toml" in said
    assert BAD_SETTINGS[text] in said
    assert town.ok("down") == "The town was not running."


def test_settings_without_an_id_are_refused(town):
    path = town.path / "town.toml"
    path.write_text("\n".join(x for x in path.read_text().splitlines() if not x.startswith("id")))
    assert "has no id" in town.refused("up")


@pytest.mark.slow
def test_settings_that_break_while_the_town_runs_are_told_and_wait(town):
    """What was in force stays; a controller that starts anew waits, without work, and goes on."""
    town.ok("up")
    town.start_agent()
    settings, rig = town.path / "town.toml", town.path / "lib" / "rig.toml"
    good, good_rig = spoil(settings, "x = ["), spoil(rig, "y = [")
    wait_for(lambda: town.ok("status").count("PROBLEM") == 2)
    assert POLECAT in town.states()
    old = town.daemon("controller")
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: town.daemon("controller") != old)
    pid = town.daemon("controller")
    for verb in (("status",), ("up",), ("agents",), ("nudge", "x", "y")):
        assert "town.toml is not TOML" in town.refused(*verb)
    process = psutil.Process(pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.5)
    assert process.is_running()
    assert sum(process.cpu_times()[:2]) - before < 0.4
    assert POLECAT in town.ok("session", "list")
    settings.write_text(good)
    wait_for(lambda: town.run("status").returncode == 0)
    assert town.daemon("controller") == pid
    assert "lib/rig.toml is not TOML" in town.ok("status")  # its agent is still shown
    assert POLECAT in town.states()
    rig.write_text(good_rig)
    wait_for(lambda: "rig lib" in town.ok("status"))


def test_a_rig_that_cannot_be_read_leaves_the_other_at_work(town, root):
    """It is left out, named with its reason, and the other takes beads."""
    town.ok("rig", "add", "two", str(make_repo(root / "second")))
    spoil(town.path / "lib" / "rig.toml", "review = 'sometimes'")
    done = town.run("up")
    assert done.returncode == 0
    assert "the rig lib is left out" in one_line(0, done.stderr, 0)
    bead = town.bead("work", rig="two")
    town.ok("sling", bead)
    wait_for(lambda: "two/polecats/furiosa" in town.ok("session", "list"))
    assert "review is 'sometimes'" in town.ok("status")
    assert "two" in town.ok("rig", "list")


def test_what_is_unknown_is_named(living):
    """Beads, agents, rigs, requests, sessions: one line that says where to look."""
    for verb, words in {
        ("bead", "show", "li-zzz"): "there is no bead li-zzz",
        ("bead", "update", "../x", "--title", "x"): "is no id",
        ("sling", "li-zzzz"): "there is no bead",
        ("sling", "nope-1"): "no rig has beads like",
        ("sling", "../../x"): "no rig has beads like",
        ("nudge", "nobody", "hi"): "there is no agent 'nobody'",
        ("kill", "../../x"): "there is no agent",
        ("mq", "approve", "nope"): "there is no open merge request",
        ("mq", "diff", "-p"): "No such option",
        ("convoy", "show", "nope"): "there is no open convoy",
        ("rig", "release", "nope"): "there is no rig",
        ("peek", "nobody"): "there is no session",
        ("session", "start", "--name", "../x", "--", "true"): "cannot name a session",
        ("session", "start", "--", "no-such-program"): "there is no program",
        ("--town", "/nope", "status"): "is no town",
        ("prime",): "for agents",
        ("done",): "for agents",
        (): "needs a terminal",
    }.items():
        done = living.run(*verb)
        assert words in one_line(done.returncode, done.stderr, 2 if verb[-1:] == ("-p",) else 1)


HOSTILE = "evil \x1b]0;pwn\x07\x1b[2J \x9bm \r\b\u202e\u2066 title"


def test_no_text_of_others_steers_the_terminal(living, root):
    """Titles, comments, file and session names, and what was typed, in every verb that prints."""
    bead = living.bead(HOSTILE, "-d", HOSTILE)
    living.ok("bead", "comment", bead, HOSTILE)
    convoy = living.ok("convoy", "create", HOSTILE, bead)
    living.inside(
        "touch \"$(printf 'a\\033[31mb')\"; git add -A; git commit -qm \"$(printf 'x\\033[2J')\""
    )
    verbs = [
        ("bead", "list", "--rig", "lib"), ("bead", "show", bead), ("bead", "show", bead, "--json"),
        ("bead", "ready", "--rig", "lib"), ("convoy", "list"), ("convoy", "list", "--json"),
        ("convoy", "show", convoy), ("events",), ("events", "--json"), ("status", "--json"),
        ("agents",), ("mq", "list"), ("mq", "diff", POLECAT), ("sling", bead), ("peek", POLECAT),
        ("bead", "close", bead, "-f", "-r", HOSTILE), (HOSTILE,), ("bead", "show", HOSTILE),
        ("rig", "add", HOSTILE, "x"), ("rig", "add", "x", HOSTILE), ("peek", HOSTILE),
        ("bead", "create", "x", "--dir", HOSTILE), ("--town", HOSTILE, "status"),
        ("nudge", HOSTILE, "x"), ("sling", HOSTILE), ("convoy", "show", HOSTILE),
    ]  # fmt: skip
    for verb in verbs:
        done = living.run(*verb)
        assert not RAW.search(done.stdout + done.stderr), verb


def test_large_text_is_taken(living, root):
    """Five megabytes in one bead neither break a verb nor the controller."""
    bead = living.bead("large")
    text = root / "text"
    text.write_text("x" * 5_000_000)
    with text.open() as file:
        living.ok("bead", "comment", bead, "-", stdin=file)
    assert len(living.ok("bead", "show", bead)) > 5_000_000
    assert bead in living.ok("bead", "list", "--rig", "lib")
    assert living.ok("status")


def test_output_that_goes_nowhere_is_no_traceback(living):
    """A closed pipe is no error; a full or closed output is one line at most."""
    line = f"{sys.executable} -m gastown_tui"
    for verb in ("agents", "bead list", "events", "status --json"):
        shell = f"{line} {verb} | head -c 1"
        done = subprocess.run(
            ["bash", "-c", shell], cwd=living.path, env=living.env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.stderr == ""
        shell = f"{line} {verb} >/dev/full; echo $? >&2; {line} {verb} >&-; echo $? >&2"
        done = subprocess.run(
            ["bash", "-c", shell], cwd=living.path, env=living.env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        lines = done.stderr.splitlines()
        assert lines[1:] == ["1", "0"], done.stderr
        assert "No space left on device" in lines[0]


def test_a_second_daemon_is_refused(living):
    for name in ("host", "screens", "controller"):
        done = subprocess.run(
            [sys.executable, "-m", f"gastown_tui.roots.{name}", "--town", str(living.path)],
            env=living.env, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "runs already" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_runtime_folder_that_is_not_ours_is_refused(town):
    """A file, an open folder or somebody else's in its place: said, and nothing is touched."""
    from gastown_tui.adapters.runtime_dir import runtime_dir

    place = runtime_dir(town.path)
    place.rmdir()
    place.write_text("mine")
    assert "it is no folder" in town.refused("up")
    assert "it is no folder" in town.refused("status")
    assert place.read_text() == "mine"
    place.unlink()
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    assert "is open to other users" in town.refused("up")
    place.chmod(0o700)
    if os.getuid() == 0:
        os.chown(place, 1000, -1)
        assert "is not a folder of yours" in town.refused("up")
        os.chown(place, 0, -1)
    (place / "host.sock").mkdir()
    assert "is not a socket of ours" in town.refused("up")


@pytest.mark.slow
def test_a_foreign_socket_is_named_and_gives_way(town, root):
    """Something else answers where a daemon of ours should: one line, and the town starts."""
    from gastown_tui.adapters.runtime_dir import runtime_dir

    for name in ("host", "feed"):
        path = runtime_dir(town.path) / f"{name}.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()
            server.settimeout(0.2)
            stop = threading.Event()

            def answer(server=server, stop=stop):
                kept = []
                while not stop.is_set():
                    with contextlib.suppress(TimeoutError, OSError):
                        kept.append(server.accept()[0])
                        kept[-1].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                for connection in kept:
                    connection.close()

            thread = threading.Thread(target=answer)
            thread.start()
            try:
                if name == "host":
                    assert "is not a socket of ours" in town.refused("session", "list")
                assert "(down)" in town.run("status").stderr
                town.ok("up")
                assert " (up) in " in town.ok("status")
                town.ok("down")
            finally:
                stop.set()
                thread.join()


def test_a_controller_whose_socket_was_taken_away_is_started_again(town, monkeypatch):
    """A file stands in its place: named by status; `up` mends it, and no agent notices."""
    from gastown_tui.adapters.runtime_dir import runtime_dir
    from gastown_tui.cli import town as verbs

    town.ok("up")
    path, old = runtime_dir(town.path) / "feed.sock", town.daemon("controller")
    path.unlink()
    path.write_text("x")
    assert "feed.sock is not a socket of ours" in town.refused("status")
    monkeypatch.setattr(verbs, "_START_S", 0.0)
    monkeypatch.setattr(verbs, "_LOST_S", 0.0)
    verbs.wait_for_controller(town.path)
    assert town.daemon("controller") != old
    assert " (up) in " in town.ok("status")


@pytest.mark.slow
def test_a_town_that_was_moved_finds_itself(town, root):
    """Copied and moved: worktrees are joined again, work goes on; a copy is another town."""
    town.ok("up")
    town.start_agent()
    town.ok("down")
    old, town.path = town.path, root / "elsewhere"
    old.rename(town.path)
    town.ok("up", "--resume", "all")
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    assert "nothing to commit" in town.inside("git status")
    shutil.copytree(town.path, root / "copy", symlinks=True)
    assert town.ok("down", cwd=root / "copy") == "The town was not running."
    now = root / "again"
    town.path.rename(now)
    before, town.path = town.path, now
    assert "was moved" in town.refused("up")
    assert not before.exists()
    assert "is down" in town.ok("down")
    town.ok("up", "--resume", "all")
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    assert not before.exists()


@pytest.mark.slow
def test_a_missing_gate_command_holds_the_queue_and_burns_no_attempt(town):
    """It is missing on the target too: nobody's change is at fault, and the overseer is told once."""
    rig = town.path / "lib" / "rig.toml"
    good = rig.read_text()
    rig.write_text(good.replace('gates = ["test -f f"]', 'gates = ["no-such-linter --all"]'))
    town.ok("up")
    town.start_agent()
    assert "handed in" in town.inside("echo y >>f; git commit -qam work; gastown done")

    def request() -> dict[str, object]:
        rows = json.loads(town.ok("mq", "list", "--json"))
        return rows[0] if rows else {}

    wait_for(lambda: "was not found" in str(request().get("why", "")))
    found = request()
    assert (found["state"], found["attempt"]) == ("submitted", 1)
    assert "no-such-linter" in str(found["why"])
    assert "held: a command of the gates was not found" in town.ok("status")
    time.sleep(1.0)
    kinds = [row["kind"] for row in json.loads(town.ok("events", "--json"))]
    assert kinds.count("escalated") == 1
    assert "rework-gate" not in kinds
    rig.write_text(good)
    wait_for(lambda: "test -f f" in json.dumps(json.loads(town.ok("status", "--json"))["rigs"]))
    town.ok("rig", "release", "lib")
    wait_for(lambda: "landed" in town.ok("events"))


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
def test_a_full_disk_loses_nothing(template, root, monkeypatch):
    """Verbs say it in one line, daemons live, and all goes on once there is room."""
    disk = root / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], check=True)
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    town = Town(disk / "town", runtime)
    try:
        shutil.copytree(template.path, town.path, symlinks=True)
        town.ok("up")
        town.start_agent()
        town.inside("echo y >>f; git commit -qam work")
        fill = disk / "fill"

        def fill_up():
            what = ["dd", "if=/dev/zero", f"of={fill}", "bs=1k", "oflag=append", "conv=notrunc"]
            subprocess.run(what, capture_output=True, check=False)

        fill_up()
        for verb in (
            ("bead", "create", "x", "--rig", "lib"), ("kill", "furiosa"),
            ("rig", "add", "more", str(root)), ("init", str(disk / "other")), ("up",),
        ):  # fmt: skip
            town.refused(*verb)
        env = town.env | {"GASTOWN_AGENT": POLECAT, "GASTOWN_RIG": "lib"}
        fill_up()  # what they could not write may have made room
        assert "make room" in town.refused("done", env=env)
        assert sorted(path.name for path in disk.iterdir()) == ["fill", "town"]
        old = town.daemon("controller")
        time.sleep(3.0)  # the fold and the sweep come by, and cannot write
        assert town.daemon("controller") == old
        os.kill(town.daemon("controller"), signal.SIGKILL)
        wait_for(lambda: town.run("status").returncode == 0)
        assert "until you make room" in wait_for(
            lambda: (said := town.run("status").stdout) and "PROBLEM" in said and said
        )
        fill.unlink()
        wait_for(lambda: "PROBLEM" not in town.ok("status"))
        assert "handed in" in town.ok("done", env=env)
        wait_for(lambda: "landed" in town.ok("events"))
    finally:
        town.end()
        for _ in range(50):
            if (
                subprocess.run(["umount", str(disk)], capture_output=True, check=False).returncode
                == 0
            ):
                break
            time.sleep(0.1)


@pytest.mark.slow
def test_being_interrupted_leaves_nothing_half_made(root):
    """SIGINT and SIGTERM at many moments of init and rig add: whole, or not there at all."""
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    home = Town(root / "town", runtime)
    repo = make_repo(root / "repo")
    home.ok("init", str(home.path), "--agent", "shell", cwd=root)

    def stop(delay: float, number: int, *verb: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "gastown_tui", *verb], cwd=home.path, env=home.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        time.sleep(delay)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=20)
        assert len(err.splitlines()) <= 1, err

    for number in (signal.SIGINT, signal.SIGTERM):
        for step in range(3, 14):
            other = root / "other"
            stop(step * 0.05, number, "init", str(other))
            assert not other.exists() or (other / "town.toml").exists()
            shutil.rmtree(other, ignore_errors=True)
            stop(step * 0.05, number, "rig", "add", "lib", str(repo))
            left = home.path / "lib"
            assert not left.exists() or (left / "rig.toml").exists() or not any(left.iterdir())
            shutil.rmtree(left, ignore_errors=True)
    home.ok("rig", "add", "lib", str(repo))
    assert home.ok("up")
    home.end()


@pytest.mark.slow
def test_a_server_that_says_nothing_ends_in_one_line(town):
    """The connection is taken and nothing is sent: half a minute, no prompt, nothing left."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        assert "too slow" in town.refused("rig", "add", "far", url, timeout=55)
    assert not (town.path / "far").exists()
