"""The screens process: sessions adopted from the host, shown to viewers."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import uuid4

from gastown_tui import protocol
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.screens import lives
from gastown_tui.screens.archive import Archive, Meta
from gastown_tui.screens.clients import Client
from gastown_tui.screens.hostlink import HostLink
from gastown_tui.screens.loop import READ, WRITE, Loop
from gastown_tui.screens.marker import FILE, Marker
from gastown_tui.screens.publisher import Publisher
from gastown_tui.screens.requests import Requests
from gastown_tui.screens.session import Session

BEAT_S: Final = 0.5
HOUSEKEEPING_S: Final = 0.25
TURN_S: Final = 0.008
"""How long output is read before everything else has its turn."""
HURRIED_S: Final = 0.002
"""The same while somebody types; one session gets half of it."""
QUIET_S: Final = 5.0
QUIET_BYTES: Final = 1024 * 1024
"""A session that is quiet for `QUIET_S` and has so much to parse again gets a snapshot."""
DRAIN_S: Final = 0.2
"""How long the rest of a run's output is read after its end; others may hold its terminal."""
HOT_S: Final = 0.5
"""So long after a key or much output, a session's output is waited for; others' is collected."""
HOT_BYTES: Final = 4000
"""What the kernel holds of a terminal's output, about: the program may be waiting for room."""
PACK_S: Final = 0.004
"""How long scrollbacks are packed at a time: a tenth of their memory is left."""
LOOSE: Final = 3
"""Floods whose scrollback is packed when they are over: until then it is always a new one."""
CLIENTS: Final = 200
ENDED_IN_MEMORY: Final = 50
PRUNE_S: Final = 3600.0

_LOG: Final = logging.getLogger(__name__)


