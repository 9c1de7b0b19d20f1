"""The dashboard: what the overseer's keys and mouse do to it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from textual import events

from gastown_tui.tui.desk import Desk
from gastown_tui.tui.handlers.agents import MODES, write_to
from gastown_tui.tui.handlers.table import HANDLERS
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.keys import KeyReader
from gastown_tui.tui.ports import Clocks, LinkState, ScreensPort, TownPort
from gastown_tui.tui.screens.board import Board
from gastown_tui.tui.widgets.line_list import LineList
from gastown_tui.tui.widgets.pane import PaneView
from gastown_tui.tui.widgets.terminal_pane import TerminalPane

if TYPE_CHECKING:
    from gastown_tui.tui.screens.bead import BeadScreen, BeadVerdict
    from gastown_tui.tui.screens.diff import DiffScreen, Verdict

_OPENS_S = 0.05
"""After a key that begins something, the next ones are kept so long for what it opens."""


class TownScreen(Board, inherit_bindings=False):
    """Everything on one screen."""

    def __init__(self, town: TownPort, port: ScreensPort, clocks: Clocks, keymap: Keymap) -> None:
        super().__init__(town, port, clocks, keymap)
        self.desk = Desk(self, town, port)
        self._keys = KeyReader(
            keymap,
            clocks.steady,
            self.begin,
            lambda text: self._work(write_to(self.desk, self.desk.agents(), MODES[0].id, text)),
            lambda delay: self._after(delay, self._keys.due),
        )
        self._offered = False
        self._asked_who = False

    def town_changed(self) -> None:
        """After an absence, ask once who goes on."""
        if self._asked_who or self._overlay is not None or not self.store.town().get("resume_held"):
            return
        self._asked_who = True
        self.begin("town.resume_all")

    def link_changed(self, link: LinkState) -> None:
        """Offer to start a town of which nothing runs."""
        if link.daemon == "host" and not link.up and not self._offered:
            self._offered = True
            self._work(self._offer())
        if link.up and link.daemon == "host":
            self._offered = False

    async def _offer(self) -> None:
        lines = (((("Nothing of this town is running now.", "muted"),)),)
        if await self.desk.confirm("Start the town?", *lines):
            await self.desk.guarded(HANDLERS["town.start"](self.desk) or _nothing())

    async def show_diff(self, screen: DiffScreen) -> Verdict | None:
        """Show a diff over everything; what was decided there."""
        return await self.app.push_screen_wait(screen)

    async def show_bead(self, screen: BeadScreen) -> BeadVerdict | None:
        """Show a bead over everything; what is to be done to it."""
        return await self.app.push_screen_wait(screen)

    def begin(self, name: str) -> None:
        """Start an action."""
        started = HANDLERS[name](self.desk)
        if started is not None:
            self._opens()
            self._work(started)

    async def perform(self, name: str) -> None:
        """Run an action to its end."""
        started = HANDLERS[name](self.desk)
        if started is not None:
            await self.desk.guarded(started)

    def _work(self, doing: Coroutine[Any, Any, None]) -> None:
        self.run_worker(self._done(doing), exit_on_error=False)

    async def _done(self, doing: Coroutine[Any, Any, None]) -> None:
        await self.desk.guarded(doing)
        self._goes_on()

    def on_key(self, event: events.Key) -> None:
        """A key of the dashboard, or for an overlay that has not got the focus yet."""
        if self._overlay is None or self._keys.waits:
            event.stop()
            event.prevent_default()
            self._keys.key(event)

    def _opens(self) -> None:
        """What has begun may open something that wants the next keys."""
        self._keys.wait()
        self._after(_OPENS_S, self._goes_on)

    def _goes_on(self) -> None:
        if self._overlay is None:
            self._keys.go_on()

    def overlay_shown(self) -> None:
        """Hand over what was typed ahead, key by key: each may open the next overlay."""
        overlay = self._overlay
        if overlay is None or overlay.answer.done() or not (focused := self.focused):
            return
        if key := self._keys.take():
            focused.post_message(events.Key(key[0], key[1] or None))
            self.call_after_refresh(self.overlay_shown)

    def overlay_answered(self) -> None:
        """Keep the keys until it is clear whether another overlay follows."""
        self._opens()

    def on_paste(self, event: events.Paste) -> None:
        """A paste outside a pane is text for a nudge."""
        if self._overlay is None and event.text.strip():
            self._work(write_to(self.desk, self.desk.agents(), MODES[0].id, event.text.strip()))

    def on_mouse_down(self) -> None:
        """Stray keys may follow a mouse report."""
        self._keys.report()

    def on_app_focus(self) -> None:
        """Stray keys may follow a focus report."""
        self._keys.report()

    def on_descendant_focus(self) -> None:
        """The mode may be another."""
        self.stage.titles()
        self.hints()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """The big pane follows the cursor of the agents list, unless that has moved on since."""
        agents = self.panels.lists["agents"]
        if event.source is agents and event.key and event.key == agents.cursor:
            self.select(event.key)
        self.hints()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        """A second click: into the agent, or on to what the row stands for."""
        self.begin("pane.focus" if self.panels.active == "agents" else "open")

    def on_line_list_tab_clicked(self, event: LineList.TabClicked) -> None:
        """Another panel of the slot."""
        self.use_panel(event.panel)

    def on_pane_view_clicked(self, event: PaneView.Clicked) -> None:
        """A click on a tile selects, on the pane types into it."""
        if event.view is self.stage.pane:
            if not self.stage.watched:
                self.focus_pane()
        elif event.view.session:
            self.reveal("agents", event.view.session)

    def on_terminal_pane_left(self, event: TerminalPane.Left) -> None:
        """The leave key."""
        self.leave_pane()

    def on_terminal_pane_scrolled(self, event: TerminalPane.Scrolled) -> None:
        """The title says how far back."""
        self.stage.titles()


async def _nothing() -> None:
    return None
