"""The application: themes, the dashboard, nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.notifications import SeverityLevel

from gastown_tui.protocol import TableRow
from gastown_tui.tui.alarm import Alarm
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.ports import Clocks, LooksPort, NoLooks, ProgramsPort, ScreensPort, TownPort
from gastown_tui.tui.screens.town import TownScreen
from gastown_tui.tui.theme import textual_theme, use_colour

_FADES_S = 0.5
"""A message is gone this long after its time at the latest."""


def styles_dir() -> Path:
    """Where the style sheets are: in the checkout, or inside the installed package."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "styles"
    return inside if inside.is_dir() else package.parent / "styles"


class GastownApp(App[None], inherit_bindings=False):
    """The cockpit; quitting it ends nothing but itself."""

    TITLE = "gastown"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = []
    CSS_PATH: ClassVar = [styles_dir() / "base.tcss"]

    def __init__(
        self,
        town: TownPort,
        port: ScreensPort,
        *,
        keys: Mapping[str, object] | None = None,
        clocks: Clocks | None = None,
        looks: LooksPort | None = None,
        programs: ProgramsPort | None = None,
        present: Callable[[bool], None] = lambda _here: None,
    ) -> None:
        """`keys` is the `[keys]` table of `town.toml`; `present` hears who is at the screen."""
        super().__init__()
        use_colour(wanted=not self.no_color)
        self.animation_level = "none"
        self.register_theme(textual_theme())
        self.theme = "gastown"
        self._clocks = clocks or Clocks(time.time, time.monotonic)
        self._covered_until = 0.0
        self.dashboard = TownScreen(town, port, self._clocks, Keymap(keys))
        self.dashboard.terminal = self.terminal
        self._alarm = Alarm(self._clocks.wall, present, os.environ)
        self.dashboard.noticed = self._noticed
        self.dashboard.desk.programs = programs
        self._looks = self.dashboard.desk.looks = looks or NoLooks()

    def on_mount(self) -> None:
        """Open the dashboard, in as many colours as the terminal has."""
        if not self.is_headless and self.console.color_system == "standard":
            use_colour(wanted=not self.no_color, few=True)
        self.push_screen(self.dashboard)

    async def on_event(self, event: events.Event) -> None:
        """Every event comes by here: a person's own say that somebody is at the screen."""
        if isinstance(event, events.Key | events.MouseEvent | events.Paste | events.AppFocus):
            self._alarm.here(self._clocks.steady())
        elif isinstance(event, events.AppBlur):
            self._alarm.away()
        await super().on_event(event)

    def _noticed(self, rows: Mapping[str, TableRow], town: str) -> None:
        """Ring for what is new."""
        text, driver = self._alarm.calls(rows, town), self._driver
        if text and driver is not None and not driver.is_headless:
            driver.write(text)
            driver.flush()

    def on_unmount(self) -> None:
        """What was written in a review is on disk before the screen has gone."""
        self._looks.close()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message over the panes for a moment, `timeout` seconds long."""
        lasts = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        until = self._clocks.steady() + lasts + _FADES_S
        self._covered_until = max(self._covered_until, until)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def terminal(self) -> Driver | None:
        """The terminal, for lines past Textual's compositor; None while a message lies over it."""
        driver = self._driver
        if driver is None or driver.is_headless or not self.is_running:
            return None
        return driver if self._clocks.steady() >= self._covered_until else None
