"""After an absence the overseer is asked who goes on."""

from __future__ import annotations

import pytest

AGENTS = ("ledgerly/polecats/nux", "ledgerly/polecats/slit")


def away(s, *held):
    row = s.town.feed["town"]["town"]
    s.town.change(town={"town": row | {"resume_held": list(held), "away_since": 5.0}})


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ("a", [("resume_all", "", {})]),
        ("f", [("resume_all", "", {"fresh": "yes"})]),
        ("l", []),
        ("escape", []),
    ],
)
async def test_one_key_says_who_goes_on_and_it_is_asked_once(seat, keys, asked):
    async with seat() as s:
        away(s, *AGENTS)
        await s.overlay()
        await s.press(keys)
        await s.until(lambda: s.board._overlay is None and s.asked == asked)
        away(s, *AGENTS[:1])
        await s.pilot.pause()
        assert s.board._overlay is None


async def test_some_go_on_one_after_the_other(seat):
    async with seat() as s:
        away(s, *AGENTS)
        await s.overlay()
        await s.press("p")
        await s.until(lambda: "Escape" in getattr(s.board._overlay, "_title", ""))
        await s.press("enter")
        await s.until(lambda: s.asked)
        await s.until(lambda: s.board._overlay is not None)
        await s.press("escape")
        await s.until(lambda: s.board._overlay is None)
        assert s.asked == [("resume_all", "", {"agents": AGENTS[0]})]


async def test_the_palette_asks_again_and_says_when_nobody_waits(seat):
    async with seat() as s:
        await s.press("colon")
        await s.overlay()
        await s.write("absence")
        await s.press("enter")
        await s.until(s.toasts)
        assert s.asked == []
