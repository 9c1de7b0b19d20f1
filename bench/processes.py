"""Processor time and memory of processes, from Linux's /proc."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int, *, children: bool = False) -> float:
    """Seconds of processor time that a process has used (its reaped children's too); 0 if gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = text.rpartition(")")[2].split()
    used = [int(each) for each in fields[11:15]]
    return sum(used if children else used[:2]) * _TICK_S


def pss_mb(pid: int) -> float:
    """Megabytes of a process's memory, shared pages divided by who shares them."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def watched(
    pids: Mapping[str, int], wait: Callable[[], None], *, children: Iterable[str] = ()
) -> dict[str, float]:
    """Per cent of a core that each process used while `wait` ran.

    Of those named in `children` the children that ended count too.
    """
    inclusive = frozenset(children)

    def look() -> dict[str, float]:
        return {name: cpu_s(pid, children=name in inclusive) for name, pid in pids.items()}

    start, before = time.monotonic(), look()
    wait()
    after, passed = look(), time.monotonic() - start
    return {name: 100 * (after[name] - before[name]) / passed for name in pids}


def until(check: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait for something to become true.

    Raises:
        TimeoutError: it did not in time.
    """
    stop = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > stop:
            raise TimeoutError(f"{what}: not in {timeout_s:.0f} s")
        time.sleep(0.02)
