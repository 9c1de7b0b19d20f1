"""How many more agents a machine holds, and why one that could start has to wait."""

from __future__ import annotations

from typing import Final

import msgspec

from gastown_tui.domain.doctor.finding import size
from gastown_tui.domain.doctor.machine import AN_AGENT, FOR_THE_REST

A_SMALL_ONE: Final = 100_000_000
"""Bytes for an agent that is no model's program, such as the demo's."""
_SPARE_SHARE: Final = 0.15
_STALLED: Final = 20.0
"""Percent of the last ten seconds in which programs waited for memory: nothing is started."""
ANY: Final = 1_000_000
"""As many as the overseer allows."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's memory and what the town's agents take of it."""

    free: int = 0
    """Bytes that programs could get."""
    total: int = 0
    """0 while nothing is known."""
    stalled: float = 0.0
    """Percent of the last ten seconds in which something waited for memory; Linux tells it."""
    agents: dict[str, int] = {}
    """By address, for those that were measured: bytes of all their processes, shared ones by
    share."""
    cores: int = 0

    @property
    def mean(self) -> int:
        """Bytes of an agent; 0 while none was measured."""
        return sum(self.agents.values()) // len(self.agents) if self.agents else 0

    @property
    def spare(self) -> int:
        """Bytes that are left to the person's own programs."""
        return min(FOR_THE_REST, int(self.total * _SPARE_SHARE))

    def need(self, assumed: int) -> int:
        """Bytes to count on for one more agent: the mean, and a part of `assumed` until it grows.

        An agent is small when it begins: what was measured counts fully with three of them.
        """
        known = min(len(self.agents), 3)
        return (self.mean * known + assumed * (3 - known)) // 3

    def room(self, assumed: int) -> int:
        """How many more agents there is memory for."""
        return max(0, self.free - self.spare) // max(1, self.need(assumed))


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions may start now, whatever `max_working` says."""

    starts: int = ANY
    why: str = ""
    """Why there are none, for a person; empty when there are some, or in a moment."""


def assumed(*, is_real: bool) -> int:
    """Bytes of an agent that nobody has measured."""
    return AN_AGENT if is_real else A_SMALL_ONE


def room(memory: Memory, *, young: int, is_real: bool) -> Room:
    """How many sessions may start.

    Args:
        memory: as last looked at.
        young: sessions that have started since, or are about to: what they take is not seen yet.
        is_real: whether the town's agents are models' programs.
    """
    if not memory.total:
        return Room()
    if memory.stalled >= _STALLED:
        text = f"programs waited for memory in {memory.stalled:.0f}% of the last ten seconds"
        return Room(starts=0, why=text)
    need = assumed(is_real=is_real)
    left = memory.room(need)
    if left <= 0:
        return Room(
            starts=0,
            why=f"{size(memory.free)} of memory are free, an agent takes {size(memory.need(need))}"
            f" and {size(memory.spare)} are left to you",
        )
    return Room(starts=max(0, left - young))


def staggered(found: Room, starting: int, most: int) -> Room:
    """The same, with no more than `most` starts at a time; `starting` are under way."""
    return Room(starts=max(0, min(found.starts, most - starting)), why=found.why)
