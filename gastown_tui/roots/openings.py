"""Opens the beads of rigs in a running town, and tries again what could not be opened."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from gastown_tui.adapters.store import BeadStore, location
from gastown_tui.adapters.town_files import BEADS_NAME
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import GastownError
from gastown_tui.roots.town import rig_store

AGAIN_S: Final = 10.0
"""Between two tries: a program that is missing may be installed, a disk may be mounted again."""


class Openings:
    """Rigs on their way in.

    Args:
        town: its directory.
        clock: seconds, of any origin.
    """

    def __init__(self, town: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._town = town
        self._clock = clock
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="opening")
        self._under_way: dict[str, Future[BeadStore]] = {}
        self._failed: dict[str, tuple[float, GastownError]] = {}

    def open(self, config: RigConfig) -> BeadStore | None:
        """The store of a rig; None while `bd` is asked for its beads, which may take minutes.

        Raises:
            GastownError: it cannot be opened; the same one until it is tried again.
        """
        name = config.name
        when, error = self._failed.get(name, (0.0, None))
        if error is not None and self._clock() - when < AGAIN_S:
            raise error
        try:
            found = self._opened(config)
        except GastownError as failure:
            self._failed[name] = (self._clock(), failure)
            raise
        if found is not None:
            self._failed.pop(name, None)
        return found

    def _opened(self, config: RigConfig) -> BeadStore | None:
        future = self._under_way.get(config.name)
        if future is None:
            if not location.is_dolt(location.follow(self._town / config.name / BEADS_NAME)):
                return rig_store(self._town, config)
            future = self._threads.submit(rig_store, self._town, config)
            self._under_way[config.name] = future
        if not future.done():
            return None
        del self._under_way[config.name]
        return future.result()
