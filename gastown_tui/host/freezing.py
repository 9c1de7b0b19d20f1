"""Stops and continues whole runs, so that nothing of them slips away and all goes on as it was.

Parents are stopped before their children and continued after them: a shell that saw its job stand
still would take the terminal back from it. What a fork has made meanwhile is found by looking
again. A process that stood still before the freeze stands still after it.
"""

from __future__ import annotations

import signal
import time
from typing import Final

from gastown_tui.host import processes
from gastown_tui.host.fence import Target, members
from gastown_tui.host.processes import Process, Scan

_LONGEST_S: Final = 0.2
"""Of looking again: what forks faster than that is stopped as far as it was seen."""
_STANDS_S: Final = 0.01
"""Until a process that was stopped stands still; longer only while it hangs in the kernel."""
_FRESH_S: Final = 0.02
"""A look at the process table so old is good enough to begin with."""

Key = tuple[int, int]


class Freezing:
    """Remembers which runs it has stopped."""

    def __init__(self) -> None:
        self._still: dict[str, frozenset[Key]] = {}
        """Run that is frozen to its processes that stood still before."""
        self._scan: Scan | None = None
        self._scanned = float("-inf")

    def send(self, target: Target, number: int, spare: frozenset[int]) -> None:
        """Signal every process of a run."""
        if number == signal.SIGSTOP:
            self._stop(target, spare)
        else:
            self._others(target, number, spare)

    def forget(self, run: str) -> None:
        """A run has ended."""
        self._still.pop(run, None)

    def _look(self, after: float) -> Scan:
        """The process table as it was at `after` or later."""
        if self._scan is None or self._scanned < after:
            self._scanned = time.monotonic()
            self._scan = Scan()
        return self._scan

    def _stop(self, target: Target, spare: frozenset[int]) -> None:
        began = time.monotonic()
        after, seen, still = began - _FRESH_S, frozenset[Key](), set[Key]()
        while time.monotonic() < began + _LONGEST_S:
            scan = self._look(after)
            fresh = members(target, scan, seen, spare)
            new = {key: one for key, one in fresh.items() if key not in seen}
            if seen and not new:
                break
            still |= {key for key, one in new.items() if one.stopped}
            after = time.monotonic()
            for generation in _generations(new, scan):
                _stop_all(generation)
            seen |= new.keys()
        self._still.setdefault(target.run, frozenset(still))

    def _others(self, target: Target, number: int, spare: frozenset[int]) -> None:
        scan = self._look(time.monotonic())
        found = members(target, scan, frozenset(), spare)
        if number == signal.SIGCONT:
            still = self._still.pop(target.run, frozenset())
            found = {key: one for key, one in found.items() if key not in still}
        for generation in reversed(_generations(found, scan)):
            for process in generation:
                processes.send(process, number)
        self._scan = None  # it shows them as they were


def _stop_all(generation: list[Process]) -> None:
    """Stop processes and wait until they stand still: then they do not see their children stop."""
    moving = [one for one in generation if processes.send(one, signal.SIGSTOP)]
    until = time.monotonic() + _STANDS_S
    while moving and time.monotonic() < until:
        time.sleep(0)
        now = [processes.find(one.pid) for one in moving]
        moving = [
            was
            for was, one in zip(moving, now, strict=True)
            if one is not None and one.alive and not one.stopped
        ]


def _generations(found: dict[Key, Process], scan: Scan) -> list[list[Process]]:
    """Processes by their distance from the leader, the nearest first."""
    mine = {one.pid for one in found.values()}

    def depth(process: Process) -> int:
        steps, at = 0, process
        while at.ppid in mine and steps < len(mine):
            steps, at = steps + 1, scan.processes[at.ppid]
        return steps

    by_depth: dict[int, list[Process]] = {}
    for process in found.values():
        by_depth.setdefault(depth(process), []).append(process)
    return [by_depth[steps] for steps in sorted(by_depth)]
