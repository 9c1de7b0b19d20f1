"""The town as the screen knows it: the feed's tables, and which daemons are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

from gastown_tui.protocol import Delta, Snapshot, TableRow
from gastown_tui.tui.ports import Daemon, LinkState
from gastown_tui.viewmodels.strip import clock_text
from gastown_tui.viewmodels.text import strings

TABLES: Final = ("town", "rigs", "agents", "beads", "mq", "convoys", "events", "notices")
_UNSEEN: Final = {"rows_hash": ""}
"""Columns that nothing on the screen tells of, and that change with every spinner's turn."""

News: TypeAlias = dict[str, Collection[str] | None]
"""By table the keys of the rows that came, went or changed; None when any of them may have."""
EVERYTHING: Final[News] = dict.fromkeys(TABLES)


def merge_news(first: News, then: News) -> News:
    """Both together."""
    merged = first | then
    for name in first.keys() & then.keys():
        one, other = first[name], then[name]
        merged[name] = None if one is None or other is None else {*one, *other}
    return merged


class Store:
    """Tables by name, rows by key; every row is replaced, never changed in place."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, TableRow]] = {name: {} for name in TABLES}
        self.at = 0.0
        """The moment of the last news."""
        self.known = False
        """Has there been a whole town yet."""
        self.down: dict[Daemon, LinkState] = {}

    def apply(self, item: Snapshot | Delta | LinkState) -> News:
        """Take news over; what of it can be seen (`town` for daemons)."""
        if isinstance(item, LinkState):
            if item.up:
                self.down.pop(item.daemon, None)
            else:
                self.down[item.daemon] = item
            return {"town": None}
        self.at = item.at
        if isinstance(item, Snapshot):
            self.known = True
            self.tables = {name: dict(item.tables.get(name, {})) for name in TABLES}
            return dict(EVERYTHING)
        changed = {name: self._merge(name, rows) for name, rows in item.tables.items()}
        return {name: keys for name, keys in changed.items() if keys}

    def _merge(self, name: str, rows: Mapping[str, TableRow | None]) -> set[str]:
        table = self.tables.setdefault(name, {})
        seen = set()
        for key, row in rows.items():
            before = table.get(key)
            if row is None:
                table.pop(key, None)
            else:
                table[key] = row
            if before is None or row is None or before | _UNSEEN != row | _UNSEEN:
                seen.add(key)
        return seen

    def rows(self, table: str) -> dict[str, TableRow]:
        """A table; empty when there is none."""
        return self.tables.get(table, {})

    def row(self, table: str, key: str) -> TableRow:
        """A row; empty when there is none."""
        return self.tables.get(table, {}).get(key, {})

    def town(self) -> TableRow:
        """The town's own row."""
        return self.row("town", "town")

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the town as a whole, one line each."""
        why = (state.text for state in self.down.values())
        return (*filter(None, why), *strings(self.town(), "problems"))

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
