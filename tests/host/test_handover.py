"""PTY masters on their way to screens, and the output that must not be lost on it."""

from __future__ import annotations

import contextlib
import os

import pytest

from gastown_tui import protocol
from gastown_tui.domain.errors import Unavailable


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


def test_adopted_while_alive_closes_at_the_end(talk, screens, poll):
    host = talk.town.hosts[0].pid
    reader = screens()
    spawned = talk.spawn("sh", "-c", "read x; echo bye")
    row, descriptor = reader.adopt()
    reader.send(protocol.Adopted(run=row.run))
    os.write(descriptor, b"\n")
    talk.ended(spawned.run)
    poll(lambda: open_ptys(host) == 0)
    assert drain(descriptor).endswith(b"bye\r\n")
    os.close(descriptor)


def test_what_is_printed_while_there_is_no_screens_waits_for_the_next(talk, screens, poll):
    spawned = talk.spawn("sh", "-c", "read x; echo nobody heard this")
    first = screens()
    row, descriptor = first.adopt()
    first.send(protocol.Adopted(run=row.run))
    os.write(descriptor, b"\n")
    os.close(descriptor)
    first.close()
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
