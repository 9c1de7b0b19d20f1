"""A single-threaded loop over descriptors and timers.

Smaller and quicker per wake-up than asyncio's, which matters at hundreds of wake-ups a second;
and it knows what asyncio does not: who is served first, work that may be put off or broken off for
somebody's key, and descriptors that may wait a moment, so that one wake-up serves many of them.
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
PATIENCE_S: Final = 0.015
"""How long a patient descriptor waits at most, after others of its kind were served."""

OnReady: TypeAlias = Callable[[int], None]
"""Called with the mask of READ and WRITE that is ready."""


class Loop:
    """Waits for descriptors and timers; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        # On macOS neither kqueue nor poll works on terminals, and select's sets do not nest.
        darwin = sys.platform == "darwin"
        self._selector = selectors.SelectSelector() if darwin else selectors.DefaultSelector()
        self._patient = self._selector if darwin else selectors.DefaultSelector()
        self._pressing = selectors.DefaultSelector() if not darwin else selectors.SelectSelector()
        self._nested = -1 if darwin else _fileno(self._patient)
        self._look_at = NEVER
        """When to look at the patient descriptors; `NEVER` while the selector tells of them."""
        self._watched: dict[int, tuple[int, selectors.BaseSelector]] = {}
        self._pressers: set[int] = set()
        self._timers: list[tuple[float, int, float, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._stopped = False
        self._wake: tuple[socket.socket, socket.socket] | None = None

    def watch(self, fd: int, mask: int, ready: OnReady, *, patient: bool = False) -> None:
        """Call `ready` when `fd` is ready for `mask`; call again to change how.

        A patient one is served within `PATIENCE_S`, at once if none was shortly before.
        """
        selector = self._patient if patient else self._selector
        known = self._watched.get(fd)
        if known == (mask, selector):
            return
        if known and known[1] is selector:
            selector.modify(fd, mask, ready)
        else:
            self.forget(fd)
            selector.register(fd, mask, ready)
        self._watched[fd] = mask, selector

    def forget(self, fd: int) -> None:
        """Stop watching `fd`; call it before the descriptor is closed."""
        if known := self._watched.pop(fd, None):
            known[1].unregister(fd)
        self.press(fd, on=False)

    def press(self, fd: int, *, on: bool) -> None:
        """Let `pressed` tell, or no longer, when there is something to read from `fd`."""
        if on and fd not in self._pressers:
            self._pressing.register(fd, READ)
            self._pressers.add(fd)
        elif not on and fd in self._pressers:
            self._pressing.unregister(fd)
            self._pressers.discard(fd)

    def pressed(self) -> bool:
        """Whether work is to be broken off: somebody has something that cannot wait."""
        return bool(self._pressing.select(0))

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
        self._rest()
        while not self._stopped:
            now = time.monotonic()
            first = self._timers[0][0] if self._timers else NEVER
            until = min(first, wanted, self._look_at)
            timeout = None if until == NEVER else max(0.0, until - now)
            self._serve(self._selector.select(timeout))
            now = time.monotonic()
            if self._look_at <= now:
                self._look(now)
            while self._timers and self._timers[0][0] <= now:
                _, order, period_s, call = heapq.heappop(self._timers)
                heapq.heappush(self._timers, (now + period_s, order, period_s, call))
                call(now)
            wanted = work(now)

    def _serve(self, found: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, mask in found:
            if key.fd in self._watched:  # not closed by another one's turn
                key.data(mask)

    def _rest(self) -> None:
        """Let the selector tell when a patient descriptor is ready."""
        self._look_at = NEVER
        if self._nested >= 0:
            self.watch(self._nested, READ, self._wake_up)

    def _wake_up(self, _mask: int) -> None:
        self.forget(self._nested)
        self._look_at = 0.0

    def _look(self, now: float) -> None:
        if found := self._patient.select(0):
            self._look_at = now + PATIENCE_S
            self._serve(found)
        else:
            self._rest()

    def close(self) -> None:
        """Free the descriptors of the loop itself."""
        if self._wake:
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                end.close()
        for selector in (self._selector, self._patient, self._pressing):
            selector.close()


def _fileno(selector: selectors.BaseSelector) -> int:
    """The descriptor of a selector that has one (epoll), else -1."""
    return selector.fileno() if isinstance(selector, selectors.EpollSelector) else -1
