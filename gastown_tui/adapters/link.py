"""Connections to our own daemons over their Unix sockets: one for asyncio, one that blocks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Generic, TypeVar

from gastown_tui import __version__, protocol
from gastown_tui.domain.errors import ProtocolError, Unavailable

_T = TypeVar("_T")
_READ = 1 << 18


def peer_pid(connection: socket.socket) -> int:
    """The process at the other end.

    Raises:
        Unavailable: it belongs to another user, or the system does not tell.
    """
    if sys.platform == "darwin":
        sol_local, local_peercred, local_peerpid = 0, 1, 2
        cred = connection.getsockopt(sol_local, local_peercred, 76)
        uid = struct.unpack_from("II", cred)[1]
        pid = struct.unpack("i", connection.getsockopt(sol_local, local_peerpid, 4))[0]
    else:
        cred = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, _gid = struct.unpack("3i", cred)
    if uid != os.getuid():
        raise Unavailable(f"the socket's other end belongs to user {uid}, not to you")
    return int(pid)


def _connect_error(path: Path, what: str, error: OSError) -> Unavailable:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Unavailable(f"the {what} is not running", hint="start it with `gastown up`")
    return Unavailable(f"cannot reach the {what} at {path}: {error.strerror or error}")


class Link(Generic[_T]):
    """An asyncio connection: `send` never blocks, `frames` yields until the other end closes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decoder: protocol.Decoder[_T],
    ) -> None:
        self._reader, self._writer, self._decoder = reader, writer, decoder
        self.welcome = protocol.Welcome()
        """What the daemon said of itself."""

    @classmethod
    async def open(
        cls, path: Path, decoder: protocol.Decoder[_T], *, role: str, what: str
    ) -> Link[_T]:
        """Connect and greet; `what` names the daemon in messages.

        Raises:
            Unavailable: nobody listens, or another user does.
            ProtocolError: the daemon is of another version.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError as error:
            raise _connect_error(path, what, error) from error
        link = cls(reader, writer, decoder)
        try:
            peer_pid(writer.get_extra_info("socket"))
            link.send(protocol.Hello(build=__version__, role=role))
            first = await asyncio.wait_for(link._first(), 10)
            protocol.check_peer(first, f"the {what}")
        except (TimeoutError, ConnectionError) as error:
            link.close()
            raise Unavailable(f"the {what} does not answer") from error
        except BaseException:
            link.close()
            raise
        link.welcome = first if isinstance(first, protocol.Welcome) else link.welcome
        return link

    async def _first(self) -> _T:
        async for frame in self.frames(one=True):
            return frame
        raise ConnectionResetError

    def send(
        self, *frames: protocol.HostFrame | protocol.ScreensFrame | protocol.FeedFrame
    ) -> None:
        """Queue frames for writing."""
        if not self._writer.is_closing():
            self._writer.write(b"".join(protocol.encode(frame) for frame in frames))

    async def frames(self, *, one: bool = False) -> AsyncIterator[_T]:
        """Frames as they come; ends when the connection does (`one`: reads byte-exact for one)."""
        while True:
            try:
                if one:
                    data = await self._reader.readexactly(protocol.HEADER.size)
                    (length,) = protocol.HEADER.unpack(data)
                    if length > protocol.MAX_FRAME:
                        raise ProtocolError(f"a frame of {length} bytes was announced")
                    data += await self._reader.readexactly(length)
                else:
                    data = await self._reader.read(_READ)
            except (ConnectionError, asyncio.IncompleteReadError):
                return
            if not data:
                return
            for frame in self._decoder.feed(data):
                yield frame

    @property
    def backlog(self) -> int:
        """Bytes queued and not yet taken by the other end."""
        return self._writer.transport.get_write_buffer_size()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(RuntimeError):
            self._writer.close()


class SyncLink(Generic[_T]):
    """A blocking connection for the command line and tests."""

    def __init__(
        self,
        path: Path,
        decoder: Callable[[], protocol.Decoder[_T]],
        *,
        role: str = "cli",
        what: str,
        timeout_s: float = 10.0,
    ) -> None:
        self._what, self._decoder = what, decoder()
        self._pending: list[_T] = []
        self._numbers = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
            peer_pid(self._socket)
            self.send(protocol.Hello(build=__version__, role=role))
            first = self.receive(timeout_s)
            protocol.check_peer(first, f"the {what}")
        except OSError as error:
            self.close()
            raise _connect_error(path, what, error) from error
        except BaseException:
            self.close()
            raise
        self.welcome = first if isinstance(first, protocol.Welcome) else protocol.Welcome()

    def next_req(self) -> int:
        """A number for the next request."""
        return next(self._numbers)

    def fileno(self) -> int:
        """For `select`; look at `pending` first."""
        return self._socket.fileno()

    @property
    def pending(self) -> bool:
        """Is a frame already here, without reading."""
        return bool(self._pending)

    def send(
        self, *frames: protocol.HostFrame | protocol.ScreensFrame | protocol.FeedFrame
    ) -> None:
        """Write frames.

        Raises:
            Unavailable: the daemon has gone.
        """
        try:
            self._socket.sendall(b"".join(protocol.encode(frame) for frame in frames))
        except OSError as error:
            raise Unavailable(f"the {self._what} has gone away") from error

    def receive(self, timeout_s: float = 10.0) -> _T:
        """The next frame.

        Raises:
            Unavailable: the daemon has gone, or nothing came in `timeout_s` seconds.
        """
        until = time.monotonic() + timeout_s
        while not self._pending:
            left = until - time.monotonic()
            if left <= 0:
                raise Unavailable(f"the {self._what} does not answer")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(_READ)
            except TimeoutError:
                continue
            except OSError as error:
                raise Unavailable(f"the {self._what} has gone away") from error
            if not data:
                raise Unavailable(f"the {self._what} has gone away")
            self._pending.extend(self._decoder.feed(data))
        return self._pending.pop(0)

    def ask(
        self,
        frame: protocol.HostFrame | protocol.ScreensFrame | protocol.FeedFrame,
        timeout_s: float = 10.0,
    ) -> _T:
        """Send a request (its `req` set by `next_req`) and wait for the frame that answers it.

        Frames that come before it are kept for `receive`.
        """
        number = getattr(frame, "req", None)
        self.send(frame)
        until = time.monotonic() + timeout_s
        others: list[_T] = []
        try:
            while True:
                answer = self.receive(until - time.monotonic())
                if getattr(answer, "req", None) == number:
                    return answer
                others.append(answer)
        finally:
            self._pending[:0] = others

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def __enter__(self) -> SyncLink[_T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
