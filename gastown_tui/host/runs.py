"""The runs: fenced, recorded, started, ended."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from gastown_tui import protocol
from gastown_tui.domain.errors import BadInput, Conflict, GastownError, NotFound, Unavailable
from gastown_tui.host import processes, pty_run
from gastown_tui.host.admission import former_runs, same_subject
from gastown_tui.host.fence import Fence, Fences, Target
from gastown_tui.host.freezing import Freezing
from gastown_tui.host.handover import Handover
from gastown_tui.host.pty_run import Terminal
from gastown_tui.host.records import Records
from gastown_tui.host.renewal import Held, State
from gastown_tui.protocol import HostFrame, RunRow

_log: Final = logging.getLogger("gastown.host")
_LEFTOVER_GRACE_S: Final = 2.0
_FENCED_KINDS: Final = frozenset(("agent", "gate"))
"""Kinds whose process tree never outlives the leader."""
DIED: Final = "host died"


class Asker(Protocol):
    """Who sent a request; `send` does nothing once it has gone."""

    pid: int
    gone: str

    def send(self, frame: HostFrame, descriptor: int = -1) -> None:
        """Queue a frame."""


class _Pending(msgspec.Struct):
    """A spawn that waits until runs are gone."""

    frame: protocol.Spawn
    asker: Asker
    waits: set[str]


class _Ending(msgspec.Struct):
    """Somebody who wants to know when a run is gone."""

    run: str
    asker: Asker
    req: int


def refusal(req: int, error: GastownError) -> protocol.Failed:
    """The frame that says why a request was not met."""
    return protocol.Failed(
        req=req, message=error.message, hint=error.hint, kind=type(error).__name__
    )


class Runs:
    """Every run of the town; all times given are seconds of the monotonic clock."""

    def __init__(
        self,
        records: Records,
        fences: Fences,
        handover: Handover,
        publish: Callable[[HostFrame], None],
        umask: int,
    ) -> None:
        self._records, self._fences, self._handover = records, fences, handover
        self._publish, self._umask = publish, umask
        self._leaders: dict[int, str] = {}
        self._pending: list[_Pending] = []
        self._endings: list[_Ending] = []
        self._recovering: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._freezing = Freezing()
        self.closing = False
        """Set by `close`: nothing is started any more."""
        self.renewing = False
        """Another build of the host is about to take over: nothing is started."""

    # -- the host's start and end

    def state(self, known: Mapping[str, Any], locks: list[int]) -> State:
        """What another build of the host must know: ours, and `known` of the rest."""
        held = [
            Held(run=run, pid=t.pid, descriptor=t.fileno(), is_leader=self.led_by(t.pid) == run)
            for run, t in self._handover.terminals().items()
        ]
        return State(held=held, reasons=dict(self._reasons), locks=locks, **known)

    def resume(self, state: State, now: float) -> None:
        """Go on with the runs of the build of the host that we were before."""
        self._reasons.update(state.reasons)
        for held in state.held:
            row = self._records.rows.get(held.run)
            if row is None:
                os.close(held.descriptor)
                continue
            self._handover.resume(row, Terminal(held.pid, held.descriptor), now)
            if held.is_leader:
                self._leaders[held.pid] = held.run

    def recover(self, now: float) -> None:
        """Begin to fence every run that a former host left without an end."""
        for row in self._records.rows.values():
            if not row.ended and row.run not in self._leaders.values():
                self._recovering.add(row.run)
                self._begin(row.run, _LEFTOVER_GRACE_S, now, DIED)

    def close(self, grace_s: float, now: float) -> None:
        """Begin to end everything; `empty` tells when it is done."""
        self.closing = True
        for pending in self._pending:
            pending.asker.send(refusal(pending.frame.req, Unavailable("the host is shutting down")))
        self._pending.clear()
        for row in self._records.rows.values():
            if not row.ended:
                self._reasons.setdefault(row.run, "ended: the town went down")
                self._begin(row.run, grace_s, now, "shutdown")

    @property
    def empty(self) -> bool:
        """Is no fence under way; after `close`: is everything gone that can be ended."""
        return self._fences.due is None

    @property
    def idle(self) -> bool:
        """Is nothing under way that another build of the host could not go on with."""
        return self.empty and not self._pending and self._records.written

    def _begin(self, run: str, grace_s: float, now: float, reason: str, caller: int = 0) -> None:
        target = self._target(run)
        self._fences.start(target, grace_s=grace_s, now=now, reason=reason, caller=caller)

    # -- requests

    def spawn(self, frame: protocol.Spawn, asker: Asker, now: float) -> None:
        """Start a program once the runs before it are gone; the answer is sent to the asker.

        Raises:
            BadInput: a field cannot be what it is.
            Conflict: the run id was used before, or name or key belong to a living run.
        """
        pty_run.check_spawn(frame)
        if self.closing:
            raise Conflict("the host is shutting down")
        if self.renewing:
            raise Unavailable("the host is being renewed", hint="try again in a moment")
        starting = [pending.frame for pending in self._pending]
        waits = former_runs(frame, self._records.rows, starting, self._recovering)
        for run in waits:
            if run in self._leaders.values():
                self._reasons.setdefault(run, f"ended: replaced by {frame.run}")
            self._begin(run, frame.grace_s, now, f"fenced for {frame.run}", asker.pid)
        self._pending.append(_Pending(frame, asker, waits | self._recovering))
        self._start_ready()

    def _target(self, run: str) -> Target:
        row = self._records.rows.get(run)
        return Target.of(row) if row else Target(run=run)

    def end(self, frame: protocol.EndRun, asker: Asker, now: float) -> None:
        """End a run; `Done` is sent when every process of it is gone.

        Raises:
            NotFound: there is no such run, or no living one of that name.
            BadInput: the grace is no time to wait.
        """
        if not 0 <= frame.grace_s <= 600:
            raise BadInput(f"a grace of {frame.grace_s} seconds is not between 0 and 600")
        for pending in list(self._pending):
            if frame.run == pending.frame.run or (
                not frame.run and frame.name == pending.frame.name
            ):
                self._pending.remove(pending)
                pending.asker.send(refusal(pending.frame.req, Conflict("ended before its start")))
                asker.send(protocol.Done(req=frame.req, text=pending.frame.run))
                return
        row = self._find(frame)
        if row.gone:
            asker.send(protocol.Done(req=frame.req, text=row.run))
            return
        if not row.ended:
            self._reasons[row.run] = f"ended: {frame.reason[:500]}" if frame.reason else "ended"
        self._endings.append(_Ending(row.run, asker, frame.req))
        self._begin(row.run, frame.grace_s, now, frame.reason or "asked for", asker.pid)

    def _find(self, frame: protocol.EndRun) -> RunRow:
        rows = self._records.rows
        if frame.run in rows:
            return rows[frame.run]
        for row in rows.values():
            if not frame.run and row.name == frame.name and not row.ended:
                return row
        raise NotFound(f"there is no run {frame.run or 'of ' + frame.name}")

    def signal(self, frame: protocol.SignalRun, spare: frozenset[int]) -> None:
        """Send a signal to a living run's leader or to every process of it.

        Raises:
            NotFound: the run is not alive.
            BadInput: there is no such signal.
        """
        row = self._records.rows.get(frame.run)
        if row is None or row.ended or row.run not in self._leaders.values():
            raise NotFound(f"run {frame.run} is not alive")
        if frame.signal not in signal.valid_signals():
            raise BadInput(f"{frame.signal} is no signal")
        if not frame.group:
            os.kill(row.pid, frame.signal)  # our child, not reaped: the pid is its own
            return
        self._freezing.send(Target.of(row), frame.signal, spare)

    def list(self, frame: protocol.ListRuns) -> protocol.Runs:
        """Living runs and those that ended later than asked for."""
        after = frame.ended_after
        rows = [row for row in self._records.rows.values() if not row.ended or row.ended > after]
        return protocol.Runs(req=frame.req, runs=rows)

    def names(self) -> set[str]:
        """The names of all sessions that are recorded, living or not."""
        return {row.name for row in self._records.rows.values()}

    # -- what happens by itself

    def around(self, pid: int) -> str:
        """The run that a process belongs to, by its ancestors, session or environment."""
        process = processes.find(pid)
        while process is not None and process.pid > 1:
            run = self._leaders.get(process.pid) or self._leaders.get(process.sid)
            run = run or processes.run_of(process.pid)
            if run in self._records.rows:
                return run
            process = processes.find(process.ppid)
        return ""

    def led_by(self, pid: int) -> str:
        """The living run whose leader has this pid, or nothing."""
        return self._leaders.get(pid, "")

    def reaped(self, pid: int, status: int, now: float) -> bool:
        """A child has ended; if it led a run, record and publish that; says whether it did."""
        run = self._leaders.pop(pid, "")
        if not run:
            return False
        self._freezing.forget(run)
        code = os.waitstatus_to_exitcode(status)
        why = self._reasons.pop(run, "exit" if code >= 0 else "signal")
        row = self._records.change(
            run,
            ended=time.time(),
            code=code if code >= 0 else None,
            signal=max(0, -code),
            why=why,
        )
        _log.info("run %s (%s) has ended: %s, code %s", run, row.name, why, code)
        if row.kind in _FENCED_KINDS and run not in self._fences:
            self._begin(run, _LEFTOVER_GRACE_S, now, "leftovers of a run whose leader has ended")
        self._handover.ended(row, now)
        self._publish(protocol.RunEnded(row=row))
        return True

    def tick(self, now: float) -> None:
        """Drive the fences, and start what has waited for them."""
        finished = self._fences.tick(now)
        for fence in finished:
            self._fenced(fence)
        if finished:
            self._start_ready()

    def _fenced(self, fence: Fence) -> None:
        run, row = fence.target.run, self._records.rows.get(fence.target.run)
        pids = sorted(pid for pid, _ in fence.ended)
        if pids or fence.failed:
            _log.info("fence of %s (%s): %s %s", run, fence.reason, pids, fence.failed or "gone")
        if row is not None:
            recovered = run in self._recovering and not row.ended
            gone = not (fence.failed or fence.spared or run in self._leaders.values())
            fields: dict[str, object] = {"gone": gone}
            if recovered:
                fields |= {"ended": time.time(), "why": DIED}
            row = self._records.change(run, **fields)
            if recovered:
                self._publish(protocol.RunEnded(row=row))
        self._recovering.discard(run)
        for ending in [ending for ending in self._endings if ending.run == run]:
            self._endings.remove(ending)
            if fence.failed:
                ending.asker.send(refusal(ending.req, Unavailable(fence.failed)))
            else:
                ending.asker.send(protocol.Done(req=ending.req, text=run))
        problem = fence.failed
        if fence.spared and not problem:
            problem = f"whoever asks belongs to run {run}, which must be gone first"
        for pending in list(self._pending):
            frame = pending.frame
            concerned = run in frame.fence or (row is not None and same_subject(frame, row))
            if problem and run in pending.waits and concerned:
                self._pending.remove(pending)
                pending.asker.send(refusal(frame.req, Unavailable(problem)))
            pending.waits.discard(run)

    def _start_ready(self) -> None:
        for pending in list(self._pending):
            if pending.asker.gone:
                self._pending.remove(pending)
            elif not pending.waits:
                self._pending.remove(pending)
                self._start(pending.frame, pending.asker)

    def _start(self, frame: protocol.Spawn, asker: Asker) -> None:
        row = RunRow(
            run=frame.run,
            name=frame.name,
            kind=frame.kind,
            key=frame.key,
            argv=frame.argv,
            cwd=frame.cwd,
            cols=frame.cols,
            rows=frame.rows,
            boot=processes.boot(),
            started=time.time(),
            scrollback=frame.scrollback,
            note=frame.note,
        )
        try:
            self._records.write(row)
            terminal = pty_run.start(frame, umask=self._umask)
        except (GastownError, OSError) as error:
            self._not_started(frame, asker, error)
            return
        pid = terminal.pid
        found = processes.find(pid)
        self._leaders[pid] = frame.run
        row = self._records.change(
            frame.run,
            pid=pid,
            pid_start=processes.created(pid),
            sid=pid,
            ticks=found.ticks if found else 0,
        )
        _log.info("run %s (%s) is process %d", frame.run, frame.name, pid)
        self._handover.add(row, terminal)
        asker.send(protocol.Spawned(req=frame.req, run=frame.run, pid=pid, started=row.started))
        self._publish(protocol.RunStarted(row=row))

    def _not_started(
        self, frame: protocol.Spawn, asker: Asker, error: GastownError | OSError
    ) -> None:
        if not isinstance(error, GastownError):
            error = Unavailable(f"the run cannot be recorded: {error}")
        _log.warning("run %s (%s) was not started: %s", frame.run, frame.name, error)
        if frame.run in self._records.rows:
            why = f"spawn failed: {error.message}"
            self._records.change(frame.run, ended=time.time(), why=why, gone=True)
        asker.send(refusal(frame.req, error))
