"""The diff view over small and large diffs."""

from __future__ import annotations

import time

import pytest

from gastown_tui.tui.screens.diff import DiffScreen
from gastown_tui.viewmodels.diff import parse


def large(hunks=500):
    lines = ["diff --git a/big.py b/big.py", "--- a/big.py", "+++ b/big.py"]
    for at in range(hunks):
        lines.append(f"@@ -{at * 40 + 1},14 +{at * 40 + 1},14 @@ def function_{at}(self):")
        lines += [f'     value_{each} = self.items[{each}]  # "text"' for each in range(8)]
        lines += [f"-    return {each} if value else None" for each in range(6)]
        lines += [f'+    raise ValueError("bad {each}")' for each in range(6)]
    return "\n".join(lines) + "\n"


async def opened(s):
    await s.press("3", "j", "j", "d")
    await s.until(
        lambda: isinstance(s.app.screen, DiffScreen) and s.app.screen.view.size.height > 2
    )
    await s.pilot.pause()
    return s.app.screen


async def test_files_hunks_and_lines(seat):
    async with seat() as s:
        screen = await opened(s)
        shown = s.text()
        for part in (
            "Ledger totals",
            "3f1c2a9..8be01d4",
            "+14",
            "-3",
            "ledgerly/upload.py",
            "BASE_S = 0.2",
            "3 files",
        ):
            assert part in shown
        await s.press("right_square_bracket")
        assert screen.view.lines[screen.view.index][0] == screen.view._diff.hunks[0]
        await s.press("right_square_bracket", "left_square_bracket")
        assert "hunk 1/4" in s.text()
        await s.press("right_curly_bracket")
        assert screen.view.file == 1
        await s.press("right_curly_bracket", "left_curly_bracket")
        assert screen.view.file == 1
        await s.press("G")
        assert "100%" in s.text()
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.board)


async def test_side_by_side_keeps_the_place_and_needs_room(seat):
    async with seat(size=(160, 40)) as s:
        screen = await opened(s)
        for _ in range(7):
            screen.view.move(1)
        row = screen.view._row(screen.view.index)
        await s.press("s")
        assert screen.view.side
        assert row in screen.view.lines[screen.view.index]
        line = next(line for line in s.text().splitlines() if "RETRIES = 3" in line)
        assert "RETRIES = 5" in line
        await s.press("s")
        assert screen.view._row(screen.view.index) == row
    async with seat(size=(100, 30)) as s:
        screen = await opened(s)
        await s.press("s")
        assert not screen.view.side
        assert any("120 columns" in text for text in s.toasts())


async def test_ten_thousand_lines_scroll(seat):
    async with seat() as s:
        s.town.diff_text = large()
        screen = await opened(s)
        assert len(screen.view.lines) > 10_000
        began = time.process_time()
        for _ in range(20):
            screen.view.move(screen.view.page)
            screen.view.render_lines(screen.view.size.region)
        assert (time.process_time() - began) / 20 < 0.1
        await s.press("G", "g")
        assert screen.view.index == 0


@pytest.mark.parametrize("text", ["", "no diff at all", "@@ -1 +1 @@\n-a\n+b\n"])
async def test_little_or_nothing(seat, text):
    async with seat() as s:
        s.town.diff_text = text
        screen = await opened(s)
        await s.press("j", "k", "G", "g", "right_square_bracket", "right_curly_bracket")
        assert len(screen.view.lines) == len(parse(text).rows)


async def test_the_mouse_scrolls_and_chooses_files(seat):
    async with seat() as s:
        screen = await opened(s)
        await s.pilot.click(screen.files, offset=(4, 1))
        await s.pilot.pause()
        assert screen.view.file == 1


async def test_code_is_coloured_and_escape_sequences_are_shown(seat):
    async with seat() as s:
        s.town.diff_text = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+def f(): return '\x1b[31m'\n"
        screen = await opened(s)
        strip = screen.view.strip_at(3, screen.view.size.width)
        inks = {part.text.strip(): part.style.color for part in strip}
        assert inks["def"] != inks["f"]
        assert "␛[31m" in strip.text


@pytest.mark.parametrize(
    ("state", "hints", "key", "asked"),
    [
        ("review", ["approve", "reject"], "m", ("approve", {"tip": "8be01d4"})),
        ("rejected", ["reject", "again", "drop"], "t", ("retry", {})),
        ("landed", [], "m", None),
        ("dropped", [], "x", None),
        ("rejected", ["reject", "again", "drop"], "m", None),
        ("rework", [], "m", None),
    ],
)
async def test_the_diff_offers_what_is_possible(seat, state, hints, key, asked):
    async with seat(size=(160, 40)) as s:
        mine = {"mr-1": dict(s.town.feed["mq"]["mr-1"]) | {"state": state}}
        s.town.change(mq=dict.fromkeys(s.town.feed["mq"]) | mine)
        await s.until(lambda: s.board.panels.lists["queue"].keys == ("mr-1",))
        await s.press("3", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.pilot.pause()
        line = s.text().splitlines()[-1]
        assert [word for word in ("approve", "reject", "again", "drop") if word in line] == hints
        await s.press(key)
        if asked is None:
            assert isinstance(s.app.screen, DiffScreen)
            assert s.toasts()
        else:
            await s.until(lambda: s.asked)
            assert s.asked == [(asked[0], "mr-1", asked[1])]


async def test_a_rejected_request_is_dropped_after_a_question(seat):
    async with seat() as s:
        s.board.reveal("queue", "mr-12")
        await s.press("d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.press("X")
        await s.overlay()
        await s.press("y")
        await s.until(lambda: s.asked)
        assert s.asked == [("drop", "mr-12", {})]
