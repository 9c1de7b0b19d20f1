"""An asyncio connection to one of our own daemons over its Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Generic, TypeVar

from gastown_tui import __version__, protocol
from gastown_tui.adapters.sync_link import connect_error, foreign_error, peer_pid
from gastown_tui.domain.errors import ProtocolError, Unavailable

_T = TypeVar("_T")
_READ = 1 << 18
_SLICE_S = 0.002
"""How long frames are handed out before the loop has its turn: thirty tiles may come at once."""


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
            raise connect_error(path, what, error) from error
        link = cls(reader, writer, decoder)
        try:
            peer_pid(writer.get_extra_info("socket"))
            link.send(protocol.Hello(build=__version__, role=role))
            try:
                first = await asyncio.wait_for(link._first(), 10)
            except ProtocolError as error:
                raise foreign_error(path) from error
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
            clock = asyncio.get_running_loop().time
            until = clock() + _SLICE_S
            for frame in self._decoder.feed(data):
                yield frame
                if clock() > until:
                    await asyncio.sleep(0)
                    until = clock() + _SLICE_S

    @property
    def backlog(self) -> int:
        """Bytes queued and not yet taken by the other end."""
        return self._writer.transport.get_write_buffer_size()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(RuntimeError):
            self._writer.close()
