"""Which session a process belongs to, whatever its own environment says."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "GASTOWN_AGENT"


def calling_session(pid: int, host: int = 0) -> str | None:
    """The session that a process descends from, or None for a person's own shell.

    A process belongs to a session when it, or an ancestor, was started with GASTOWN_RUN in its
    environment: what was given at exec stays readable there, even if the process unset it since.
    The outermost of them gives the name, as the host started it; what is further in may be named
    by the agent. Whatever descends from the host (its pid, if known) was left behind by some
    session. A process that has gone counts as a session's (`unknown`).
    """
    name: str | None = None
    try:
        process: psutil.Process | None = psutil.Process(pid)
        while process is not None and process.pid > 1:
            if process.pid == host:
                return name or "unknown"
            try:
                env = process.environ()
            except psutil.AccessDenied:
                env = {}
            if env.get("GASTOWN_RUN"):
                name = env.get(_NAME) or f"run {env['GASTOWN_RUN']}"
            process = process.parent()
    except psutil.NoSuchProcess:
        return name or "unknown"
    return name


def host_of(town: Path) -> int:
    """The pid of the town's host; 0 when none runs."""
    try:
        with (town / ".gastown" / "host.lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read(20) or b"0")
    except (OSError, ValueError):
        return 0
    return 0
