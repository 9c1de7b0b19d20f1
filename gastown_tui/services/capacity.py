"""Keeps an eye on memory, says how many sessions may start, and changes `max_working`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from gastown_tui.domain import capacity
from gastown_tui.domain.capacity import Memory, Room
from gastown_tui.domain.errors import BadInput, Unavailable
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.requests import Arguments

_YOUNG_S: Final = 45.0
"""A session that is younger may not have taken yet what it will."""
_APART_S: Final = 3.0
_TOGETHER: Final = 2
"""Programs of models that start within three seconds: more make each other slow."""
MOST: Final = 100


class Look(Protocol):
    """The machine's memory."""

    def look(self, agents: Mapping[str, int], /) -> Memory:
        """As it is now, with the agents whose leaders have these pids."""


class Capacity:
    """One per controller; `write` puts a new `max_working` into the `town.toml` of a town."""

    def __init__(self, context: Context, look: Look, write: Callable[[Path, int], None]) -> None:
        self._context = context
        self._look = look
        self._write = write
        self.table = {"max_working": self._max_working}

    def _pids(self) -> dict[str, int]:
        agents = self._context.books.agents
        rows = (row for row in self._context.run_table.rows.values() if row.pid and not row.ended)
        return {row.name: row.pid for row in rows if row.name in agents}

    async def look(self) -> None:
        """Look at the memory, and at one more agent's."""
        self._context.memory = await asyncio.to_thread(self._look.look, self._pids())

    async def _max_working(self, target: str, _arguments: Arguments, actor: str) -> str:
        if not target.isdecimal() or not 1 <= int(target) <= MOST:
            raise BadInput(f"{target!r} is not a number of agents", hint=f"1 to {MOST}")
        before = self._context.config.limits.max_working
        try:
            await asyncio.to_thread(self._write, self._context.paths.town, int(target))
        except OSError as error:
            raise Unavailable(f"town.toml cannot be written: {error.strerror or error}") from error
        text = f"max_working is {target} now, and was {before}"
        self._context.note("max-working", "town", text, actor=actor or ACTOR)
        self._context.sync()
        return text


def is_real(context: Context) -> bool:
    """Whether a model's program may be started by itself: one that has prices."""
    names = {context.config.agent, *(rig.config.agent for rig in context.books.rigs.values())}
    return any(context.entries[name].prices for name in names if name in context.entries)


def room_of(context: Context, in_flight: Iterable[str], wall: float) -> Room:
    """How many sessions may start at this moment."""
    started = [
        row.started
        for row in context.run_table.rows.values()
        if row.kind == "agent" and not row.ended
    ]
    coming = sum(key.startswith("start:") for key in in_flight)
    young = sum(wall - one < _YOUNG_S for one in started)
    real = is_real(context)
    found = capacity.room(context.memory, young=young + coming, is_real=real)
    if not real:
        return found
    return capacity.staggered(
        found, coming + sum(0 <= wall - one < _APART_S for one in started), _TOGETHER
    )
