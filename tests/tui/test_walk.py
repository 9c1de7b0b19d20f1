"""What a newcomer runs into: nothing that was typed is lost, nothing is silent or cut off for good."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest
from textual.app import App
from textual.widgets._toast import Toast

from gastown_tui.cells import pack, palette, rgb
from gastown_tui.protocol import BeadText, Receipt
from gastown_tui.tui.app import styles_dir
from gastown_tui.tui.screens.bead import BeadScreen
from gastown_tui.tui.screens.diff import DiffScreen
from gastown_tui.tui.theme import pane_style, use_colour
from gastown_tui.tui.widgets.composer import Composer


async def composer(s):
    """The box that is open."""
    await s.until(lambda: any(each.is_attached for each in s.app.screen.query(Composer)))
    return s.app.screen.query_one(Composer)


async def closed(s):
    """Nothing stands over the panes."""
    await s.until(lambda: not s.app.screen.query(Composer))


async def test_a_nudge_that_was_left_is_there_again(seat):
    async with seat() as s:
        await s.press("j", "n")
        await composer(s)
        await s.write("look at the ")
        await s.press("escape")
        await closed(s)
        await s.press("n")
        box = await composer(s)
        assert box.field.text == "look at the "
        assert "what you had written before" in s.text()
        assert " WRITE " in s.text()
        assert " NAV " not in s.text()
        await s.write("log")
        await s.press("enter")
        await s.until(lambda: s.asked and " NAV " in s.text())
        assert s.asked[-1][2]["text"] == "look at the log"
        await s.press("n")
        assert (await composer(s)).field.text == ""


async def test_a_word_that_was_left_is_not_kept(seat):
    async with seat() as s:
        await s.press("slash")
        await composer(s)
        assert "send" not in s.text()
        assert "new line" not in s.text()
        await s.write("nux")
        await s.press("escape")
        await closed(s)
        await s.press("slash")
        assert (await composer(s)).field.text == ""


async def test_a_comment_that_was_left_is_there_again(seat):
    async with seat() as s:
        await s.press("3", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.press("j", "j", "c")
        await composer(s)
        await s.write("why")
        await s.press("escape")
        await closed(s)
        await s.press("c")
        assert (await composer(s)).field.text == "why"


async def test_long_lines_of_a_narrow_diff_can_be_read_to_their_ends(seat):
    tail = "and_this_is_the_end_of_a_long_line"
    async with seat(size=(80, 24)) as s:
        s.town.diff_text = s.town.diff_text.replace(
            "client, statement):", f"client, statement): {'x' * 60} {tail}"
        )
        await s.press("3", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        assert "def upload" in s.text()
        assert tail not in s.text()
        seen = ""
        for _ in range(6):
            await s.press("right")
            seen += s.text()
        assert tail in seen
        assert "← " in s.text()
        for _ in range(6):
            await s.press("left")
        assert "←" not in s.text()


@pytest.mark.parametrize("key", ["}", "]"])
async def test_the_last_hunk_and_file_say_that_they_are(seat, key):
    async with seat() as s:
        await s.press("3", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.write(key * 5)
        await s.until(lambda: any("there is no next" in each for each in s.toasts()))


def bead_text(key):
    return BeadText(req=1, rig="ledgerly", bead={"id": key, "title": "A title", "status": "open"})


@pytest.mark.parametrize(("panel", "row"), [("2", "ld-e1"), ("5", "")])
async def test_open_leads_from_a_bead_and_an_event_to_the_bead(seat, panel, row):
    async with seat() as s:
        await s.press(panel)
        board = s.board
        if row:
            board.reveal("tree", row)
        key = row or board.store.row("events", board.panels.cursor("events"))["target"]
        s.town.beads[key] = bead_text(key)
        await s.press("o")
        await s.until(lambda: isinstance(s.app.screen, BeadScreen))


async def test_an_event_of_a_convoy_leads_to_its_beads(seat):
    async with seat() as s:
        event = {"id": "ev-new", "at": 2e9, "kind": "convoy-landed", "target": "cv-1", "text": ""}
        s.town.change(events={"ev-new": event})
        await s.press("5", "g", "o")
        assert s.board.panels.active == "tree"
        assert s.board.panels.filters["tree"] == "cv-1"


async def test_receipts_name_agents_as_the_list_does(seat):
    async with seat() as s:
        s.town.receipt = Receipt(req=1, ok=True, text="ledgerly/polecats/toast is frozen")
        s.board.reveal("agents", "ledgerly/polecats/toast")
        await s.press("P")
        await s.until(s.toasts)
        assert s.toasts()[-1] == "toast is frozen"


async def test_in_sixteen_colours_greys_are_not_one_grey_on_another(seat):
    """Every ink is one of the terminal's own on its own ground; the cursor is reversed."""
    async with seat() as s:
        use_colour(wanted=True, few=True)
        try:
            strips = s.board.panels.lists["agents"]
            parts = [part for y in range(12) for part in strips.strip_at(y, 40)]
            assert {part.style.bgcolor for part in parts} == {None}
            assert any(part.style.color for part in parts)
            assert any(part.style.reverse for part in parts)
            red = pane_style(pack(palette(1)))
            assert (red.color.number, red.bgcolor) == (1, None)
            assert pane_style(pack(0, rgb(40, 40, 40))).bgcolor is None
        finally:
            use_colour(wanted=True)


@pytest.mark.parametrize("length", [42, 44, 45, 90])
async def test_a_message_that_is_just_too_long_for_a_line_is_whole(length):
    class Bare(App[None]):
        CSS_PATH: ClassVar = [styles_dir() / "base.tcss"]

    app = Bare()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify(("xxxxx " * 20)[: length - 2] + "xZ", markup=False)
        end = time.monotonic() + 5
        while not app.screen.query(Toast) or not app.screen.query_one(Toast).size:
            assert time.monotonic() < end
            await pilot.pause(0.02)
        await pilot.pause(0.1)
        strips = app.screen._compositor.render_strips()
        assert "Z" in "".join(part.text for strip in strips for part in strip)
