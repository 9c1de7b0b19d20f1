"""The dashboard as a whole: sizes, hostile text, panes, mouse, keys that come in bursts."""

from __future__ import annotations

import asyncio

import pytest
from fake_town import FakeScreens, FakeTown, tables, text_row
from textual import events

from gastown_tui.cells import INVERSE, pack, rgb
from gastown_tui.protocol import Snapshot
from gastown_tui.tui.actions import ACTIONS
from gastown_tui.tui.keymap import Keymap, key_label
from gastown_tui.tui.ports import LinkState
from gastown_tui.tui.theme import use_colour

SIZES = [(80, 24), (120, 40), (200, 55), (300, 90)]
HOSTILE = (
    "[red]x[/red] [/] [@click=app.quit]q[/]",
    "\x1b]0;pwned\x07\x1b[2J\x1b[31m",
    "a\nb\r\tc\x00\x85\u2028",
    "\u202egnp.exe \u200b\ufeff",
    "漢字" * 400,
    "x" * 200_000,
    "e" + "\u0301" * 300,
    "👩\u200d👩\u200d👧 ⚠️ 🏳️\u200d🌈",
)


@pytest.mark.parametrize("size", SIZES)
async def test_thirty_agents_at_every_size(seat, size):
    async with seat(size=size, agents=30) as s:
        await asyncio.sleep(0.12)
        await s.pilot.pause()
        lines = s.text().splitlines()
        assert len(lines) == size[1]
        assert "need you" in lines[0] or "⚠" in lines[0]
        assert "Agents 30" in lines[1]
        assert lines[-1].startswith(" NAV ")
        for key in "2345tttt1z":
            await s.press(key)
        assert s.app.is_running


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_in_every_column_is_text(seat, text):
    feed = tables(6)
    for rows in feed.values():
        for key, row in list(rows.items()):
            hard = {
                column: (
                    text
                    if isinstance(value, str) and column not in ("state", "needs", "status", "role")
                    else value
                )
                for column, value in row.items()
            }
            rows[key + text[:50]] = hard | {"labels": [text], "unknown": {"a": text}}
    town = FakeTown(feed)
    town.diff_text = f"diff --git a/{text} b/{text}\n--- a/x\n+++ b/{text}\n@@ -1 +1 @@ {text}\n-{text}\n+{text}\n"
    screens = FakeScreens({key: [text_row(text[:300])] * 3 for key in feed["agents"]})
    async with seat(size=(200, 55), town=town, screens=screens) as s:
        for key in ("w", "2", "3", "4", "5", "d"):
            await s.press(key)
        shown = s.text()
        assert all(mark.isprintable() or mark == "\n" for mark in shown)
        assert "\u202e" not in shown
        await s.press("q", "X")
        await s.overlay()
        await s.press("n", "colon")
        await s.overlay()
        assert all(mark.isprintable() or mark == "\n" for mark in s.text())
        if text.startswith("[red]"):
            assert "[red]x[/red]" in shown
        assert s.app.is_running


async def test_columns_of_any_type_or_none_at_all(seat):
    rows = {
        "a": {},
        "b": {"state": 3, "since": "x", "needs": [], "rig": None, "name": {}},
        "c": {"needs": "permission"},
    }
    names = ("town", "rigs", "agents", "beads", "mq", "convoys", "events", "new table")
    feed = dict.fromkeys(names, rows)
    async with seat(size=(200, 55), town=FakeTown(feed), screens=FakeScreens()) as s:
        for key in ("w", "2", "3", "4", "5"):
            await s.press(key)
        assert "Agents 3" in s.text()


def test_no_two_actions_share_a_key():
    assert Keymap().problems == []
    seen = {(each.context, key) for each in ACTIONS for key in each.keys}
    assert len(seen) == sum(len(each.keys) for each in ACTIONS)
    assert all(key_label(key) for _, key in seen)


def test_the_overseers_keys():
    keymap = Keymap(
        {"agent.nudge": "ctrl+n", "agent.kill": ["K", "shift+f5"], "pane.leave": "ctrl+g"}
    )
    assert keymap.problems == []
    assert keymap.action("nav", "ctrl+n") == "agent.nudge"
    assert keymap.action("nav", "n") == ""
    assert keymap.action("pane", "ctrl+g") == "pane.leave"
    assert keymap.labels("agent.kill") == "K shift+f5"
    assert Keymap({"agent.interrupt": "?"}).action("nav", "question_mark") == "agent.interrupt"


