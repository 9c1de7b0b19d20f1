"""Lines past the compositor: the terminal shows what the compositor would have shown."""

from __future__ import annotations

import random
import time

import pytest
from fake_town import FakeScreens, scripted, text_row
from textual.drivers.headless_driver import HeadlessDriver

from gastown_tui.terminal import Terminal
from gastown_tui.tui import brush


def recorder(size):
    """A driver whose terminal is an emulator; `.painted` says how much came."""
    terminal = Terminal(*size)

    class Recorder(HeadlessDriver):
        painted = 0
        shown = terminal

        @property
        def is_headless(self):
            return False

        def write(self, data):
            type(self).painted += len(data)
            terminal.feed(data.encode())

    return Recorder


def lines(text):
    return [line.rstrip() for line in text.rstrip().splitlines()]


async def same(s, driver):
    """Poll until nothing is under way, then compare."""
    await s.until(lambda: lines(driver.shown.text()) == lines(s.text()))


@pytest.mark.parametrize("size", [(80, 24), (200, 55)])
async def test_the_terminal_shows_what_the_compositor_would(seat, size):
    driver, screens, rng = recorder(size), FakeScreens(), random.Random(3)
    async with seat(size=size, agents=20, screens=screens, driver=driver) as s:
        for step, key in enumerate(
            ["t", "2", "j", "t", "z", "z", "enter", "ctrl+q", "1", "t", "w"]
        ):
            await s.press(key)
            for session in list(screens.subscribed):
                shown = scripted("nux", step, random.Random(session + str(step // 3)))
                rows = {at: shown[at] for at in range(len(shown)) if rng.random() < 0.4}
                screens.frame(session, rows, height=len(shown), base=1, cursor_x=4, cursor_y=9)
            name = rng.choice(list(s.town.feed["agents"]))
            row = s.town.feed["agents"][name] | {"state": rng.choice(["idle", "working", "error"])}
            s.town.change(agents={name: row | {"rows_hash": str(step)}})
            await same(s, driver)


async def test_what_is_typed_into_is_painted_before_the_frame_is_left(seat):
    driver, screens = recorder((120, 40)), FakeScreens()
    async with seat(screens=screens, driver=driver) as s:
        await s.press("enter")
        await same(s, driver)
        pane = s.board.stage.pane
        screens.frame(pane.session, {1: text_row("echo!")}, height=2, base=1)
        assert "echo!" in driver.shown.text()


async def test_nothing_is_painted_over_what_lies_over_the_panes(seat):
    driver, screens = recorder((120, 40)), FakeScreens()
    async with seat(screens=screens, driver=driver) as s:
        await s.press("X")
        await s.overlay()
        for session in list(screens.subscribed):
            screens.frame(session, {0: text_row("x" * 120)}, height=2, base=1)
        await same(s, driver)
        assert "y" in driver.shown.text()
        await s.press("n")
        await same(s, driver)
        s.board.desk.toast("a message")
        before = driver.painted
        screens.frame(s.board.stage.selected, {0: text_row("unseen")}, height=2, base=1)
        assert driver.painted == before
        await same(s, driver)


async def test_nothing_is_painted_over_another_screen(seat):
    driver, screens = recorder((120, 40)), FakeScreens()
    async with seat(screens=screens, driver=driver) as s:
        await s.press("d")
        await s.until(lambda: s.app.screen is not s.board)
        await same(s, driver)
        agents = s.board.panels.lists["agents"]
        agents.refresh_lines(range(9))
        await s.until(lambda: not s.board._brush._due)
        assert lines(driver.shown.text()) == lines(s.text())
        await s.press("q")
        await s.until(lambda: s.app.screen is s.board)
        await same(s, driver)


async def test_thirty_tiles_do_not_keep_a_key_waiting(seat, monkeypatch):
    monkeypatch.setattr(brush, "SLICE_S", 0.0)
    driver, screens = recorder((250, 70)), FakeScreens()
    async with seat(size=(250, 70), agents=30, screens=screens, driver=driver) as s:
        await same(s, driver)
        seen = []
        for session in list(screens.subscribed):
            screens.frame(session, {0: text_row("new")}, height=2, base=1)
        s.board.hub.flush()
        s.board.call_later(lambda: seen.append(driver.shown.text().count("new")))
        await s.until(lambda: seen)
        assert seen[0] < len(screens.subscribed)
        await same(s, driver)


async def test_a_spinner_is_no_news(seat):
    driver = recorder((120, 40))
    async with seat(driver=driver) as s:
        await same(s, driver)
        name, row = next(iter(s.town.feed["agents"].items()))
        s.town.change(agents={name: row | {"rows_hash": str(time.monotonic())}})
        assert not s.board._news
