"""What viewers ask for: every frame of a client is judged here, and none of them is trusted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

from gastown_tui import protocol
from gastown_tui.domain.errors import BadInput, Conflict, GastownError, NotFound
from gastown_tui.screens.clients import Client
from gastown_tui.screens.guard import Guarded
from gastown_tui.screens.lives import rows_of, text_of
from gastown_tui.screens.pty import PASTE_BYTES, QUEUE_BYTES
from gastown_tui.screens.publisher import Publisher
from gastown_tui.screens.session import Session, clamp
from gastown_tui.screens.view import View
from gastown_tui.terminal import Mouse

MOST_VIEWS: Final = 1000
"""Subscriptions of one client."""
MOST_ROWS: Final = 1000
"""Rows of scrollback in one answer."""
MOST_HISTORY: Final = 100_000
COMPLAINT_S: Final = 1.0
"""A client hears once in so long that a program does not read its keys."""
LONGEST_NAME: Final = 300

_MOUSE: Final = {
    "press": "press",
    "release": "release",
    "move": "motion",
    "wheel_up": "wheel_up",
    "wheel_down": "wheel_down",
}


class Requests:
    """Answers the frames of all clients."""

    def __init__(
        self,
        publisher: Publisher,
        find: Callable[[str], Session | None],
        written: Callable[[Session], None],
        names: Callable[[], dict[str, bool]],
    ) -> None:
        """Requests over the sessions of a server.

        Args:
            publisher: who shows what.
            find: a session by name, living or kept.
            written: called after a session's terminal was written to.
            names: all sessions and whether they live.
        """
        self._publisher, self._find, self._written, self._names = publisher, find, written, names
        self._complained: dict[str, float] = {}
        self._handlers: dict[type, Callable[[Client, Any], None]] = {
            protocol.Ack: self._ack,
            protocol.Subscribe: self._subscribe,
            protocol.Unsubscribe: self._unsubscribe,
            protocol.WatchSignals: self._watch,
            protocol.Key: self._key,
            protocol.Paste: self._paste,
            protocol.Input: self._input,
            protocol.Mouse: self._mouse,
            protocol.Type: self._type,
            protocol.ResizeSession: self._resize,
            protocol.Peek: self._peek,
            protocol.AskRows: self._rows,
            protocol.ListSessions: self._list,
        }

    def take(self, client: Client, frame: protocol.ScreensFrame) -> None:
        """Do what `frame` asks for, or answer why not."""
        handler = self._handlers.get(type(frame))
        try:
            if handler is None:
                raise BadInput(f"screens does not take {type(frame).__name__} frames")
            handler(client, frame)
        except GastownError as error:
            client.fail(error, getattr(frame, "req", 0))

    def _session(self, name: str) -> Session:
        session = self._find(name)
        if session is None:
            raise NotFound(
                f"there is no session {name[:LONGEST_NAME]!r}", hint="see `gastown session list`"
            )
        return session

    def _typed_into(self, client: Client, name: str) -> tuple[Session, Guarded]:
        client.check_typing()
        session = self._session(name)
        if session.guarded is None or not session.alive:
            raise Conflict(f"session {name} has ended")
        return session, session.guarded

    # ------------------------------------------------------------ viewing

    def _ack(self, client: Client, frame: protocol.Ack) -> None:
        if view := client.views.get(frame.session):
            view.acknowledge(frame.number)
            self._publisher.touch(frame.session)

    def _subscribe(self, client: Client, frame: protocol.Subscribe) -> None:
        if len(frame.session) > LONGEST_NAME:
            raise BadInput("a session's name is not that long")
        cols = min(max(frame.cols, 0), 1000)
        rows = min(max(frame.rows, 0), 1000)
        fps = frame.fps if math.isfinite(frame.fps) else 30.0
        if view := client.views.get(frame.session):
            view.reshape(cols, rows, fps)
        elif len(client.views) >= MOST_VIEWS:
            raise BadInput(f"more than {MOST_VIEWS} subscriptions")
        else:
            view = View(cols, rows, fps)
        # Also for a name that nobody has yet: frames begin when it is taken.
        self._publisher.subscribe(client, frame.session, view)
        self._session(frame.session)
        self._publisher.touch(frame.session)

    def _unsubscribe(self, client: Client, frame: protocol.Unsubscribe) -> None:
        self._publisher.unsubscribe(client, frame.session)

    def _watch(self, client: Client, _frame: protocol.WatchSignals) -> None:
        client.is_watching = True
        self._publisher.watch(client)

    # ------------------------------------------------------------ input

    def _key(self, client: Client, frame: protocol.Key) -> None:
        session, terminal = self._typed_into(client, frame.session)
        self._write(client, session, terminal.key(frame.key[:100], frame.text[:100]), QUEUE_BYTES)

    def _paste(self, client: Client, frame: protocol.Paste) -> None:
        session, terminal = self._typed_into(client, frame.session)
        if len(frame.text) > PASTE_BYTES:
            raise BadInput(f"a paste of more than {PASTE_BYTES >> 20} MiB")
        self._write(client, session, terminal.paste(frame.text), PASTE_BYTES)

    def _input(self, client: Client, frame: protocol.Input) -> None:
        session, _ = self._typed_into(client, frame.session)
        self._write(client, session, frame.data, QUEUE_BYTES)

    def _mouse(self, client: Client, frame: protocol.Mouse) -> None:
        kind = _MOUSE.get(frame.kind)
        if kind is None:
            raise BadInput(f"{frame.kind[:40]!r} is no mouse event")
        session, terminal = self._typed_into(client, frame.session)
        mouse = Mouse(
            kind=kind,  # type: ignore[arg-type]  # one of the literals of _MOUSE
            x=min(max(frame.x, 0), 9999),
            y=min(max(frame.y, 0), 9999),
            button=min(max(frame.button, 0), 9),
            shift=frame.shift,
            alt=frame.alt,
            ctrl=frame.ctrl,
        )
        self._write(client, session, terminal.mouse(mouse), QUEUE_BYTES)

    def _write(self, client: Client, session: Session, data: bytes, limit: int) -> None:
        if not data:
            return
        session.person_typed()
        if not session.write(data, limit):
            self._complain(session)
            return
        self._written(session)
        self._publisher.hurry(client, session.name)

    def _complain(self, session: Session) -> None:
        now = time.monotonic()
        if now - self._complained.get(session.name, -COMPLAINT_S) >= COMPLAINT_S:
            self._complained[session.name] = now
            raise Conflict(f"the program in {session.name} does not read its keys")

    def _type(self, client: Client, frame: protocol.Type) -> None:
        client.check_typing()
        session = self._session(frame.session)
        reason = self._refusal(session, frame)
        if not reason and not session.write(frame.data):
            reason = "full"
        if not reason:
            self._written(session)
        client.send(protocol.Typed(req=frame.req, ok=not reason, reason=reason))

    @staticmethod
    def _refusal(session: Session, frame: protocol.Type) -> str:
        if not session.alive:
            return "gone"
        if frame.if_generation is not None and frame.if_generation != session.generation:
            return "generation"
        if frame.if_rows:
            session.refresh()
            if frame.if_rows != session.screen.digest():
                return "rows"
        return ""

    def _resize(self, client: Client, frame: protocol.ResizeSession) -> None:
        session, _ = self._typed_into(client, frame.session)
        session.resize(clamp(frame.cols), clamp(frame.rows))
        self._publisher.touch(frame.session)

    # ------------------------------------------------------------ asking

    def _peek(self, client: Client, frame: protocol.Peek) -> None:
        session = self._session(frame.session)
        session.refresh()
        terminal = session.guarded.terminal if session.guarded else None
        client.send(
            protocol.Peeked(
                req=frame.req,
                text=text_of(session, min(max(frame.history, 0), MOST_HISTORY)),
                title=terminal.title if terminal else session.meta.title,
                cols=session.screen.cols,
                rows=len(session.screen.rows),
                held=session.held,
            )
        )

    def _rows(self, client: Client, frame: protocol.AskRows) -> None:
        session = self._session(frame.session)
        first = max(frame.first, 0)
        rows, total = rows_of(session, first, min(max(frame.count, 0), MOST_ROWS))
        client.send(protocol.RowsOf(req=frame.req, first=first, rows=rows, total=total))

    def _list(self, client: Client, frame: protocol.ListSessions) -> None:
        client.send(protocol.SessionNames(req=frame.req, sessions=self._names()))
