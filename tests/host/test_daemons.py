"""The daemons that the host keeps running: lifeline, heartbeat, crash marker."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from gastown_tui import protocol
from gastown_tui.host.supervisor import Culprits, Daemon, Supervisor

SCREENS = "screens=fake_daemon"


@pytest.fixture
def starts(town, poll):
    """The facts of every start of the daemon, after so many of them."""

    def read(count):
        path = town.town / "daemon.log"

        def lines():
            found = path.read_text().splitlines() if path.exists() else []
            return found if len(found) >= count else None

        return [json.loads(line) for line in poll(lines, 10, f"{count} starts\n{town.log()}")]

    return read


def test_a_daemon_that_dies_is_back_at_once(town, new_talk, starts):
    town.start(SCREENS)
    first = starts(1)[0]
    assert first["sid"] == first["pid"]
    assert len(first["fds"]) == 4, "stdio and the lifeline"
    os.kill(first["pid"], signal.SIGKILL)
    killed = time.monotonic()
    second = starts(2)[1]
    assert second["at"] - killed < 1
    talk = new_talk(town)
    status = talk.ask(protocol.HostStatus(req=talk.link.next_req()))
    (row,) = status.daemons
    assert (row.name, row.pid, row.restarts, row.last_exit) == (
        "screens",
        second["pid"],
        1,
        "signal 9",
    )
    talk.ask(protocol.RestartDaemon(req=talk.link.next_req(), name="screens"))
    assert starts(3)[2]["options"] == []
    refused = talk.ask(protocol.RestartDaemon(req=talk.link.next_req(), name="x"))
    assert refused.kind == "NotFound"


def test_crash_loop_backs_off_but_never_beyond_a_second():
    daemon, now, delays = Daemon("controller", "x", beats=False), 100.0, []
    for life in (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 11.0, 0.1):
        daemon.begun(None, now)
        now += life
        daemon.ended(1, now)
        delays.append(round(daemon.start_at - now, 3))
        now = daemon.start_at
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 0.0, 0.0]
    assert daemon.row().restarts == 8


def test_a_hung_screens_is_killed_and_restarted_within_a_second(town, poll, starts, is_alive):
    town.start(SCREENS)
    first = starts(1)[0]
    poll((town.town / "beaten").exists)
    time.sleep(0.3)  # the host has read the heartbeat: from now on two seconds count
    os.kill(first["pid"], signal.SIGSTOP)
    stopped = time.monotonic()
    poll(lambda: not is_alive(first["pid"]))
    killed = time.monotonic()
    assert 1.5 < killed - stopped < 3
    assert starts(2)[1]["at"] - killed < 1


def test_the_first_heartbeat_has_ten_seconds(town, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", town.env["PYTHONPATH"])
    supervisor = Supervisor(town.town, town.runtime, {"screens": "silent_daemon"}, list)
    supervisor.tick(100.0)
    pid = supervisor.pid("screens")
    assert supervisor.due() == 110.0
    supervisor.tick(109.9)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    supervisor.tick(110.0)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert supervisor.reaped(pid, status, 110.1)
    assert supervisor.rows()[0].last_exit == "hung"
    supervisor.stop(110.1)
    assert supervisor.due() is None


def test_nobody_is_killed_because_the_host_stood_still(town, starts, is_alive):
    host = town.start(SCREENS)
    first = starts(1)[0]
    time.sleep(0.2)
    (town.town / "hang").touch()
    host.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    (town.town / "hang").unlink()
    host.send_signal(signal.SIGCONT)
    time.sleep(0.6)
    assert is_alive(first["pid"])
    assert len(starts(1)) == 1


def test_daemons_end_with_a_killed_host(town, poll, starts, is_alive, new_talk):
    host = town.start(f"{SCREENS},controller=fake_daemon")
    pids = [start["pid"] for start in starts(2)]
    program = new_talk(town).spawn("sleep", "100").pid
    host.kill()
    host.wait()
    poll(lambda: not any(map(is_alive, pids)), 2)
    poll(lambda: not is_alive(program), 2, "the program is hung up with the host")


def test_crash_marker_names_the_culprit_to_the_next_screens(town, new_talk, starts):
    town.start(SCREENS)
    talk = new_talk(town)
    name = "rig/polecats/" + "n" * 70
    talk.spawn("sleep", "100", name=name)
    talk.spawn("sleep", "100", name="innocent")
    options = []
    for count in range(1, 4):
        starts(count)
        (town.town / "crash").write_text(name)
        options.append(starts(count + 1)[-1]["options"])
    assert options == [
        ["--crashed", name],
        ["--crashed", name, "--crashed", name],
        ["--hold", name],
    ]
    os.kill(starts(4)[-1]["pid"], signal.SIGKILL)
    assert starts(5)[-1]["options"] == ["--hold", name], "a death without a marker blames nobody"
    talk.end(name=name)
    talk.spawn("sleep", "100", name=name)
    os.kill(starts(5)[-1]["pid"], signal.SIGKILL)
    assert starts(6)[-1]["options"] == [], "a new run is innocent"


def test_culprit_is_held_only_for_three_crashes_within_a_minute(tmp_path):
    marker = tmp_path / "marker"
    culprits = Culprits(marker)

    def crash(now):
        marker.write_bytes(b"a".ljust(64, b"\0"))
        assert culprits.crashed({"a", "b"}, now) == "a"
        assert marker.read_bytes() == bytes(64)

    for now in (0.0, 40.0, 80.0):
        crash(now)
    assert "--hold" not in culprits.arguments()
    crash(95.0)
    assert culprits.arguments() == ["--hold", "a"]
    for content in (b"unknown", b"", b"\0" + b"a" * 63):  # the last: left, not wiped
        marker.write_bytes(content.ljust(64, b"\0"))
        assert culprits.crashed({"a"}, 96.0) == ""
    culprits.pardon()
    assert culprits.arguments() == []