@pytest.mark.parametrize(
    ("keys", "word"),
    [({"nope": "x"}, "no such action"), ({"agent.nudge": "x"}, "lost it"), ({"agent.nudge": 5}, "wanted"),
     ({"pane.leave": []}, "has to leave"), ({"agent.nudge": "F", "agent.stop": "F"}, "given to")],
)  # fmt: skip
async def test_a_bad_keymap_is_one_line_and_the_screen_comes_up(seat, keys, word):
    problems = Keymap(keys).problems
    assert len(problems) == 1
    assert word in problems[0]
    async with seat(keys=keys) as s:
        assert problems[0] in s.toasts()


async def test_tiles_subscribe_to_what_is_seen_and_only_that(seat):
    async with seat(size=(200, 55), agents=12) as s:
        await s.until(lambda: len(s.screens.subscribed) == 4)
        big = s.board.stage.selected
        assert s.screens.subscribed[big] == (0, 0, 30.0)
        others = [view for key, view in s.screens.subscribed.items() if key != big]
        assert {fps for _, _, fps in others} == {10.0}
        await s.press("z")
        await s.until(lambda: list(s.screens.subscribed) == [big])
        await s.press("z")
        await s.until(lambda: len(s.screens.subscribed) == 4)


async def test_a_frame_is_painted_and_acknowledged(seat):
    async with seat() as s:
        s.screens.frame("mayor", {0: text_row("fresh words")}, height=20, base=1)
        await s.until(lambda: "fresh words" in s.text())
        assert s.screens.acked["mayor"] == s.board.stage.pane.picture.number


async def test_colours_wide_characters_and_the_cursor_survive(seat):
    async with seat() as s:
        red = pack(rgb(255, 0, 0), attributes=INVERSE)
        s.screens.frame(
            "mayor", {0: (("日本", red, 4), ("x", 0, 1))}, height=1, cursor_x=4, cursor_y=0
        )
        await s.until(lambda: "日本x" in s.text())
        strip = s.board.stage.pane.strip_at(1, s.board.stage.pane.size.width)
        parts = [part for part in strip if part.text.strip()]
        assert parts[0].style.bgcolor.triplet == (255, 0, 0)
        assert parts[1].style.reverse
        assert strip.cell_length == s.board.stage.pane.size.width


async def test_zoom_gives_the_session_the_size_and_only_zoom_does(seat):
    async with seat(size=(130, 40)) as s:
        await s.press("j", "enter", "ctrl+q")
        assert s.screens.resized == []
        await s.press("z")
        await s.until(lambda: s.screens.resized)
        assert s.screens.resized == [(s.board.stage.selected, 130, 37)]
        assert s.board.stage.pane.size == (130, 38)


async def test_the_wheel_goes_through_the_history(seat):
    async with seat() as s:
        pane = s.board.stage.pane
        await pane.scroll_history(50)
        await s.pilot.pause()
        assert "rows back" in s.text()
        assert "history line" in s.text()
        await s.press("escape")
        assert pane.back == 0
        assert "rows back" not in s.text()


async def test_clicks_focus_select_and_switch(seat):
    async with seat() as s:
        await s.pilot.click("#list-agents", offset=(5, 5))
        await s.pilot.pause()
        chosen = s.board.stage.selected
        assert chosen != "mayor"
        await s.pilot.click("#pane", offset=(20, 5))
        await s.until(lambda: s.board.stage.pane.has_focus)
        await s.press("ctrl+q")
        await s.pilot.click("#list-queue", offset=(30, 0))
        await s.until(lambda: s.board.panels.active == "events")
        assert "gate failed" in s.text()


async def test_a_burst_of_keys_is_a_paste_for_the_composer(seat):
    async with seat() as s:
        await s.press("j")
        for mark in "Xkill it now":
            s.send("space" if mark == " " else mark)
        await s.until(lambda: s.board._overlay is not None)
        assert s.board._overlay.field.text == "Xkill it now"
        assert s.asked == []


async def test_a_held_movement_key_is_no_paste(seat):
    async with seat() as s:
        for _ in range(6):
            s.send("j")
        await s.until(lambda: s.board.panels.lists["agents"].index >= 6)
        assert s.board._overlay is None


