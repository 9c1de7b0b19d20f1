"""Serves the feed's socket: tables and deltas out, requests in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui import __version__, protocol
from gastown_tui.domain.errors import GastownError, ProtocolError
from gastown_tui.services.feed import Feed
from gastown_tui.services.verbs import Verbs

log = logging.getLogger("gastown.feed")
_BACKLOG: Final = 4 << 20
"""Bytes that a client may leave unread before it gets a whole snapshot instead of deltas."""


class FeedServer:
    """One per controller. `who` tells the session that a connection comes from, or None."""

    def __init__(
        self,
        feed: Feed,
        verbs: Verbs,
        who: Callable[[Any], str | None],
        diff: Callable[[protocol.AskDiff], Awaitable[protocol.DiffText]],
        bead: Callable[[str], protocol.BeadText],
        wake: Callable[[], None],
    ) -> None:
        self.feed = feed
        self.verbs = verbs
        self.who = who
        self.diff = diff
        self.bead = bead
        self.wake = wake
        self.present: Callable[[int], None] = lambda _here: None
        """Told whether a person is at a screen: 1 or -1."""
        self._busy: set[asyncio.Task[None]] = set()

    async def serve(self, path: Path) -> asyncio.Server:
        """Listen; an old socket file is replaced (the caller holds the lock)."""
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._client, str(path))
        path.chmod(0o600)
        return server

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(self, reader, writer)
        try:
            await client.talk()
        except (ConnectionError, ProtocolError) as error:
            log.info("a client was dropped: %s", error)
        except GastownError as error:
            log.warning("a client was refused: %s", error)
        finally:
            self.feed.unlisten(client.on_delta)
            writer.close()

    def keep(self, work: Awaitable[None]) -> None:
        """Run something for a client without making it wait for the next frame."""
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)


class _Client:
    def __init__(
        self, server: FeedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._is_behind = False
        self._session: str | None = None

    def _send(self, frame: protocol.FeedFrame) -> None:
        if not self._writer.is_closing():
            self._writer.write(protocol.encode(frame))

    async def talk(self) -> None:
        server = self._server
        self._session = await asyncio.to_thread(
            server.who,
            self._writer.get_extra_info("socket"),
        )
        decoder = protocol.feed_decoder()
        greeted = False
        while data := await self._reader.read(1 << 16):
            for frame in decoder.feed(data):
                if not greeted:
                    self._send(protocol.Welcome(build=__version__, boot=server.feed.boot))
                    protocol.check_peer(frame, "the client")
                    greeted = True
                else:
                    self._handle(frame)

    def _handle(self, frame: protocol.FeedFrame) -> None:
        server = self._server
        if isinstance(frame, protocol.Follow):
            self._send(server.feed.snapshot())
            server.feed.listen(self.on_delta)
        elif isinstance(frame, protocol.Ask):
            server.keep(self._ask(frame))
        elif isinstance(frame, protocol.AskDiff):
            server.keep(self._ask_diff(frame))
        elif isinstance(frame, protocol.AskBead):
            self._ask_bead(frame)
        elif isinstance(frame, protocol.Poke):
            if frame.present and self._session is None:
                server.present(frame.present)
            else:
                server.wake()

    def on_delta(self, delta: protocol.Delta) -> None:
        """Send it, unless the client has far too much to read: then everything, later."""
        if self._is_behind:
            return
        if self._writer.transport.get_write_buffer_size() > _BACKLOG:
            self._is_behind = True
            self._server.keep(self._catch_up())
        else:
            self._send(delta)

    async def _catch_up(self) -> None:
        """Once the client has read what it was sent, send everything as it is then."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return
        self._is_behind = False
        self._send(self._server.feed.snapshot())

    async def _ask(self, frame: protocol.Ask) -> None:
        try:
            request, text = await self._server.verbs.ask(
                frame.verb,
                frame.target,
                frame.arguments,
                actor=self._session or frame.actor or "overseer",
                session=self._session,
            )
            self._send(protocol.Receipt(req=frame.req, id=request, text=text))
        except GastownError as error:
            self._send(
                protocol.Receipt(
                    req=frame.req, ok=False, text=str(error), kind=type(error).__name__
                )
            )
        except Exception as error:  # a bug in one verb must not end the controller
            log.exception("%s %s failed", frame.verb, frame.target)
            self._send(
                protocol.Receipt(
                    req=frame.req, ok=False, text=f"{frame.verb} failed: {error}", kind="Bug"
                )
            )

    async def _ask_diff(self, frame: protocol.AskDiff) -> None:
        try:
            found = await self._server.diff(frame)
            self._send(msgspec.structs.replace(found, req=frame.req))
        except GastownError as error:
            self._send(
                protocol.Failed(
                    req=frame.req, message=error.message, hint=error.hint,
                    kind=type(error).__name__,
                )
            )  # fmt: skip

    def _ask_bead(self, frame: protocol.AskBead) -> None:
        try:
            found = self._server.bead(frame.bead)
            self._send(msgspec.structs.replace(found, req=frame.req))
        except GastownError as error:
            self._send(
                protocol.Failed(
                    req=frame.req, message=error.message, hint=error.hint,
                    kind=type(error).__name__,
                )
            )  # fmt: skip
