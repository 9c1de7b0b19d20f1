"""The five lists: one widget, configured five times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from gastown_tui.tui.ports import Clocks
from gastown_tui.tui.store import News, Store
from gastown_tui.tui.widgets.line_list import LineList, ListModel
from gastown_tui.viewmodels import agents as agent_view
from gastown_tui.viewmodels import queue as queue_view
from gastown_tui.viewmodels import tree as tree_view
from gastown_tui.viewmodels.layout import PANELS, Slot
from gastown_tui.viewmodels.text import Line, Record, cells, clean, crop, string

NAMES: Final = {
    "agents": "Agents",
    "tree": "Tree",
    "queue": "Queue",
    "convoys": "Convoys",
    "events": "Events",
}
TABLES: Final = {
    "agents": "agents",
    "tree": "beads",
    "queue": "mq",
    "convoys": "convoys",
    "events": "events",
}
_HEADING: Final = "\x00"
"""First character of the keys of headings; no name from outside keeps it."""


class Panels:
    """The lists, which of them is in use, and how each is filtered."""

    def __init__(self, store: Store, clocks: Clocks) -> None:
        self._store, self._clock = store, clocks.wall
        self.lists = {name: LineList(clocks.steady, id=f"list-{name}") for name in PANELS}
        self.active = "agents"
        self.filters: dict[str, str] = {}
        self.needy_only = False
        self.marks: set[str] = set()
        self.folded: set[str] = set()
        self._beads = tree_view.Tree()
        self._last: dict[frozenset[str], str] = {}
        self._visible: tuple[Slot, ...] = ()

    def cursor(self, panel: str) -> str:
        """The key under the cursor of a panel."""
        return self.lists[panel].cursor

    def front(self, slot: Slot) -> str:
        """Which panel of a slot is shown: the one in use, else the one last used."""
        group = frozenset(slot.panels)
        if self.active in group:
            self._last[group] = self.active
        return self._last.get(group, slot.panels[0])

    def show_in(self, slots: tuple[Slot, ...]) -> None:
        """From now on these are the slots."""
        self._visible = slots
        self.again()

    def shown(self) -> tuple[str, ...]:
        """The panels that are seen."""
        return tuple(self.front(slot) for slot in self._visible)

    def update(self, news: News) -> None:
        """Show news in the panels that are seen, and the counts on the titles."""
        if "beads" in news:
            self._beads.learn(self._store.rows("beads"), news["beads"])
        for panel in self.shown():
            if TABLES[panel] in news:
                self._show(panel, news[TABLES[panel]])
            elif panel == "agents" and "rigs" in news:
                self._show(panel, ())
        self.titles()

    def again(self) -> None:
        """Filters, marks, folds or slots are others: look at all that is seen."""
        for panel in self.shown():
            self._show(panel, None)
        self.titles()

    def _show(self, panel: str, changed: Collection[str] | None) -> None:
        self.lists[panel].show(self._model(panel), changed)

    def tick(self) -> None:
        """Ages have grown: look at what is seen again."""
        for panel in self.shown():
            self.lists[panel].update_lines()

    def _model(self, panel: str) -> ListModel:
        build: dict[str, Callable[[], ListModel]] = {
            "agents": self._agents,
            "tree": self._tree,
            "queue": self._queue,
            "convoys": self._convoys,
            "events": self._events,
        }
        return build[panel]()

    def _empty(self, panel: str, text: str) -> str:
        if self.filters.get(panel):
            return "nothing answers to the filter"
        return text if self._store.known else "waiting for the controller"

    def _kept(self, panel: str, keys: tuple[str, ...], rows: Mapping[str, Record]) -> list[str]:
        words = self.filters.get(panel, "").lower().split()
        if not words:
            return list(keys)
        kept = []
        for key in keys:
            text = " ".join(clean(each) for each in rows[key].values() if isinstance(each, str))
            text = f"{clean(key)} {text}".lower()
            if all(word in text for word in words):
                kept.append(key)
        return kept

    def _agents(self) -> ListModel:
        rows = self._store.rows("agents")
        keys = [
            key
            for key in agent_view.agent_order(rows)
            if (not self.needy_only or agent_view.is_needy(rows[key]))
            and agent_view.matches(key, rows[key], self.filters.get("agents", ""))
        ]
        rigs: dict[str, list[str]] = {}
        for key in keys:
            rigs.setdefault(string(rows[key], "rig"), []).append(key)
        if len(rigs) > 1:
            keys = [each for rig, members in rigs.items() for each in (_HEADING + rig, *members)]

        def line(key: str, width: int) -> Line:
            if key.startswith(_HEADING):
                rig = key[1:]
                members = [
                    row for row in self._store.rows("agents").values() if string(row, "rig") == rig
                ]
                return agent_view.rig_line(rig, members, width)
            row = self._store.row("agents", key)
            marked = key in self.marks
            return agent_view.agent_line(key, row, width, self._clock(), marked=marked)

        empty = "no agents yet: B a bead, s sling it"
        if self.needy_only:
            empty = "no agent needs you"
        elif not self._store.rows("rigs"):
            empty = "no rig yet: `gastown rig add`"
        return ListModel(
            keys=keys,
            line=line,
            headings=frozenset(key for key in keys if key.startswith(_HEADING)),
            empty=self._empty("agents", empty),
            ordered=True,
        )

    @property
    def yours(self) -> frozenset[str]:
        """Gates that the overseer has to open."""
        return frozenset(self._beads.yours)

    def _tree(self) -> ListModel:
        def line(key: str, width: int) -> Line:
            node = self._beads.node(key)
            row = self._store.row("beads", key)
            return tree_view.tree_line(node, row, width, self._clock()) if node else ()

        return ListModel(
            keys=self._beads.show(self.folded, self.filters.get("tree", "")),
            line=line,
            empty=self._empty("tree", "no beads yet: B creates one"),
            ordered=True,
        )

    def _queue(self) -> ListModel:
        rows = self._store.rows("mq")
        return ListModel(
            keys=self._kept("queue", queue_view.request_order(rows), rows),
            line=lambda key, width: queue_view.request_line(
                key, self._store.row("mq", key), width, self._clock()
            ),
            empty=self._empty("queue", "nothing waits to land"),
        )

    def _convoys(self) -> ListModel:
        rows = self._store.rows("convoys")
        return ListModel(
            keys=self._kept("convoys", queue_view.convoy_order(rows), rows),
            line=lambda key, width: queue_view.convoy_line(
                key, self._store.row("convoys", key), width, self._clock()
            ),
            empty=self._empty("convoys", "no convoys"),
        )

    def _events(self) -> ListModel:
        rows = self._store.rows("events")
        return ListModel(
            keys=self._kept("events", queue_view.event_order(rows), rows),
            line=lambda key, width: queue_view.event_line(
                key, self._store.row("events", key), width, self._clock()
            ),
            empty=self._empty("events", "nothing has happened yet"),
            ordered=True,
            follow=True,
        )

    def titles(self) -> None:
        """The names of the panels on the first line of each slot."""
        for slot in self._visible:
            front = self.front(slot)
            parts: list[tuple[str, str]] = []
            tabs: list[tuple[int, int, str]] = []
            at = 0
            for panel in slot.panels:
                number = f" {PANELS.index(panel) + 1} "
                text = f"{NAMES[panel]} {self._count(panel)}".rstrip() + "  "
                parts += [
                    (number, "accent" if panel == front else "faint"),
                    (text, "strong" if panel == front else "muted"),
                ]
                size = cells(number) + cells(text)
                tabs.append((at, at + size, panel))
                at += size
            if wanted := self.filters.get(front):
                parts.append((f" / {crop(clean(wanted), 20)} ", "chip"))
            if front == "agents" and self.needy_only:
                parts.append((" needs me ", "chip"))
            self.lists[front].set_title(tuple(parts), tuple(tabs))

    def _count(self, panel: str) -> str:
        rows = self._store.rows(TABLES[panel])
        if panel == "agents":
            marked = f" · {len(self.marks)} marked" if self.marks else ""
            return f"{len(rows)}{marked}" if rows else ""
        if panel == "queue":
            over = ("landed", "rejected", "dropped")
            return str(sum(string(row, "state") not in over for row in rows.values()) or "")
        if panel == "tree":
            return f"{self._beads.closed}/{len(rows)}" if rows else ""
        return str(len(rows) or "") if panel == "convoys" else ""

    def fold(self, *, close: bool) -> None:
        """Fold or unfold the bead under the cursor; folding a leaf goes to its parent."""
        key = self.cursor("tree")
        node = self._beads.node(key)
        if node is None:
            return
        if not close:
            self.folded.discard(key)
        elif node.children and not node.folded:
            self.folded.add(key)
        else:
            parent = self._store.row("beads", key).get("parent")
            if isinstance(parent, str):
                self.lists["tree"].go(parent)
            return
        self.again()

    def unfold_to(self, key: str) -> None:
        """Make a bead visible."""
        seen: set[str] = set()
        parent = self._store.row("beads", key).get("parent")
        while isinstance(parent, str) and parent not in seen:
            seen.add(parent)
            parent = self._store.row("beads", parent).get("parent")
        self.folded -= seen
        self.filters.pop("tree", None)

    def listed_agents(self) -> tuple[str, ...]:
        """The agents that the filter shows."""
        return tuple(key for key in self.lists["agents"].keys if not key.startswith(_HEADING))
