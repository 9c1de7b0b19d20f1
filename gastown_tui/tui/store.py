"""The town as the screen knows it: the feed's tables, and which daemons are there."""

from __future__ import annotations

from typing import Final

from gastown_tui.protocol import Delta, Snapshot, TableRow
from gastown_tui.tui.ports import Daemon, LinkState
from gastown_tui.viewmodels.strip import clock_text

TABLES: Final = ("town", "rigs", "agents", "beads", "mq", "convoys", "events")


class Store:
    """Tables by name, rows by key; every row is replaced, never changed in place."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, TableRow]] = {name: {} for name in TABLES}
        self.at = 0.0
        """The moment of the last news."""
        self.known = False
        """Has there been a whole town yet."""
        self.down: dict[Daemon, LinkState] = {}

    def apply(self, item: Snapshot | Delta | LinkState) -> frozenset[str]:
        """Take news over; the names of the tables that changed (`town` for daemons)."""
        if isinstance(item, LinkState):
            if item.up:
                self.down.pop(item.daemon, None)
            else:
                self.down[item.daemon] = item
            return frozenset(("town",))
        self.at = item.at
        if isinstance(item, Snapshot):
            self.known = True
            self.tables = {name: dict(item.tables.get(name, {})) for name in TABLES}
            return frozenset(TABLES)
        for name, rows in item.tables.items():
            table = self.tables.setdefault(name, {})
            for key, row in rows.items():
                if row is None:
                    table.pop(key, None)
                else:
                    table[key] = row
        return frozenset(item.tables)

    def rows(self, table: str) -> dict[str, TableRow]:
        """A table; empty when there is none."""
        return self.tables.get(table, {})

    def row(self, table: str, key: str) -> TableRow:
        """A row; empty when there is none."""
        return self.tables.get(table, {}).get(key, {})

    def town(self) -> TableRow:
        """The town's own row."""
        return self.row("town", "town")

    def down_words(self) -> tuple[str, ...]:
        """What is not there, in the words of the top line."""
        words = []
        if "host" in self.down:
            return ("the host is down: `:` start",)
        if found := self.down.get("controller"):
            moment = self.at or found.since
            words.append(f"as of {clock_text(moment)}, controller down")
        if "screens" in self.down:
            words.append("screens down: panes come back by themselves")
        return tuple(words)
