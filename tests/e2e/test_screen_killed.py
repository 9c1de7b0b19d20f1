"""The screen in a real terminal: killed at any moment, it comes back showing the same."""

import contextlib
import os
import re
import select
import signal
import sys
import time

import ptyprocess
import pytest

from gastown_tui.adapters.daemons import ensure_host
from gastown_tui.cli.common import tables
from gastown_tui.domain.errors import GastownError
from gastown_tui.roots.demo import Driver, make_demo, remove_demo
from gastown_tui.terminal import Terminal

COLS, ROWS = 120, 40


class Screen:
    """`gastown` on a PTY, and what it shows."""

    def __init__(self, town):
        env = {**os.environ, "GASTOWN_TOWN": str(town), "TERM": "xterm-256color"}
        env["COLORTERM"] = "truecolor"
        command = [sys.executable, "-m", "gastown_tui"]
        self.process = ptyprocess.PtyProcess.spawn(command, env=env, dimensions=(ROWS, COLS))
        self.terminal = Terminal(COLS, ROWS)

    def read(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.process.fd], [], [], left)[0]:
                with contextlib.suppress(OSError):
                    self.terminal.feed(os.read(self.process.fd, 1 << 16))

    def wait(self, what, check, seconds=30):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(0.3)
            if check(self.terminal.text()):
                return self.terminal.text()
        raise AssertionError(f"{what} did not come:\n{self.terminal.text()}")

    def pane(self):
        """The rows of the big pane, without its title, which tells an age."""
        return [row[36:].rstrip() for row in self.terminal.text().splitlines()[2:28]]

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.process.fd)


@pytest.fixture
def quiet_town():
    """A demo town whose agents have all handed in and sit at their prompts."""
    demo = make_demo(4, seed=3, beads=8, speed=20, review="required")
    try:
        ensure_host(demo.town)
        Driver(demo, print).run(12)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(GastownError):
                rows = tables(demo.town)["agents"].values()
                if rows and all(row["state"] == "handed-in" for row in rows):
                    break
            Driver(demo, print).run(1)
        yield demo
    finally:
        remove_demo(demo)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_killed_screen_comes_back_with_the_same_panes(quiet_town):
    first = Screen(quiet_town.town)
    first.wait("the prompt of an agent", lambda text: "scripted · polecat" in text)
    first.read(2)
    seen = first.pane()
    assert any("gastown done" in row for row in seen)
    before = {name: row["pid"] for name, row in tables(quiet_town.town)["agents"].items()}
    first.kill()
    second = Screen(quiet_town.town)
    try:
        second.wait("the same pane", lambda _: second.pane() == seen)
        after = {name: row["pid"] for name, row in tables(quiet_town.town)["agents"].items()}
        assert after == before
        second.process.write(b"q")
        second.wait("its farewell", lambda text: re.search(r"brings the screen back", text))
    finally:
        with contextlib.suppress(ProcessLookupError, OSError):
            second.kill()
