from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_tui.adapters.git.hub import HubInfo, create_hub, open_hub


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


SETTINGS = """
[user]
    name = Ada
    email = ada@example.org
[init]
    defaultBranch = main
    templateDir = {templates}
[commit]
    gpgSign = true
[gpg]
    program = /bin/false
[rebase]
    updateRefs = true
[merge]
    ff = only
[diff]
    noprefix = true
    external = /bin/false
[color]
    ui = always
[alias]
    ci = commit --no-gpg-sign
"""
"""A person's settings that trip up whoever inherits them."""


def set_up_home(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    (folder / "templates" / "hooks").mkdir(parents=True)
    (folder / ".gitconfig").write_text(SETTINGS.format(templates=folder / "templates"))
    patch.setenv("HOME", str(folder))
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_CONFIG"))]:
        patch.delenv(name)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return set_up_home(tmp_path / "home", monkeypatch)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A remote, a colleague's clone and a town with a hub, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        set_up_home(folder / "home", patch)
        (folder / "seed").mkdir()
        (folder / "town").mkdir()
        sh = Shell(folder / "seed")
        sh("git init -q . && echo one > a.txt && echo two > b.txt && echo '*.log' > .gitignore")
        sh("git add -A && git ci -q -m first && git clone -q --bare . ../remote.git")
        sh("git remote add origin ../remote.git && git fetch -q && git init -q ../town")
        create_hub(folder / "town", "rig", str(folder / "remote.git"))
    return folder


def copied(model: Path, tmp_path: Path, name: str) -> Path:
    target = tmp_path / name
    shutil.copytree(model / name, target, symlinks=True, dirs_exist_ok=True)
    return target


@pytest.fixture
def upstream(model: Path, tmp_path: Path) -> Path:
    """A bare remote with three files on main."""
    copied(model, tmp_path, "seed")
    return copied(model, tmp_path, "remote.git")


@pytest.fixture
def seed(tmp_path: Path, upstream: Path) -> Shell:
    """A colleague's clone of the remote: pushes from here move the upstream."""
    return Shell(tmp_path / "seed")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def hub(model: Path, tmp_path: Path, upstream: Path) -> HubInfo:
    path = copied(model, tmp_path, "town") / "rig" / "repo"
    config = path / ".git" / "config"
    config.write_text(config.read_text().replace(str(model), str(tmp_path)))
    return open_hub(path, origin=str(upstream))


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
