"""The application: themes, the dashboard, nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import App

from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.ports import Clocks, ScreensPort, TownPort
from gastown_tui.tui.screens.town import TownScreen
from gastown_tui.tui.theme import textual_theme, use_colour


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
    ) -> None:
        """`keys` is the `[keys]` table of `town.toml`."""
        super().__init__()
        use_colour(wanted=not self.no_color)
        self.animation_level = "none"
        self.register_theme(textual_theme())
        self.theme = "gastown"
        self.dashboard = TownScreen(
            town, port, clocks or Clocks(time.time, time.monotonic), Keymap(keys)
        )

    def on_mount(self) -> None:
        """Open the dashboard."""
        self.push_screen(self.dashboard)
