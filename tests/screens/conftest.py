"""A town with a stand-in for the host: real programs on real PTYs, handed to a real screens."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import ptyprocess
import pytest

from gastown_tui import protocol
from gastown_tui.adapters import screens_client
from gastown_tui.adapters.runtime_dir import runtime_dir


def wait_for(what, timeout_s=10.0, message="nothing came of it"):
    """Poll `what` until it is true; its value."""
    until = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, message
        time.sleep(0.01)


class Run:
    def __init__(self, name, run, process, cols, rows, scrollback):
        self.process, self.adopted, self.ended = process, 0, False
        self.row = protocol.RunRow(
            run=run, name=name, argv=process.argv, cols=cols, rows=rows, pid=process.pid,
            started=time.time(), scrollback=scrollback,
        )  # fmt: skip


class Town:
    """Holds descriptors as the host does, starts and kills screens, opens clients."""

    def __init__(self, root: Path):
        self.root = root
        self.path = root / "town"
        (self.path / ".gastown").mkdir(parents=True)
        self.runtime = runtime_dir(self.path)
        self.sessions = self.path / ".gastown" / "sessions"
        self.runs, self.beats = {}, 0
        self._lock = threading.Lock()
        self._link = None
        self._screens, self._clients = None, []
        self.lifeline, self._ours = os.pipe()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.runtime / "host.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            decoder = protocol.host_decoder()
            with link, contextlib.suppress(ConnectionError):
                while data := link.recv(65536):
                    for frame in decoder.feed(data):
                        self._frame(link, frame)

    def _frame(self, link, frame):
        with self._lock:
            if isinstance(frame, protocol.Hello):
                link.sendall(protocol.encode(protocol.Welcome(pid=os.getpid())))
                self._link = link
                for run in self.runs.values():
                    self._offer(run)
            elif isinstance(frame, protocol.ListRuns):
                rows = [run.row for run in self.runs.values() if not run.ended]
                link.sendall(protocol.encode(protocol.Runs(req=frame.req, runs=rows)))
            elif isinstance(frame, protocol.Adopted):
                self.runs[frame.run].adopted += 1
            elif isinstance(frame, protocol.Heartbeat):
                self.beats += 1

    def _offer(self, run):
        if not run.ended:
            socket.send_fds(
                self._link, [protocol.encode(protocol.Adopt(row=run.row))], [run.process.fd]
            )

    def run(self, name, argv, cols=80, rows=24, scrollback=10_000):
        """Start a program as session `name`."""
        process = ptyprocess.PtyProcess.spawn(argv, dimensions=(rows, cols))
        run = Run(name, f"r{len(self.runs)}", process, cols, rows, scrollback)
        with self._lock:
            self.runs[run.row.run] = run
            if self._link is not None:
                with contextlib.suppress(OSError):
                    self._offer(run)
        return run

    def python(self, name, code, **options):
        return self.run(name, [sys.executable, "-c", code], **options)

    def end(self, run, code=0):
        """Say that a run has ended."""
        with self._lock:
            run.ended = True
            row = protocol.RunRow(
                run=run.row.run, name=run.row.name, started=1.0, ended=time.time(), code=code
            )
            self._link.sendall(protocol.encode(protocol.RunEnded(row=row)))

    def start_screens(self, *arguments):
        with (self.root / "screens.log").open("ab") as log:
            self._screens = subprocess.Popen(
                [sys.executable, "-m", "gastown_tui.roots.screens", "--town", str(self.path),
                 "--lifeline", str(self.lifeline), *arguments],
                pass_fds=[self.lifeline], start_new_session=True, stderr=log,
            )  # fmt: skip
        return self._screens

    def kill_screens(self, number=signal.SIGKILL):
        self._screens.send_signal(number)
        self._screens.wait(10)

    @property
    def pid(self):
        return self._screens.pid

    def client(self):
        """A blocking client, once screens listens."""
        until = time.monotonic() + 10
        while True:
            try:
                client = screens_client.open_sync(self.path)
            except screens_client.Unavailable:
                assert time.monotonic() < until, (self.root / "screens.log").read_text()
                assert self._screens.poll() is None, (self.root / "screens.log").read_text()
                time.sleep(0.02)
                continue
            self._clients.append(client)
            return client

    def ready(self, *runs):
        """A client, once screens has all these runs."""
        client = self.client()
        names = {run.row.name for run in runs}

        def has():
            found = screens_client.ask_sync(
                client, protocol.ListSessions(req=0), protocol.SessionNames
            )
            return names <= {name for name, alive in found.sessions.items() if alive}

        wait_for(has, message=(self.root / "screens.log").read_text())
        return client

    def peek(self, client, name, history=0):
        return screens_client.ask_sync(
            client, protocol.Peek(req=0, session=name, history=history), protocol.Peeked
        )

    def log(self):
        return (self.root / "screens.log").read_text()

    def close(self):
        for client in self._clients:
            client.close()
        if self._screens and self._screens.poll() is None:
            self.kill_screens()
        for run in self.runs.values():
            run.process.close(force=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._link:
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        os.close(self.lifeline)
        os.close(self._ours)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def cut_lifeline(self):
        os.close(self._ours)
        self._ours = os.dup(self.lifeline)


@pytest.fixture
def town(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="gs") as root:
        monkeypatch.setenv("XDG_RUNTIME_DIR", root)
        town = Town(Path(root))
        try:
            yield town
        finally:
            town.close()


@pytest.fixture
def poll():
    return wait_for
