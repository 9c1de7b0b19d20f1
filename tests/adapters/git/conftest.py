from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_tui.adapters.git.hub import HubInfo, create_hub


class Shell:
    """Plain git as a person or an agent types it, apart from the code under test."""

    def __init__(self, path: Path, env: dict[str, str] | None = None) -> None:
        self.path = path
        self.env = env or {}

    def run(self, command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=True, cwd=self.path, capture_output=True, text=True, check=False,
            env={**os.environ, **self.env, **env}, timeout=30,
        )  # fmt: skip

    def __call__(self, command: str, **env: str) -> str:
        done = self.run(command, **env)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def refuses(self, command: str) -> str:
        done = self.run(command)
        assert done.returncode != 0, f"{command} went through"
        return done.stderr


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home: an identity, and settings that trip up whoever inherits them."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
        "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n[rebase]\n\tupdateRefs = true\n"
        "[merge]\n\tff = only\n[diff]\n\tnoprefix = true\n\texternal = /bin/false\n[color]\n\tui = always\n"
        "[alias]\n\tci = commit --no-gpg-sign\n"
    )
    return folder


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A bare remote with three files on main."""
    bare = tmp_path / "remote.git"
    seed = tmp_path / "seed"
    seed.mkdir()
    sh = Shell(seed)
    sh("git init -q . && echo one > a.txt && echo two > b.txt && printf '*.log\\n' > .gitignore")
    sh("git add -A && git ci -q -m first && git clone -q --bare . ../remote.git")
    sh("git remote add origin ../remote.git && git fetch -q")
    assert bare.is_dir()
    return bare


@pytest.fixture
def seed(tmp_path: Path, upstream: Path) -> Shell:
    """A colleague's clone of the remote: pushes from here move the upstream."""
    return Shell(tmp_path / "seed")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    folder.mkdir()
    Shell(folder)("git init -q .")
    return folder


@pytest.fixture
def hub(town: Path, upstream: Path) -> HubInfo:
    return create_hub(town, "rig", str(upstream))


@pytest.fixture
def shell() -> type[Shell]:
    """Plain git in a folder: ``shell(path, env)("git status")``."""
    return Shell


@pytest.fixture
def fingerprint() -> Callable[[Path], str]:
    """A hash over every file's name, mode and bytes below a folder."""

    def look(folder: Path) -> str:
        total = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            total.update(os.fsencode(path.relative_to(folder)) + oct(path.lstat().st_mode).encode())
            if path.is_symlink():
                total.update(os.fsencode(os.readlink(path)))
            elif path.is_file():
                total.update(path.read_bytes())
        return total.hexdigest()

    return look
