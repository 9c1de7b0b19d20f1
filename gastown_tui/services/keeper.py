"""Keeps what git carries up to date: folds the stores, takes in outside edits, commits, tidies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from gastown_tui.domain.errors import GastownError

log = logging.getLogger("gastown.keeper")
QUIET_S: Final = 2.0
"""Without a write, after which a store is folded."""
LONGEST_S: Final = 30.0
"""After which it is folded although writes go on."""
TIDY_S: Final = 3600.0
"""Between two times that a store is tidied."""
_LOOK_S: Final = 1.0


class Folded(Protocol):
    """A store that can bring its file up to date."""

    @property
    def last_change(self) -> int:
        """Number of the newest change."""

    def fold(self) -> object:
        """Write the file."""

    def absorb(self) -> object:
        """Take in what others wrote to the file."""


class Keeper:
    """Follows a few stores.

    Args:
        stores: by name of the rig, empty for the town's own.
        commit: called in a thread after a fold of `name`.
        tidy: called in a thread for each name when its store is folded, first after the start and
            then once an hour: drops what nobody needs any more, such as old wisps.
        tell: called with a name and why its store is not folded; with an empty text once it is.
    """

    def __init__(
        self,
        stores: Callable[[], dict[str, Folded]],
        commit: Callable[[str], None],
        tidy: Callable[[str], object] | None = None,
        tell: Callable[[str, str], None] = lambda _name, _why: None,
    ) -> None:
        self._stores = stores
        self._commit = commit
        self._tidy = tidy
        self._tell = tell
        self._tidied: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._folded: dict[str, int] = {}
        self._quiet_since: dict[str, float] = {}
        self._dirty_since: dict[str, float] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Look once a second, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            for name, store in self._stores().items():
                if self._is_due(name, store.last_change, loop.time()):
                    await self._fold(name, store)
                elif self._tidy is not None and self._is_untidy(name, loop.time()):
                    await self._put_in_order(name, self._tidy)

    def _is_untidy(self, name: str, now: float) -> bool:
        """Whether it is folded, and the last time was an hour ago or under another controller."""
        last = self._tidied.get(name)
        return (last is None or now - last >= TIDY_S) and name not in self._dirty_since

    async def _put_in_order(self, name: str, tidy: Callable[[str], object]) -> None:
        self._tidied[name] = asyncio.get_running_loop().time()
        try:
            await asyncio.to_thread(tidy, name)
        except GastownError as error:
            log.warning("beads of %s are not tidied: %s", name, error)
        except Exception:  # the town goes on: what is not tidied only takes room
            log.exception("beads of %s are not tidied", name)

    def _is_due(self, name: str, change: int, now: float) -> bool:
        if self._seen.get(name) != change:
            self._seen[name] = change
            self._quiet_since[name] = now
        if self._folded.get(name) == change:
            return False
        since = self._dirty_since.setdefault(name, now)
        return now - self._quiet_since[name] >= QUIET_S or now - since >= LONGEST_S

    async def _fold(self, name: str, store: Folded) -> None:
        change = store.last_change
        try:
            await asyncio.to_thread(store.fold)
            await asyncio.to_thread(self._commit, name)
            if self._told.pop(name, None) is not None:
                self._tell(name, "")
            self._folded[name] = change
            self._dirty_since.pop(name, None)
        except GastownError as error:
            if self._told.get(name) != str(error):
                self._told[name] = str(error)
                self._tell(name, str(error))
                log.warning("beads of %s are not folded: %s", name, error)
            self._later(name)
        except Exception:  # the town goes on: what is not folded is safe in the store
            log.exception("beads of %s are not folded", name)
            self._later(name)

    def _later(self, name: str) -> None:
        """Try again after the next change, or else when as long as possible has passed."""
        now = asyncio.get_running_loop().time()
        self._dirty_since[name], self._quiet_since[name] = now, now + LONGEST_S - QUIET_S
