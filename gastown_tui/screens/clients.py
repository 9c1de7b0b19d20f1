"""One connection of a viewer: frames in, frames out, and how much of either it may cost."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Final, TypeAlias

from gastown_tui import __version__, protocol
from gastown_tui.adapters.callers import calling_session
from gastown_tui.adapters.sync_link import peer_pid
from gastown_tui.domain import audience
from gastown_tui.domain.errors import GastownError, ProtocolError
from gastown_tui.screens.loop import READ, WRITE, Loop
from gastown_tui.screens.view import View

READ_BYTES: Final = 16 * 1024
"""Bytes taken from one client a turn; what they ask for is done before others are looked at."""
BACKLOG: Final = 256 * 1024
"""Bytes that a client has not taken, above which it gets no frames and is not listened to."""

_LOG: Final = logging.getLogger(__name__)

OnFrame: TypeAlias = Callable[["Client", protocol.ScreensFrame], None]


class Client:
    """A connected viewer and what it has asked to see."""

    def __init__(
        self, connection: socket.socket, loop: Loop, on_frame: OnFrame, on_room: OnClient
    ) -> None:
        """Serve `connection`.

        Args:
            connection: accepted, its peer checked.
            loop: where it is watched.
            on_frame: called for every frame after the greeting.
            on_room: called when the client has caught up, and when it has gone (`is_open` False).
        """
        self._socket = connection
        self._pid = peer_pid(connection)
        self._may_type = False
        self._loop, self._on_frame, self._on_room = loop, on_frame, on_room
        self._decoder = protocol.screens_decoder()
        self._out = bytearray()
        self._greeted = False
        self.views: dict[str, View] = {}
        """By session name, whether or not there is such a session now."""
        self.is_watching = False
        self.owed: dict[str, list[str]] = {}
        """Signals that were due while it was behind: session to the notices in them."""
        self.is_open = True
        connection.setblocking(False)
        loop.watch(connection.fileno(), READ, self._ready)
        loop.press(connection.fileno(), on=True)

    def check_typing(self) -> None:
        """Refuse input of a process that itself runs in a session.

        Raises:
            Forbidden: what runs in sessions looks, and does not type.
        """
        if not self._may_type:
            audience.check("key", calling_session(self._pid))
            self._may_type = True

    @property
    def is_behind(self) -> bool:
        """Whether it has not taken what it was sent."""
        return len(self._out) > BACKLOG

    def send(self, frame: protocol.ScreensFrame) -> None:
        """Queue a frame; it leaves with the next `flush`."""
        if self.is_open:
            self._out += protocol.encode(frame)

    def fail(self, error: GastownError, req: int = 0) -> None:
        """Say that a request cannot be met."""
        self.send(
            protocol.Failed(
                req=req, message=error.message, hint=error.hint, kind=type(error).__name__
            )
        )

    def flush(self) -> None:
        """Write what the connection takes now."""
        if not self._out or not self.is_open:
            return
        was_behind = self.is_behind
        try:
            while self._out:
                del self._out[: self._socket.send(memoryview(self._out)[: 1 << 18].tobytes())]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self._listen()
        if was_behind and not self.is_behind:
            self._on_room(self)

    def _listen(self) -> None:
        mask = (0 if self.is_behind else READ) | (WRITE if self._out else 0)
        self._loop.watch(self._socket.fileno(), mask, self._ready)
        self._loop.press(self._socket.fileno(), on=bool(mask & READ))

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self.flush()
        if mask & READ and self.is_open:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
                if not self.is_open:
                    return
        except ProtocolError as error:
            _LOG.info("a client is cut off: %s", error)
            self.fail(error)
            self.flush()
            self.close()

    def _take(self, frame: protocol.ScreensFrame) -> None:
        if self._greeted:
            self._on_frame(self, frame)
            return
        protocol.check_peer(frame, "the client")
        self._greeted = True

    def welcome(self, pid: int, boot: str) -> None:
        """Greet the client, whatever it says first."""
        self.send(protocol.Welcome(build=__version__, pid=pid, boot=boot))

    def close(self) -> None:
        """End the connection."""
        if self.is_open:
            self.is_open = False
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._out.clear()
            self._on_room(self)


OnClient: TypeAlias = Callable[[Client], None]
