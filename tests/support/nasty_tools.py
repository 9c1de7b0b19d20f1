"""husky and pre-commit as people have them: the real ones, installed on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HUSKY = "9.1.7"
PRE_COMMIT = "4.0.1"


class Tools(NamedTuple):
    """Both programs."""

    husky: str
    """A command: it takes over the hooks of the work tree it is run in, as `npm install` does."""
    path: Path
    """A folder for PATH that holds `pre-commit`."""


def install(cache: Path) -> Tools:
    """Both of them, in `cache`.

    Raises:
        RuntimeError: npm or pip could not.
    """
    node, python = cache / f"husky-{HUSKY}", cache / f"pre-commit-{PRE_COMMIT}"
    script = node / "node_modules" / "husky" / "bin.js"
    if not script.exists():
        node.mkdir(parents=True, exist_ok=True)
        _run(shutil.which("npm") or "npm", "install", "--prefix", str(node), "--no-audit",
             "--no-fund", "--no-save", f"husky@{HUSKY}")  # fmt: skip
    only = python / "only"
    if not (only / "pre-commit").exists():
        _run(sys.executable, "-m", "venv", str(python))
        _run(str(python / "bin" / "pip"), "install", "-q", f"pre-commit=={PRE_COMMIT}")
        only.mkdir(exist_ok=True)
        (only / "pre-commit").symlink_to(python / "bin" / "pre-commit")
    return Tools(husky=f"node {script}", path=only)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
