"""Who is seen where: the big pane, the tiles, the cards."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from gastown_tui.tui.hub import Hub
from gastown_tui.tui.ports import ScreensPort
from gastown_tui.tui.store import Store
from gastown_tui.tui.widgets.pane import PaneView
from gastown_tui.tui.widgets.terminal_pane import TerminalPane
from gastown_tui.viewmodels import agents as agent_view
from gastown_tui.viewmodels.layout import Plan, assign_tiles
from gastown_tui.viewmodels.queue import gates_line
from gastown_tui.viewmodels.text import Record, clean, string

_LIVELY: Final = {
    "working": 0,
    "starting": 0,
    "waiting": 0,
    "error": 1,
    "stalled": 1,
    "parked": 2,
    "idle": 3,
    "paused": 4,
}
_SMALLEST: Final = (80, 24)
_RANKED: Final = ("state", "needs", "needs_since", "rig", "role", "name")


def _rank(row: Record) -> tuple[object, ...]:
    return tuple(row.get(column) for column in _RANKED)


class Stage:
    """Gives sessions to views, and says so on their titles."""

    def __init__(
        self, store: Store, port: ScreensPort, hub: Hub, clock: Callable[[], float]
    ) -> None:
        self._store, self._port, self._hub, self._clock = store, port, hub, clock
        self.pane = TerminalPane(port, id="pane")
        self.views: list[PaneView] = []
        """Tiles, then cards, as many as there are places."""
        self._tiles = 0
        self._assigned: tuple[str, ...] = ()
        self._ranks: dict[str, tuple[object, ...]] = {}
        """By agent all that its place among the tiles depends on."""
        self.selected = ""
        self.before = ""
        """Who was selected before."""
        self.watched = ""
        """The request whose gates the big pane shows instead of the selected agent."""
        self._gates = ""
        self.pane_shown = True
        self.zoomed = False

    def fit(self, plan: Plan) -> list[PaneView]:
        """Have as many views as the plan has places; the ones to be mounted."""
        self._tiles = len(plan.tiles)
        self.pane_shown = plan.pane is not None
        wanted = self._tiles + len(plan.cards)
        new = [PaneView() for _ in range(wanted - len(self.views))]
        self.views += new
        return new

    def select(self, session: str) -> bool:
        """Show another session in the big pane; False when it is there already."""
        if not session or (session == self.selected and not self.watched):
            return False
        self.watch("")
        if self.selected and session != self.selected:
            self.before = self.selected
        self.selected = session
        return True

    def watch(self, request: str) -> None:
        """Show the gates of a request in the big pane; of none, the selected agent again."""
        self.watched, self._gates = request, ""
        self.pane.can_focus = not request  # nobody reads what is typed into gates

    @property
    def shown(self) -> str:
        """The session in the big pane: that of the gates follows its request on to the landing."""
        if not self.watched:
            return self.selected
        row = self._store.row("mq", self.watched)
        self._gates = string(row, "gate_session") or self._gates
        return self._gates

    def assign(self, plan: Plan) -> None:
        """Give every place its session, and have the frames of those that are seen."""
        agents = self._store.rows("agents")
        self._ranks = {key: _rank(row) for key, row in agents.items()}
        if self.selected not in agents:
            self.selected = next(iter(agent_view.agent_order(agents)), "")
        skip = self.shown if self.pane_shown else ""
        waiting = agent_view.needy(agents)
        order = {key: at for at, key in enumerate(agent_view.agent_order(agents))}
        urgency = {key: at for at, key in enumerate(waiting)}
        ranked = tuple(
            sorted(
                (key for key in agents if key != skip),
                key=lambda key: (
                    urgency.get(key, 999),
                    _LIVELY.get(string(agents[key], "state"), 9),
                    order[key],
                ),
            )
        )
        places = len(plan.tiles) + len(plan.cards)
        if places >= len(ranked):
            ranked = tuple(sorted(ranked, key=order.__getitem__))
        cut = frozenset(waiting) - {skip}
        tiles = self._assigned[: len(plan.tiles)]
        tiles = assign_tiles(tiles, ranked, cut, len(plan.tiles))
        rest = tuple(key for key in ranked if key not in frozenset(tiles))
        cards = assign_tiles(self._assigned[len(plan.tiles) :], rest, cut, len(plan.cards))
        self._assigned = (*tiles, *cards)
        self._show()

    def update(self, plan: Plan, changed: Collection[str] | None) -> None:
        """Rows of agents are others: who is seen where may be, else just their titles are."""
        agents = self._store.rows("agents")
        if (
            changed is None
            or agents.keys() != self._ranks.keys()
            or any(self._ranks[key] != _rank(agents[key]) for key in changed if key in agents)
        ):
            self.assign(plan)
        else:
            self.titles(changed)

    def _show(self) -> None:
        seen: dict[str, PaneView] = {}
        if self.pane_shown:
            shown = self.shown
            self.pane.set_session(shown)
            if shown:
                seen[shown] = self.pane
        for at, view in enumerate(self.views):
            session = self._assigned[at] if at < len(self._assigned) else ""
            if at >= self._tiles or not session:
                view.set_session(session)
            else:
                seen[session] = view
        self._hub.show(seen, self.pane if self.pane_shown else None)
        self.titles()

    def titles(self, changed: Collection[str] | None = None) -> None:
        """Who, on what, in which state, for how long: on the views of these sessions, or all."""
        now = self._clock()
        if self.pane_shown and (changed is None or self.pane.session in changed):
            self._pane_title(now)
        for at, session in enumerate(self._assigned[: len(self.views)]):
            if changed is not None and session not in changed:
                continue
            view = self.views[at]
            if not session:
                view.set_title(())
                view.set_empty("")
                continue
            row = self._store.row("agents", session)
            surface = "active" if session == self.selected and not self.pane_shown else "title"
            brief = at >= self._tiles
            line = agent_view.title_line(session, row, view.columns, now, brief=brief)
            view.set_title(line, surface)
            if at >= self._tiles:
                last = self._hub.last_words(session)
                view.set_body(agent_view.card_lines(session, row, max(1, view.columns), now, last))
            else:
                view.set_empty(self._empty(session))

    def _pane_title(self, now: float) -> None:
        pane = self.pane
        row = self._store.row("agents", pane.session)
        note = ""
        if pane.back:
            note = f"{pane.back} rows back · esc returns"
        elif pane.has_focus:
            note = f"PANE · {pane.leave_keys[0]} leaves"
        surface = "live" if pane.has_focus else "title"
        if self.watched:
            gates = self._store.row("mq", self.watched)
            note = note or "esc returns"
            pane.set_title(gates_line(self.watched, gates, pane.size.width, now, note), surface)
            pane.set_empty(self._empty(""))
            return
        line = agent_view.title_line(pane.session, row, pane.size.width, now, note)
        pane.set_title(line if pane.session else (("  no agent", "faint"),), surface)
        pane.set_empty(self._empty(pane.session))

    def _empty(self, session: str) -> str:
        if "screens" in self._store.down:
            return "screens is down; this pane comes back by itself"
        if not session:
            return "no gates have run for it" if self.watched else "nobody is here yet"
        row = self._store.row("agents", session)
        state = string(row, "state")
        if state == "error" and not row.get("alive"):
            return clean(string(row, "evidence"))
        if state in ("stopped", "exited", "paused"):
            return f"{state} · R restarts"
        return "waiting for its picture"

    def fit_session(self) -> None:
        """Give the session of a zoomed pane the pane's size, once; it keeps it."""
        size = self.pane.size
        known = self._hub.signals_of(self.selected)
        cols, rows = max(_SMALLEST[0], size.width), max(_SMALLEST[1], size.height - 1)
        if not self.zoomed or not self.selected or self.watched:
            return
        if known is None or (known.cols, known.rows) != (cols, rows):
            self._port.resize(self.selected, cols, rows)