class Server:
    """All of the process but its start and end."""

    def __init__(
        self,
        runtime: Path,
        sessions: Path,
        crashed: Iterable[str] = (),
        held: Iterable[str] = (),
    ) -> None:
        """A server that listens, and looks for the host.

        Args:
            runtime: the town's private folder: sockets and marker.
            sessions: where sessions are kept.
            crashed: sessions whose output ended the emulation, once for each time.
            held: sessions whose output is not to be emulated.
        """
        self.loop = Loop()
        self._marker = Marker(runtime / FILE)
        self._archive = Archive(sessions)
        self._crashes, self._held = Counter(crashed), frozenset(held)
        self._sessions: dict[str, Session] = {}
        self._past = {meta.name: meta for meta in self._archive.all()}
        self._settled = False
        self._readable: dict[str, None] = {}
        self._hot: dict[str, float] = {}
        """Sessions whose output is waited for, and until when."""
        self._boot = uuid4().hex[:12]
        self._publisher = Publisher(self._sessions, self.loop.pressed)
        self._requests = Requests(self._publisher, self.find, self._typed, self.names)
        self._clients: set[Client] = set()
        self._host = HostLink(runtime / "host.sock", self.loop, self._on_host)
        self._pruned_at = 0.0
        self._packed = 0
        self._path = runtime / "screens.sock"
        self._listener = self._listen()

    def run(self) -> None:
        """Serve until the loop is stopped, then keep what is needed for a quick start."""
        self.loop.every(BEAT_S, self._beat)
        self.loop.every(HOUSEKEEPING_S, self._keep_house)
        self.loop.run(self._work)
        for session in self._sessions.values():
            if session.alive and session.log.since_snapshot:
                session.save()

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._path))
        self._path.chmod(0o600)
        listener.listen(64)
        listener.setblocking(False)
        self.loop.watch(listener.fileno(), READ, lambda _mask: self._accept())
        return listener

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor is left
            return
        if len(self._clients) >= CLIENTS:
            _LOG.warning("a client is refused: there are %d", CLIENTS)
            connection.close()
            return
        try:
            client = Client(connection, self.loop, self._on_client, self._on_room)
        except (GastownError, OSError) as error:
            _LOG.warning("a client is refused: %s", error)
            connection.close()
            return
        self._clients.add(client)
        client.welcome(os.getpid(), self._boot)
        client.flush()

    def _on_client(self, client: Client, frame: protocol.ScreensFrame) -> None:
        self._requests.take(client, frame)
        self._publisher.queued(client)

    def _on_room(self, client: Client) -> None:
        if client.is_open:
            self._publisher.caught_up(client)
        else:
            self._clients.discard(client)
            self._publisher.drop(client)

    # ------------------------------------------------------------ sessions

    def find(self, name: str) -> Session | None:
        """The session of that name, living or kept.

        Raises:
            Unavailable: the host has not told yet which sessions live.
        """
        session = self._sessions.get(name)
        if session is None and name in self._past:
            if not self._settled:
                raise Unavailable("screens is starting", hint="try again in a moment")
            try:
                session = lives.kept(self._past[name], self._archive, self._marker)
            except GastownError:
                _LOG.exception("%s: what was kept cannot be read", name)
                return None
            self._sessions[name] = session
            self._forget_some(name)
        return session

    def names(self) -> dict[str, bool]:
        """All sessions: name to whether it is alive."""
        found = dict.fromkeys(self._past, False)
        found.update({name: session.alive for name, session in self._sessions.items()})
        return found

    def _forget_some(self, but: str) -> None:
        ended = [name for name, session in self._sessions.items() if not session.alive]
        for name in ended[: max(0, len(ended) - ENDED_IN_MEMORY)]:
            if name != but and not self._publisher.is_viewed(name):
                del self._sessions[name]

    def _on_host(self, frame: protocol.HostFrame, descriptor: int) -> None:
        match frame:
            case protocol.Adopt(row=row):
                self._adopt(row, descriptor)
            case protocol.RunEnded(row=row):
                self._run_ended(row)
            case protocol.Runs(runs=runs):
                self._settle({row.run for row in runs if not row.ended})
            case protocol.Failed(message=message):
                _LOG.error("the host refuses: %s", message)
            case _:
                pass

    def _adopt(self, row: protocol.RunRow, descriptor: int) -> None:
        known = self._sessions.get(row.name)
        if known and known.run == row.run and known.pty:
            self.loop.forget(known.pty.fd)
            known.replace_pty(descriptor)
            session = known
        else:
            if known:
                self._unwatch(known)
                known.release()
            session = self._sessions[row.name] = self._open(row, descriptor)
            self._publisher.restart(row.name)
        self._past.pop(row.name, None)
        session.compress(time.monotonic() + PACK_S)
        self._rewatch(session)
        self._host.send(protocol.Adopted(run=row.run))
        if row.ended:
            self._end(session, row.code)

    def _open(self, row: protocol.RunRow, descriptor: int) -> Session:
        return lives.adopt(
            row,
            descriptor,
            self._archive,
            self._marker,
            crashes=self._crashes.pop(row.name, 0),
            held=row.name in self._held,
        )

    def _run_ended(self, row: protocol.RunRow) -> None:
        session = self._sessions.get(row.name)
        if session and session.run == row.run:
            self._end(session, row.code)

    def _settle(self, living: set[str]) -> None:
        """The host has told which runs live: what else was open has ended meanwhile."""
        self._settled = True
        for name, meta in list(self._past.items()):
            if not meta.ended and meta.run not in living:
                self._past[name] = self._bury(meta)

    def _bury(self, meta: Meta) -> Meta:
        try:
            return lives.bury(meta, self._archive, self._marker)
        except GastownError:
            _LOG.exception("%s: what was kept cannot be read", meta.name)
            return meta

    def _end(self, session: Session, code: int | None) -> None:
        if not session.alive:
            session.set_code(code)
            return
        stop = time.monotonic() + DRAIN_S
        while session.read(stop) and not session.is_gone and time.monotonic() < stop:
            pass
        self._unwatch(session)
        session.end(code)
        self._past[session.name] = session.meta
        self._publisher.touch(session.name)
        self._forget_some(session.name)

    def _unwatch(self, session: Session) -> None:
        self._readable.pop(session.name, None)
        if session.pty:
            self.loop.forget(session.pty.fd)

    def _rewatch(self, session: Session) -> None:
        """Watch the terminal for output, and for room while something waits to be written."""
        pty = session.pty
        if pty is None:
            return
        name = session.name

        def ready(mask: int) -> None:
            if mask & WRITE and pty.fd >= 0:
                pty.flush()
                if not pty.queued:
                    self._rewatch(session)
            if mask & READ:
                self._readable[name] = None

        mask = READ | (WRITE if pty.queued else 0)
        self.loop.watch(pty.fd, mask, ready, patient=name not in self._hot)

    def _heat(self, session: Session) -> None:
        """Wait for the session's output from now on, for a while."""
        self._hot[session.name] = time.monotonic() + HOT_S
        self._rewatch(session)

    def _typed(self, session: Session) -> None:
        """Break work off for what the session answers to what was typed."""
        self._heat(session)
        if session.pty and session.pty.fd >= 0:
            self.loop.press(session.pty.fd, on=True)

    def _cool(self, now: float) -> None:
        for name in [name for name, until in self._hot.items() if until < now]:
            del self._hot[name]
            if session := self._sessions.get(name):
                self._rewatch(session)

    # ------------------------------------------------------------ turns

    def _work(self, now: float) -> float:
        hurried = self._publisher.hurried(now)
        turn_s = HURRIED_S if hurried else TURN_S
        stop = now + turn_s
        for name in sorted(self._readable, key=lambda name: name not in hurried):
            del self._readable[name]
            if session := self._sessions.get(name):
                self._read(session, turn_s / 2)
            if time.monotonic() > stop or self.loop.pressed():
                break
        wanted = self._publisher.flush(time.monotonic())
        return 0.0 if self._readable else wanted

    def _read(self, session: Session, limit_s: float) -> None:
        try:
            count = session.read(time.monotonic() + limit_s)
        except Exception:  # whatever a terminal's bytes can raise is that session's matter alone
            _LOG.exception("%s: the emulation failed", session.name)
            session.degrade()
            count = 0
        if session.is_gone:
            self._end(session, None)
        else:
            if count > HOT_BYTES:
                self._heat(session)
                if session.pty:
                    self.loop.press(session.pty.fd, on=False)  # more than an echo
            elif session.pty and session.pty.queued:
                self._rewatch(session)
            self._publisher.touch(session.name)

    def _beat(self, _now: float) -> None:
        if self._host.is_open or self._host.connect():
            self._host.send(protocol.Heartbeat())

    def _keep_house(self, now: float) -> None:
        self._pack(now + PACK_S)
        self._cool(now)
        for session in self._sessions.values():
            if (
                session.alive
                and session.log.since_snapshot >= QUIET_BYTES
                and now - session.quiet_since > QUIET_S
            ):
                session.save()
                return
        if now - self._pruned_at > PRUNE_S:
            self._pruned_at = now
            for name in self._archive.prune(time.time()):
                self._past.pop(name, None)
                self._sessions.pop(name, None)

    def _pack(self, until: float) -> None:
        """Pack scrollbacks, beginning where time ran out before."""
        names = list(self._sessions)
        start = self._packed % len(names) if names else 0
        loose = self._hot if len(self._hot) <= LOOSE else {}
        for name in names[start:] + names[:start]:
            if name not in loose and not self._sessions[name].compress(until):
                return
            self._packed += 1
