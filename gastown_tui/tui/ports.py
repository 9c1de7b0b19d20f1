"""What the screen needs of the world: the town's feed, and its terminals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from gastown_tui.protocol import (
    BeadText,
    Delta,
    DiffText,
    Mouse,
    Receipt,
    RowsOf,
    ScreenFrame,
    Signals,
    Snapshot,
)


class Clocks(NamedTuple):
    """Where the screen has the time from."""

    wall: Callable[[], float]
    """Seconds since the epoch: ages, and moments to be read."""
    steady: Callable[[], float]
    """Seconds that never jump: how fast keys follow each other."""


Daemon: TypeAlias = Literal["host", "screens", "controller"]


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon has come or gone."""

    daemon: Daemon
    up: bool
    since: float = 0.0
    """When it went, in seconds since the epoch."""
    text: str = ""
    """One line on why, as the daemon or the system says it."""


FeedItem: TypeAlias = Snapshot | Delta | LinkState
ScreenItem: TypeAlias = ScreenFrame | Signals | LinkState


class TownPort(Protocol):
    """The controller: tables that follow the town, requests with receipts."""

    def follow(self, listener: Callable[[FeedItem], None]) -> None:
        """Call `listener` in the event loop with the whole town, then with every change."""
        ...

    async def ask(self, verb: str, target: str = "", **arguments: str) -> Receipt:
        """Send a request and wait for what became of it.

        Raises:
            Unavailable: the controller is not there.
        """
        ...

    async def diff(self, subject: str) -> DiffText:
        """The diff of a merge request, an agent's sandbox or a bead.

        Raises:
            GastownError: there is none, or the controller is not there.
        """
        ...

    async def bead(self, bead: str) -> BeadText:
        """Everything that is known of a bead.

        Raises:
            GastownError: there is none, or the controller is not there.
        """
        ...

    async def start_host(self) -> str:
        """Start what is not running; a line on what became of it."""
        ...


class ScreensPort(Protocol):
    """The terminals: pictures by subscription, a person's input."""

    def listen(self, listener: Callable[[ScreenItem], None]) -> None:
        """Call `listener` in the event loop with frames, signals and the coming and going."""
        ...

    def subscribe(self, session: str, cols: int, rows: int, fps: float) -> None:
        """Send frames of a session, cut to `cols` and to `rows` from the bottom (0 = whole)."""
        ...

    def unsubscribe(self, session: str) -> None:
        """No more frames of a session."""
        ...

    def ack(self, session: str, number: int) -> None:
        """Frame `number` is painted."""
        ...

    def key(self, session: str, key: str, text: str) -> None:
        """A person pressed a key: Textual's name of it, and the text it prints, if any."""
        ...

    def paste(self, session: str, text: str) -> None:
        """A person pasted text."""
        ...

    def mouse(self, event: Mouse) -> None:
        """A person moved or pressed the mouse."""
        ...

    def resize(self, session: str, cols: int, rows: int) -> None:
        """Give a session's terminal another size."""
        ...

    async def rows(self, session: str, first: int, count: int) -> RowsOf:
        """Rows out of the scrollback, 0 being the oldest that is kept.

        Raises:
            Unavailable: screens is not there.
        """
        ...
