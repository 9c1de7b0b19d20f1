"""A program on a terminal that somebody reads: what it paints, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final, Self

_CHUNK: Final = 1 << 16
_KEPT: Final = 1 << 14


class Terminal:
    """Runs a program on a new terminal; a thread reads all that it writes, at once."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cols: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.started = time.monotonic()
        self.received = 0
        """Bytes read so far."""
        self._news = threading.Condition()
        self._needle, self._found, self._tail = b"", 0.0, b""
        self._ended = False
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            _become(argv, cols, rows, env, cwd)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, _CHUNK)
            except OSError:  # the last program on the terminal has gone
                data = b""
            now = time.monotonic()
            with self._news:
                if not data:
                    self._ended = True
                    self._news.notify_all()
                    return
                self.received += len(data)
                if self._is_in(data):
                    self._found = now
                    self._news.notify_all()
                self._tail = (self._tail + data)[-_KEPT:]

    def _is_in(self, data: bytes) -> bool:
        if not self._needle or self._found:
            return False
        return self._needle in self._tail[1 - len(self._needle) :] + data

    def expect(self, needle: bytes) -> None:
        """Look for these bytes in what comes from now on."""
        with self._news:
            self._needle, self._found, self._tail = needle, 0.0, b""

    def await_it(self, timeout_s: float) -> float:
        """The monotonic time at which the expected bytes came.

        Raises:
            TimeoutError: they did not, or the program has ended; with the end of what it wrote.
        """
        with self._news:
            self._news.wait_for(lambda: bool(self._found) or self._ended, timeout_s)
            if not self._found:
                raise TimeoutError(f"no {self._needle!r} after {self._tail[-400:]!r}")
            return self._found

    def write(self, data: bytes) -> float:
        """Type; the time just before."""
        now = time.monotonic()
        os.write(self._fd, data)
        return now

    def tail(self) -> bytes:
        """What was written last."""
        with self._news:
            return self._tail

    def close(self) -> None:
        """End the program and everything that has this terminal as its own."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            if self._reaped(1.5):
                break
        os.close(self._fd)

    def _reaped(self, timeout_s: float) -> bool:
        stop = time.monotonic() + timeout_s
        while time.monotonic() < stop:
            try:
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return True
            except ChildProcessError:
                return True
            time.sleep(0.01)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _become(
    argv: Sequence[str],
    cols: int,
    rows: int,
    env: Mapping[str, str] | None,
    cwd: str | os.PathLike[str] | None,
) -> None:
    """In the child: become the program, on a terminal that has its size from the start."""
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        if cwd is not None:
            os.chdir(cwd)
        full = {**os.environ, **(env or {}), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name in ("TMUX", "TMUX_PANE", "NO_COLOR", "LINES", "COLUMNS"):
            full.pop(name, None)
        os.execvpe(argv[0], list(argv), full)
    finally:
        os._exit(127)


def drained(argv: Sequence[str], go: str) -> float:
    """Seconds in which a bare reader takes all that a program writes once `go` exists."""
    pid, fd = pty.fork()
    if pid == 0:
        _become(argv, 120, 40, None, None)
    time.sleep(0.3)
    open(go, "wb").close()
    start = time.monotonic()
    while True:
        select.select([fd], [], [])
        try:
            if not os.read(fd, _CHUNK):
                break
        except OSError:
            break
    passed = time.monotonic() - start
    os.close(fd)
    os.waitpid(pid, 0)
    os.unlink(go)
    return passed
