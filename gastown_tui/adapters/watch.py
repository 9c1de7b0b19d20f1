"""Wakes when somebody changes the beads of a town; a change only wakes, it is never trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import watchfiles

_STEP_MS = 10
_DEBOUNCE_MS = 100


def _is_ours(_change: watchfiles.Change, path: str) -> bool:
    return path.endswith(("store.db-wal", "store.db", "issues.jsonl"))


async def watch(town: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield after every burst of changes to a store or a bead file of the town, until `stop`."""
    paths = [path for path in (town / ".beads", *town.glob("*/.beads")) if path.is_dir()]
    places = [place for path in paths for place in (path, path / ".gastown") if place.is_dir()]
    if not places:
        return
    async for _ in watchfiles.awatch(
        *places,
        watch_filter=_is_ours,
        step=_STEP_MS,
        debounce=_DEBOUNCE_MS,
        recursive=False,
        stop_event=stop,
        raise_interrupt=False,
    ):
        yield None
