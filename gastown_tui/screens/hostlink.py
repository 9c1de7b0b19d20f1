"""The connection to the host: descriptors and ends of runs in, heartbeats out."""

from __future__ import annotations

import array
import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from gastown_tui import __version__, protocol
from gastown_tui.adapters.sync_link import peer_pid
from gastown_tui.domain.errors import GastownError, ProtocolError
from gastown_tui.screens.loop import READ, Loop

_LOG: Final = logging.getLogger(__name__)
_READ_BYTES: Final = 1 << 18
_MOST_DESCRIPTORS: Final = 64
"""In one message; the host sends one."""
_SEND_S: Final = 1.0
"""How long a frame to the host may wait for room before the link is given up."""

OnHostFrame: TypeAlias = Callable[[protocol.HostFrame, int], None]
"""Called with a frame and the descriptor that came with it (-1 if none)."""


class HostLink:
    """Connects, and connects again, for as long as the process lives."""

    def __init__(self, path: Path, loop: Loop, on_frame: OnHostFrame) -> None:
        self._path, self._loop, self._on_frame = path, loop, on_frame
        self._socket: socket.socket | None = None
        self._decoder = protocol.host_decoder()
        self._descriptors: deque[int] = deque()
        self._said = ""

    @property
    def is_open(self) -> bool:
        """Whether the host is connected."""
        return self._socket is not None

    def connect(self) -> bool:
        """Connect, greet and ask for the runs; False if the host is not there."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(_SEND_S)
        try:
            link.connect(str(self._path))
            peer_pid(link)
        except (OSError, GastownError) as error:
            link.close()
            if self._said != str(error):
                self._said = str(error)
                _LOG.warning("the host cannot be reached at %s: %s", self._path, error)
            return False
        self._socket = link
        self._decoder = protocol.host_decoder()
        self._loop.watch(link.fileno(), READ, lambda _mask: self._read())
        self.send(protocol.Hello(build=__version__, role="screens"))
        self.send(protocol.ListRuns(req=1))
        return True

    def send(self, frame: protocol.HostFrame) -> None:
        """Write a frame; these are few and small."""
        if self._socket is None:
            return
        try:
            self._socket.sendall(protocol.encode(frame))
        except OSError as error:
            _LOG.warning("the host does not listen: %s", error)
            self.close()

    def _read(self) -> None:
        link = self._socket
        if link is None:
            return
        room = socket.CMSG_LEN(_MOST_DESCRIPTORS * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = link.recvmsg(_READ_BYTES, room, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            _LOG.warning("the host has gone: %s", error)
            data, ancillary = b"", []
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._descriptors.extend(_descriptors(raw))
        if not data:
            self.close()
            return
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except ProtocolError:
            _LOG.exception("the host sent something unreadable")
            self.close()

    def _take(self, frame: protocol.HostFrame) -> None:
        if isinstance(frame, protocol.Welcome):
            protocol.check_peer(frame, "the host")
            return
        descriptor = -1
        if isinstance(frame, protocol.Adopt):
            if not self._descriptors:
                raise ProtocolError("a terminal was handed over without its descriptor")
            descriptor = self._descriptors.popleft()
        self._on_frame(frame, descriptor)

    def close(self) -> None:
        """End the connection; descriptors that nobody took are closed."""
        if self._socket:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None
        while self._descriptors:
            os.close(self._descriptors.popleft())


def _descriptors(raw: bytes) -> list[int]:
    numbers = array.array("i")
    numbers.frombytes(raw[: len(raw) - len(raw) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return list(numbers)
