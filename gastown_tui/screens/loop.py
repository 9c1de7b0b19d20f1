"""A single-threaded loop over descriptors and timers.

Smaller and quicker per wake-up than asyncio's, which matters at hundreds of wake-ups a second;
and it knows two things that asyncio does not: who is served first, and work that may be put off.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final, TypeAlias

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE
NEVER: Final = float("inf")

OnReady: TypeAlias = Callable[[int], None]
"""Called with the mask of READ and WRITE that is ready."""


class Loop:
    """Waits for descriptors and timers; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        # On macOS neither kqueue nor poll works on terminals.
        darwin = sys.platform == "darwin"
        self._selector = selectors.SelectSelector() if darwin else selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._timers: list[tuple[float, int, float, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._stopped = False
        self._wake: tuple[socket.socket, socket.socket] | None = None

    def watch(self, fd: int, mask: int, ready: OnReady) -> None:
        """Call `ready` when `fd` is ready for `mask`; again with another mask to change it."""
        known = self._watched.get(fd)
        if known == mask:
            return
        if known is None:
            self._selector.register(fd, mask, ready)
        else:
            self._selector.modify(fd, mask, ready)
        self._watched[fd] = mask

    def forget(self, fd: int) -> None:
        """Stop watching `fd`; call it before the descriptor is closed."""
        if self._watched.pop(fd, None) is not None:
            self._selector.unregister(fd)

    def every(self, period_s: float, call: Callable[[float], None]) -> None:
        """Call `call(now)` every `period_s` seconds, the first time at once."""
        heapq.heappush(self._timers, (0.0, next(self._order), period_s, call))

    def stop(self) -> None:
        """Leave `run` after this turn."""
        self._stopped = True

    def stop_on_signals(self, *signals: int) -> None:
        """Make these signals end `run`, at once also while it waits."""
        reader, writer = self._wake = socket.socketpair()
        for end in self._wake:
            end.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda _number, _frame: self.stop())
        self.watch(reader.fileno(), READ, lambda _mask: None)

    def run(self, work: Callable[[float], float]) -> None:
        """Serve until `stop`.

        Args:
            work: called once a turn, after the descriptors; returns when it wants to be called
                again at the latest (a time in the past: as soon as the descriptors were looked at).
        """
        wanted = 0.0
        while not self._stopped:
            now = time.monotonic()
            first = self._timers[0][0] if self._timers else NEVER
            until = min(first, wanted)
            timeout = None if until == NEVER else max(0.0, until - now)
            for key, mask in self._selector.select(timeout):
                if key.fd in self._watched:  # not closed by another one's turn
                    key.data(mask)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                _, order, period_s, call = heapq.heappop(self._timers)
                heapq.heappush(self._timers, (now + period_s, order, period_s, call))
                call(now)
            wanted = work(now)

    def close(self) -> None:
        """Free the descriptors of the loop itself."""
        if self._wake:
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                end.close()
        self._selector.close()
