"""Takes in what other programs write to the beads: edits of the file, and calls of `bd`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from gastown_tui.domain.errors import GastownError

log = logging.getLogger("gastown.outsiders")
SWEEP_S: Final = 5.0
"""A look at every store at least this often, for what no signal told."""
_SHARE: Final = 4.0
"""A look is followed by a rest so many times as long, so that it takes a fifth of a processor."""


class Absorbed(Protocol):
    """What a store took in."""

    @property
    def changed(self) -> Sequence[str]:
        """Ids of the beads that are different."""


class Absorbing(Protocol):
    """A store that others may write to behind its back."""

    def absorb(self) -> Absorbed:
        """Take in what they wrote; cheap when that is nothing."""


class Outsiders:
    """Follows a few stores.

    Args:
        stores: by name of the rig, empty for the town's own.
        changed: called after something was taken in.
        tell: called with a name and why its store cannot be read; with an empty text once it can.
        sweep_s: seconds between two looks that nothing asked for.
    """

    def __init__(
        self,
        stores: Callable[[], Mapping[str, Absorbing]],
        changed: Callable[[], None],
        tell: Callable[[str, str], None],
        *,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._stores = stores
        self._changed = changed
        self._tell = tell
        self._sweep_s = sweep_s
        self._asked = asyncio.Event()
        self._busy: set[str] = set()
        self._again: set[str] = set()
        """Names for which a look was asked while one was under way."""
        self._told: dict[str, str] = {}

    def look(self) -> None:
        """Look soon: something was written."""
        self._asked.set()

    async def run(self) -> None:
        """Look when asked to, and every few seconds; for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._asked.clear()
                for name, store in self._stores().items():
                    if name not in self._busy:  # one that takes long holds up no other
                        self._busy.add(name)
                        group.create_task(self._absorb(name, store))
                try:
                    async with asyncio.timeout(self._sweep_s):
                        await self._asked.wait()
                        self._again.update(self._busy)
                except TimeoutError:
                    continue

    async def _absorb(self, name: str, store: Absorbing) -> None:
        """Look at a store in a thread, and rest."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        why = ""
        try:
            if (await asyncio.to_thread(store.absorb)).changed:
                self._changed()
        except GastownError as error:
            why = str(error)
        except Exception as error:  # the town goes on with what it has read
            log.exception("beads of %s cannot be read", name or "the town")
            why = f"{type(error).__name__}: {error}"
        if self._told.get(name, "") != why:
            self._told[name] = why
            self._tell(name, why)
        await asyncio.sleep(_SHARE * (loop.time() - began))
        self._busy.discard(name)
        if name in self._again:
            self._again.discard(name)
            self.look()
