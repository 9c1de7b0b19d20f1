"""The host is killed at any moment; nothing is ever worked on twice at once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

import pytest

from gastown_tui import protocol
from gastown_tui.domain.errors import Unavailable

STUBBORN = "trap '' HUP TERM; setsid sh -c 'trap \"\" HUP TERM; while :; do sleep 0.1; done' & echo started; while :; do sleep 0.1; done"


class Sampler:
    """Looks at /proc all the time: which runs have living processes that carry a key."""

    def __init__(self, key):
        self.mark = f"WORKS_ON={key}".encode()
        self.twice = []
        self.seen = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def runs(self):
        runs = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{name}/environ", "rb") as file:
                    env = file.read().split(b"\0")
                if self.mark in env:
                    (run,) = [v for v in env if v.startswith(b"GASTOWN_RUN=")]
                    runs.setdefault(run[12:].decode(), []).append(int(name))
        return runs

    def _watch(self):
        while not self._stop.is_set():
            runs = self.runs()
            self.seen |= runs.keys()
            if len(runs) > 1:
                self.twice.append(runs)
            self._stop.wait(0.002)


def spawn_next(talk, run, fence):
    env = {"PATH": os.environ["PATH"], "WORKS_ON": "gt-1"}
    return talk.frame(
        "sh", "-c", STUBBORN, run=run, name="a", key="gt-1", env=env, fence=fence, grace_s=0.2
    )


def test_killed_host_with_a_stopped_screens_holding_the_terminal(
    town, talk, screens, new_talk, poll, is_alive
):
    holder = screens()
    with Sampler("gt-1") as sampler:
        talk.link.send(spawn_next(talk, "one", []))
        row, descriptor = holder.adopt()
        os.read(descriptor, 100)
        poll(lambda: len(sampler.runs().get("one", [])) >= 2)
        town.hosts[0].kill()
        town.hosts[0].wait()
        # Our end of the terminal is open and nobody reads: the program goes on without a host.
        time.sleep(0.2)
        assert is_alive(row.pid)
        town.start()
        talk = new_talk(town)
        listed = talk.rows()
        assert set(listed) == {"one"}, "questions are answered while the fence is under way"
        answer = talk.ask(spawn_next(talk, "two", []))
        assert isinstance(answer, protocol.Spawned), answer
        assert set(sampler.runs()) == {"two"}
        old = talk.rows()["one"]
        assert (old.why, old.code, old.gone) == ("host died", None, True)
        assert old.ended <= answer.started
        os.close(descriptor)
    assert sampler.seen == {"one", "two"}
    assert sampler.twice == []


@pytest.mark.slow
def test_killed_again_and_again_at_random_moments(town, new_talk):
    chance = random.Random(7)
    started = 0
    with Sampler("gt-1") as sampler:
        for number in range(12):
            host = town.start()
            talk = new_talk(town)
            # The moment of the kill falls before, into and after fence, record, fork and exec.
            timer = threading.Timer(chance.uniform(0.0, 0.9), host.kill)
            timer.start()
            with contextlib.suppress(Unavailable):
                answer = talk.ask(spawn_next(talk, f"run-{number}", []))
                started += isinstance(answer, protocol.Spawned)
            host.wait()
            timer.join()
        town.start()
        talk = new_talk(town)
        answer = talk.ask(spawn_next(talk, "last", []))
        assert isinstance(answer, protocol.Spawned)
    assert sampler.twice == []
    assert started >= 2
    assert all(row.ended for run, row in talk.rows().items() if run != "last")


def test_damaged_record_counts_as_unfinished(town, new_talk, poll):
    folder = town.town / ".gastown/sessions/runs"
    folder.mkdir(parents=True)
    (folder / "torn.json").write_text('{"run": "to')
    town.start()
    talk = new_talk(town)
    poll(lambda: talk.rows()["torn"].ended)
    assert talk.rows()["torn"].why == "host died"
    assert "damaged" in town.log()


def test_old_records_are_forgotten(tmp_path):
    from gastown_tui.host.records import Records
    from gastown_tui.protocol import RunRow

    day = 86400.0
    records = Records(tmp_path, 0.0)
    records.write(RunRow(run="lives", name="a", started=1.0))
    for number in range(20):
        at = number * day
        records.write(RunRow(run=f"r{number}", name="a", started=at, ended=at + 1))
    records.prune(20 * day)
    again = Records(tmp_path, 20 * day)
    assert set(again.rows) == {"lives", *(f"r{n}" for n in range(6, 20))}
    assert set(again.rows) == set(records.rows)


def test_what_a_full_disk_refused_is_written_later(tmp_path):
    from gastown_tui.host.records import Records
    from gastown_tui.protocol import RunRow

    folder = tmp_path / "runs"
    records = Records(folder, 0.0)
    records.write(RunRow(run="a", name="n", started=1.0))
    folder.rename(tmp_path / "away")
    assert records.change("a", ended=2.0).ended == 2.0
    (tmp_path / "away").rename(folder)
    (folder / "b.new").write_text("half")
    records.retry()
    again = Records(folder, 0.0)
    assert again.rows["a"].ended == 2.0
    assert [path.name for path in folder.iterdir()] == ["a.json"]


def test_signal_is_not_needed_to_notice_the_end(talk):
    spawned = talk.spawn("sleep", "100")
    os.kill(spawned.pid, signal.SIGKILL)
    assert talk.ended(spawned.run, 2).signal == signal.SIGKILL
