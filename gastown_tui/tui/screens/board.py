"""What is seen: strip, lists, panes, hints, each where the plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.layout import Layout
from textual.screen import Screen
from textual.widget import Widget

from gastown_tui.protocol import ScreenFrame, Signals, TableRow
from gastown_tui.tui.actions import BY_ID, HINTED
from gastown_tui.tui.brush import Brush, Output
from gastown_tui.tui.hub import Hub
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.panels import Panels
from gastown_tui.tui.placed import Placed
from gastown_tui.tui.ports import Clocks, FeedItem, LinkState, ScreenItem, ScreensPort, TownPort
from gastown_tui.tui.stage import Stage
from gastown_tui.tui.store import News, Store, merge_news
from gastown_tui.tui.widgets.overlay import Overlay
from gastown_tui.tui.widgets.painted import Bar
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.layout import Place, Plan, View, plan
from gastown_tui.viewmodels.strip import TownFacts, problem_lines, strip_line
from gastown_tui.viewmodels.text import string
from gastown_tui.viewmodels.waiting import proposed

if TYPE_CHECKING:
    from gastown_tui.tui.desk import Desk

_T = TypeVar("_T")
_FEED_S = 0.05
"""News of the town are shown together, at most so often."""
_RESIZE_S = 0.15
"""A zoomed pane resizes its session once its size has settled for so long."""


class Board(Screen[None], inherit_bindings=False):
    """The widgets of the dashboard, fed by the two ports."""

    desk: Desk
    """What is selected and wanted; given by the screen that handles keys."""

    terminal: Callable[[], Output | None] = staticmethod(lambda: None)
    """Where lines may be painted straight to, if they may; given by the application."""

    noticed: Callable[[Mapping[str, TableRow], str], None] = staticmethod(lambda _rows, _town: None)
    """Takes notices and the town's name; given by the application."""

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
        self._town, self._port = town, port
        self._strip, self._hints = Bar(id="strip"), Bar(id="hints")
        self._overlay: Overlay[Any] | None = None
        self._brush = Brush(self._output, lambda: self.app.console)
        self._plan: Plan = plan(80, 24, View())
        self._news: News = {}
        self._news_due = False
        self._news_at = 0.0

    def compose(self) -> ComposeResult:
        """Everything but tiles and overlays."""
        for widget in (self._strip, *self.panels.lists.values(), self.stage.pane, self._hints):
            widget.brush = self._brush
            yield widget

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

    def _output(self) -> Output | None:
        """The terminal, as long as nothing lies over the panes."""
        on_top = self.app.screen_stack[-1:] == [self]  # `is_current` is true of screens below, too
        if self._overlay is not None or not on_top or not self.is_running:
            return None
        return self.terminal()

    def _after(self, delay: float, call: Callable[[], None]) -> None:
        self.set_timer(max(delay, 0.001), call)

    # ------------------------------------------------------------ what comes from the world

    def _feed(self, item: FeedItem) -> None:
        self._news = merge_news(self._news, self.store.apply(item))
        if isinstance(item, LinkState):
            self.link_changed(item)
        if self._news and not self._news_due:
            self._news_due = True
            self._after(self._news_at + _FEED_S - self.clocks.steady(), self._show_news)

    def _show_news(self) -> None:
        news, self._news, self._news_due = self._news, {}, False
        self._news_at = self.clocks.steady()
        if news.keys() & {"town", "agents"}:
            self.panels.marks &= self.store.rows("agents").keys()
            if self._plan_wanted() != self._plan:
                self.relayout()
        self.panels.update(news)
        if "notices" in news:
            self.noticed(self.store.rows("notices"), string(self.store.town(), "name"))
        if "town" in news or ("mq" in news and self.stage.watched):
            self.stage.assign(self._plan)
        elif "agents" in news:
            self.stage.update(self._plan, news["agents"])
        self._tick_strip()
        if "town" in news:
            self.town_changed()

    def town_changed(self) -> None:
        """The town's own row is another."""

    def link_changed(self, link: LinkState) -> None:
        """A daemon has come or gone."""

    def overlay_shown(self) -> None:
        """An overlay has the focus."""

    def overlay_answered(self) -> None:
        """An overlay goes; another one may follow at once."""

    def _frame(self, item: ScreenItem) -> None:
        if isinstance(item, ScreenFrame):
            self.hub.frame(item, self.stage.pane if self.stage.pane_shown else None)
        elif isinstance(item, Signals):
            self.hub.signals(item)
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
        problems, room = self.store.problems(), self._plan.strip.height - 1
        facts = TownFacts(
            town=self.store.town(),
            agents=self.store.rows("agents"),
            queue=self.store.rows("mq"),
            gates=len(self.panels.yours),
            proposals=len(proposed(self.store.rows("convoys"))),
            down=self.store.down_words(),
            problems=len(problems) if not room else 0,
        )
        width = self.size.width
        below = problem_lines(problems, room, width)
        self._strip.show(strip_line(facts, width, self.clocks.wall()), *below)
        self.hints()

    # ------------------------------------------------------------ layout

    def _plan_wanted(self) -> Plan:
        view = View(
            agents=len(self.store.rows("agents")),
            density=self.desk.density,
            zoom=self.stage.zoomed,
            drawer=self.panels.active != "agents",
            pane=self.stage.pane.has_focus or bool(self.stage.watched),
            problems=len(self.store.problems()),
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
        for view, place in zip(self.stage.views, (*found.tiles, *found.cards), strict=False):
            view.brush = self._brush
            view.edge = int(place.x + place.width < self.size.width)
            places[view] = place._replace(width=place.width + view.edge)
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
        if self._overlay is not None:
            mode, shown = self._overlay.mode, [("esc", "back to the town")]
        elif pane:
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
        self.panels.again()
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
        watched = self.stage.watched
        if self.stage.select(session):
            if watched:
                self.relayout()
            self.stage.assign(self._plan)
            self.panels.lists["agents"].go(session)
            self._tick_strip()
            if self.stage.zoomed:
                self._after(_RESIZE_S, self.stage.fit_session)

    def show_gates(self, request: str) -> None:
        """Show the gates of this request in the big pane; of none, the selected agent again."""
        self.stage.watch(request)
        self.relayout()

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
        self.call_after_refresh(self.overlay_shown)
        try:
            return await overlay.answer
        finally:
            self.overlay_answered()
            self.places.pop(overlay, None)
            if self._overlay is overlay:
                self._overlay = None
                if before is not None and before.is_attached:
                    before.focus()
            await overlay.remove()
            self.hints()

    def on_screen_suspend(self) -> None:
        """Nothing is seen: no frames."""
        self.hub.pause(on=True)

    def on_screen_resume(self) -> None:
        """Seen again."""
        if self.hub.paused:
            self.hub.pause(on=False)
            self.relayout()
