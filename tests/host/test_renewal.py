"""The host becomes another build in its own process; whatever runs in the town does not notice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

import gastown_tui
from gastown_tui import protocol
from gastown_tui.domain.errors import BadInput
from gastown_tui.host import renewal

COUNT = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"
PACKAGE = Path(gastown_tui.__file__).parent


@pytest.fixture
def build(town):
    """Makes another build of the package: the path of its interpreter."""

    def make(version, **extra):
        folder = town.folder / f"build-{version}"
        shutil.copytree(PACKAGE, folder / "gastown_tui", ignore=shutil.ignore_patterns("__py*"))
        own = folder / "gastown_tui" / "__init__.py"
        own.write_text(own.read_text().replace(gastown_tui.__version__, version))
        for name, text in extra.items():
            (folder / "gastown_tui" / "host" / f"{name}.py").write_text(text)
        python = folder / "python"
        python.write_text(
            f'#!/bin/sh\nPYTHONPATH={folder}:"$PYTHONPATH" exec {sys.executable} "$@"\n'
        )
        python.chmod(0o755)
        return str(python)

    return make


def renew(talk, python=""):
    return talk.ask(protocol.Renew(req=talk.link.next_req(), python=python))


def test_runs_masters_and_locks_go_on(town, talk, new_talk, screens, build, poll):
    [host] = town.hosts
    reader = screens()
    before = [talk.spawn("sh", "-c", COUNT) for _ in range(12)]
    stubborn = talk.spawn("sh", "-c", "trap '' HUP TERM; while :; do sleep 0.1; done")
    for _ in range(13):
        row, _ = reader.adopt()
        reader.send(protocol.Adopted(run=row.run))
    boot = talk.link.welcome.boot
    reader.socket.close()
    assert isinstance(renew(talk, build("9.9")), protocol.Done)
    poll(lambda: (link := town.try_link()) and link.welcome.build == "9.9", 10, town.log())
    again = new_talk(town)
    assert (again.link.welcome.pid, again.link.welcome.boot) == (host.pid, boot)
    rows = again.rows()
    assert {one.run: one.pid for one in (*before, stubborn)} == {
        r.run: r.pid for r in rows.values()
    }
    second = screens()
    taken = {}
    for _ in range(13):
        row, descriptor = second.adopt()
        taken[row.run] = descriptor
        second.send(protocol.Adopted(run=row.run))
    for one in before:
        assert b"line" in os.read(taken[one.run], 4096)
    counted = again.spawn("sh", "-c", "exit $(ls /proc/$$/fd | wc -l)").run
    assert again.ended(counted).code <= 4, "nothing of ours is inherited"
    os.kill(before[0].pid, signal.SIGTERM)
    assert again.ended(before[0].run).signal == signal.SIGTERM
    assert isinstance(again.end(run=stubborn.run, grace_s=0.1), protocol.Done)
    assert town.popen().wait(10) == 3, "the locks are held"
    fds = [os.readlink(f"/proc/{host.pid}/fd/{n}") for n in os.listdir(f"/proc/{host.pid}/fd")]
    assert sum("ptmx" in one for one in fds) <= 14
    status = Path(f"/proc/{host.pid}/status").read_text()
    [blocked] = [line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")]
    assert int(blocked, 16) == 0


def test_what_ends_meanwhile_is_seen(town, new_talk, build, poll):
    town.start()
    talk = new_talk(town)
    runs = [talk.spawn("sh", "-c", f"sleep 0.{n:02}; exit {n}").run for n in range(0, 60, 3)]
    assert isinstance(renew(talk, build("9.9")), protocol.Done)
    poll(lambda: (link := town.try_link()) and link.welcome.build == "9.9", 10, town.log())
    again = new_talk(town)
    rows = poll(
        lambda: (r := again.rows()) and all(r[run].ended for run in runs) and r, 10, town.log()
    )
    assert [rows[run].code for run in runs] == list(range(0, 60, 3))


def test_daemons_start_as_the_other_build(town, new_talk, build, poll):
    town.start("screens=fake_daemon")
    path = town.town / "daemon.log"
    poll(lambda: path.exists() and (town.town / "beaten").exists(), 10, town.log())
    talk = new_talk(town)
    assert isinstance(renew(talk, build("9.9")), protocol.Done)
    starts = poll(lambda: len(found := path.read_text().splitlines()) > 1 and found, 10, town.log())
    first, second = map(json.loads, starts)
    assert first["pid"] != second["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(first["pid"], 0)


@pytest.mark.parametrize("broken", ["raise ImportError('half installed')", "print(1) + 1"])
def test_a_build_that_does_not_start_changes_nothing(town, new_talk, build, broken):
    host = town.start()
    talk = new_talk(town)
    run = talk.spawn("sleep", "60").run
    answer = renew(talk, build("9.9", renewal=broken))
    assert isinstance(answer, protocol.Failed)
    assert "does not start" in answer.message
    assert "\n" not in answer.message
    assert run in talk.rows()
    assert host.poll() is None
    for python in ("python", "/no/such/python", str(town.town)):
        answer = renew(talk, python)
        assert isinstance(answer, protocol.Failed), python
    assert talk.spawn("true").pid


def test_a_session_cannot_ask_for_it(town, new_talk):
    town.start()
    talk = new_talk(town)
    script = (
        "import sys; from pathlib import Path; from gastown_tui import protocol;"
        "from gastown_tui.adapters.sync_link import SyncLink;"
        "link = SyncLink(Path(sys.argv[1]), protocol.host_decoder, what='host');"
        "answer = link.ask(protocol.Renew(req=1), 10);"
        "sys.exit(7 if answer.kind == 'Forbidden' else 1)"
    )
    run = talk.spawn(sys.executable, "-c", script, str(town.runtime / "host.sock")).run
    assert talk.ended(run).code == 7


def test_a_state_that_is_none_is_refused(tmp_path):
    path = tmp_path / "state"
    path.write_text('{"boot": 1}')
    with path.open() as file, pytest.raises(BadInput):
        renewal.read(file.fileno())
