"""One program run by the agent, its output read without ever blocking the screen."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import IO, TYPE_CHECKING

from gastown_tui.demo.effects import Result

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_tui.demo.effects import Run

KEPT = 4 << 20
"""Bytes of output kept, from the start: JSON is read whole, tests print less."""
LINGER = 0.5
"""Seconds that the output may stay open after the program ended (a daemon it left)."""


class Child:
    """A running program in a process group of its own, killed after its time."""

    def __init__(self, effect: Run, folder: Path, now: float) -> None:
        self._deadline = now + effect.timeout
        self._output = bytearray()
        self._ended = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                effect.argv,
                cwd=folder,
                env={**os.environ, **dict(effect.env)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        except OSError as error:
            self._output += f"{effect.argv[0]}: {error.strerror}".encode()
            return
        os.set_blocking(self._pipe.fileno(), False)

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def descriptor(self) -> int | None:
        """To wait for, or None when the program could not be started."""
        return None if self._process is None else self._pipe.fileno()

    def poll(self, now: float) -> Result | None:
        """Takes what was printed; the result once the program has ended."""
        if self._process is None:
            return Result(127, self._output.decode("utf-8", "replace"))
        closed = self._drain()
        code = self._process.poll()
        if code is None and now > self._deadline:
            self.kill()
            return Result(124, self._text() + "\nstopped: its time was over")
        if code is None:
            return None
        self._ended = self._ended or now
        if not closed and now < self._ended + LINGER:
            return None
        self._pipe.close()
        return Result(code if code >= 0 else 128 - code, self._text())

    def kill(self) -> None:
        """Ends the program and all it started in its group."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._pipe.close()

    def _drain(self) -> bool:
        """Reads what is there; whether the output was closed."""
        while True:
            try:
                data = os.read(self._pipe.fileno(), 65536)
            except BlockingIOError:
                return False
            if not data:
                return True
            self._output += data[: max(KEPT - len(self._output), 0)]

    def _text(self) -> str:
        return self._output.decode("utf-8", "replace")
