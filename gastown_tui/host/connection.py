"""One client of the host: frames in, frames and descriptors out, never blocking, bounded."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections import deque
from pathlib import Path
from typing import Final

from gastown_tui import protocol
from gastown_tui.adapters.sync_link import peer_pid
from gastown_tui.domain.errors import ProtocolError, Unavailable
from gastown_tui.protocol import HostFrame

_READ: Final = 1 << 16
_LONGEST_IN: Final = 2 * 1024 * 1024
"""Bytes of one frame from a client; the largest honest one is a Spawn with its environment."""
_BACKLOG: Final = 1024 * 1024
"""Bytes waiting for a client beyond which it counts as not reading."""


def listen(path: Path) -> socket.socket:
    """Our listening socket at this path; a stale one is replaced, a foreign file is not.

    Raises:
        Unavailable: something else is there, or the path cannot be a socket's.
    """
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if not path.is_socket() or found.st_uid != os.getuid():
            raise Unavailable(f"{path} is not a socket of ours", hint="remove it")
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(str(path))
        path.chmod(0o600)
        server.listen(64)
    except OSError as error:
        server.close()
        raise Unavailable(f"cannot listen at {path}: {error}") from error
    server.setblocking(False)
    return server


class Connection:
    """A client's socket with its unfinished frame and what waits to be written."""

    def __init__(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        """Take over an accepted socket.

        Raises:
            Unavailable: it belongs to another user.
        """
        self.pid = peer_pid(sock)
        self.role = ""
        """What the client says it is; empty until it has greeted."""
        self.gone = ""
        """Why the connection has ended; empty while it lives."""
        self._socket, self._selector = sock, selector
        self._decoder = protocol.host_decoder()
        self._unfinished = self._backlog = 0
        self._out: deque[tuple[memoryview, int]] = deque()
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, self)

    def send(self, frame: HostFrame, descriptor: int = -1) -> None:
        """Write a frame now or when the client reads again.

        Args:
            frame: What to send.
            descriptor: Sent along by SCM_RIGHTS with the frame's first byte; it is duplicated, so
                that the owner may close it meanwhile.
        """
        if self.gone:
            return
        if self._backlog > _BACKLOG:
            self.drop("it does not read")
            return
        data = protocol.encode(frame)
        self._backlog += len(data)
        self._out.append((memoryview(data), os.dup(descriptor) if descriptor >= 0 else -1))
        if len(self._out) == 1:
            self.flush()
        self._selector_interest()

    def flush(self) -> None:
        """Write as much as the client takes."""
        while self._out and not self.gone:
            data, descriptor = self._out[0]
            try:
                if descriptor >= 0:
                    sent = socket.send_fds(self._socket, [data], [descriptor])
                    os.close(descriptor)
                else:
                    sent = self._socket.send(data)
            except BlockingIOError:
                break
            except OSError as error:
                self.drop(error.strerror or str(error))
                return
            self._backlog -= sent
            if sent < len(data):
                self._out[0] = data[sent:], -1
            else:
                self._out.popleft()
        self._selector_interest()

    def _selector_interest(self) -> None:
        if not self.gone:
            write = selectors.EVENT_WRITE if self._out else 0
            self._selector.modify(self._socket, selectors.EVENT_READ | write, self)

    def receive(self) -> list[HostFrame]:
        """The frames that have arrived.

        Raises:
            ProtocolError: what arrived is not a frame of ours, or too long.
        """
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return []
        except OSError as error:
            self.drop(error.strerror or str(error))
            return []
        if not data:
            self.drop("closed")
            return []
        frames = list(self._decoder.feed(data))
        self._unfinished = 0 if frames else self._unfinished + len(data)
        if self._unfinished > _LONGEST_IN:
            raise ProtocolError("a frame is too long for the host")
        return frames

    @property
    def idle(self) -> bool:
        """Has everything been written."""
        return not self._out

    def drop(self, why: str) -> None:
        """End the connection."""
        if self.gone:
            return
        self.gone = why
        self._selector.unregister(self._socket)
        self._socket.close()
        for _, descriptor in self._out:
            if descriptor >= 0:
                os.close(descriptor)
        self._out.clear()
