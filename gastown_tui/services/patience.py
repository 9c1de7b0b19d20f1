"""Time limits of waking time: what stood still, asleep or frozen, was not slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from gastown_tui.services.ports import Clock

_LOOK_S: Final = 1.0
"""How often the clock is looked at; a limit may be exceeded by so much."""


@contextlib.asynccontextmanager
async def within(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """As `asyncio.timeout`, but only time counts in which the town was awake.

    Raises:
        TimeoutError: so much waking time has passed.
    """
    loop = asyncio.get_running_loop()
    until = clock.now().awake + seconds
    due: list[asyncio.TimerHandle] = []
    async with asyncio.timeout(None) as limit:

        def look() -> None:
            left = until - clock.now().awake
            if left <= 0:
                limit.reschedule(loop.time())
            else:
                due[:] = [loop.call_later(min(left, _LOOK_S), look)]

        look()
        try:
            yield
        finally:
            for one in due:
                one.cancel()
