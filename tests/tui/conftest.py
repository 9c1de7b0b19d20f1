"""An application over fake ports, and a hand on its keyboard."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events

from gastown_tui.tui import keymap
from gastown_tui.tui.app import GastownApp
from gastown_tui.tui.ports import Clocks

_SPEC = importlib.util.spec_from_file_location(
    "fake_town", Path(__file__).with_name("fake_town.py")
)
fake_town = importlib.util.module_from_spec(_SPEC)
sys.modules["fake_town"] = fake_town
_SPEC.loader.exec_module(fake_town)

NOW = fake_town.NOW


class Seat:
    """The overseer's seat: application, ports, keys."""

    def __init__(self, app, town, screens, pilot, jumped):
        self.app, self.town, self.screens, self.pilot = app, town, screens, pilot
        self.jumped = jumped
        self.board = app.dashboard

    async def press(self, *keys):
        for key in keys:
            self.send(key)
            await asyncio.sleep(0.013)
            await self.pilot.pause()

    def send(self, key):
        """Post one key to the application."""
        signs = {name: sign for sign, name in keymap._NAMES.items() if len(sign) == 1}
        event = events.Key(key, signs.get(key, key if len(key) == 1 else None))
        event.set_sender(self.app)
        self.app.post_message(event)

    async def write(self, text):
        """Text typed into a field."""
        for mark in text:
            self.send(keymap.key_name(mark))
        await self.pilot.pause()

    async def until(self, check, seconds=3.0):
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, "it did not come to that"
            await asyncio.sleep(0.01)
            await self.pilot.pause()

    async def overlay(self):
        """What stands over the panes, once it is there and armed."""
        await self.until(
            lambda: self.board._overlay is not None and self.board._overlay.is_attached
        )
        self.later(0.32)
        return self.board._overlay

    def later(self, seconds):
        """Let the steady clock jump."""
        self.jumped[0] += seconds

    @property
    def asked(self):
        return self.town.asked

    def text(self):
        """Everything on the screen."""
        return "\n".join(
            "".join(part.text for part in strip)
            for strip in self.app.screen._compositor.render_strips()
        )

    def toasts(self):
        return [each.message for each in self.app._notifications]


@pytest.fixture
def seat():
    """A context manager that gives a seat."""

    @asynccontextmanager
    async def build(size=(120, 40), agents=12, town=None, screens=None, keys=None, driver=None):
        built, shown = fake_town.build(agents, now=NOW)
        town, screens = town or built, screens or shown
        jumped = [0.0]
        clocks = Clocks(lambda: NOW, lambda: time.monotonic() + jumped[0])
        app = GastownApp(town, screens, keys=keys, clocks=clocks)
        app.driver_class = driver or app.driver_class
        async with app.run_test(size=size, headless=driver is None) as pilot:
            made = Seat(app, town, screens, pilot, jumped)
            await made.until(lambda: made.board.stage.selected or not town.feed.get("agents"))
            await pilot.pause()
            yield made

    return build
