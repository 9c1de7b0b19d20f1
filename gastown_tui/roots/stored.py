"""The tables of a town that is down: what its stores and files say, without a controller."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NoReturn

from gastown_tui import protocol
from gastown_tui.adapters.agents.machine import Machine
from gastown_tui.adapters.agents.signs import AgentSigns
from gastown_tui.adapters.clock import SystemClock
from gastown_tui.domain.bead import instant
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.domain.town import STOPPED
from gastown_tui.protocol import TableRow
from gastown_tui.roots.town import catalogue, open_books, rig_config, rig_names, town_config
from gastown_tui.services.context import Context
from gastown_tui.services.controller import Controller
from gastown_tui.services.facts import Facts
from gastown_tui.services.feed_rows import Tables, build
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.refinery import Refinery
from gastown_tui.services.runs import RunTable
from gastown_tui.services.work import Work

DOWN: Final = "down"
"""State of an agent of a town that is down."""


class _Nobody:
    """In the place of host and screens: neither runs."""

    def _refuse(self) -> NoReturn:
        raise Unavailable("the town is down", hint="gastown up")

    async def spawn(self, _frame: protocol.Spawn, /) -> protocol.Spawned:
        self._refuse()

    async def end(self, *, run: str = "", grace_s: float = 2.0, reason: str = "") -> str:
        self._refuse()

    async def signal(self, _run: str, _signal: int, /, *, group: bool = False) -> None:
        self._refuse()

    async def type_text(
        self, _session: str, _data: bytes, *, if_generation: int | None, if_rows: str
    ) -> protocol.Typed:  # fmt: skip
        self._refuse()

    async def peek(self, _session: str, *, history: int = 0) -> protocol.Peeked:
        self._refuse()

    def key(self, _session: str, _key: str, _text: str = "") -> None:
        self._refuse()


def stored_tables(town: Path) -> Tables:
    """The tables that a controller would publish, as far as the disk tells; agents are down.

    Raises:
        BadInput: `town.toml` cannot be read.
        Damaged: the town's own beads cannot.
    """
    config, clock = town_config(town), SystemClock()
    books = open_books(town)
    try:
        books.refresh(clock.utc())
        nobody = _Nobody()
        context = Context(
            town=town, config=config, books=books, host=nobody, screens=nobody, git={},
            entries=catalogue(config), clock=clock, run_table=RunTable(lambda: None),
            person_env=dict(os.environ), machine=Machine(),
        )  # fmt: skip
        context.problems |= _unread(town, set(books.rigs))
        paths, agents = context.paths, books.agents
        signs = AgentSigns(
            dict(os.environ),
            lambda one: paths.session_file(agents[one.address], "hooks"),
            lambda one: context.folder(agents[one.address]),
        )
        facts = Facts(context, signs, lambda: None)
        work = Work(context, Nudger(context, facts.seen), signs.can_resume)
        looker = Controller(context, facts, work, Refinery(context), lambda _town: None)
        tables = build(looker.snapshot(facts.refresh(clock.now())), context, facts)
        since = instant(books.town_record.updated_at) if books.town_record else 0.0
    finally:
        for store in (books.town, *(rig.store for rig in books.rigs.values())):
            store.close()
    tables["town"]["town"]["running"] = False
    for row in tables["agents"].values():
        _lay_down(row, since)
    return tables


def _unread(town: Path, known: set[str]) -> dict[str, str]:
    """Why each rig is left out whose settings or beads cannot be read."""
    found: dict[str, str] = {}
    for name in set(rig_names(town)) - known:
        try:
            rig_config(town, name)
        except GastownError as error:
            found[name] = f"the rig {name} is left out: {error}"
        else:
            found[name] = f"the rig {name} is left out: gastown bead doctor says why"
    return found


def _lay_down(row: TableRow, since: float) -> None:
    """Nothing runs: an agent is stopped, as the overseer left it, or down with its town."""
    row |= {"needs": "", "needs_since": 0.0, "question": "", "source": "wanted"}
    if row["wanted"] == STOPPED or row["state"] == "handed-in":
        return
    bead = row["bead"]
    text = f"the town is down; {bead} stays on its hook" if bead else "the town is down"
    row |= {"state": DOWN, "since": since, "evidence": text}
