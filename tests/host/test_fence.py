"""Every process of a run is found and ended, whatever it does to hide."""

from __future__ import annotations

import os
import sys
import time

import pytest

from gastown_tui import protocol
from gastown_tui.host import processes
from gastown_tui.host.fence import Fences, Target, members
from gastown_tui.host.processes import Process, Scan
from gastown_tui.protocol import RunRow


def write_pid(name):
    return f"""
    with open("{name}.new", "w") as file: file.write(str(os.getpid()))
    os.rename("{name}.new", "{name}")
"""


HIDE = f"""
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
def orphan(body):
    if os.fork() == 0:
        if os.fork() == 0:
            body()
            time.sleep(100)
        os._exit(0)
    os.wait()
def daemon():
    os.setsid()
    for fd in range(3): os.close(fd)
    {write_pid("daemon")}
def cleared():
    {write_pid("cleared")}
    os.execve("/bin/sleep", ["sleep", "100"], {{}})
orphan(daemon)
orphan(cleared)
if os.fork() == 0:
    os.setsid()
    {write_pid("own")}
    os.execve("/bin/sleep", ["sleep", "100"], {{}})
for name in ("daemon", "cleared", "own"):
    while not os.path.exists(name): time.sleep(0.01)
open("ready", "w")
time.sleep(100)
"""


@pytest.fixture
def pid_of(talk, poll):
    def read(name):
        path = talk.town.town / name
        return int(poll(lambda: path.exists() and path.read_text(), 10, f"{name} is written"))

    return read


def test_orphans_new_sessions_and_cleared_environments_are_found(talk, poll, pid_of, is_alive):
    spawned = talk.spawn(sys.executable, "-c", HIDE)
    poll((talk.town.town / "ready").exists)
    pids = [spawned.pid, *map(pid_of, ("daemon", "cleared", "own"))]
    assert len({os.getsid(pid) for pid in pids}) == 3
    assert all(map(is_alive, pids))
    bystander = talk.spawn("sleep", "100")
    done = talk.end(run=spawned.run, grace_s=0.1)
    assert isinstance(done, protocol.Done)
    assert not any(map(is_alive, pids))
    assert is_alive(bystander.pid)


def test_what_an_agent_leaves_behind_goes_with_it(talk, poll, pid_of, is_alive):
    script = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec sleep 100' & sleep 0.2"
    spawned = talk.spawn("sh", "-c", script, name="a")
    left = pid_of("left")
    assert talk.ended(spawned.run).code == 0
    poll(lambda: not is_alive(left))
    poll(lambda: talk.town.row(spawned.run).gone)
    assert f"[{left}] gone" in talk.town.log()


def test_what_a_shell_leaves_behind_stays_until_its_successor(talk, pid_of, is_alive):
    script = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec sleep 100' & sleep 0.2"
    spawned = talk.spawn("sh", "-c", script, name="a", kind="shell")
    left = pid_of("left")
    talk.ended(spawned.run)
    talk.rows()
    assert is_alive(left)
    talk.spawn("sleep", "100", name="a", kind="shell")
    assert not is_alive(left)
    assert talk.rows()[spawned.run].why == "exit"


CHAIN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
until = time.monotonic() + 30
open("ready", "w")
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        break
while time.monotonic() < until:  # each generation lives for a moment and leaves one child
    if os.fork():
        time.sleep(0.002)
        os._exit(0)
"""


def test_processes_that_fork_away_all_the_time_are_caught(talk, poll):
    spawned = talk.spawn(sys.executable, "-c", CHAIN)
    poll((talk.town.town / "ready").exists)
    began = time.monotonic()
    done = talk.end(run=spawned.run, grace_s=0.2)
    assert isinstance(done, protocol.Done), done
    assert time.monotonic() - began < 8
    scan = Scan()
    assert not [p for p in scan.processes.values() if p.alive and scan.run_of(p.pid) == spawned.run]


SELF = """
import json, os, sys
from pathlib import Path
from gastown_tui import protocol
from gastown_tui.adapters.sync_link import SyncLink
link = SyncLink(Path(sys.argv[1]), protocol.host_decoder, what="host")
run = os.environ["GASTOWN_RUN"]
for frame in (
    protocol.Spawn(req=1, run="heir", name="me", argv=["true"], cwd="/", env={}, fence=[run]),
    protocol.RestartDaemon(req=1, name="screens"),
    protocol.EndRun(req=1, name="other"),
    protocol.SignalRun(req=1, run="r-other", signal=9),
    protocol.Shutdown(req=1),
):
    answer = link.ask(frame)
    assert answer.kind == "Forbidden", answer
