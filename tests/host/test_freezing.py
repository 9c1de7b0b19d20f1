"""Freeze and thaw of whole runs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from gastown_tui import protocol


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def processes_of(run):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"GASTOWN_RUN={run}".encode() in (
                entry / "environ"
            ).read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def send(talk, run, number):
    req = talk.link.next_req()
    done = talk.ask(protocol.SignalRun(req=req, run=run, signal=number, group=True))
    assert isinstance(done, protocol.Done), done


FAMILY = """
sleep 1000 &
setsid sh -c 'sleep 1000 & sleep 1000' &
sh -c 'while :; do sh -c "exit 0"; done' &
sleep 1000 & kill -STOP $!; echo $! >still
env -u GASTOWN_RUN sleep 1000 & echo $! >bare
wait
"""


def test_all_that_a_run_has_made_stands_still_and_goes_on_as_it_was(talk, poll):
    run = talk.spawn("sh", "-c", FAMILY).run
    folder = talk.town.town
    poll(lambda: (folder / "bare").exists() and (folder / "bare").read_text())
    still, bare = (int((folder / name).read_text()) for name in ("still", "bare"))
    poll(lambda: state(still) == "T" and len(processes_of(run)) >= 7)
    for _ in range(5):
        send(talk, run, signal.SIGSTOP)
        send(talk, run, signal.SIGSTOP)  # twice is as once
        frozen = processes_of(run)
        poll(lambda frozen=frozen: all(state(pid) in "TZ" for pid in (*frozen, bare)))
        time.sleep(0.02)
        assert sorted(processes_of(run)) == sorted(frozen), "nothing forks on"
        send(talk, run, signal.SIGCONT)
        lasting = [pid for pid in frozen if pid != still and os.path.exists(f"/proc/{pid}")]
        poll(lambda lasting=lasting: all(
            not os.path.exists(f"/proc/{pid}") or state(pid) != "T" for pid in (*lasting, bare)
        ))  # fmt: skip
        assert state(still) == "T", "what stood still before stands still"


def test_a_job_of_a_shell_keeps_the_terminal_over_a_freeze(talk, poll):
    run = talk.spawn("bash", "--norc", "-i", "-c", "set -m; sleep 1000; echo over >over").run
    job = poll(lambda: [pid for pid in processes_of(run) if cmdline(pid).startswith(b"sleep")])[0]
    for _ in range(20):
        send(talk, run, signal.SIGSTOP)
        send(talk, run, signal.SIGCONT)
        poll(lambda: state(job) == "S")
    time.sleep(0.1)
    assert not (talk.town.town / "over").exists(), "the shell took its job for stopped"
    os.kill(job, signal.SIGTERM)
    poll((talk.town.town / "over").exists)


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_frozen_run_that_is_ended_ends(talk):
    run = talk.spawn("sh", "-c", "sleep 1000 & setsid sleep 1000 & wait").run
    send(talk, run, signal.SIGSTOP)
    done = talk.end(run=run, grace_s=1.0)
    assert isinstance(done, protocol.Done)
    assert processes_of(run) == []
