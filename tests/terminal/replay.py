"""Helpers of the terminal tests: record a program on a PTY, see bytes as tmux sees them."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import ptyprocess

from gastown_tui import cells
from gastown_tui.cells import Row
from gastown_tui.terminal import Terminal

COLS, ROWS = 100, 30
_SOCKETS = tempfile.TemporaryDirectory(prefix="gt-")  # short, and gone with the test run
ENVIRONMENT = {
    "TMUX_TMPDIR": _SOCKETS.name,
    "PATH": os.environ["PATH"],
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}
_ATTRIBUTES = {
    1: cells.BOLD, 2: cells.FAINT, 3: cells.ITALIC, 5: cells.BLINK, 7: cells.INVERSE,
    8: cells.INVISIBLE, 9: cells.STRIKE, 53: cells.OVERLINE,
}  # fmt: skip
_ACS = dict(zip("jklmnqtuvwx", "┘┐┌└┼─├┤┴┬│", strict=True))


class Player:
    """A program on a PTY whose output goes to a Terminal, and whose questions are answered."""

    def __init__(self, command: list[str], home: Path, cols: int = COLS, rows: int = ROWS) -> None:
        self.terminal = Terminal(cols, rows)
        self.output = b""
        self.process = ptyprocess.PtyProcess.spawn(
            command, cwd=str(home), env={**ENVIRONMENT, "HOME": str(home)}, dimensions=(rows, cols)
        )

    def pump(self, seconds: float) -> bool:
        """Take over what comes within `seconds`; whether anything came."""
        ready, _, _ = select.select([self.process.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.process.fd, 65536)
        except OSError:
            return False
        self.output += data
        self.terminal.feed(data)
        self.send(self.terminal.take_replies())
        return bool(data)

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.process.fd, data) :]

    def until(self, wanted: str, seconds: float = 15) -> None:
        """Pump until the screen shows `wanted` and the output has been still for a moment."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            still = not self.pump(0.3)
            if still and wanted in self.terminal.text():
                return
        raise AssertionError(f"{wanted!r} is not shown:\n{self.terminal.text()}")

    def close(self) -> bytes:
        """End the program; everything it had written until `until` returned."""
        self.process.close(force=True)
        self.terminal.close()
        return self.output


def in_tmux(data: bytes, folder: Path, cols: int = COLS, rows: int = ROWS) -> list[Row]:
    """The screen that tmux has after `data`, as rows."""
    tmux = shutil.which("tmux")
    assert tmux
    (folder / "bytes").write_bytes(data)
    run = [tmux, "-L", f"gastown-{os.getpid()}-{time.monotonic_ns()}", "-f", "/dev/null"]
    shown = "stty raw -echo; cat bytes; touch shown; exec sleep 100"
    start = [
        *("set", "-g", "status", "off", ";", "set", "-g", "history-limit", "10", ";"),
        *("new-session", "-d", "-x", str(cols), "-y", str(rows), "-c", str(folder), shown),
    ]
    try:
        subprocess.run([*run, *start], check=True, env=ENVIRONMENT, cwd=folder)
        end = time.monotonic() + 15
        before = None
        while time.monotonic() < end:
            time.sleep(0.1)
            if not (folder / "shown").exists():
                continue
            capture = [*run, "capture-pane", "-e", "-p", "-N"]
            now = subprocess.run(capture, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE)
            if now.stdout == before:
                break
            before = now.stdout
    finally:
        subprocess.run(
            [*run, "kill-server"], check=False, env=ENVIRONMENT, stderr=subprocess.DEVNULL
        )
        (folder / "shown").unlink(missing_ok=True)
    assert before is not None
    return parse_capture(before.decode())


def parse_capture(text: str) -> list[Row]:
    """`tmux capture-pane -e` as rows; the pen goes on from line to line."""
    rows: list[Row] = []
    pen = Pen()
    for line in text.split("\n")[:-1]:
        runs: list[tuple[str, int, int]] = []
        for part in re.split(r"(\x1b\[[0-9;:]*m|[\x0e\x0f])", line):
            if part in {"\x0e", "\x0f"}:
                pen.acs = part == "\x0e"
            elif part.startswith("\x1b["):
                pen.sgr(part[2:-1])
            elif part:
                shown = "".join(_ACS.get(c, c) for c in part) if pen.acs else part
                runs.append((shown, pen.style, len(shown)))
        rows.append(tuple(runs))
    return rows


class Pen:
    """The style that SGR parameters build up."""

    def __init__(self) -> None:
        self.acs = False
        self.reset()

    def reset(self) -> None:
        self.foreground = self.background = self.attributes = self.underline = 0

    @property
    def style(self) -> int:
        return cells.pack(self.foreground, self.background, self.attributes, self.underline)

    def sgr(self, text: str) -> None:
        codes = (text or "0").split(";")
        while codes:
            code, *sub = (int(part or 0) for part in codes.pop(0).split(":"))
            if code == 0:
                self.reset()
            elif code == 4:
                self.underline = sub[0] if sub else 1
            elif code in _ATTRIBUTES:
                self.attributes |= _ATTRIBUTES[code]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.foreground = cells.palette(code - 30 if code < 40 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.background = cells.palette(code - 40 if code < 50 else code - 92)
            elif code in {38, 48, 58}:
                colour = self._colour(codes)
                if code == 38:
                    self.foreground = colour
                elif code == 48:
                    self.background = colour
            elif code == 39:
                self.foreground = 0
            elif code == 49:
                self.background = 0
            else:
                raise AssertionError(f"unknown SGR {code}")

    @staticmethod
    def _colour(codes: list[str]) -> int:
        if codes.pop(0) == "5":
            return cells.palette(int(codes.pop(0)))
        red, green, blue = (int(codes.pop(0)) for _ in range(3))
        return cells.rgb(red, green, blue)


def characters(row: Row) -> list[tuple[str, int]]:
    """Every character with its style, without default blanks at the end."""
    found = [(char, style) for text, style, _ in row for char in text]
    while found and found[-1] == (" ", 0):
        found.pop()
    return found


def same_row(ours: Row, theirs: Row) -> bool:
    """Whether tmux shows the same.

    A capture leaves out the end of a line that was cleared in a colour past what was ever written.
    """
    mine, other = characters(ours), characters(theirs)
    extra = mine[len(other) :]
    if extra and extra[0][0] == " " and all(cell == extra[0] for cell in extra):
        mine = mine[: len(other)]
    return mine == other
