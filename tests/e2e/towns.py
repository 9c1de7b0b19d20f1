"""Real towns for tests: made by the command line, with a shell as the agent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gastown_tui import protocol
from gastown_tui.adapters.daemons import stop_host
from gastown_tui.adapters.screens_client import ask_sync, open_sync

POLECAT = "lib/polecats/furiosa"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What must never reach a terminal from a text of others."""


def wait_for(what: Callable[[], object], timeout_s: float = 20.0, every_s: float = 0.05) -> object:
    until = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(every_s)
    return found


def make_repo(path: Path, files: dict[str, str] | None = None) -> Path:
    path.mkdir(parents=True)
    for name, text in (files or {"f": "one\n"}).items():
        (path / name).write_text(text)
    for args in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"),
    ):
        subprocess.run(["git", "-C", str(path), *args], check=True)
    return path


@dataclass
class Town:
    """One town on disk, and its command line."""

    path: Path
    runtime: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("GASTOWN_", "GIT_"))}
        return keep | {"XDG_RUNTIME_DIR": str(self.runtime)} | self.extra

    def run(
        self, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None,
        timeout: float = 40, **options,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        options = {"stdin": subprocess.DEVNULL, "capture_output": True} | options
        return subprocess.run(
            [sys.executable, "-m", "gastown_tui", *arguments],
            cwd=cwd or self.path, env=env or self.env, text=True, timeout=timeout, check=False,
            **options,
        )  # fmt: skip

    def ok(self, *arguments: str, **options) -> str:
        done = self.run(*arguments, **options)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.strip()

    def refused(self, *arguments: str, code: int = 1, **options) -> str:
        """The one line that a verb is refused with."""
        done = self.run(*arguments, **options)
        return one_line(done.returncode, done.stderr, code)

    def bead(self, title: str = "do it", *options: str, rig: str = "lib") -> str:
        return self.ok("bead", "create", title, "--rig", rig, *options)

    def type(self, text: str, session: str = POLECAT) -> None:
        with open_sync(self.path) as link:
            frame = protocol.Type(req=0, session=session, data=f"{text}\r".encode())
            assert ask_sync(link, frame, protocol.Typed).ok

    def inside(self, script: str, session: str = POLECAT, timeout_s: float = 30.0) -> str:
        """What a script prints that is run inside a session, by its shell."""
        place = self.runtime.parent / uuid.uuid4().hex
        place.mkdir()
        (place / "script").write_text(script)
        self.type(f"sh {place}/script >{place}/out 2>&1; echo $? >{place}/code", session)
        wait_for((place / "code").exists, timeout_s)
        wait_for(lambda: (place / "code").read_text().strip())
        return (place / "out").read_text()

    def session_env(self, session: str = POLECAT) -> dict[str, str]:
        """The environment of an agent's session, to run verbs as it would from outside it."""
        out = self.inside("env", session)
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def states(self) -> dict[str, str]:
        rows = [line.split() for line in self.ok("agents").splitlines()[1:]]
        return {row[0]: row[1] for row in rows}

    def start_agent(self, title: str = "do it") -> str:
        """Sling a bead and wait until the shell is there; the bead."""
        bead = self.bead(title)
        self.ok("sling", bead)
        wait_for(lambda: POLECAT in self.ok("session", "list"))
        return bead

    def daemon(self, name: str) -> int:
        pointer = (self.path / ".gastown" / "runtime").read_text().strip()
        return int((Path(pointer) / f"{name}.lock").read_text())

    def end(self) -> None:
        os.environ["XDG_RUNTIME_DIR"] = str(self.runtime)
        if self.path.exists():
            stop_host(self.path, grace_s=0.1)


def one_line(code: int, err: str, wanted: int = 1) -> str:
    """The line, when it is one, is ours and steers no terminal."""
    lines = err.splitlines()
    assert code == wanted, (code, err)
    assert len(lines) == 1, err
    assert lines[0].startswith("gastown: "), err
    assert "Traceback" not in err
    assert "this is a bug" not in err
    assert not RAW.search(lines[0]), err
    return lines[0].removeprefix("gastown: ")


def make_town(root: Path, *, gate: str = "test -f f", review: str = "none") -> Town:
    """A town with one rig, whose agent is a shell."""
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    town = Town(root / "town", runtime)
    repo = make_repo(root / "repo")
    town.ok("init", str(town.path), "--agent", "shell", cwd=root)
    town.ok("rig", "add", "lib", str(repo), "--gate", gate, "--review", review)
    return town


def copy_town(template: Town, root: Path) -> Town:
    """The same town at another place, as if it had been moved there."""
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    shutil.copytree(template.path, root / "town", symlinks=True)
    return Town(root / "town", runtime)
