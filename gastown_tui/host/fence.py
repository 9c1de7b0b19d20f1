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
"""Longest time that one step blocks the loop while it freezes what forks."""
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
    """TERM, grace, KILL for one run.

    Done when two scans in a row find nothing of it and no orphan has ended in between: a program
    that forks and exits all the time can slip through any number of scans, but not without
    leaving orphans to us.
    """

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
        self.disturbed = False
        """Has an orphan ended, of nobody knows which run, since the last step."""
        self._warned: set[tuple[int, int]] = set()
        self._empty = 0

    def hurry(self, grace_s: float, now: float) -> None:
        """Somebody else wants the same run gone, perhaps sooner."""
        self.kill_at = min(self.kill_at, now + grace_s)

    def step(self, scan: Scan, now: float, spare: frozenset[int]) -> None:
        """Look at the table and act; sets `done` or `failed`."""
        left = members(self.target, scan, frozenset(self.ended), spare)
        self.ended.update(left)
        if not left and not self.disturbed:
            found = (scan.processes[pid] for pid in spare if pid in scan.processes)
            self.spared = any(_is_root(self.target, scan, process) for process in found)
            self._empty += 1
            self.done = self._empty >= 2
            return
        self._empty, self.disturbed = 0, False
        if now < self.kill_at:
            self._ask(left)
        elif now < self.kill_at + _GIVE_UP_S:
            self._hunt(left, spare)
        else:
            self.failed = self._complaint(left)

    def _complaint(self, left: dict[tuple[int, int], Process]) -> str:
        for pid, _ in left:
            return f"process {pid} ({processes.name_of(pid)}) of run {self.target.run} does not end"
        return f"run {self.target.run} starts processes faster than they can be ended"

    def _ask(self, left: dict[tuple[int, int], Process]) -> None:
        for key, process in left.items():
            if key not in self._warned:
                self._warned.add(key)
                for number in (*self.target.gentle, signal.SIGCONT):
                    processes.send(process, number)

    def _hunt(self, left: dict[tuple[int, int], Process], spare: frozenset[int]) -> None:
        """Freeze until nothing new of the run turns up, so that nothing forks away; kill all."""
        until = time.monotonic() + _HUNT_S
        for process in left.values():
            processes.send(process, signal.SIGSTOP)
        seen, quiet = set(spare), 0
        while quiet < 2 and time.monotonic() < until:
            # The newest first: what forks all the time is among them, and gone in a moment.
            fresh = sorted((pid for pid in processes.pids() if pid not in seen), reverse=True)
            seen.update(fresh)
            frozen = [found for pid in fresh if (found := self._freeze(pid, left))]
            left.update((process.key, process) for process in frozen)
            quiet = 0 if frozen else quiet + 1
        self.ended.update(left)
        for process in left.values():
            processes.send(process, signal.SIGKILL)

    def _freeze(self, pid: int, left: dict[tuple[int, int], Process]) -> Process | None:
        process = processes.find(pid)
        if process is None or not process.alive or process.key in left:
            return None
        parents = {parent for parent, _ in left}
        if process.ppid not in parents and processes.run_of(pid) != self.target.run:
            return None
        return process if processes.send(process, signal.SIGSTOP) else None


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

    def orphan_ended(self, run: str) -> None:
        """An orphan has been reaped; `run` is the one whose session it was in, if that lives."""
        for name, (fence, _) in self._under_way.items():
            if run in ("", name):
                fence.disturbed = True

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
