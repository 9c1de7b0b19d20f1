"""Time limits that a standstill does not use up."""

from __future__ import annotations

import asyncio
import time

import pytest

from gastown_tui.adapters import clock
from gastown_tui.adapters.clock import SystemClock
from gastown_tui.services.patience import within


async def test_a_limit_ends_what_is_slow():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with within(SystemClock(), 0.1):
            await asyncio.sleep(30)
    assert 0.1 <= time.monotonic() - began < 5


async def test_what_is_in_time_is_left_alone():
    async with within(SystemClock(), 0.05):
        pass
    await asyncio.sleep(0.1)


async def test_time_asleep_or_frozen_does_not_count(monkeypatch):
    real, ahead = clock._steady, [0.0]
    monkeypatch.setattr(clock, "_steady", lambda: real() + ahead[0])
    mine = SystemClock()
    async with within(mine, 30.0):
        ahead[0] = 1200.0
        await asyncio.sleep(1.1)
    mine.hold(held=True)
    async with within(mine, 0.05):
        await asyncio.sleep(0.3)
    mine.hold(held=False)
