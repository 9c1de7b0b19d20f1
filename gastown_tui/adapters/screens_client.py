"""The screens process from outside: rows and signals for viewers, keys and typing back.

`ScreensClient` is for asyncio programs: one task iterates `events`, others call its methods.
When the connection ends, `events` ends; whoever wants to go on opens a new client and subscribes
again: all state is in the first frames that follow.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self, TypeAlias, TypeVar

import msgspec

from gastown_tui import protocol
from gastown_tui.adapters.daemons import screens_socket
from gastown_tui.adapters.host_client import error_of
from gastown_tui.adapters.link import Link
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.cells import Row
from gastown_tui.domain.errors import ProtocolError, Unavailable

WHAT = "screens process"

Event: TypeAlias = protocol.ScreenFrame | protocol.Signals | protocol.Failed
"""What comes unasked; `Failed` of a subscription or key that could not be met."""

_T = TypeVar("_T", bound=protocol.ScreensFrame)


class Copy:
    """A viewer's picture of a session: apply each frame, then acknowledge its number."""

    def __init__(self) -> None:
        self.number = 0
        """The last frame applied; 0 = none yet."""
        self.cols = 0
        self.rows: list[Row] = []
        self.cursor_x, self.cursor_y = 0, -1
        self.cursor_shape = "block"
        self.generation = 0
        self.mouse = ""
        """Which mouse events the program wants, as in `ScreenFrame.mouse`."""

    def apply(self, frame: protocol.ScreenFrame) -> set[int]:
        """Take over a frame.

        Returns:
            The rows that changed.

        Raises:
            ProtocolError: the frame builds on one that was never applied.
        """
        if frame.base > self.number:
            raise ProtocolError(f"frame {frame.number} builds on {frame.base}, not seen here")
        if frame.base == 0:
            self.cols = frame.cols
            self.rows = [()] * frame.height
            changed = set(range(frame.height))
        else:
            changed = set(frame.rows)
        for y, row in frame.rows.items():
            if not 0 <= y < len(self.rows):
                raise ProtocolError(f"frame {frame.number} has no place for row {y}")
            self.rows[y] = row
        self.number = frame.number
        self.cursor_x, self.cursor_y = frame.cursor_x, frame.cursor_y
        self.cursor_shape, self.generation = frame.cursor_shape, frame.generation
        self.mouse = frame.mouse
        return changed


