"""The host's one thread: sockets, signals and deadlines in one selector loop."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from gastown_tui import __version__, protocol
from gastown_tui.domain.errors import (
    BadInput,
    Conflict,
    Forbidden,
    GastownError,
    ProtocolError,
    Unavailable,
)
from gastown_tui.host import processes
from gastown_tui.host.connection import Connection, listen
from gastown_tui.host.fence import Fences
from gastown_tui.host.handover import Handover
from gastown_tui.host.records import Records
from gastown_tui.host.renewal import State, taken
from gastown_tui.host.renewing import Renewing
from gastown_tui.host.runs import Runs, refusal
from gastown_tui.host.supervisor import Supervisor
from gastown_tui.protocol import HostFrame

_log: Final = logging.getLogger("gastown.host")
SOCKET: Final = "host.sock"
_MOST_CLIENTS: Final = 128
_TURN_S: Final = 0.5
"""Longest turn of the loop while a heartbeat is awaited, which comes as often."""
_STALL_S: Final = 1.0
"""A turn that took so long: the host was stopped, or the machine, or a disk hung."""
_HOUSEKEEPING_S: Final = 3600.0
_LOOK_S: Final = 2.0
"""How often the socket is looked for: a logout or a cleaner may sweep the runtime folder away."""
_GRACE_S: Final = 2.0
_DAEMONS_S: Final = 4.0
"""Longest wait for the daemons at the end, after which we leave; the lifeline ends them."""
_ENDS: Final = (
    protocol.Spawn
    | protocol.EndRun
    | protocol.SignalRun
    | protocol.Shutdown
    | protocol.RestartDaemon
    | protocol.Renew
)


class Settle(Protocol):
    """Makes and locks the runtime folder; called again when that has vanished."""

    @property
    def locks(self) -> list[int]:
        """Descriptors of all locks that this process holds."""

    def __call__(self) -> Path:
        """The folder."""


class Host:
    """Everything together: accepts clients, dispatches their frames, keeps the deadlines."""

    def __init__(
        self,
        *,
        town: Path,
        settle: Settle,
        daemons: Mapping[str, str],
        umask: int,
        former: State | None = None,
    ) -> None:
        """Read the records and listen; nothing is started or ended before `run`.

        Args:
            town: The town's folder, whose lock the caller holds.
            settle: Makes the runtime folder.
            daemons: Name to module of the daemons to keep running.
            umask: What spawned programs get.
            former: What the build that we were has left us.

        Raises:
            Unavailable: the socket cannot be made.
        """
        self._boot = former.boot if former else uuid.uuid4().hex[:12]
        self._since = former.since if former else time.time()
        self._selector = selectors.DefaultSelector()
        self._settle, self._umask = settle, umask
        self._listen(former)
        self._clients: set[Connection] = set()
        self._screens: Connection | None = None
        self._fences = Fences(self._spared)
        self._handover = Handover()
        self._records = Records(town / ".gastown" / "sessions" / "runs", time.time())
        self._runs = Runs(self._records, self._fences, self._handover, self._publish, umask)
        self._supervisor = Supervisor(town, self._path.parent, daemons, self._runs.names)
        self._renewing = Renewing(town, daemons, self._runs, self._supervisor)
        if former:
            self._runs.resume(former, time.monotonic())
        self._wakeup, self._signals = socket.socketpair()
        self._housekeeping = time.monotonic() + _HOUSEKEEPING_S
        self._look_at = 0.0
        self._stopped_by: tuple[Connection, int] | None = None
        self._leave_at: float | None = None

    def _spared(self) -> frozenset[int]:
        return self._supervisor.pids() | {os.getpid()}

    def _listen(self, former: State | None = None) -> None:
        if former:
            taken(former)
            self._path, self._listener = Path(former.path), socket.socket(fileno=former.listener)
            self._listener.setblocking(False)
        else:
            self._path = self._settle() / SOCKET
            self._listener = listen(self._path)
        with contextlib.suppress(FileNotFoundError):
            self._inode = self._path.stat().st_ino
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    # -- the loop

    def run(self) -> None:
        """Serve until `Shutdown` or SIGTERM; returns when everything is gone."""
        self._catch_signals()
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._take_signals)
        now = time.monotonic()
        self._runs.recover(now)
        while not self._finished(now):
            before, supervised = now, self._supervisor.due()
            events = self._selector.select(self._timeout(now, supervised))
            now = time.monotonic()
            if supervised is not None and now - before > _STALL_S:
                self._supervisor.stalled(now)
            for key, mask in events:
                if isinstance(key.data, Connection):
                    self._serve(key.data, mask)
                else:
                    key.data()
            self._sweep(now)
            self._reap(now)
            self._runs.tick(now)
            self._supervisor.tick(now)
            self._renewing.tick(self._state, now)
            self._look(now)
        self._leave()

    def _timeout(self, now: float, supervised: float | None) -> float:
        turn = None if supervised is None else now + _TURN_S
        times = (self._look_at, self._leave_at, self._renewing.due)
        due = (self._fences.due, supervised, turn, *times)
        return max(0.0, min(time for time in due if time is not None) - now)

    def _catch_signals(self) -> None:
        self._wakeup.setblocking(False)
        self._signals.setblocking(False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
            signal.siginterrupt(number, False)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(self._signals.fileno(), warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # held back while builds changed

    def _take_signals(self) -> None:
        numbers = self._wakeup.recv(4096)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._shut_down(_GRACE_S, "a signal")

    def _reap(self, now: float) -> None:
        while (child := processes.ended_child()) is not None:
            pid, sid, status = child
            if not (
                self._supervisor.reaped(pid, status, now) or self._runs.reaped(pid, status, now)
            ):
                ours = sid in self._supervisor.pids()
                self._fences.orphan_ended("a daemon" if ours else self._runs.led_by(sid))
            self._fences.wake(now)

    def _sweep(self, now: float) -> None:
        for client in [client for client in self._clients if client.gone]:
            self._clients.discard(client)
            self._handover.disconnected(client)
            if client is self._screens:
                self._screens = None
            if client.gone != "closed":
                _log.info("client %d (%s): %s", client.pid, client.role, client.gone)
        if now >= self._housekeeping:
            self._housekeeping = now + _HOUSEKEEPING_S
            self._records.prune(time.time())

    def _look(self, now: float) -> None:
        """Listen anew when our socket has gone from the file system."""
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        self._records.retry()
        self._handover.tick(now)
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                return
        former = self._listener
        try:
            self._listen()
        except (GastownError, OSError) as error:
            _log.warning("%s has vanished and cannot be made again: %s", self._path, error)
            return
        self._selector.unregister(former)
        former.close()
        _log.warning("the socket had vanished, we listen at %s now", self._path)
        self._supervisor.move(self._path.parent, now)

    # -- clients

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:  # the client has gone again, or no descriptor is left
            _log.warning("a client cannot be accepted: %s", error)
            return
        try:
            if len(self._clients) >= _MOST_CLIENTS:
                raise Unavailable(f"there are {_MOST_CLIENTS} clients already")
            self._clients.add(Connection(sock, self._selector))
        except (GastownError, OSError) as error:
            _log.warning("a client was refused: %s", error)
            sock.close()

    def _serve(self, client: Connection, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            client.flush()
        if client.gone or not mask & selectors.EVENT_READ:
            return
        try:
            for frame in client.receive():
                self._take(client, frame)
        except ProtocolError as error:
            client.send(refusal(0, error))
            client.drop(error.message)

    def _take(self, client: Connection, frame: HostFrame) -> None:
        if client.gone:
            return
        if not client.role:
            self._greet(client, frame)
            return
        try:
            self._dispatch(client, frame)
        except ProtocolError:
            raise
        except GastownError as error:
            client.send(refusal(getattr(frame, "req", 0), error))

    def _greet(self, client: Connection, frame: HostFrame) -> None:
        if not isinstance(frame, protocol.Hello):
            raise ProtocolError("the first frame must be a greeting")
        client.role = frame.role[:20] or "?"
        client.send(protocol.Welcome(build=__version__, pid=os.getpid(), boot=self._boot))
        if client.role != "screens":
            return
        if self._supervisor.supervises("screens") and client.pid != self._supervisor.pid("screens"):
            raise ProtocolError("this is not the screens that the host has started")
        self._screens = client
        self._handover.connected(client)

    def _check_audience(self, client: Connection, frame: HostFrame) -> None:
        """A program in a session may end itself and start others, but not end those."""
        if not isinstance(frame, _ENDS) or (isinstance(frame, protocol.Spawn) and not frame.fence):
            return
        inside = self._runs.around(client.pid)
        own = isinstance(frame, protocol.EndRun | protocol.SignalRun) and frame.run == inside
        if inside and not own:
            raise Forbidden(
                f"process {client.pid} belongs to run {inside} and cannot ask the host for this",
                hint="do it from outside of the town's sessions",
            )

    def _dispatch(self, client: Connection, frame: HostFrame) -> None:
        now = time.monotonic()
        self._check_audience(client, frame)
        match frame:
            case protocol.Heartbeat():
                self._supervisor.beat(client.pid, now)
            case protocol.Adopted():
                self._handover.adopted(frame.run, client)
            case protocol.Spawn():
                self._runs.spawn(frame, client, now)
            case protocol.EndRun():
                self._runs.end(frame, client, now)
            case protocol.SignalRun():
                self._runs.signal(frame, self._spared() | {client.pid})
                client.send(protocol.Done(req=frame.req))
            case protocol.ListRuns():
                client.send(self._runs.list(frame))
            case protocol.HostStatus():
                client.send(self._status(frame.req))
            case protocol.RestartDaemon():
                self._supervisor.restart(frame.name, now)
                client.send(protocol.Done(req=frame.req))
            case protocol.Renew():
                self._renewing.ask(frame, client, self._state(), now)
            case protocol.Shutdown():
                self._ask_shutdown(client, frame)
            case _:
                raise ProtocolError(f"a client does not send {type(frame).__name__}")

    def _status(self, req: int) -> protocol.HostStatus:
        return protocol.HostStatus(
            req=req,
            pid=os.getpid(),
            boot=self._boot,
            since=self._since,
            build=__version__,
            daemons=self._supervisor.rows(),
        )

    def _state(self) -> State:
        """What another build of us needs to know."""
        own = {"boot": self._boot, "since": self._since, "umask": self._umask}
        listener, path = self._listener.fileno(), str(self._path)
        return self._runs.state({**own, "listener": listener, "path": path}, self._settle.locks)

    def _publish(self, frame: HostFrame) -> None:
        if isinstance(frame, protocol.RunStarted):
            self._supervisor.culprits.forget(frame.row.name)
        for client in list(self._clients):
            if client.role:
                client.send(frame)

    # -- the end

    def _ask_shutdown(self, client: Connection, frame: protocol.Shutdown) -> None:
        if self._stopped_by is not None:
            raise Conflict("the host is shutting down already")
        if not 0 <= frame.grace_s <= 600:
            raise BadInput(f"a grace of {frame.grace_s} seconds is not between 0 and 600")
        self._stopped_by = client, frame.req
        self._shut_down(frame.grace_s, f"process {client.pid}")

    def _shut_down(self, grace_s: float, why: str) -> None:
        if not self._runs.closing:
            _log.info("shutting down, asked by %s", why)
            self._runs.close(grace_s, time.monotonic())

    def _finished(self, now: float) -> bool:
        if not self._runs.closing or not self._runs.empty:
            return False
        if self._leave_at is None:
            self._supervisor.stop(now)
            self._leave_at = now + _DAEMONS_S
        return not self._supervisor.pids() or now >= self._leave_at

    def _leave(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        if self._stopped_by is not None:
            client, req = self._stopped_by
            client.send(protocol.Done(req=req))
        self._listener.close()
        for client in list(self._clients):
            client.drop("closed")
        _log.info("the host has ended")
