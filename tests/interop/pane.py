"""One real program on a PTY, seen through our emulator, as the screens process would show it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from ptyprocess import PtyProcess

from gastown_tui.cells import FAINT, Row
from gastown_tui.protocol import Signals
from gastown_tui.terminal import Terminal


class Pane:
    """A program in a terminal of its own; every wait has a deadline."""

    def __init__(
        self, argv: list[str], env: Mapping[str, str], cwd: Path, size: tuple[int, int] = (100, 40)
    ) -> None:
        self.cols, self.rows = size
        self.generation = 0
        self.last_output = time.time()
        self.output = bytearray()
        self._terminal = Terminal(self.cols, self.rows)
        self._lock = threading.Lock()
        self._process = PtyProcess.spawn(
            argv, cwd=str(cwd), env=dict(env), dimensions=(self.rows, self.cols)
        )
        self.pid: int = self._process.pid
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Pane:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(f"--- screen of {self.pid} ---\n{self.text()}\n---")
        self.kill()

    def kill(self) -> None:
        """SIGKILL for the program and everything in its session."""
        self._stop.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reader.join(5)
        with contextlib.suppress(OSError):
            self._process.close(force=True)

    def _read(self) -> None:
        fd = self._process.fd
        while not self._stop.is_set():
            try:
                if not select.select([fd], [], [], 0.1)[0]:
                    continue
                data = os.read(fd, 65536)
            except (OSError, ValueError):
                return
            if not data:
                return
            with self._lock:
                self._terminal.feed(data)
                self.output += data
                self.last_output = time.time()
                replies = self._terminal.take_replies()
            if replies:
                os.write(fd, replies)

    @property
    def alive(self) -> bool:
        return bool(self._process.isalive())

    def text(self) -> str:
        with self._lock:
            return self._terminal.text()

    def signals(self) -> Signals:
        """What the screens process would tell of this terminal now."""
        with self._lock:
            terminal = self._terminal
            text = terminal.text()
            bottom = text.split("\n")
            return Signals(
                session="pane",
                title=terminal.title,
                progress=terminal.progress,
                last_output=self.last_output,
                input_generation=self.generation,
                rows_hash=hashlib.sha256(text.encode()).hexdigest()[:16],
                bottom=bottom,
                cols=self.cols,
                rows=self.rows,
                bracketed_paste=terminal.bracketed_paste,
                alt_screen=terminal.alt_screen,
                faint_from=[_faint(terminal.row(y)) for y in range(len(bottom))],
            )

    def type(self, data: bytes, if_generation: int | None = None, if_rows: str = "") -> str:
        """Write bytes whole, or say why not: generation or rows."""
        if if_generation is not None and if_generation != self.generation:
            return "generation"
        if if_rows and if_rows != self.signals().rows_hash:
            return "rows"
        os.write(self._process.fd, data)
        return ""

    def person(self, text: str) -> None:
        """Keys of a person."""
        self.generation += 1
        for character in text:
            os.write(self._process.fd, character.encode())
            time.sleep(0.01)

    def wait(self, what: str, fits: Callable[[Signals], object], seconds: float = 30) -> Signals:
        """The first signals that fit, or an error that shows the screen."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            signals = self.signals()
            if fits(signals):
                return signals
            if not self.alive:
                break
            time.sleep(0.05)
        raise AssertionError(f"not seen in {seconds:.0f} s: {what}\n{self.text()}")

    def wait_text(self, text: str, seconds: float = 30) -> Signals:
        return self.wait(repr(text), lambda signals: text in "\n".join(signals.bottom), seconds)


def _faint(row: Row) -> int:
    at = 0
    for text, style, width in row:
        if style & FAINT and text.strip():
            return at + (len(text) - len(text.lstrip()))
        at += width
    return -1
