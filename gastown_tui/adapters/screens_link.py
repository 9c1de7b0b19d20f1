"""The controller's connection to screens, opened again whenever screens has been restarted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from gastown_tui import protocol
from gastown_tui.adapters.screens_client import ScreensClient
from gastown_tui.domain.errors import GastownError, Unavailable

log = logging.getLogger("gastown.screens")
_AGAIN_S = 0.3


def _ignore(_signals: protocol.Signals) -> None:
    """Until somebody listens."""


class ScreensLink:
    """Typing, peeking and signals; every call raises Unavailable while screens is away."""

    def __init__(self, town: Path) -> None:
        self._town = town
        self._client: ScreensClient | None = None
        self.on_signals: Callable[[protocol.Signals], None] = _ignore
        """Called for every `Signals`."""

    async def run(self) -> None:
        """Keep connected, for ever."""
        while True:
            try:
                await self._follow()
            except GastownError as error:
                log.debug("screens: %s", error)
            await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> None:
        client = await ScreensClient.open(self._town, role="controller")
        self._client = client
        try:
            client.watch()
            async for event in client.events():
                if isinstance(event, protocol.Signals):
                    self.on_signals(event)
        finally:
            self._client = None
            client.close()

    def _open(self) -> ScreensClient:
        if self._client is None:
            raise Unavailable("screens is being restarted", hint="try again in a moment")
        return self._client

    async def type_text(
        self, session: str, data: bytes, *, if_generation: int | None, if_rows: str
    ) -> protocol.Typed:
        """Write bytes whole, or be refused."""
        return await self._open().type(session, data, if_generation=if_generation, if_rows=if_rows)

    async def peek(self, session: str, *, history: int = 0) -> protocol.Peeked:
        """The screen as text."""
        return await self._open().peek(session, history)

    def key(self, session: str, key: str, text: str = "") -> None:
        """Press a key as the overseer."""
        self._open().key(session, key, text)
