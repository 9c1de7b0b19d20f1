"""A town of one demo agent: a real repository and worktree, a stand-in for `gastown`, a PTY."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import ptyprocess
import pytest

from gastown_tui.terminal import Terminal

FAKE = """#!/bin/sh
echo "$*" >> "$GASTOWN_TOWN/calls.log"
case "$1" in
prime) cat "$GASTOWN_TOWN/prime.json" ;;
bead) cat "$GASTOWN_TOWN/bead.json" ;;
done) git rev-parse HEAD >> "$GASTOWN_TOWN/done.log" && echo "filed $GASTOWN_BEAD" ;;
esac
"""
STEPS = """
[[step]]
read = "calc.py"
[[step]]
edit = "calc.py"
append = '''


def double(value):
    return add(value, value)
'''
[[step]]
edit = "test_double.py"
create = '''import unittest

from calc import double


class DoubleTest(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(4), 8)
'''
[[step]]
run = "python -m unittest -q test_double"
[[step]]
commit = "Add double"
[[step]]
edit = "CHANGELOG.md"
after = "## Unreleased"
insert = "- Add double.\\n"
[[step]]
commit = "Tell about double"
"""


def git(folder, *args):
    env = {
        **os.environ,
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "T"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "t@x.invalid"),
    }
    done = subprocess.run(
        ["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Town:
    """The folder tree, and what the stand-in says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = root / "repo"
        self.sandbox = root / "sandbox"
        (root / "bin").mkdir()
        fake = root / "bin" / "gastown"
        fake.write_text(FAKE)
        fake.chmod(0o755)
        self.repo.mkdir()
        git(self.repo, "init", "-q", "-b", "main")
        (self.repo / "calc.py").write_text("def add(a, b):\n    return a + b\n")
        (self.repo / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\n- First.\n")
        git(self.repo, "add", ".")
        git(self.repo, "commit", "-q", "-m", "First")
        git(self.repo, "worktree", "add", "-q", "-b", "polecat/toast", str(self.sandbox))
        self.order(STEPS)

    def order(self, steps: str, **changes) -> None:
        """Puts a bead with this demo block on the hook."""
        row = {
            "agent": "lib/polecats/toast",
            "rig": "lib",
            "bead": "lib-1",
            "title": "Double 数 things",
            "description": f"Please do.\n\n```demo\n{steps}\n```\n",
            "branch": "polecat/toast",
            "target": "main",
            "attempt": 1,
            "rework": None,
            "state": "hooked",
        }
        (self.root / "prime.json").write_text(json.dumps(row | changes))

    def log(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def subjects(self) -> list[str]:
        """The branch's own commits, oldest first."""
        return git(self.sandbox, "log", "--reverse", "--format=%s", "main..HEAD").splitlines()


class Agent:
    """The demo agent on a PTY, its screen kept up to date while we wait for something on it."""

    def __init__(self, town: Town, *args: str, size=(120, 40), **env: str) -> None:
        self.screen = Terminal(*size)
        self.raw = b""
        self.process = ptyprocess.PtyProcess.spawn(
            [sys.executable, "-m", "gastown_tui.demo.agent", *args],
            cwd=str(town.sandbox),
            dimensions=(size[1], size[0]),
            env={
                "PATH": f"{town.root / 'bin'}:{os.environ['PATH']}",
                "HOME": str(town.root),
                "TERM": "xterm-256color",
                "GASTOWN_TOWN": str(town.root),
                "GASTOWN_RIG": "lib",
                "GASTOWN_AGENT": "lib/polecats/toast",
                "GASTOWN_BEAD": "lib-1",
                "GASTOWN_DEMO_SPEED": "20",
                **env,
            },
        )

    def pump(self, seconds: float) -> bool:
        """Feeds the screen for at most so long; False once the agent has ended."""
        if not select.select([self.process.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.process.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.screen.feed(data)
        return bool(data)

    def wait(self, what, seconds: float = 40.0) -> str:
        """Until the screen holds a text, or a function of the screen's text is true."""
        deadline = time.monotonic() + seconds
        test = what if callable(what) else lambda text: what in text
        while not test(self.screen.text()):
            alive = self.pump(0.1)
            late = time.monotonic() > deadline
            assert alive, f"the agent ended before {what!r} on:\n{self.screen.text()}"
            assert not late, f"no {what!r} on:\n{self.screen.text()}"
        return self.screen.text()

    def type(self, text: str) -> None:
        os.write(self.process.fd, text.encode())

    def nudge(self, text: str) -> None:
        """A paste, then Enter on its own once the text stands in the box."""
        self.type(f"\x1b[200~{text}\x1b[201~")
        self.wait(lambda screen: f"> {text}" in "\n".join(screen.splitlines()[-6:]))
        self.type("\r")

    def ended(self, seconds: float = 40.0) -> int | None:
        """The exit code."""
        deadline = time.monotonic() + seconds
        while self.process.isalive():
            self.pump(0.05)
            assert time.monotonic() < deadline, self.screen.text()
        return self.process.exitstatus

    def kill(self) -> None:
        """SIGKILL to everything of the session, as the fence does; then all of it is gone."""
        pid = self.process.pid
        while members := session_members(pid):
            for member in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            time.sleep(0.002)
        self.process.wait()
        self.process.fileobj.close()
        self.process.closed = True


def session_members(sid: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, *rest = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[2]) == sid and state != "Z":
                found.append(int(entry))
    return found


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


@pytest.fixture
def agents(town):
    """Starts agents; whatever still runs at the end is killed."""
    started = []

    def start(*args, **options):
        started.append(Agent(town, *args, **options))
        return started[-1]

    yield start
    for agent in started:
        if not agent.process.closed:
            agent.kill()