class ScreensClient:
    """An asyncio connection to the screens process."""

    def __init__(self, link: Link[protocol.ScreensFrame]) -> None:
        self._link = link
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[protocol.ScreensFrame]] = {}
        self._is_open = True

    @classmethod
    async def open(cls, town: Path, *, role: str = "tui") -> Self:
        """Connect to the town's screens.

        Raises:
            Unavailable: it is not running.
            ProtocolError: it is of another version.
        """
        link = await Link.open(
            screens_socket(town), protocol.screens_decoder(), role=role, what=WHAT
        )
        return cls(link)

    @property
    def boot(self) -> str:
        """Names this life of the screens process."""
        return self._link.welcome.boot

    async def events(self) -> AsyncIterator[Event]:
        """Frames, signals and refusals as they come; ends with the connection.

        Answers to `type`, `peek`, `rows` and `sessions` arrive while this is iterated.
        """
        try:
            async for frame in self._link.frames():
                waiting = self._waiting.pop(getattr(frame, "req", 0), None)
                if waiting is not None:
                    if not waiting.done():
                        waiting.set_result(frame)
                elif isinstance(frame, Event):
                    yield frame
        finally:
            self._is_open = False
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(Unavailable(f"the {WHAT} has gone away"))
            self._waiting.clear()

    async def _ask(
        self,
        frame: protocol.Type | protocol.Peek | protocol.AskRows | protocol.ListSessions,
        answer: type[_T],
        timeout_s: float,
    ) -> _T:
        if not self._is_open:
            raise Unavailable(f"the {WHAT} has gone away")
        waiting: asyncio.Future[protocol.ScreensFrame]
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[frame.req] = waiting
        self._link.send(frame)
        try:
            found = await asyncio.wait_for(waiting, timeout_s)
        except TimeoutError as error:
            raise Unavailable(f"the {WHAT} does not answer") from error
        finally:
            self._waiting.pop(frame.req, None)
        return checked(found, answer)

    def subscribe(self, session: str, *, cols: int = 0, rows: int = 0, fps: float = 30.0) -> None:
        """Show a session: whole, or the bottom `rows` rows and left `cols` columns."""
        self._link.send(protocol.Subscribe(session=session, cols=cols, rows=rows, fps=fps))

    def unsubscribe(self, session: str) -> None:
        """Show it no longer."""
        self._link.send(protocol.Unsubscribe(session=session))

    def ack(self, *frames: protocol.ScreenFrame) -> None:
        """These frames have been painted."""
        self._link.send(*(protocol.Ack(session=f.session, number=f.number) for f in frames))

    def watch(self) -> None:
        """Get `Signals` of every session from now on."""
        self._link.send(protocol.WatchSignals())

    def key(self, session: str, key: str, text: str = "") -> None:
        """A person pressed a key (Textual's name, and the character it prints if any)."""
        self._link.send(protocol.Key(session=session, key=key, text=text))

    def paste(self, session: str, text: str) -> None:
        """A person pasted text."""
        self._link.send(protocol.Paste(session=session, text=text))

    def mouse(self, event: protocol.Mouse) -> None:
        """A person used the mouse over a session."""
        self._link.send(event)

    def resize(self, session: str, cols: int, rows: int) -> None:
        """Give a session's terminal another size."""
        self._link.send(protocol.ResizeSession(session=session, cols=cols, rows=rows))

    async def type(
        self, session: str, data: bytes, *, if_generation: int | None = None, if_rows: str = ""
    ) -> protocol.Typed:
        """Write bytes whole, or learn why not; for machines, not for a person's keys.

        Raises:
            NotFound: there is no such session.
            Unavailable: the connection has ended, or nothing came in ten seconds.
        """
        frame = protocol.Type(
            req=next(self._numbers),
            session=session,
            data=data,
            if_generation=if_generation,
            if_rows=if_rows,
        )
        return await self._ask(frame, protocol.Typed, 10.0)

    async def peek(self, session: str, history: int = 0) -> protocol.Peeked:
        """A session's screen as text; raises as `type`."""
        frame = protocol.Peek(req=next(self._numbers), session=session, history=history)
        return await self._ask(frame, protocol.Peeked, 10.0)

    async def rows(self, session: str, first: int, count: int) -> protocol.RowsOf:
        """Rows of scrollback and screen, the oldest kept being 0; raises as `type`."""
        frame = protocol.AskRows(req=next(self._numbers), session=session, first=first, count=count)
        return await self._ask(frame, protocol.RowsOf, 10.0)

    async def sessions(self) -> dict[str, bool]:
        """All sessions and whether they live; raises as `type`."""
        frame = protocol.ListSessions(req=next(self._numbers))
        return (await self._ask(frame, protocol.SessionNames, 10.0)).sessions

    @property
    def backlog(self) -> int:
        """Bytes queued and not yet taken by screens."""
        return self._link.backlog

    def close(self) -> None:
        """End the connection."""
        self._is_open = False
        self._link.close()


def checked(frame: protocol.ScreensFrame, wanted: type[_T]) -> _T:
    """`frame` as the answer that was wanted.

    Raises:
        GastownError: it is a refusal.
        ProtocolError: it is something else.
    """
    if isinstance(frame, protocol.Failed):
        raise error_of(frame)
    if not isinstance(frame, wanted):
        raise ProtocolError(f"screens answered with {type(frame).__name__}")
    return frame


def open_sync(town: Path, *, role: str = "cli") -> SyncLink[protocol.ScreensFrame]:
    """A blocking connection to the town's screens; raises as `ScreensClient.open`."""
    return SyncLink(screens_socket(town), protocol.screens_decoder, role=role, what=WHAT)


def ask_sync(
    link: SyncLink[protocol.ScreensFrame],
    frame: protocol.Type | protocol.Peek | protocol.AskRows | protocol.ListSessions,
    wanted: type[_T],
) -> _T:
    """Ask over a blocking connection; `frame.req` is set here. Raises as `checked`."""
    asked = msgspec.structs.replace(frame, req=link.next_req())
    return checked(link.ask(asked), wanted)
