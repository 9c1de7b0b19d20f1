"""The clock: wall time, and a time that stands still while the machine or the process sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from gastown_tui.domain.town import Now

_GAP_S = 60.0
"""A jump this long between two looks is sleep (or a frozen town), not waiting."""


class SystemClock:
    """Time of this machine; awake time leaves out gaps of more than a minute between looks.

    Somebody must look at least once a minute while awake; the controller does.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._slept = 0.0

    def now(self) -> Now:
        """Wall and awake time."""
        monotonic = time.monotonic()
        gap = monotonic - self._last
        if gap > _GAP_S:
            self._slept += gap
        self._last = monotonic
        return Now(wall=time.time(), awake=monotonic - self._slept)

    def utc(self) -> datetime:
        """The wall time in UTC."""
        return datetime.now(UTC)
