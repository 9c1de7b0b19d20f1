"""One quick look at a sandbox for verbs that agents wait for: plain git, none of our machinery."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_LIMIT_S = 20.0


def unfit(sandbox: Path, branch: str, target: str) -> str:
    """Why a sandbox holds nothing that could be handed in; empty when it may, or nobody knows.

    Args:
        sandbox: the agent's worktree.
        branch: the branch it must be on.
        target: the ref that its commits are counted from.
    """
    said = _git(sandbox, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal")
    if said is None:
        return ""
    head, is_changed = "", False
    for field in said.split("\0"):
        if field.startswith("# branch.head "):
            head = field.removeprefix("# branch.head ")
        is_changed |= bool(field) and not field.startswith("#")
    if head != branch:
        where = "on no branch" if head == "(detached)" else f"on {head}"
        return f"your sandbox is {where}, not on {branch}"
    ahead = _git(sandbox, "rev-list", "--max-count=1", f"refs/heads/{branch}", f"^{target}")
    if ahead == "" and not is_changed:
        return f"{branch} has no commits, and nothing has changed in your sandbox"
    return ""


def origin(folder: Path) -> str:
    """Where the repository around a folder was cloned from; empty when it was not, or is none."""
    return (_git(folder, "config", "--get", "remote.origin.url") or "").strip()


def _git(sandbox: Path, *args: str) -> str | None:
    """What git prints, or None when it cannot tell."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(sandbox)]
    try:
        done = subprocess.run(
            [*command, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