answer = link.ask(protocol.Spawn(req=1, run="new", name="new", argv=["true"], cwd="/", env=dict(os.environ)))
assert answer.pid, answer
answer = link.ask(protocol.EndRun(req=2, run=run, grace_s=0.1))
open("answer.new", "w").write(type(answer).__name__)
os.rename("answer.new", "answer")
"""


def test_a_session_may_start_others_and_end_itself_but_not_others(talk, poll, is_alive):
    town = talk.town
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    other = talk.spawn("sleep", "100", run="r-other", name="other")
    (town.town / "self.py").write_text(SELF)
    inner = f"trap '' HUP; sleep 100 & {sys.executable} self.py {town.runtime}/host.sock"
    spawned = talk.spawn("sh", "-c", inner, env=env, name="me")
    path = town.town / "answer"
    assert poll(lambda: path.exists() and path.read_text()) == "Done"
    assert not is_alive(spawned.pid)
    assert is_alive(other.pid)


@pytest.fixture
def table(monkeypatch):
    """A scan of a made-up process table: pid to (ppid, sid, ticks, run)."""

    def make(rows):
        scan = Scan.__new__(Scan)
        scan.processes, scan.children, scan._runs = {}, {}, {}
        for pid, (ppid, sid, ticks, run) in rows.items():
            scan.processes[pid] = process = Process(pid, ppid, sid, ticks, True)
            scan.children.setdefault(ppid, []).append(process)
            scan._runs[pid] = run
        return scan

    return make


def found(scan, target, known=(), spare=()):
    return {pid for pid, _ in members(target, scan, frozenset(known), frozenset(spare))}


def test_a_pid_that_was_taken_over_is_not_of_the_run(table):
    target = Target(run="r", pid=50, ticks=1000)
    scan = table({50: (1, 50, 2000, ""), 51: (50, 50, 2001, ""), 60: (1, 60, 1500, "r")})
    assert found(scan, target) == {60}
    scan = table({50: (1, 50, 1000, ""), 51: (1, 50, 2001, "other"), 60: (51, 60, 2002, "")})
    assert found(scan, target) == {50, 51, 60}


def test_members_of_a_session_whose_leader_has_gone(table):
    target = Target(run="r", pid=50, ticks=1000)
    rows = {51: (1, 50, 1001, ""), 52: (1, 50, 999, ""), 53: (1, 50, 1002, "other")}
    assert found(table(rows), target) == {51}


def test_pids_of_another_boot_mean_nothing(table):
    row = RunRow(run="r", name="a", pid=50, ticks=1000, sid=50, boot="another")
    assert Target.of(row) == Target(run="r")
    assert found(table({50: (1, 50, 1000, "")}), Target.of(row)) == set()
    here = RunRow(run="r", name="a", pid=50, ticks=1000, sid=50, boot=processes.boot())
    assert Target.of(here).pid == 50


def test_what_was_recognised_stays_so_and_what_is_spared_is_not_entered(table):
    scan = table(
        {70: (1, 70, 5, ""), 71: (70, 70, 6, ""), 80: (70, 80, 7, "r"), 81: (80, 80, 8, "")}
    )
    target = Target(run="r")
    assert found(scan, target, known=[(70, 5)]) == {70, 71, 80, 81}
    assert found(scan, target, known=[(70, 4)]) == {80, 81}
    assert found(scan, target, known=[(70, 5)], spare=[80]) == {70, 71}


def test_orphans_of_nobody_knows_whom_keep_a_fence_open(table):
    fences = Fences(frozenset)
    nothing = table({})
    fence = fences.start(Target(run="r"), grace_s=1.0, now=0.0, reason="")
    fence.step(nothing, 0.1, frozenset())
    fences.orphan_ended("")
    fence.step(nothing, 0.2, frozenset())
    fence.step(nothing, 0.3, frozenset())
    assert not fence.done
    fences.orphan_ended("another run")
    fence.step(nothing, 0.4, frozenset())
    assert fence.done
    fence = fences.start(Target(run="s"), grace_s=1.0, now=0.0, reason="")
    for now in (2.0, 12.0):
        fences.orphan_ended("s")
        fence.step(nothing, now, frozenset())
    assert "faster than they can be ended" in fence.failed
