"""Ends every process of a run and makes sure that none is left.

A run's processes are: its leader and all its descendants, everything in the leader's session, and
every process with `GASTOWN_RUN=<run>` in its environment. None of the three is enough by itself:
orphans lose their parent, daemons leave the session, and a program may clear its environment.
What has once been recognised stays recognised.

The machine never sleeps: `step` looks at a scan that all fences share, acts, and says when it
wants to be called again.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Final

import msgspec

from gastown_tui.host import processes
from gastown_tui.host.processes import Process, Scan
from gastown_tui.protocol import RunRow

_HUNT_S: Final = 0.1
"""Longest time that one step may block the loop while it freezes what forks."""
_GIVE_UP_S: Final = 10.0
"""A process that is still there so long after KILL hangs in the kernel."""
_SLOWEST_S: Final = 0.1


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the run that is to be ended."""

    run: str
    pid: int = 0
    ticks: int = 0
    gentle: tuple[int, ...] = (signal.SIGTERM,)
    """What is sent first."""

    @classmethod
    def of(cls, row: RunRow) -> Target:
        """The target of a recorded run; pids recorded in another boot are left out."""
        # A shell ignores TERM; a hang-up is how a terminal ends it.
        gentle = (signal.SIGTERM, signal.SIGHUP) if row.kind == "shell" else (signal.SIGTERM,)
        if row.boot != processes.boot():
            return cls(run=row.run, gentle=gentle)
        return cls(run=row.run, pid=row.pid, ticks=row.ticks, gentle=gentle)


def _is_root(target: Target, scan: Scan, process: Process) -> bool:
    """Does this process belong to the run, without looking at its parents."""
    if target.pid and target.pid in (process.pid, process.sid):
        leader = scan.processes.get(target.pid)
        if leader is not None:
            if leader.ticks == target.ticks:
                return True
        # The leader has gone: the number may have been taken over by a later session, so what
        # carries another run or is older than ours is not of it.
        elif process.ticks >= target.ticks and scan.run_of(process.pid) in ("", target.run):
            return True
    return scan.run_of(process.pid) == target.run


def members(
    target: Target, scan: Scan, known: frozenset[tuple[int, int]], spare: frozenset[int]
) -> dict[tuple[int, int], Process]:
    """The living processes of a run, without those in `spare` and what is below them.

    Args:
        target: The run.
        scan: The process table.
        known: Keys of processes that were recognised before.
        spare: Pids that are never touched.
    """
    found: dict[tuple[int, int], Process] = {}
    queue = [
        process
        for process in scan.processes.values()
        if process.key in known or _is_root(target, scan, process)
    ]
    while queue:
        process = queue.pop()
        if process.key in found or process.pid in spare or process.pid <= 1:
            continue
        found[process.key] = process
        queue.extend(scan.children.get(process.pid, ()))
    return {key: process for key, process in found.items() if process.alive}


class Fence:
    """TERM, grace, KILL for one run; done when two scans in a row find nothing of it."""

    def __init__(self, target: Target, *, grace_s: float, now: float, reason: str = "") -> None:
        self.target, self.reason = target, reason
        self.kill_at = now + grace_s
        self.done = False
        self.failed = ""
        """Why it cannot be done; empty while it can."""
        self.ended: set[tuple[int, int]] = set()
        """Keys of all processes that were recognised."""
        self.spared = False
        """Does a process of the run go on because it must not be touched (it asked for this)."""
        self._warned: set[tuple[int, int]] = set()
        self._empty = 0

    def hurry(self, grace_s: float, now: float) -> None:
        """Somebody else wants the same run gone, perhaps sooner."""
        self.kill_at = min(self.kill_at, now + grace_s)

    def step(self, scan: Scan, now: float, spare: frozenset[int]) -> None:
        """Look at the table and act; sets `done` or `failed`."""
        left = self._find(scan, spare)
        if not left:
            found = (scan.processes[pid] for pid in spare if pid in scan.processes)
            self.spared = any(_is_root(self.target, scan, process) for process in found)
            self._empty += 1
            self.done = self._empty >= 2
            return
        self._empty = 0
        if now < self.kill_at:
            self._ask(left)
        elif now < self.kill_at + _GIVE_UP_S:
            self._hunt(left, spare)
        else:
            process = next(iter(left.values()))
            name = processes.name_of(process.pid)
            self.failed = f"process {process.pid} ({name}) of run {self.target.run} does not end"

    def _find(self, scan: Scan, spare: frozenset[int]) -> dict[tuple[int, int], Process]:
        left = members(self.target, scan, frozenset(self.ended), spare)
        self.ended.update(left)
        return left

    def _ask(self, left: dict[tuple[int, int], Process]) -> None:
        for key, process in left.items():
            if key not in self._warned:
                self._warned.add(key)
                for number in (*self.target.gentle, signal.SIGCONT):
                    processes.send(process, number)

    def _hunt(self, left: dict[tuple[int, int], Process], spare: frozenset[int]) -> None:
        """Freeze until nothing new turns up, so that nothing forks away, then kill all."""
        until = time.monotonic() + _HUNT_S
        frozen: set[tuple[int, int]] = set()
        while fresh := left.keys() - frozen:
            for key in fresh:
                processes.send(left[key], signal.SIGSTOP)
            frozen |= fresh
            if time.monotonic() > until:
                break
            left = self._find(Scan(), spare)
        for process in left.values():
            processes.send(process, signal.SIGKILL)


class Fences:
    """All fences under way; one scan of the process table serves them all."""

    def __init__(self, spare: Callable[[], frozenset[int]]) -> None:
        self._spare = spare
        self._under_way: dict[str, tuple[Fence, frozenset[int]]] = {}
        self._next = self._earliest = 0.0

    def start(
        self, target: Target, *, grace_s: float, now: float, reason: str, caller: int = 0
    ) -> Fence:
        """Begin to end a run, or join the fence that already does; `caller` is spared."""
        fence, spare = self._under_way.get(target.run) or (
            Fence(target, grace_s=grace_s, now=now, reason=reason),
            frozenset(),
        )
        fence.hurry(grace_s, now)
        self._under_way[target.run] = fence, spare | {caller}
        self.wake(now)
        return fence

    def __contains__(self, run: object) -> bool:
        return run in self._under_way

    def wake(self, now: float) -> None:
        """A child has ended, or there is a new fence: look soon, not at the next interval."""
        self._next = max(min(self._next, now), self._earliest)

    @property
    def due(self) -> float | None:
        """When `tick` wants to be called, None when nothing is under way."""
        return self._next if self._under_way else None

    def tick(self, now: float) -> list[Fence]:
        """Step all; returns the fences that are done or have failed, which end here."""
        if not self._under_way or now < self._next:
            return []
        started = time.monotonic()
        scan, spare = Scan(), self._spare()
        finished = []
        for run, (fence, callers) in list(self._under_way.items()):
            fence.step(scan, now, spare | callers)
            if fence.done or fence.failed:
                finished.append(fence)
                del self._under_way[run]
        took = time.monotonic() - started
        # At most half a core even when children end all the time, a fifth while waiting.
        self._earliest = now + took + max(0.005, took)
        self._next = now + took + min(max(0.02, 4 * took), _SLOWEST_S)
        return finished
