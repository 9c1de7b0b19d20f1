"""The town feed: tables of rows with a version; clients get a snapshot, then what changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from gastown_tui.domain.town import Town
from gastown_tui.protocol import Delta, Snapshot, TableRow
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.feed_rows import Tables, build


class Feed:
    """Keeps the tables and says what changed."""

    def __init__(self, context: Context, facts: Facts) -> None:
        self._context = context
        self._facts = facts
        self.boot = secrets.token_hex(4)
        """Versions are comparable within one boot only."""
        self.version = 0
        self.tables: Tables = {}
        self._listeners: list[Callable[[Delta], None]] = []

    def listen(self, listener: Callable[[Delta], None]) -> None:
        """Call `listener` with every delta from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Delta], None]) -> None:
        """No more deltas."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def snapshot(self) -> Snapshot:
        """Everything, now."""
        return Snapshot(
            version=self.version,
            boot=self.boot,
            at=self._context.clock.now().wall,
            tables=self.tables,
        )

    def publish(self, town: Town) -> None:
        """Build the tables of a look and tell the listeners what is new in them."""
        fresh = build(town, self._context, self._facts)
        changes: dict[str, dict[str, TableRow | None]] = {}
        for name, rows in fresh.items():
            old = self.tables.get(name, {})
            changed: dict[str, TableRow | None] = {
                key: row
                for key, row in rows.items()
                if (known := old.get(key)) is not row and known != row
            }
            changed |= dict.fromkeys(key for key in old if key not in rows)
            if changed:
                changes[name] = changed
        self.tables = fresh
        if not changes:
            return
        self.version += 1
        delta = Delta(
            base=self.version - 1,
            version=self.version,
            at=self._context.clock.now().wall,
            tables=changes,
        )
        for listener in list(self._listeners):
            listener(delta)
