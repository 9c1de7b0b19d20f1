"""Spawning, refusing, ending and listing runs with real programs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from gastown_tui import protocol

_FACTS = """
import json, os, signal, sys
size = os.get_terminal_size(0)
umask = os.umask(0)
facts = {
    "fds": sorted(os.listdir("/proc/self/fd"))[:-1],
    "run": os.environ.get("GASTOWN_RUN"), "env": sorted(os.environ), "cwd": os.getcwd(),
    "size": [size.columns, size.lines], "umask": umask, "sid": os.getsid(0), "pid": os.getpid(),
    "hup": int(signal.getsignal(signal.SIGHUP)), "args": sys.argv[1:],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "tty": os.ttyname(0),
}
open("facts.new", "w").write(json.dumps(facts))
os.rename("facts.new", "facts")
"""


def test_program_gets_what_was_asked_for_and_nothing_of_ours(talk, poll):
    others = [talk.spawn("sleep", "100") for _ in range(3)]
    assert len(others) == 3
    umask = os.umask(0)
    os.umask(umask)
    spawned = talk.spawn(
        sys.executable, "-c", _FACTS, "a b", "--x", cols=93, rows=17, note={"bead": "gt-1"}
    )
    path = talk.town.town / "facts"
    poll(path.exists)
    facts = json.loads(path.read_text())
    assert facts["fds"] == ["0", "1", "2"]
    assert facts["run"] == spawned.run
    assert set(facts["env"]) - {"LC_CTYPE"} == {"GASTOWN_RUN", "PATH"}
    assert facts["cwd"] == str(talk.town.town)
    assert facts["size"] == [93, 17]
    assert facts["umask"] == umask
    assert facts["sid"] == facts["pid"] == spawned.pid
    assert facts["hup"] == signal.SIG_DFL
    assert facts["blocked"] == 0
    assert facts["args"] == ["a b", "--x"]
    row = talk.ended(spawned.run)
    assert (row.code, row.signal, row.why, row.note) == (0, 0, "exit", {"bead": "gt-1"})
    assert (row.pid, row.sid) == (spawned.pid, spawned.pid)
    assert abs(row.pid_start - spawned.started) < 5
    assert talk.town.row(spawned.run).ended == row.ended


REFUSED = [
    (["no-such-program"], {}, "not found"),
    (["./readme"], {}, "not an executable file"),
    (["./text"], {}, "Exec format"),
    (["sh"], {"env": {"PATH": "/nowhere"}}, "not found"),
    (["sh"], {"cwd": "/no/such/folder"}, "does not exist"),
    (["sh", "a\0b"], {}, "NUL"),
    (["sh"], {"env": {"A=B": "c"}}, "variable"),
    (["sh"], {"cwd": "relative"}, "absolute"),
    (["sh"], {"name": "-x"}, "name of a session"),
    (["sh"], {"run": "../x"}, "id of a run"),
    (["sh"], {"fence": ["../x"]}, "id of a run"),
    (["sh"], {"kind": "x"}, "kind of run"),
    (["sh"], {"cols": 0}, "terminal"),
    (["sh"], {"grace_s": -1.0}, "grace"),
    (["sh", "x" * 200_000], {}, "too long"),
    ([], {}, "no program"),
]


def test_what_cannot_be_executed_is_refused_in_one_line(talk):
    town = talk.town.town
    (town / "readme").write_text("x")
    (town / "text").write_bytes(b"\0not a program")
    (town / "text").chmod(0o755)
    for argv, fields, words in REFUSED:
        refused = talk.refused(*argv, **fields)
        assert words in refused.message
        assert "\n" not in refused.message
        assert refused.kind == "BadInput"
    rows = talk.rows().values()
    assert len(rows) == 5, "what was refused for its shape is not recorded"
    assert all(row.ended and row.gone and row.why.startswith("spawn failed: ") for row in rows)
    # No child that could not execute has gone on as a second host.
    host = talk.town.hosts[0].pid
    with open(f"/proc/{host}/task/{host}/children") as file:
        assert file.read() == ""
    assert talk.spawn("true").pid


def test_run_name_and_key_are_unique_among_the_living(talk, is_alive):
    first = talk.spawn("sleep", "100", run="r1", name="a", key="bead-1")
    assert talk.refused("sleep", "1", run="r1", name="b").kind == "Conflict"
    assert talk.refused("sleep", "1", run="r2", name="a").kind == "Conflict"
    assert talk.refused("sleep", "1", run="r3", name="c", key="bead-1").kind == "Conflict"
    assert is_alive(first.pid)
    second = talk.spawn("sleep", "100", run="r4", name="a", key="bead-1", fence=["r1"])
    assert not is_alive(first.pid)
    rows = talk.rows()
    assert rows["r1"].why == "ended: replaced by r4"
    assert rows["r1"].ended <= rows["r4"].started
    assert rows["r4"].pid == second.pid
    talk.end(run="r4")
    assert talk.refused("true", run="r4", name="z").kind == "Conflict"
    talk.spawn("sleep", "100", run="r5", name="a", key="bead-1")


def test_ends_one_that_ignores_term_within_its_grace(talk, poll, is_alive):
    script = "trap '' TERM HUP INT; echo >ready; while :; do sleep 0.05; done"
    spawned = talk.spawn("sh", "-c", script, name="stubborn")
    poll((talk.town.town / "ready").exists)
    began = time.monotonic()
    done = talk.end(name="stubborn", grace_s=0.3, reason="asked by a test")
    took = time.monotonic() - began
    assert done == protocol.Done(req=done.req, text=spawned.run)
    assert 0.3 <= took < 3
    assert not is_alive(spawned.pid)
    row = talk.rows()[spawned.run]
    assert (row.signal, row.code, row.why) == (9, None, "ended: asked by a test")
    assert row.gone
    assert isinstance(talk.end(run=spawned.run), protocol.Done)
    assert talk.end(run="unknown").kind == "NotFound"
    assert talk.end(name="stubborn").kind == "NotFound"


def test_other_spawns_go_on_while_one_waits_for_its_fence(talk, poll):
    script = "trap '' TERM; echo >ready; while :; do sleep 0.05; done"
    talk.spawn("sh", "-c", script, run="old", name="slow", key="k")
    poll((talk.town.town / "ready").exists)
    waiting = talk.frame("sleep", "9", run="new", name="slow", key="k", fence=["old"], grace_s=1.0)
    talk.link.send(waiting)
    began = time.monotonic()
    assert talk.refused("true", name="slow").kind == "Conflict"
    talk.spawn("sleep", "9")
    assert time.monotonic() - began < 0.8
    assert talk.town.try_link() is not None
    while True:
        frame = talk.link.receive(10)
        if getattr(frame, "req", 0) == waiting.req:
            break
    assert isinstance(frame, protocol.Spawned)


def test_every_client_hears_of_starts_and_ends_and_late_ones_ask(talk, new_talk):
    other = new_talk(talk.town)
    before = time.time()
    spawned = talk.spawn("sh", "-c", "kill -SEGV $$")
    row = other.ended(spawned.run)
    assert (row.signal, row.code, row.why) == (signal.SIGSEGV, None, "signal")
    assert spawned.run in talk.rows(before)
    assert spawned.run not in talk.rows(row.ended)


def test_signals_reach_the_leader_or_the_whole_run(talk, poll):
    script = "sleep 100 & echo $! >child.new; mv child.new child; wait"
    spawned = talk.spawn("sh", "-c", script)
    path = talk.town.town / "child"
    child = int(poll(lambda: path.exists() and path.read_text()))

    def state(pid):
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def send(number, group):
        req = talk.link.next_req()
        return talk.ask(protocol.SignalRun(req=req, run=spawned.run, signal=number, group=group))

    send(signal.SIGSTOP, False)
    poll(lambda: state(spawned.pid) == "T")
    assert state(child) != "T"
    send(signal.SIGCONT, False)
    send(signal.SIGSTOP, True)
    poll(lambda: state(child) == "T")
    send(signal.SIGCONT, True)
    poll(lambda: state(child) != "T" and state(spawned.pid) != "T")
    assert send(999, True).kind == "BadInput"
    talk.end(run=spawned.run)
    assert send(signal.SIGCONT, True).kind == "NotFound"


def test_shutdown_ends_everything_and_removes_the_socket(talk, is_alive):
    host = talk.town.hosts[0]
    pids = [talk.spawn("sh", "-c", "sleep 100 & sleep 100").pid for _ in range(3)]
    done = talk.ask(protocol.Shutdown(req=talk.link.next_req()))
    assert isinstance(done, protocol.Done)
    assert host.wait(5) == 0
    assert not any(map(is_alive, pids))
    assert not (talk.town.runtime / "host.sock").exists()
    assert {row.why for row in map(talk.town.row, talk_runs(talk))} == {"ended: the town went down"}


def talk_runs(talk):
    return [path.stem for path in (talk.town.town / ".gastown/sessions/runs").glob("*.json")]


def test_sigterm_does_the_same(talk, is_alive):
    pid = talk.spawn("sleep", "100").pid
    talk.town.hosts[0].send_signal(signal.SIGTERM)
    assert talk.town.hosts[0].wait(5) == 0
    assert not is_alive(pid)
