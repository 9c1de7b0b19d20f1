"""Hands every PTY master to screens, again to every new screens, and lets go when it is safe.

The host keeps its own copy of each descriptor, so that output is not lost with a screens that
dies. O_NONBLOCK belongs to the open file and is shared: screens sets it, the host never reads.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from gastown_tui.host.pty_run import Terminal
from gastown_tui.protocol import Adopt, HostFrame, RunRow

_KEPT: Final = 256
"""Masters of ended runs that are kept while nobody comes to read them."""
_LINGER_S: Final = 3.0
"""An adopted master is kept so long after the end: a screens that dies or hangs over the last
output has not read it, and the next one gets the descriptor again."""


class Receiver(Protocol):
    """A client that takes descriptors."""

    def send(self, frame: HostFrame, descriptor: int = -1) -> None:
        """Queue a frame."""


class _Held(msgspec.Struct):
    row: RunRow
    terminal: Terminal
    adopted: bool = False
    close_at: float = 0.0


class Handover:
    """The masters of all runs, and the screens that reads them."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._screens: Receiver | None = None

    def add(self, row: RunRow, terminal: Terminal) -> None:
        """A run has been started."""
        held = self._held[row.run] = _Held(row, terminal)
        self._offer(held)

    def _offer(self, held: _Held) -> None:
        if self._screens is not None:
            self._screens.send(Adopt(row=held.row), held.terminal.fileno())

    def resume(self, row: RunRow, terminal: Terminal, now: float) -> None:
        """Go on with the master of a run that a former build of the host has started."""
        self._held[row.run] = _Held(row, terminal, close_at=now + _LINGER_S)

    def terminals(self) -> dict[str, Terminal]:
        """The masters that are held, by run."""
        return {run: held.terminal for run, held in self._held.items()}

    def ended(self, row: RunRow, now: float) -> None:
        """A run's program has gone; its master closes later, once screens has confirmed it."""
        held = self._held.get(row.run)
        if held is None:
            return
        held.row, held.close_at = row, now + _LINGER_S
        waiting = [run for run, held in self._held.items() if held.row.ended]
        for run in waiting[:-_KEPT]:
            self._close(run)

    def tick(self, now: float) -> None:
        """Close the masters of ended runs that screens has had for long enough."""
        for run, held in list(self._held.items()):
            if held.adopted and held.row.ended and now >= held.close_at:
                self._close(run)

    def _close(self, run: str) -> None:
        self._held.pop(run).terminal.close()

    def connected(self, screens: Receiver) -> None:
        """A new screens is here: everything is offered to it, the former one is forgotten."""
        self._screens = screens
        for held in self._held.values():
            held.adopted = False
            self._offer(held)

    def disconnected(self, client: Receiver) -> None:
        """A client has gone; if it was screens, nobody has adopted anything any more."""
        if client is self._screens:
            self._screens = None
            for held in self._held.values():
                held.adopted = False

    def adopted(self, run: str, client: Receiver) -> None:
        """Screens confirms that a descriptor has arrived."""
        held = self._held.get(run)
        if held is not None and client is self._screens:
            held.adopted = True

    def __len__(self) -> int:
        return len(self._held)
