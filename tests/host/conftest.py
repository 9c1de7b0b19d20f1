"""A town in a short temporary folder, and its host as a real process."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gastown_tui import protocol
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.adapters.sync_link import SyncLink

HERE = Path(__file__).parent
_numbers = itertools.count(1)


def wait(condition: Callable[[], Any], timeout_s: float = 10.0, what: str = "") -> Any:
    """Poll until the condition holds; its value."""
    until = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > until:
            pytest.fail(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.005)
    return value


def alive(pid: int) -> bool:
    """Does the process run (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Town:
    """The folder, and hosts started for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.town = folder / "t"
        self.town.mkdir()
        (folder / "x").mkdir(mode=0o700)
        self.env = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder / "x"),
            "PYTHONPATH": str(HERE),
        }
        self.runtime = runtime_dir(self.town, self.env)
        self.hosts: list[subprocess.Popen[bytes]] = []
        self.links: list[SyncLink[protocol.HostFrame]] = []

    def popen(self, *options: str, daemons: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gastown_tui.roots.host", "--foreground"]
        log = (self.folder / f"host{len(self.hosts)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [*command, "--town", str(self.town), "--daemons", daemons, *options],
                env=self.env,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.hosts.append(process)
        return process

    def start(self, daemons: str = "") -> subprocess.Popen[bytes]:
        process = self.popen(daemons=daemons)

        def answers() -> bool:
            assert process.poll() is None, self.log()
            link = self.try_link()
            if link is not None:
                link.close()
            return link is not None and link.welcome.pid == process.pid

        wait(answers, what="host.sock answers")
        return process

    def try_link(self) -> SyncLink[protocol.HostFrame] | None:
        with contextlib.suppress(Exception):
            return self.connect()
        return None

    def connect(self, role: str = "cli") -> SyncLink[protocol.HostFrame]:
        path = self.runtime / "host.sock"
        link = SyncLink(path, protocol.host_decoder, role=role, what="host")
        self.links.append(link)
        return link

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("host*.log")))

    def row(self, run: str) -> protocol.RunRow:
        """The record on disk."""
        import msgspec

        path = self.town / ".gastown/sessions/runs" / f"{run}.json"
        return msgspec.json.decode(path.read_bytes(), type=protocol.RunRow)

    def close(self) -> None:
        for link in self.links:
            link.close()
        link = self.try_link()
        if link is not None:
            link.send(protocol.Shutdown(req=1, grace_s=0.1))
        for host in self.hosts:
            if host.poll() is None and link is None:
                host.send_signal(signal.SIGTERM)
        for host in self.hosts:
            try:
                host.wait(10)
            except subprocess.TimeoutExpired:
                host.kill()
                host.wait()
        if link is not None:
            link.close()


@pytest.fixture
def town() -> Iterator[Town]:
    folder = Path(tempfile.mkdtemp(prefix="gth", dir="/tmp"))
    town = Town(folder)
    try:
        yield town
    finally:
        town.close()
        shutil.rmtree(folder)


class Talk:
    """A client with the requests of the tests."""

    def __init__(self, town: Town, role: str = "cli") -> None:
        self.town = town
        self.link = town.connect(role)

    def ask(self, frame: protocol.HostFrame, timeout_s: float = 20.0) -> Any:
        return self.link.ask(frame, timeout_s)

    def frame(self, *argv: str, **fields: Any) -> protocol.Spawn:
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "run": f"run{number}",
            "name": f"rig/polecats/p{number}",
            "cwd": str(self.town.town),
            "env": {"PATH": os.environ["PATH"]},
        }
        return protocol.Spawn(req=self.link.next_req(), argv=list(argv), **{**defaults, **fields})

    def spawn(self, *argv: str, **fields: Any) -> protocol.Spawned:
        answer = self.ask(self.frame(*argv, **fields))
        assert isinstance(answer, protocol.Spawned), answer
        return answer

    def refused(self, *argv: str, **fields: Any) -> protocol.Failed:
        answer = self.ask(self.frame(*argv, **fields))
        assert isinstance(answer, protocol.Failed), answer
        return answer

    def end(self, **fields: Any) -> Any:
        return self.ask(protocol.EndRun(req=self.link.next_req(), **fields))

    def rows(self, ended_after: float = 0.0) -> dict[str, protocol.RunRow]:
        answer = self.ask(protocol.ListRuns(req=self.link.next_req(), ended_after=ended_after))
        return {row.run: row for row in answer.runs}

    def ended(self, run: str, timeout_s: float = 10.0) -> protocol.RunRow:
        """Wait for `RunEnded` of a run."""
        until = time.monotonic() + timeout_s
        while True:
            frame = self.link.receive(until - time.monotonic())
            if isinstance(frame, protocol.RunEnded) and frame.row.run == run:
                return frame.row


@pytest.fixture
def talk(town: Town) -> Talk:
    """A host without daemons, and a client of it."""
    town.start()
    return Talk(town)


@pytest.fixture
def new_talk() -> type[Talk]:
    return Talk


class Screens:
    """Plays screens: takes descriptors."""

    def __init__(self, town: Town) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(town.runtime / "host.sock"))
        self.decoder = protocol.host_decoder()
        self.send(protocol.Hello(role="screens"))
        self.frames: list[protocol.HostFrame] = []
        self.descriptors: list[int] = []

    def send(self, frame: protocol.HostFrame) -> None:
        self.socket.sendall(protocol.encode(frame))

    def adopt(self) -> tuple[protocol.RunRow, int]:
        """The next run handed over; not yet confirmed."""
        return self.receive(protocol.Adopt).row, self.descriptors.pop(0)

    def receive(self, kind: Any) -> Any:
        """The next frame of a kind."""
        while True:
            for frame in self.frames:
                if isinstance(frame, kind):
                    self.frames.remove(frame)
                    return frame
            data, descriptors, _, _ = socket.recv_fds(self.socket, 1 << 16, 16)
            assert data
            self.descriptors += descriptors
            self.frames += self.decoder.feed(data)

    def close(self) -> None:
        self.socket.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


@pytest.fixture
def screens(talk: Talk) -> Iterator[Callable[[], Screens]]:
    made: list[Screens] = []

    def make() -> Screens:
        made.append(Screens(talk.town))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def poll() -> Callable[..., Any]:
    return wait


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive
