"""What the screen needs of the world: the town's feed, and its terminals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from gastown_tui.domain.editors import EditorCall
from gastown_tui.domain.review import Look
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

    async def diff(self, subject: str, since: tuple[str, str] = ("", "")) -> DiffText:
        """The diff of a merge request, an agent's sandbox or a bead.

        `since` are base and tip of a request's former commits: then only what has come since.

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


class LooksPort(Protocol):
    """What the overseer has seen of each change, and has not said yet; outlives the screen."""

    async def get(self, subject: str) -> Look:
        """The last look at a request or an agent; an empty one when there was none."""
        ...

    def keep(self, subject: str, look: Look) -> None:
        """Keep a look; it is written in the order of the calls, soon."""
        ...

    def close(self) -> None:
        """Write what is left to be written."""
        ...


class NoLooks:
    """Looks of a screen without a town on disk: as long as it runs."""

    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}

    async def get(self, subject: str) -> Look:
        """See `LooksPort`."""
        return self._looks.get(subject, Look())

    def keep(self, subject: str, look: Look) -> None:
        """See `LooksPort`."""
        self._looks[subject] = look

    def close(self) -> None:
        """See `LooksPort`."""


class ProgramsPort(Protocol):
    """The overseer's own shell and editor."""

    def shell(self) -> EditorCall:
        """The overseer's shell."""
        ...

    def editor(self, root: Path, path: str, line: int) -> EditorCall:
        """The overseer's editor at a line of a file below `root`.

        Raises:
            GastownError: there is no such file or editor.
        """
        ...

    def run(self, call: EditorCall, folder: Path, banner: str) -> None:
        """Run a program on the terminal until it ends, or start it beside the screen.

        Raises:
            GastownError: it does not start.
        """
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
