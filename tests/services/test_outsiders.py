"""What others write to the beads: looked at when asked and now and then, in threads, told once."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

from gastown_tui.domain.errors import Unavailable
from gastown_tui.services.outsiders import Edits, Outsiders, in_words


class FakeStore:
    def __init__(self):
        self.looks, self.changed, self.error = 0, [], None
        self.edits = []
        self.free = threading.Event()
        self.free.set()

    def absorb(self):
        self.looks += 1
        self.free.wait(5)
        if self.error:
            raise self.error
        changed, self.changed = self.changed, []
        return SimpleNamespace(changed=changed)

    def outside_edits(self):
        edits, self.edits = self.edits, []
        return edits


@asynccontextmanager
async def following(stores, *, sweep_s=60.0):
    found = SimpleNamespace(news=0, told=[], edited=[])

    def changed():
        found.news += 1

    outsiders = Outsiders(
        lambda: stores, changed, lambda *told: found.told.append(told),
        lambda *told: found.edited.append(told), sweep_s=sweep_s,
    )  # fmt: skip
    found.look = outsiders.look
    task = asyncio.get_running_loop().create_task(outsiders.run())
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(what):
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 - threads of others are waited for
            await asyncio.sleep(0.01)


async def test_a_look_is_taken_when_asked_and_news_are_passed_on():
    store = FakeStore()
    async with following({"r": store}) as found:
        await until(lambda: store.looks == 1)
        store.changed = ["r-1"]
        found.look()
        await until(lambda: found.news == 1)
        assert found.told == []


async def test_without_being_asked_it_looks_now_and_then():
    store = FakeStore()
    async with following({"r": store}, sweep_s=0.02):
        await until(lambda: store.looks >= 3)


async def test_one_that_takes_long_holds_up_no_other_and_is_looked_at_again():
    slow, quick = FakeStore(), FakeStore()
    slow.free.clear()
    async with following({"slow": slow, "quick": quick}) as found:
        await until(lambda: (slow.looks, quick.looks) == (1, 1))
        quick.changed = slow.changed = ["x"]
        found.look()
        await until(lambda: found.news == 1)
        slow.changed = ["y"]
        slow.free.set()
        await until(lambda: slow.looks == 2)


async def test_why_it_cannot_be_read_is_told_once_and_that_it_can_again():
    store = FakeStore()
    store.error = Unavailable("no bd")
    async with following({"": store}, sweep_s=0.02) as found:
        await until(lambda: store.looks >= 3)
        assert found.told == [("", "no bd")]
        store.error = None
        await until(lambda: found.told[1:] == [("", "")])


async def test_edits_of_a_file_are_told_by_bead_and_field():
    store = FakeStore()
    store.edits = [("r-1", ("title",)), ("r-2", ()), ("r-1", ("status", "title"))]
    async with following({"r": store}) as found:
        await until(lambda: found.edited)
        ((name, edits),) = found.edited
    assert (name, edits.count) == ("r", 2)
    assert in_words(edits, {"r-1": "gate"}) == (
        "issues.jsonl was edited outside gastown: the gate r-1 (title, status), r-2 (new)"
    )
    many = Edits(count=9, beads=(("r-1", ("\x1b[m", "updated_at")),))
    assert in_words(many, {}).endswith(": r-1 (odd keys) and 8 more")
