"""The clock: wall time, and a time that stands still while machine, process or town do."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Final

from gastown_tui.domain.town import Now

_GAP_S: Final = 60.0
"""A jump this long between two looks is sleep (or a stopped process), not waiting."""
_LINUX: Final[bool] = sys.platform.startswith("linux")


def _steady() -> float:
    """Seconds that no setting of the clock changes; the machine's sleep counts, where it can."""
    return float(time.clock_gettime(time.CLOCK_BOOTTIME)) if _LINUX else time.monotonic()


class SystemClock:
    """Time of this machine; awake time leaves out gaps of more than a minute between looks.

    Somebody must look at least once a minute while awake; the controller does.
    """

    def __init__(self) -> None:
        self._last = _steady()
        self._slept = 0.0
        self._held = False

    def now(self) -> Now:
        """Wall and awake time."""
        steady = _steady()
        gap = steady - self._last
        if gap > _GAP_S or self._held:
            self._slept += gap
        self._last = steady
        return Now(wall=time.time(), awake=steady - self._slept)

    def hold(self, *, held: bool) -> None:
        """Let awake time stand still from now on, or go on."""
        if held != self._held:
            self.now()
            self._held = held

    def utc(self) -> datetime:
        """The wall time in UTC."""
        return datetime.now(UTC)
