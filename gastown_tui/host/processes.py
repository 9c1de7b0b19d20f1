"""The process table as the fence needs it: who descends from whom, sessions, GASTOWN_RUN.

On Linux `/proc` is read directly (field numbers: proc_pid_stat(5)), which takes a third of what
psutil takes; elsewhere psutil answers. A process is named for ever by its pid together with its
creation time in the kernel's own unit, because wall-clock times move when the clock is set.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import psutil

LINUX: Final = sys.platform == "linux"
RUN_VARIABLE: Final = "GASTOWN_RUN"
_ZOMBIE: Final = frozenset((b"Z", b"X", b"x"))
_STOPPED: Final = frozenset((b"T", b"t"))
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if LINUX else None


class Process(NamedTuple):
    """One process at the moment of the scan."""

    pid: int
    ppid: int
    sid: int
    ticks: int
    """Creation time: clock ticks since boot on Linux, microseconds since the epoch elsewhere."""
    alive: bool
    """False for a zombie: nothing of it runs, it only waits to be reaped."""
    stopped: bool = False
    """Does it stand still, by a signal or a debugger."""

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from a later process of the same pid."""
        return self.pid, self.ticks


def _parse_stat(pid: int, data: bytes) -> Process:
    fields = data[data.rindex(b")") + 2 :].split()
    # A leader thread that has exited shows Z while other threads of the process go on.
    alive = fields[0] not in _ZOMBIE or int(fields[17]) > 1
    stopped = fields[0] in _STOPPED
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), alive, stopped)


def _by_psutil(process: psutil.Process) -> Process:
    with process.oneshot():
        return Process(
            process.pid,
            process.ppid(),
            os.getsid(process.pid),
            round(process.create_time() * 1e6),
            process.status() != psutil.STATUS_ZOMBIE,
            process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP},
        )


def find(pid: int) -> Process | None:
    """The process of this pid, or None when there is none or it may not be looked at."""
    try:
        if LINUX:
            return _parse_stat(pid, Path(f"/proc/{pid}/stat").read_bytes())
        return _by_psutil(psutil.Process(pid))
    except (OSError, psutil.Error):
        return None


def created(pid: int) -> float:
    """Creation time in seconds since the epoch as psutil tells it; 0 when it has gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def name_of(pid: int) -> str:
    """The program's name, for messages."""
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "?"


def usage_of(pid: int) -> tuple[str, float]:
    """A process's state in psutil's words, and the CPU seconds it has used; "" when it has gone."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return str(process.status()), float(times.user + times.system)
    except psutil.Error:
        return "", 0.0


@cache
def boot() -> str:
    """Names the machine's boot: pids recorded in another one mean nothing."""
    if LINUX:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return str(round(psutil.boot_time()))


def pids() -> Iterable[int]:
    """The pids of all processes now."""
    if LINUX:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - no Path objects: this is the hot loop
    return list(psutil.pids())


class Scan:
    """All processes at one moment, and the run that each one carries in its environment."""

    def __init__(self) -> None:
        self.processes: dict[int, Process] = {}
        self.children: dict[int, list[Process]] = {}
        self._runs: dict[int, str] = {}
        for pid in pids():
            process = find(pid)
            if process is not None:
                self.processes[pid] = process
                self.children.setdefault(process.ppid, []).append(process)

    def run_of(self, pid: int) -> str:
        """GASTOWN_RUN of a process; empty when it has none or may not be read."""
        found = self._runs.get(pid)
        if found is None:
            found = self._runs[pid] = run_of(pid)
        return found


def run_of(pid: int) -> str:
    """GASTOWN_RUN in a process's environment; empty when it has none or may not be read."""
    try:
        if not LINUX:
            return str(psutil.Process(pid).environ().get(RUN_VARIABLE, ""))
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - the hot loop
            block = b"\0" + file.read()
    except (OSError, psutil.Error):
        return ""
    _, found, rest = block.partition(b"\0" + RUN_VARIABLE.encode() + b"=")
    return os.fsdecode(rest.partition(b"\0")[0]) if found else ""


def send(process: Process, number: int) -> bool:
    """Signal exactly this process, never a later one of the same pid; False when it has gone."""
    try:
        if not LINUX:
            now = find(process.pid)
            if now is None or now.ticks != process.ticks:
                return False
            os.kill(process.pid, number)
            return True
        handle = os.pidfd_open(process.pid)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        now = find(process.pid)
        if now is None or now.ticks != process.ticks:
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)


def ended_child() -> tuple[int, int, int] | None:
    """Reap a child that has ended: pid, session (0 = not known) and wait status; None = no more."""
    try:
        if not LINUX:
            pid, status = os.waitpid(-1, os.WNOHANG)
            return (pid, 0, status) if pid else None
        # Left a zombie for a moment: what it was can be looked up only before it is reaped.
        waiting = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if waiting is None:
            return None
        process = find(waiting.si_pid)
        pid, status = os.waitpid(waiting.si_pid, 0)
    except ChildProcessError:
        return None
    return pid, process.sid if process else 0, status


def become_subreaper() -> None:
    """Make orphans of our descendants our own children (Linux only), so that they are reaped."""
    if _LIBC is not None and _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def die_with_parent(parent: int) -> None:
    """In a fresh child: hang up when the host dies, as a closed terminal would (Linux only).

    It closes the gap between fork and exec, in which a child carries neither its run nor a record.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGHUP), 0, 0, 0)
    if os.getppid() != parent:
        with contextlib.suppress(ProcessLookupError):
            os.kill(os.getpid(), signal.SIGKILL)
