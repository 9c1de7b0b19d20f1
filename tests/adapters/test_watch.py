"""A change of beads wakes whoever watches: by the bell, and by the files without one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gastown_tui.adapters.store import doorbell, init_store
from gastown_tui.adapters.watch import watch


class _Watched:
    def __init__(self, town: Path) -> None:
        self.stop, self.town = asyncio.Event(), town
        self.woken, self.outside = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        await watch(self.town, self.stop, self.woken.set, self.outside.set)

    async def until(self, event: asyncio.Event, act: Callable[[], object]) -> None:
        """Act until it is told: the watch may begin behind the first of these."""
        async with asyncio.timeout(10):
            while not event.is_set():
                act()
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), 0.3)


async def test_a_write_of_ours_is_heard_and_waits_for_no_listener(tmp_path: Path) -> None:
    store = init_store(tmp_path / ".beads", "t")
    watched = _Watched(tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.run())
        for at in range(3):
            watched.woken.clear()
            await watched.until(
                watched.woken, lambda at=at: store.create(actor="me", title=f"{at}")
            )
        watched.stop.set()
    assert not watched.outside.is_set()
    store.create(actor="me", title="nobody listens")
    store.close()


async def test_a_file_written_by_others_is_told_as_such(tmp_path: Path) -> None:
    store = init_store(tmp_path / ".beads", "t")
    store.close()
    watched = _Watched(tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.run())
        file = tmp_path / ".beads" / "issues.jsonl"
        await watched.until(watched.outside, lambda: file.write_bytes(file.read_bytes() + b"\n"))
        watched.stop.set()
    assert watched.woken.is_set()


@pytest.mark.parametrize("in_its_place", ["file", "link"])
async def test_what_is_no_pipe_is_left_alone_and_the_store_is_watched(
    tmp_path: Path, in_its_place: str
) -> None:
    store = init_store(tmp_path / ".beads", "t")
    bell, other = tmp_path / ".beads" / ".gastown" / doorbell.FILE, tmp_path / "other"
    other.write_bytes(b"mine")
    if in_its_place == "file":
        bell.write_bytes(b"mine")
    else:
        bell.symlink_to(other)
    watched = _Watched(tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.run())
        await watched.until(watched.woken, lambda: store.create(actor="me", title="written"))
        watched.stop.set()
    assert bell.read_bytes() == other.read_bytes() == b"mine"
    store.close()


def test_a_bell_rung_without_end_is_not_waited_for(tmp_path: Path) -> None:
    bell = doorbell.Doorbell(tmp_path)
    for _ in range(100_000):
        doorbell.ring(tmp_path)
    os.set_blocking(bell.fd, False)
    bell.answer()
    with pytest.raises(BlockingIOError):
        os.read(bell.fd, 1)
    bell.close()
    doorbell.ring(tmp_path)
