"""Which session a process belongs to, whatever its own environment says."""

from __future__ import annotations

import psutil

_NAME = "GASTOWN_AGENT"


def calling_session(pid: int, host: int = 0) -> str | None:
    """The session that a process descends from, or None for a person's own shell.

    A process belongs to a session when it, or an ancestor, was started with GASTOWN_RUN in its
    environment: what was given at exec stays readable there, even if the process unset it since.
    Whatever descends from the host (its pid, if known) was left behind by some session. A process
    that has gone counts as a session's (`unknown`).
    """
    try:
        process: psutil.Process | None = psutil.Process(pid)
        while process is not None and process.pid > 1:
            if process.pid == host:
                return "unknown"
            try:
                env = process.environ()
            except psutil.AccessDenied:
                env = {}
            if env.get("GASTOWN_RUN"):
                return env.get(_NAME) or f"run {env['GASTOWN_RUN']}"
            process = process.parent()
    except psutil.NoSuchProcess:
        return "unknown"
    return None
