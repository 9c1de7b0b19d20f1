"""PTY masters on their way to screens, and the output that must not be lost on it."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from gastown_tui import protocol
from gastown_tui.domain.errors import Unavailable
from gastown_tui.host.handover import Handover


def drain(descriptor):
    """Everything until the program's end."""
    data = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, 4096):
            data += chunk
    return data


def open_ptys(pid):
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/{pid}/fd/{name}").endswith("/ptmx")
    return count


def test_output_survives_readers_that_come_and_go(talk, screens):
    script = "while read line; do echo got-$line; done"
    spawned = talk.spawn("sh", "-c", script)
    for number in range(3):
        reader = screens()
        row, descriptor = reader.adopt()
        assert (row.run, row.pid) == (spawned.run, spawned.pid)
        reader.send(protocol.Adopted(run=row.run))
        os.write(descriptor, b"%d\n" % number)
        seen = b""
        while b"got-%d" % number not in seen:
            seen += os.read(descriptor, 100)
        os.close(descriptor)
        reader.close()


def test_last_words_wait_for_a_reader_and_then_the_master_is_closed(talk, screens, poll):
    host = talk.town.hosts[0].pid
    spawned = talk.spawn("sh", "-c", "echo last words")
    talk.ended(spawned.run)
    silent = screens()
    silent.adopt()
    silent.close()  # it died before it could confirm
    reader = screens()
    row, descriptor = reader.adopt()
    assert row.ended
    poll(lambda: open_ptys(host) == 1)
    reader.send(protocol.Adopted(run=row.run))
    poll(lambda: open_ptys(host) == 0)
    assert drain(descriptor) == b"last words\r\n"
    os.close(descriptor)


class FakeTerminal:
    closed = False

    def fileno(self):
        return 3

    def close(self):
        self.closed = True


class FakeScreens:
    def __init__(self):
        self.offered = []

    def send(self, frame, descriptor=-1):
        self.offered.append(frame.row.run)


def test_a_master_is_closed_when_its_run_has_ended_and_was_adopted_for_a_while():
    handover, terminal, reader = Handover(), FakeTerminal(), FakeScreens()
    row = protocol.RunRow(run="r", name="a")
    ended = protocol.RunRow(run="r", name="a", ended=1.0)
    handover.add(row, terminal)
    handover.connected(reader)
    handover.adopted("r", FakeScreens())  # not the one that was offered it
    handover.ended(ended, 100.0)
    handover.tick(200.0)
    assert not terminal.closed
    handover.adopted("r", reader)
    handover.disconnected(reader)
    handover.tick(200.0)
    assert not terminal.closed, "who adopted it has gone"
    second = FakeScreens()
    handover.connected(second)
    assert (reader.offered, second.offered) == (["r"], ["r"])
    handover.adopted("r", second)
    handover.tick(102.9)
    assert not terminal.closed, "its reader may still die over the last output"
    handover.tick(103.0)
    assert terminal.closed
    assert len(handover) == 0


def test_masters_that_nobody_reads_are_bounded():
    handover = Handover()
    terminals = [FakeTerminal() for _ in range(300)]
    for number, terminal in enumerate(terminals):
        handover.add(protocol.RunRow(run=f"r{number}", name="a"), terminal)
        handover.ended(protocol.RunRow(run=f"r{number}", name="a", ended=1.0), 0.0)
    assert [terminal.closed for terminal in terminals] == [True] * 44 + [False] * 256


def test_what_is_printed_while_there_is_no_screens_waits_for_the_next(
    talk, screens, poll, is_alive
):
    spawned = talk.spawn("sh", "-c", "read x; echo nobody heard this")
    first = screens()
    row, descriptor = first.adopt()
    first.send(protocol.Adopted(run=row.run))
    first.send(protocol.ListRuns(req=1))
    poll(lambda: first.receive(protocol.Runs))
    os.kill(talk.town.hosts[0].pid, signal.SIGSTOP)  # it sees both ends in one turn
    os.write(descriptor, b"\n")
    poll(lambda: not is_alive(row.pid))
    os.close(descriptor)
    first.close()
    os.kill(talk.town.hosts[0].pid, signal.SIGCONT)
    talk.ended(spawned.run)
    row, descriptor = screens().adopt()
    assert b"nobody heard this" in drain(descriptor)
    os.close(descriptor)


def test_a_program_is_hung_up_with_its_host_even_while_its_terminal_is_held(
    talk, screens, poll, is_alive
):
    talk.spawn("sleep", "100")
    row, descriptor = screens().adopt()
    talk.town.hosts[0].kill()
    poll(lambda: not is_alive(row.pid), 3)
    os.close(descriptor)


def test_a_new_screens_gets_every_run_with_its_own_descriptor(talk, screens):
    runs = {talk.spawn("sh", "-c", "echo $GASTOWN_RUN; sleep 100").run for _ in range(30)}
    reader = screens()
    for _ in range(30):
        row, descriptor = reader.adopt()
        assert os.read(descriptor, 100) == f"{row.run}\r\n".encode()
        runs.remove(row.run)
        os.close(descriptor)
    assert not runs


def test_only_the_screens_of_the_host_gets_descriptors(town, new_talk, poll):
    town.start("screens=fake_daemon")
    poll((town.town / "daemon.log").exists)
    link = new_talk(town, "screens").link
    failed = link.receive(5)
    assert (failed.kind, "that the host has started" in failed.message) == ("ProtocolError", True)
    with pytest.raises(Unavailable, match="gone away"):
        link.receive(5)
