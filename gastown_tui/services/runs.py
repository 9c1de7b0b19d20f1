"""The host's runs as facts, and waiting for one to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.town import RunFact
from gastown_tui.protocol import RunRow


def fact_of(row: RunRow) -> RunFact:
    """What decisions need of a run."""
    return RunFact(
        run=row.run,
        name=row.name,
        kind=row.kind,
        alive=row.ended == 0.0,
        started=row.started,
        ended=row.ended,
        code=row.code,
        signal=row.signal,
        why=row.why,
        note=row.note,
    )


class RunTable:
    """Every living run, and those that have ended, as the host has told them."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.rows: dict[str, RunRow] = {}
        self.facts: dict[str, RunFact] = {}
        self._wake = wake
        self._waiting: dict[str, list[asyncio.Future[RunFact]]] = {}

    def replace(self, rows: Iterable[RunRow]) -> None:
        """The whole list, after connecting anew."""
        self.rows = {row.run: row for row in rows}
        self.facts = {row.run: fact_of(row) for row in self.rows.values()}
        for run in list(self._waiting):
            found = self.facts.get(run)
            if found is None or not found.alive:
                self._settle(run, found)
        self._wake()

    def update(self, row: RunRow) -> None:
        """One run has begun or ended."""
        self.rows[row.run] = row
        self.facts[row.run] = fact_of(row)
        if row.ended:
            self._settle(row.run, self.facts[row.run])
        self._wake()

    def forget(self, keep: set[str], *, before: float) -> None:
        """Drop ended runs that nothing points to and that ended before a time."""
        for run, row in list(self.rows.items()):
            if row.ended and row.ended < before and run not in keep:
                del self.rows[run], self.facts[run]

    async def finished(self, run: str) -> RunFact:
        """Wait until a run has ended.

        Raises:
            Unavailable: the host no longer knows it.
        """
        found = self.facts.get(run)
        if found is not None and not found.alive:
            return found
        future: asyncio.Future[RunFact] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run, []).append(future)
        return await future

    def _settle(self, run: str, found: RunFact | None) -> None:
        for future in self._waiting.pop(run, []):
            if future.done():
                continue
            if found is None:
                future.set_exception(Unavailable(f"run {run} was lost with the host"))
            else:
                future.set_result(found)
