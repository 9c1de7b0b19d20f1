"""Freeze, hang-up, absence and calls, with real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import ptyprocess
import pytest
from towns import POLECAT, wait_for

pytestmark = pytest.mark.slow


def processes(town):
    """Every process of the town's sessions."""
    mine = f"GASTOWN_TOWN={town.path}".encode()
    found = []
    for process in psutil.process_iter():
        try:
            env = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mine in env and any(one.startswith(b"GASTOWN_RUN=") for one in env):
            found.append(process)
    return found


def stand_still(found):
    return {one.status() == psutil.STATUS_STOPPED for one in found if one.is_running()}


def test_a_frozen_town_stays_so_whatever_is_restarted_and_goes_on_as_it_was(town):
    town.ok("up")
    town.start_agent()
    town.inside("setsid sleep 1000 & sh -c 'setsid sleep 1000; :' & disown 2>/dev/null; :")
    began = time.monotonic()
    assert "1 session is frozen" in town.ok("freeze")
    assert time.monotonic() - began < 3, "a second, and the start of Python on a busy machine"
    found = processes(town)
    assert len(found) >= 4
    assert stand_still(found) == {True}
    os.kill(town.daemon("controller"), signal.SIGKILL)
    wait_for(lambda: "FROZEN" in town.run("status").stdout)
    assert "the town is frozen" in town.ok("up")
    assert "the town is frozen" in town.refused("pause")
    town.bead("another")
    assert stand_still(found) == {True}
    assert town.states() == {POLECAT: "paused"}
    assert "1 session goes on" in town.ok("thaw")
    wait_for(lambda: stand_still(found) == {False})
    assert town.inside("echo still here") == "still here\n"
    town.ok("freeze")
    town.ok("kill", POLECAT)
    assert processes(town) == []
    assert "0 sessions go on" in town.ok("thaw")


def test_a_terminal_that_is_hung_up_ends_the_screen_and_nothing_else(town):
    town.ok("up")
    town.start_agent()
    before = {one.pid for one in processes(town)}
    env = town.env | {"TERM": "xterm-256color", "GASTOWN_TOWN": str(town.path)}
    screen = ptyprocess.PtyProcess.spawn([sys.executable, "-m", "gastown_tui"], env=env)
    wait_for(lambda: b"furiosa" in screen.read())
    screen.fileobj.close()
    screen.closed = True
    wait_for(lambda: not screen.isalive())
    assert {one.pid for one in processes(town)} == before
    controller = town.daemon("controller")
    for pid in (psutil.Process(controller).ppid(), controller):
        assert os.getsid(pid) == pid, "a session of its own, which no logout hangs up"
        assert psutil.Process(pid).terminal() is None
    assert "still here" in town.inside("echo still here")


def test_after_an_absence_everybody_waits_for_a_word_whatever_is_restarted(town):
    town.ok("up")
    bead = town.start_agent()
    town.inside("echo work >half-done")
    said = town.ok("down")
    assert f"{POLECAT}: what it left is committed on polecat/furiosa/{bead}" in said
    said = town.ok("up")
    assert "1 agent could go on; the town was away since" in said
    assert bead in town.ok("resume")
    os.kill(town.daemon("controller"), signal.SIGKILL)
    wait_for(lambda: "waits for your word" in town.run("status").stdout)
    assert processes(town) == []
    assert f"{POLECAT} may go on" in town.ok("resume", "furiosa")
    wait_for(lambda: processes(town))
    assert "Nobody waits" in town.ok("resume")


def test_the_overseer_is_called_once_with_no_screen_open(town):
    out = town.path.parent / "called"
    with (town.path / "town.toml").open("a") as file:
        command = ["sh", "-c", 'echo "$GASTOWN_NOTIFY_KIND: $1" >> "$0"', str(out), "{text}"]
        file.write(f"\n[notify]\ncommand = {command}\nevery_s = 1\n")
    town.ok("up")
    assert "sh: done" in town.ok("notify", "hello")
    town.start_agent("a small change")
    town.inside("echo two >f && git commit -qam two && gastown done")
    wait_for(lambda: out.read_text().count("\n") >= 2, timeout_s=50)
    time.sleep(3)  # a second call would have come by now
    assert out.read_text().splitlines() == [
        "waits: hello", "done: all work is done: nothing is left to do",
    ]  # fmt: skip