async def test_strong_keys_right_after_a_mouse_report_do_nothing(seat):
    async with seat() as s:
        s.board._keys.report()
        s.board._keys._act("X", "X")
        assert s.board._overlay is None
        s.later(0.06)
        s.board._keys._act("X", "X")
        await s.overlay()


async def test_a_bracketed_paste_outside_a_pane_opens_the_composer(seat):
    async with seat() as s:
        s.app.post_message(events.Paste("look at\nthis"))
        await s.until(lambda: s.board._overlay is not None)
        assert s.board._overlay.field.text == "look at\nthis"


async def test_the_order_does_not_change_under_the_cursor(seat):
    async with seat() as s:
        await s.press("3", "j")
        before = s.board.panels.lists["queue"].keys
        row = dict(s.town.feed["mq"][before[-4]]) | {"position": 0}
        s.town.change(
            mq={before[-4]: row, "new": {"state": "submitted", "position": 0, "title": "New"}}
        )
        await s.until(lambda: "new" in s.board.panels.lists["queue"].keys)
        assert s.board.panels.lists["queue"].keys == (*before, "new")


async def test_without_controller_the_rest_is_labelled(seat):
    async with seat(size=(160, 40)) as s:
        s.town.listener(LinkState(daemon="controller", up=False, since=1.0))
        await s.until(lambda: "controller down" in s.text())
        assert "as of " in s.text().splitlines()[0]
        s.screens.frame("mayor", {0: text_row("still alive")}, height=20, base=1)
        await s.until(lambda: "still alive" in s.text())
        s.town.listener(LinkState(daemon="controller", up=True))
        await s.until(lambda: "controller down" not in s.text())


async def test_screens_come_back_by_themselves(seat):
    async with seat() as s:
        s.screens.listener(LinkState(daemon="screens", up=False, since=1.0))
        await s.until(lambda: "screens down" in s.text())
        s.screens.subscribed.clear()
        s.screens.listener(LinkState(daemon="screens", up=True))
        await s.until(lambda: s.screens.subscribed)
        assert "screens down" not in s.text()


async def test_a_town_that_is_down_is_offered_to_be_started(seat):
    async with seat() as s:
        s.town.listener(LinkState(daemon="host", up=False, since=1.0))
        dialog = await s.overlay()
        assert "Start the town" in dialog.text
        await s.press("y")
        await s.until(lambda: s.town.started == 1)


async def test_an_agent_that_does_not_start_says_why_in_its_pane(seat):
    why = "nosuch is not on the PATH of the town: install it or choose another agent, " * 2
    screens = FakeScreens()
    screens.subscribe = lambda *_asked: None  # nothing has ever run: there is no picture
    async with seat(size=(120, 40), agents=2, screens=screens) as s:
        row = s.town.feed["agents"]["mayor"]
        dead = {"state": "error", "needs": "error", "evidence": why + "the end", "alive": False}
        s.town.change(agents={"mayor": row | dead})
        await s.until(lambda: "nosuch is not on" in s.text() and "the end" in s.text())


async def test_an_empty_town_says_what_to_do(seat):
    async with seat(town=FakeTown({"town": {"town": {"name": "new"}}}), screens=FakeScreens()) as s:
        await s.until(lambda: "`gastown rig add`" in s.text())
        s.town.change(rigs={"lib": {"name": "lib"}})
        await s.until(lambda: "B a bead" in s.text())
        s.town.change(rigs={"lib": None})
        for key in ("enter", "x", "d", "s", "a", "m", "space", "z", "w"):
            await s.press(key)
        assert s.asked == []


async def test_agents_come_and_go(seat):
    async with seat(size=(200, 55), agents=4) as s:
        s.town.change(agents={key: None for key in s.town.feed["agents"] if key != "mayor"})
        await s.until(lambda: s.board.panels.listed_agents() == ("mayor",))
        feed = tables(20)
        s.town.listener(Snapshot(version=9, boot="c", at=s.town.now, tables=feed))
        await s.until(lambda: len(s.board.panels.listed_agents()) == 20)
        assert len(s.board.stage.views) >= 3


async def test_without_colour_states_are_still_told_apart(seat, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    try:
        async with seat() as s:
            strip = s.board.panels.lists["agents"].strip_at(
                3, s.board.panels.lists["agents"].size.width
            )
            assert all(part.style.color is None for part in strip)
            assert "● W" in s.text()
    finally:
        use_colour(wanted=True)
