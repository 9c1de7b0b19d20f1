"""The dashboard: strip, lists, panes, hints."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.layout import Layout
from textual.screen import Screen
from textual.widget import Widget

from gastown_tui.protocol import ScreenFrame, Signals
from gastown_tui.tui.actions import BY_ID, HINTED
from gastown_tui.tui.desk import Desk
from gastown_tui.tui.handlers.agents import MODES, write_to
from gastown_tui.tui.handlers.table import HANDLERS
from gastown_tui.tui.hub import Hub
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.keys import KeyReader
from gastown_tui.tui.panels import TABLES, Panels
from gastown_tui.tui.placed import Placed
from gastown_tui.tui.ports import Clocks, FeedItem, LinkState, ScreenItem, ScreensPort, TownPort
from gastown_tui.tui.screens.diff import DiffScreen, Verdict
from gastown_tui.tui.stage import Stage
from gastown_tui.tui.store import Store
from gastown_tui.tui.widgets.line_list import LineList
from gastown_tui.tui.widgets.overlay import Overlay
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.tui.widgets.pane import PaneView
from gastown_tui.tui.widgets.terminal_pane import TerminalPane
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.layout import Place, Plan, View, plan
from gastown_tui.viewmodels.strip import TownFacts, strip_line

_T = TypeVar("_T")
_FEED_S = 0.05
"""News of the town are shown together, at most so often."""
_RESIZE_S = 0.15


class TownScreen(Screen[None], inherit_bindings=False):
    """Everything on one screen; a widget stands where the plan says."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = []

    def __init__(self, town: TownPort, port: ScreensPort, clocks: Clocks, keymap: Keymap) -> None:
        super().__init__()
        self.places: dict[Widget, Place] = {}
        self._placed = Placed()
        self.clocks, self.keymap = clocks, keymap
        self.store = Store()
        self.hub = Hub(port, clocks.steady, lambda delay: self._after(delay, self.hub.flush))
        self.panels = Panels(self.store, clocks)
        self.stage = Stage(self.store, port, self.hub, clocks.wall)
        self.desk = Desk(self, town, port)
        self._town, self._port = town, port
        self._keys = KeyReader(
            keymap,
            clocks.steady,
            self.begin,
            lambda text: self._work(write_to(self.desk, self.desk.agents(), MODES[0].id, text)),
            lambda delay: self._after(delay, self._keys.due),
        )
        self._strip, self._hints = Bar(id="strip"), Bar(id="hints")
        self._overlay: Overlay[Any] | None = None
        self._plan: Plan = plan(80, 24, View())
        self._news: set[str] = set()
        self._news_due = False
        self._offered = False

    def compose(self) -> ComposeResult:
        """Everything but tiles and overlays."""
        yield self._strip
        yield from self.panels.lists.values()
        yield self.stage.pane
        yield self._hints

    @property
    def layout(self) -> Layout:
        """Every widget where `places` says."""
        return self._placed

    def on_mount(self) -> None:
        """Listen to the world."""
        self.stage.pane.leave_keys = self.keymap.keys["pane.leave"]
        self.relayout()
        self.panels.lists["agents"].focus()
        self._town.follow(self._feed)
        self._port.listen(self._frame)
        self.set_interval(1.0, self._tick)
        for problem in self.keymap.problems:
            self.desk.toast(problem, bad=True)

    def _after(self, delay: float, call: Callable[[], None]) -> None:
        self.set_timer(max(delay, 0.001), call)

    # ------------------------------------------------------------ what comes from the world

    def _feed(self, item: FeedItem) -> None:
        self._news |= self.store.apply(item)
        if isinstance(item, LinkState):
            self._link(item)
        if not self._news_due:
            self._news_due = True
            self._after(_FEED_S if self.store.known else 0.0, self._show_news)

    def _show_news(self) -> None:
        news, self._news, self._news_due = frozenset(self._news), set(), False
        if "agents" in news:
            there = self.store.rows("agents")
            self.panels.marks &= there.keys()
            if self._plan_wanted() != self._plan:
                self.relayout()
        self.panels.update(news)
        if "agents" in news or "town" in news:
            self.stage.assign(self._plan)
        self._tick_strip()

    def _link(self, link: LinkState) -> None:
        if link.daemon == "host" and not link.up and not self._offered:
            self._offered = True
            self._work(self._offer())
        if link.up and link.daemon == "host":
            self._offered = False

    async def _offer(self) -> None:
        lines = (((("Nothing of this town is running now.", "muted"),)),)
        if await self.desk.confirm("Start the town?", *lines):
            await self.desk.guarded(HANDLERS["town.start"](self.desk) or _nothing())

    def _frame(self, item: ScreenItem) -> None:
        if isinstance(item, ScreenFrame):
            self.hub.frame(item, self.stage.pane if self.stage.pane_shown else None)
        elif isinstance(item, Signals):
            if self.hub.signals(item) and self.stage.view_of(item.session):
                self.stage.assign(self._plan)
        else:
            self.store.apply(item)
            self.hub.forget()
            self.stage.assign(self._plan)
            self._tick_strip()

    def _tick(self) -> None:
        self.panels.tick()
        self.stage.titles()
        self._tick_strip()

    def _tick_strip(self) -> None:
        facts = TownFacts(
            town=self.store.town(),
            agents=self.store.rows("agents"),
            queue=self.store.rows("mq"),
            down=self.store.down_words(),
        )
        self._strip.show(strip_line(facts, self.size.width, self.clocks.wall()))
        self.hints()

    # ------------------------------------------------------------ layout

    def _plan_wanted(self) -> Plan:
        view = View(
            agents=len(self.store.rows("agents")),
            density=self.desk.density,
            zoom=self.stage.zoomed,
            drawer=self.panels.active != "agents",
            pane=self.stage.pane.has_focus,
        )
        return plan(self.size.width, self.size.height, view)

    def relayout(self) -> None:
        """Put every widget where the plan for this size says."""
        self._plan = found = self._plan_wanted()
        new = self.stage.fit(found)
        places: dict[Widget, Place] = {self._strip: found.strip, self._hints: found.hints}
        if found.pane is not None:
            places[self.stage.pane] = found.pane
        for slot in found.slots:
            places[self.panels.lists[self.panels.front(slot)]] = slot.place
        places.update(zip(self.stage.views, (*found.tiles, *found.cards), strict=False))
        if self._overlay is not None:
            places[self._overlay] = self._overlay.wanted(self.size.width, self.size.height)
        self.places = places
        if new:
            self.mount_all(new)
        self._strip.refresh(layout=True)
        self.panels.show_in(found.slots)
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        self.stage.assign(self._plan)
        self._tick_strip()
        if self.stage.zoomed:
            self._after(_RESIZE_S, self.stage.fit_session)

    def on_resize(self) -> None:
        """Another size, another plan."""
        self.relayout()

    def hints(self) -> None:
        """The keys that work now."""
        pane = self.stage.pane.has_focus
        mode = "PANE" if pane else "NAV"
        if pane:
            shown = [(self.keymap.label("pane.leave"), "leaves; every other key goes to the agent")]
        else:
            needy = bool(
                self.desk.agent() and self.store.row("agents", self.desk.agent()).get("needs")
            )
            hinted = [name for name in HINTED if needy or not name.startswith("dialog.")]
            shown = [
                (self.keymap.label(name), BY_ID[name].hint)
                for name in hinted
                if self.keymap.label(name)
            ]
        self._hints.show(hint_line(mode, shown, self.size.width))

    # ------------------------------------------------------------ what handlers use

    def use_panel(self, name: str) -> None:
        """Work in this panel."""
        self.panels.active = name
        self.relayout()
        self.panels.lists[name].focus()

    def panels_changed(self) -> None:
        """Filters, marks or folds are others."""
        self.panels.update(frozenset(TABLES.values()))
        self._tick_strip()

    def reveal(self, panel: str, key: str) -> None:
        """Go to a row, wherever it is."""
        if panel == "tree":
            self.panels.unfold_to(key)
        self.use_panel(panel)
        found = self.panels.lists[panel]
        if not found.go(key):
            self.panels.filters.pop(panel, None)
            self.panels.needy_only = self.panels.needy_only and panel != "agents"
            self.panels_changed()
            found.go(key)
        if panel == "agents":
            self.select(key)

    def select(self, session: str) -> None:
        """Show this agent in the big pane."""
        if self.stage.select(session):
            self.stage.assign(self._plan)
            self.panels.lists["agents"].go(session)
            self._tick_strip()
            if self.stage.zoomed:
                self._after(_RESIZE_S, self.stage.fit_session)

    def focus_pane(self) -> None:
        """Give the keys to the agent."""
        self.stage.pane.focus()
        self.call_after_refresh(self.relayout)

    def leave_pane(self) -> None:
        """Take the keys back."""
        self.desk.left_at = self.clocks.steady()
        self.panels.lists[self.panels.active].focus()
        self.call_after_refresh(self.relayout)

    async def show_overlay(self, overlay: Overlay[_T]) -> _T | None:
        """Put an overlay over everything, give it the focus, wait for its answer."""
        if self._overlay is not None:
            self._overlay.finish(None)
        before = self.focused
        self._overlay = overlay
        self.places[overlay] = overlay.wanted(self.size.width, self.size.height)
        await self.mount(overlay)
        if overlay.can_focus:
            overlay.focus()
        try:
            return await overlay.answer
        finally:
            self.places.pop(overlay, None)
            if self._overlay is overlay:
                self._overlay = None
                if before is not None and before.is_attached:
                    before.focus()
            await overlay.remove()

    async def show_diff(self, screen: DiffScreen) -> Verdict | None:
        """Show a diff over everything; what was decided there."""
        return await self.app.push_screen_wait(screen)

    def begin(self, name: str) -> None:
        """Start an action."""
        started = HANDLERS[name](self.desk)
        if started is not None:
            self._work(started)

    async def perform(self, name: str) -> None:
        """Run an action to its end."""
        started = HANDLERS[name](self.desk)
        if started is not None:
            await self.desk.guarded(started)

    def _work(self, doing: Coroutine[Any, Any, None]) -> None:
        self.run_worker(self.desk.guarded(doing), exit_on_error=False)

    # ------------------------------------------------------------ what comes from the person

    def on_key(self, event: events.Key) -> None:
        """A key of the dashboard."""
        if self._overlay is None:
            event.stop()
            event.prevent_default()
            self._keys.key(event)

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

    def on_screen_suspend(self) -> None:
        """Nothing is seen: no frames."""
        self.hub.pause(on=True)

    def on_screen_resume(self) -> None:
        """Seen again."""
        if self.hub.paused:
            self.hub.pause(on=False)
            self.relayout()

    def on_descendant_focus(self) -> None:
        """The mode may be another."""
        self.stage.titles()
        self.hints()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """The big pane follows the cursor of the agents list."""
        if event.source is self.panels.lists["agents"] and event.key:
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
