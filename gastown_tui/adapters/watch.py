"""Wakes when somebody changes the beads of a town; a change only wakes, it is never trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import watchfiles

from gastown_tui.adapters.dolt.mirror import database_folders
from gastown_tui.adapters.store.core import FOLDER_NAME
from gastown_tui.adapters.store.doorbell import Doorbell
from gastown_tui.adapters.store.location import follow
from gastown_tui.domain.errors import NotFound

log: Final = logging.getLogger(__name__)
_STEP_MS: Final = 40
_DEBOUNCE_MS: Final = 100
_STORE: Final = ("store.db-wal", "store.db")
_OTHERS: Final = ("issues.jsonl", "manifest", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv")
"""What other programs write: the file that git carries, and the database of `bd`."""


def places(town: Path) -> list[Path]:
    """The folders in which a change of beads shows, redirects followed."""
    found: list[Path] = []
    for beads_dir in (town / ".beads", *town.glob("*/.beads")):
        with suppress(NotFound):
            real = follow(beads_dir)
            found += (real, real / ".gastown", *database_folders(real))
    return [place for place in dict.fromkeys(found) if place.is_dir()]


async def watch(
    town: Path, stop: asyncio.Event, wake: Callable[[], None], outside: Callable[[], None]
) -> None:
    """Call `wake` after every burst of changes to the beads of a town, until `stop`.

    Before it `outside`, when something was written that other programs write, too: a bead file,
    or the database of a `bd`. The folders are those there are at the start. Our own writers ring
    a bell, so looking at the files, which costs while nothing happens, need not be quick.
    """
    folders = places(town)
    if not folders:
        return
    with _Bells(folders, wake) as bells:

        def is_wanted(_change: watchfiles.Change, path: str) -> bool:
            if path.endswith(_STORE):
                return path.startswith(bells.deaf)
            return path.endswith(_OTHERS)

        async for changes in watchfiles.awatch(
            *folders,
            watch_filter=is_wanted,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            recursive=False,
            stop_event=stop,
        ):
            if any(path.endswith(_OTHERS) for _, path in changes):
                outside()
            wake()


class _Bells:
    """The bells of all stores, heard in the loop that runs."""

    def __init__(self, folders: list[Path], rung: Callable[[], None]) -> None:
        self._bells: list[Doorbell] = []
        self._rung = rung
        deaf = []
        for folder in folders:
            if folder.name != FOLDER_NAME:
                continue
            try:
                self._bells.append(Doorbell(folder))
            except OSError as error:
                log.info("%s: no bell (%s): its files are watched", folder, error)
                deaf.append(f"{folder}/")
        self.deaf = tuple(deaf)
        """Folders without one: there the store's files tell of writes, a little later."""

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for bell in self._bells:
            loop.add_reader(bell.fd, self._answer, bell)
        return self

    def __exit__(self, *_exc: object) -> None:
        loop = asyncio.get_running_loop()
        for bell in self._bells:
            loop.remove_reader(bell.fd)
            bell.close()

    def _answer(self, bell: Doorbell) -> None:
        bell.answer()
        self._rung()
