"""Keys that come faster than what they open: counted where they were meant, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from gastown_tui.tui.widgets.overlay import ARM_S, STRAY_S, Dialog


@pytest.mark.parametrize("key", ["y", "enter"])
async def test_a_confirmation_is_given_once_it_could_be_read(key):
    now = [0.0]
    dialog = Dialog("Kill nux?", (), lambda: now[0])
    now[0] = STRAY_S - 0.01
    dialog.on_key(events.Key(key, key))
    await asyncio.sleep(ARM_S + 0.05)
    assert not dialog.answer.done()
    now[0] = STRAY_S + 0.01
    dialog.on_key(events.Key(key, key))
    assert not dialog.answer.done()
    assert await asyncio.wait_for(dialog.answer, 5)


async def test_no_takes_an_early_yes_back():
    now = [0.0]
    dialog = Dialog("Kill nux?", (), lambda: now[0])
    now[0] = 0.2
    dialog.on_key(events.Key("y", "y"))
    dialog.on_key(events.Key("escape", None))
    assert await dialog.answer is None


async def reviewed(s):
    """The cursor of the queue on a request that can be approved."""
    name = next(iter(s.town.feed["mq"]))
    s.town.change(mq={name: s.town.feed["mq"][name] | {"state": "review", "submitted": "abc123"}})
    s.board.reveal("queue", name)
    await s.until(lambda: s.board.panels.cursor("queue") == name)
    return name


async def test_who_knows_what_comes_need_not_wait_for_it(seat):
    async with seat() as s:
        name = await reviewed(s)
        await s.press("m")
        await s.until(lambda: s.board._overlay is not None)
        await s.press("a")
        await s.until(lambda: isinstance(s.board._overlay, Dialog))
        await s.until(lambda: s.board._overlay.has_focus)
        s.later(0.15)
        await s.press("y")
        await s.until(lambda: s.asked == [("approve", name, {"tip": "abc123"})])


async def test_keys_of_one_packet_go_where_they_were_meant(seat):
    async with seat() as s:
        name = await reviewed(s)
        s.send("m")
        s.send("a")
        await s.until(lambda: isinstance(s.board._overlay, Dialog))
        assert "Approve for merge?" in s.board._overlay.text
        await s.overlay()
        await s.press("y")
        await s.until(lambda: s.asked == [("approve", name, {"tip": "abc123"})])
        assert not s.board._keys.waits


async def test_keys_behind_one_that_opens_nothing_count_on_the_dashboard(seat):
    async with seat() as s:
        s.send("I")
        s.send("5")
        await s.until(lambda: s.board.panels.active == "events")
        assert [verb for verb, _, _ in s.asked] == ["interrupt"]


async def test_text_typed_ahead_reaches_its_field(seat):
    async with seat() as s:
        s.send("n")
        s.send("g")
        s.send("o")
        await s.until(lambda: s.board._overlay is not None)
        await s.until(lambda: s.board._overlay.field.text == "go")
