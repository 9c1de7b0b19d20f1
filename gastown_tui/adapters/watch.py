"""Wakes when somebody changes the beads of a town; a change only wakes, it is never trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

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
    town: Path,
    stop: asyncio.Event,
    wake: Callable[[], None],
    outside: Callable[[], None],
    bell: Path,
) -> None:
    """Call `wake` after every burst of changes to the beads of a town, until `stop`.

    Before it `outside`, when something was written that other programs write, too: a bead file,
    or the database of a `bd`. The folders are those there are at the start. Our own writers ring
    the `bell`, which is made here, so looking at the files, which costs while nothing happens,
    need not be quick.
    """
    folders = places(town)
    if not folders:
        return
    with _listening(bell, wake) as hang:
        stores = [folder for folder in folders if folder.name == FOLDER_NAME]
        deaf = tuple(f"{folder}/" for folder in stores if not hang(folder))

        def is_wanted(_change: watchfiles.Change, path: str) -> bool:
            return path.endswith(_OTHERS) or (path.endswith(_STORE) and path.startswith(deaf))

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


@contextmanager
def _listening(path: Path, wake: Callable[[], None]) -> Iterator[Callable[[Path], bool]]:
    """A bell heard in the running loop; what is given hangs it into a store, False if it cannot."""
    try:
        bell = Doorbell(path)
    except OSError as error:
        log.warning("%s: no bell (%s): the files of all stores are watched", path, error)
        yield lambda _folder: False
        return

    def hang(folder: Path) -> bool:
        try:
            bell.hang(folder)
        except OSError as error:
            log.warning("%s: no bell (%s): its files are watched", folder, error)
            return False
        return True

    def answer() -> None:
        bell.answer()
        wake()

    loop = asyncio.get_running_loop()
    loop.add_reader(bell.fd, answer)
    try:
        yield hang
    finally:
        loop.remove_reader(bell.fd)
        bell.close()
