"""A typed asyncio client of the host, as the controller uses it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import msgspec

from gastown_tui import protocol
from gastown_tui.adapters.link import Link
from gastown_tui.domain import errors
from gastown_tui.domain.errors import GastownError, ProtocolError, Unavailable
from gastown_tui.protocol import HostFrame, RunEnded, RunRow, RunStarted

Event: TypeAlias = RunStarted | RunEnded
_T = TypeVar("_T")
_ANSWER_S: Final = 30.0
_FENCE_S: Final = 30.0
"""What ending a run may take beyond its grace: KILL, and a process that hangs in the kernel."""


def error_of(failed: protocol.Failed) -> GastownError:
    """The error that a daemon has reported, of its own class."""
    kind = getattr(errors, failed.kind, None)
    known = isinstance(kind, type) and issubclass(kind, GastownError)
    return (kind if known and kind else Unavailable)(failed.message, hint=failed.hint)


class HostClient:
    """Requests to the host and its events.

    `pump` must run in a task of the owner's while requests are made; it ends when the host goes.
    `connect` does that.
    """

    def __init__(
        self, link: Link[HostFrame], on_event: Callable[[Event], None] | None = None
    ) -> None:
        """Use a greeted connection.

        Args:
            link: The connection; it is closed by `close`.
            on_event: Called in the pump for every start and end of a run; without it they are
                kept for `events`.
        """
        self._link = link
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._on_event = on_event or self._events.put_nowait
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[HostFrame]] = {}
        self._closed = False

    @property
    def boot(self) -> str:
        """Names this life of the host."""
        return self._link.welcome.boot

    @property
    def pid(self) -> int:
        """The host's process."""
        return self._link.welcome.pid

    async def pump(self) -> None:
        """Read until the host closes the connection; open requests then fail."""
        try:
            async for frame in self._link.frames():
                if isinstance(frame, RunStarted | RunEnded):
                    self._on_event(frame)
                    continue
                future = self._asked.pop(getattr(frame, "req", 0), None)
                if future is not None and not future.done():
                    future.set_result(frame)
        finally:
            self._closed = True
            self._events.put_nowait(None)
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(Unavailable("the host has gone away"))
            self._asked.clear()

    async def events(self) -> AsyncIterator[Event]:
        """Starts and ends of runs since the connection was made; ends when the host goes."""
        while (event := await self._events.get()) is not None:
            yield event

    async def _ask(self, frame: HostFrame, answer: type[_T], timeout_s: float = _ANSWER_S) -> _T:
        if self._closed:
            raise Unavailable("the host has gone away")
        number = next(self._numbers)
        future: asyncio.Future[HostFrame] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._link.send(msgspec.structs.replace(frame, req=number))
        try:
            found = await asyncio.wait_for(future, timeout_s)
        except TimeoutError as error:
            raise Unavailable(f"the host did not answer in {timeout_s:.0f} s") from error
        finally:
            self._asked.pop(number, None)
        if isinstance(found, protocol.Failed):
            raise error_of(found)
        if not isinstance(found, answer):
            raise ProtocolError(f"the host answered with {type(found).__name__}")
        return found

    async def spawn(self, frame: protocol.Spawn) -> protocol.Spawned:
        """Start a program (`req` is set here); waits for the fence of the runs before it.

        Raises:
            BadInput: program, folder or a field cannot be used.
            Conflict: the run id was used before, or name or key belong to a living run.
            Unavailable: a former run does not end, or the host is not there.
        """
        return await self._ask(frame, protocol.Spawned, frame.grace_s + _FENCE_S)

    async def end(
        self, *, run: str = "", name: str = "", grace_s: float = 2.0, reason: str = ""
    ) -> str:
        """End a run, or the living run of a session; its id, once all processes are gone.

        Raises:
            NotFound: there is none.
            Unavailable: a process does not end.
        """
        frame = protocol.EndRun(req=0, run=run, name=name, grace_s=grace_s, reason=reason)
        return (await self._ask(frame, protocol.Done, grace_s + _FENCE_S)).text

    async def signal(self, run: str, number: int, *, group: bool = False) -> None:
        """Send a signal to a run's leader, or to every process of it.

        Raises:
            NotFound: the run is not alive.
        """
        frame = protocol.SignalRun(req=0, run=run, signal=number, group=group)
        await self._ask(frame, protocol.Done)

    async def list_runs(self, ended_after: float = 0.0) -> list[RunRow]:
        """Living runs, and those that ended later than the given time."""
        return (
            await self._ask(protocol.ListRuns(req=0, ended_after=ended_after), protocol.Runs)
        ).runs

    async def status(self) -> protocol.HostStatus:
        """The host and its daemons."""
        return await self._ask(protocol.HostStatus(req=0), protocol.HostStatus)

    async def restart_daemon(self, name: str) -> None:
        """End a daemon of the host, which starts it again.

        Raises:
            NotFound: the host runs none of this name.
        """
        await self._ask(protocol.RestartDaemon(req=0, name=name), protocol.Done)

    async def shut_down(self, grace_s: float = 2.0) -> None:
        """End every run, the daemons and the host."""
        await self._ask(
            protocol.Shutdown(req=0, grace_s=grace_s), protocol.Done, grace_s + _FENCE_S
        )

    def close(self) -> None:
        """End the connection; `pump` ends with it."""
        self._link.close()


@asynccontextmanager
async def connect(
    path: Path, *, role: str = "controller", on_event: Callable[[Event], None] | None = None
) -> AsyncIterator[HostClient]:
    """A client with its pump running, closed at the end.

    Raises:
        Unavailable: the host is not there.
        ProtocolError: it speaks another version.
    """
    link = await Link.open(path, protocol.host_decoder(), role=role, what="host")
    client = HostClient(link, on_event)
    pump = asyncio.ensure_future(client.pump())
    try:
        yield client
    finally:
        client.close()
        await pump
