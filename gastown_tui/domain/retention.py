"""How long a store keeps what it needs no more to be right: its journal, and news of deletions.

How long wisps live is said in `wisps`; here it is only said how many events a town keeps at most,
so that a busy one stays quick.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gastown_tui.domain.errors import GastownError

_DAY: Final = 86_400.0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Entries are kept while they are young, but never fewer nor more than so many."""

    least: int
    most: int
    age: float
    """Seconds."""

    def keeps(self, newer: int, age: float) -> bool:
        """Whether an entry stays.

        Args:
            newer: how many entries are newer.
            age: its own, in seconds.
        """
        return newer < self.least or (newer < self.most and age < self.age)


JOURNAL: Final = Span(least=10_000, most=200_000, age=30 * _DAY)
"""Operations, for the history of a bead and against doing one twice."""
EVENTS: Final = Span(least=1_000, most=20_000, age=30 * _DAY)
"""Closed events of a town."""
CHANGES_KEPT: Final = 10_000
"""For so many changes a store tells which wisps were deleted, before it forgets their ids."""


class TooFarBehind(GastownError):  # noqa: N818 - reads as what it is
    """A reader follows from a change that a store can tell no more about: it must read all anew."""

    def __init__(self, after: int) -> None:
        """Name the change that was followed from."""
        super().__init__(f"what happened after change {after} is not known any more; read all anew")
