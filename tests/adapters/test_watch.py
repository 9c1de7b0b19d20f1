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
        await watch(self.town, self.stop, self.woken.set, self.outside.set, self.town / "bell")

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
    assert not (tmp_path / ".beads" / ".gastown" / doorbell.LINK).is_symlink()
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


async def test_without_a_bell_the_store_itself_is_watched(tmp_path: Path) -> None:
    store = init_store(tmp_path / ".beads", "t")
    (tmp_path / "bell").write_bytes(b"mine")
    watched = _Watched(tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.run())
        await watched.until(watched.woken, lambda: store.create(actor="me", title="written"))
        watched.stop.set()
    assert (tmp_path / "bell").read_bytes() == b"mine"
    store.close()


def test_what_is_no_pipe_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / doorbell.LINK).write_bytes(b"mine")
    doorbell.ring(tmp_path)
    assert (tmp_path / doorbell.LINK).read_bytes() == b"mine"


def test_a_bell_rung_without_end_is_not_waited_for(tmp_path: Path) -> None:
    bell = doorbell.Doorbell(tmp_path / "pipe")
    bell.hang(tmp_path)
    for _ in range(100_000):
        doorbell.ring(tmp_path)
    bell.answer()
    with pytest.raises(BlockingIOError):
        os.read(bell.fd, 1)
    bell.close()
    doorbell.ring(tmp_path)


def test_the_bell_of_a_listener_who_came_later_stays(tmp_path: Path) -> None:
    first, second = doorbell.Doorbell(tmp_path / "one"), doorbell.Doorbell(tmp_path / "two")
    first.hang(tmp_path)
    second.hang(tmp_path)
    first.close()
    doorbell.ring(tmp_path)
    assert os.read(second.fd, 9) == b"\n"
    second.close()
