"""A blocking connection to one of our own daemons; kept apart from asyncio, which starts slowly."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
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


def connect_error(path: Path, what: str, error: OSError) -> Unavailable:
    """What a failed connection to the daemon `what` means for a person."""
    if path.exists() and not path.is_socket():
        return Unavailable(f"{path} is not a socket of ours", hint="remove it")
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Unavailable(f"the {what} is not running", hint="start it with `gastown up`")
    return Unavailable(f"cannot reach the {what} at {path}: {error.strerror or error}")


def foreign_error(path: Path) -> Unavailable:
    """What it means that something answers which does not speak our protocol."""
    return Unavailable(
        f"{path} is not a socket of ours: something else answers there",
        hint="end that program and remove the socket",
    )


def tell(path: Path, frame: protocol.FeedFrame, *, what: str) -> socket.socket:
    """Send one frame that nothing answers to; who waits for the greeting waits for a busy daemon.

    The connection is returned because what is closed before the daemon looks is lost.

    Raises:
        Unavailable: nobody listens, or another user does.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
        peer_pid(connection)
        hello = protocol.Hello(build=__version__, role="cli")
        connection.sendall(protocol.encode(hello) + protocol.encode(frame))
    except OSError as error:
        connection.close()
        raise connect_error(path, what, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


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
            first = self._greeting(path, timeout_s)
            protocol.check_peer(first, f"the {what}")
        except OSError as error:
            self.close()
            raise connect_error(path, what, error) from error
        except BaseException:
            self.close()
            raise
        self.welcome = first if isinstance(first, protocol.Welcome) else protocol.Welcome()

    def _greeting(self, path: Path, timeout_s: float) -> _T:
        try:
            return self.receive(timeout_s)
        except ProtocolError as error:
            raise foreign_error(path) from error

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
