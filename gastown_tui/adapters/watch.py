"""Wakes when somebody changes the beads of a town; a change only wakes, it is never trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import watchfiles

from gastown_tui.adapters.dolt.mirror import database_folders
from gastown_tui.adapters.store.location import follow
from gastown_tui.domain.errors import NotFound

_STEP_MS = 10
_DEBOUNCE_MS = 100
_STORE: Final = ("store.db-wal", "store.db")
_OTHERS: Final = ("issues.jsonl", "manifest", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv")
"""What other programs write: the file that git carries, and the database of `bd`."""


def _is_wanted(_change: watchfiles.Change, path: str) -> bool:
    return path.endswith((*_STORE, *_OTHERS))


def places(town: Path) -> list[Path]:
    """The folders in which a change of beads shows, redirects followed."""
    found: list[Path] = []
    for beads_dir in (town / ".beads", *town.glob("*/.beads")):
        with suppress(NotFound):
            real = follow(beads_dir)
            found += (real, real / ".gastown", *database_folders(real))
    return [place for place in dict.fromkeys(found) if place.is_dir()]


async def watch(town: Path, stop: asyncio.Event) -> AsyncIterator[bool]:
    """Yield after every burst of changes to the beads of a town, until `stop`.

    True means that something was written that other programs write, too: a bead file, or the
    database of a `bd`. The folders are those there are at the start.
    """
    folders = places(town)
    if not folders:
        return
    async for changes in watchfiles.awatch(
        *folders,
        watch_filter=_is_wanted,
        step=_STEP_MS,
        debounce=_DEBOUNCE_MS,
        recursive=False,
        stop_event=stop,
        raise_interrupt=False,
    ):
        yield any(path.endswith(_OTHERS) for _, path in changes)
