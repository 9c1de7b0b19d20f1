"""The machine's memory, its pressure, and what each agent's processes take.

Sources: psutil for what is free, within a container's limit; `/proc/pressure/memory` (Linux, PSI,
Documentation/accounting/psi.rst) for waiting; `smaps_rollup` (proc_pid_smaps(5)) for the share of
each process, in which a library that ten programs use counts a tenth for each.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psutil

from gastown_tui.domain.capacity import Memory

_SOME: Final = re.compile(r"^some avg10=([0-9.]+)", re.MULTILINE)
_PSS: Final = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)
_SELDOM: Final = 4
"""Of so many looks one measures an agent again that was measured before."""
_LINUX: Final[bool] = sys.platform.startswith("linux")
_GROUP: Final = Path("/sys/fs/cgroup")


class MemoryLook:
    """Looks at all of it; of the agents at one each time, since that takes milliseconds."""

    def __init__(self) -> None:
        self._agents: dict[str, int] = {}
        self._turn: list[str] = []
        self._looks = 0

    def look(self, agents: Mapping[str, int]) -> Memory:
        """The memory now.

        Args:
            agents: address to the pid of its session's leader, of those that live.
        """
        for gone in self._agents.keys() - agents.keys():
            del self._agents[gone]
        self._turn = [one for one in self._turn if one in agents]
        self._turn += [one for one in agents if one not in self._turn]
        self._looks += 1
        if self._turn and (self._turn[0] not in self._agents or self._looks % _SELDOM == 0):
            address = self._turn.pop(0)
            self._turn.append(address)
            if taken := taken_by(agents[address]):
                self._agents[address] = taken
        free, total = free_memory()
        return Memory(
            free=free,
            total=total,
            stalled=_stalled(),
            agents=dict(self._agents),
            cores=len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 0,
        )


def free_memory() -> tuple[int, int]:
    """Bytes that are free and there are, within the limit of a container if there is one."""
    found = psutil.virtual_memory()
    most, used = _number(_GROUP / "memory.max"), _number(_GROUP / "memory.current")
    if most is None or used is None or most > found.total:
        return int(found.available), int(found.total)
    return min(int(found.available), max(0, most - used)), most


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _stalled() -> float:
    """Percent of the last ten seconds; 0 where the kernel does not tell."""
    for path in (_GROUP / "memory.pressure", Path("/proc/pressure/memory")):
        try:
            found = _SOME.search(path.read_text("ascii"))
        except (OSError, ValueError):
            continue
        if found:
            return float(found[1])
    return 0.0


def taken_by(leader: int) -> int:
    """Bytes of a session: its leader, all that descends from it, and what shares its session."""
    children: dict[int, list[int]] = {}
    mine = {leader}
    for pid, parent, session in _processes():
        children.setdefault(parent, []).append(pid)
        if session == leader:
            mine.add(pid)
    queue = list(mine)
    while queue:
        for child in children.get(queue.pop(), ()):
            if child not in mine:
                mine.add(child)
                queue.append(child)
    return sum(map(_share, mine))


def _processes() -> Iterator[tuple[int, int, int]]:
    """Pid, parent and session of every process (field numbers: proc_pid_stat(5))."""
    for pid in psutil.pids():
        try:
            if _LINUX:
                stat = Path(f"/proc/{pid}/stat").read_bytes()
                fields = stat[stat.rindex(b")") + 2 :].split(maxsplit=4)
                yield pid, int(fields[1]), int(fields[3])
            else:
                yield pid, psutil.Process(pid).ppid(), os.getsid(pid)
        except (OSError, ValueError, psutil.Error):
            continue  # it has ended


def _share(pid: int) -> int:
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
        if found:
            return int(found[1]) * 1024
        return int(psutil.Process(pid).memory_info().rss)
    except (OSError, psutil.Error):
        return 0
