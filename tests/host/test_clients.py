"""What clients may do to the host, and where it refuses to start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from gastown_tui import protocol
from gastown_tui.adapters.runtime_dir import runtime_dir


def raw(town):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(town.runtime / "host.sock"))
    return link


def read_all(link):
    data = b""
    while chunk := link.recv(65536):
        data += chunk
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\1\xc1",
        protocol.encode(protocol.ListRuns(req=1)),
        protocol.encode(protocol.Hello()) + b"\0\0\0\2\x91\x91",
        protocol.encode(protocol.Hello()) + protocol.encode(protocol.Welcome()),
        protocol.encode(protocol.Hello()) + b"\x7f\xff\xff\xff",
        protocol.encode(protocol.Hello()) + b"\0\x80\0\0" + b"x" * 0x500000,
    ],
    ids=["text", "tag", "no greeting", "no frame", "not a client's", "huge", "endless"],
)
def test_garbage_ends_the_connection_and_nothing_else(talk, data):
    link = raw(talk.town)
    try:
        try:
            link.sendall(data)
            answer = read_all(link)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    finally:
        link.close()
    if answer:
        *_, failed = protocol.host_decoder().feed(answer)
        assert failed.kind == "ProtocolError"
    assert talk.spawn("true").pid


def test_a_client_that_never_reads_is_dropped_and_delays_nobody(talk, poll):
    deaf = raw(talk.town)
    deaf.sendall(protocol.encode(protocol.Hello(role="tui")))
    slowest = 0.0

    def flood():
        nonlocal slowest
        for number in range(200_000):
            deaf.sendall(protocol.encode(protocol.HostStatus(req=number)))
            if number % 2000 == 0:
                began = time.monotonic()
                talk.rows()
                slowest = max(slowest, time.monotonic() - began)

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        flood()
    deaf.close()
    assert slowest < 0.5
    poll(lambda: "does not read" in talk.town.log())


def test_greeting_of_another_version_is_answered(talk):
    link = raw(talk.town)
    link.sendall(protocol.encode(protocol.Hello(version=7, build="9.9", role="cli")))
    (welcome,) = protocol.host_decoder().feed(link.recv(4096))
    assert isinstance(welcome, protocol.Welcome)
    link.sendall(protocol.encode(protocol.ListRuns(req=5)))
    (runs,) = protocol.host_decoder().feed(link.recv(4096))
    assert runs == protocol.Runs(req=5, runs=[])
    link.close()


def refused(town, *options):
    done = subprocess.run(
        [sys.executable, "-m", "gastown_tui.roots.host", "--town", str(town.town), *options],
        env=town.env,
        capture_output=True,
        timeout=20,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("gastown host: ")
    return done.returncode, line


def test_second_host_is_refused(talk):
    code, line = refused(talk.town)
    assert code == 3
    assert f"process {talk.town.hosts[0].pid}" in line
    # Another login has another runtime folder: it is the same town all the same.
    talk.town.env["XDG_RUNTIME_DIR"] = str(talk.town.folder)
    assert refused(talk.town)[0] == 3
    assert talk.spawn("true").pid


def test_foreign_file_in_place_of_the_socket(town):
    (town.runtime / "host.sock").write_text("mine")
    code, line = refused(town)
    assert code == 1
    assert "not a socket of ours" in line
    assert (town.runtime / "host.sock").read_text() == "mine"


def test_stale_socket_of_a_killed_host_is_replaced(town, new_talk):
    host = town.start()
    host.kill()
    host.wait()
    assert (town.runtime / "host.sock").exists()
    town.start()
    assert new_talk(town).spawn("true").pid


def test_a_host_whose_runtime_folder_vanishes_is_reachable_again(town, new_talk, poll, is_alive):
    host = town.start("screens=fake_daemon")
    talk = new_talk(town)
    program = talk.spawn("sleep", "100").pid
    log = town.town / "daemon.log"
    poll(log.exists)
    shutil.rmtree(town.runtime.parent)
    poll(town.try_link, 5, "it listens again")
    assert refused(town)[0] == 3
    again = new_talk(town)
    assert again.link.welcome.pid == host.pid
    assert is_alive(program)
    poll(lambda: len(log.read_text().splitlines()) == 2, 5, "screens has come along")
    assert (town.runtime / "marker").exists()
    assert len(again.rows()) == 1


def test_runtime_folder_open_to_others(town):
    town.runtime.chmod(0o755)
    code, line = refused(town)
    assert code == 1
    assert "open to other users" in line


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_runtime_folder_of_somebody_else(town):
    os.chown(town.runtime, 12345, 12345)
    assert "not a folder of yours" in refused(town)[1]


def test_path_too_long_for_a_socket(town):
    deep = town.folder / ("d" * 90)
    deep.mkdir(mode=0o700)
    town.env["XDG_RUNTIME_DIR"] = str(deep)
    with pytest.raises(Exception, match="too long"):
        runtime_dir(town.town, town.env)
    assert "too long a path" in refused(town)[1]


def test_no_town(town):
    town.town.rmdir()
    assert "there is no town" in refused(town)[1]
