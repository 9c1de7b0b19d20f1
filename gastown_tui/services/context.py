"""What every part of the controller shares: the books, the ports and the town's paths."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import msgspec

from gastown_tui import protocol
from gastown_tui.domain import ids, records
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.bead_gates import Verdict
from gastown_tui.domain.capacity import Memory
from gastown_tui.domain.config import RigConfig, TownConfig
from gastown_tui.domain.errors import Conflict, GastownError, NotFound, Unavailable
from gastown_tui.domain.town import Agent, Outcome, Request
from gastown_tui.domain.view import NEVER_RAN
from gastown_tui.services.books import Books
from gastown_tui.services.ports import (
    Clock,
    FormulaRow,
    Formulas,
    Host,
    Machine,
    RigGit,
    Screens,
)
from gastown_tui.services.ports_upstream import Forge
from gastown_tui.services.runs import RunTable

_P = ParamSpec("_P")
_T = TypeVar("_T")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ACTOR = "controller"
LEAST_ROOM: Final = 20 * 1000 * 1000
"""Bytes on the town's disk below which nothing starts: a session's log alone may take them."""
_DISK = "/disk"
"""Key of the problem that the disk is full."""


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Where things lie in a town."""

    town: Path

    @property
    def private(self) -> Path:
        """Ours alone, ignored by git."""
        return self.town / ".gastown"

    @property
    def bin(self) -> Path:
        """Holds the `gastown` that sessions find first."""
        return self.private / "bin"

    @property
    def bd(self) -> Path:
        """Holds the `bd` of sessions that shall find one."""
        return self.private / "bd"

    def sandbox(self, agent: Agent) -> Path:
        """The folder an agent works in: its worktree, or the mayor's desk."""
        if agent.role == "mayor":
            return self.town / "mayor"
        return self.town / agent.rig / "polecats" / agent.name

    def refinery(self, rig: str, name: str) -> Path:
        """A worktree for gates."""
        return self.town / rig / "refinery" / name

    def tmp(self, rig: str, worktree: Path) -> Path:
        """The folder of temporary files of what works in a worktree."""
        below = self.private / "agents" / rig
        is_sandbox = worktree.parent == self.town / rig / "polecats"
        return (below if is_sandbox else below / ".refinery") / worktree.name / "tmp"

    def session_file(self, agent: Agent, name: str) -> Path:
        """A file that belongs to an agent's sessions."""
        return self.private / "agents" / agent.rig / agent.name / name


class Context:
    """The controller's world, as one argument."""

    resume_held: frozenset[str] = frozenset()
    """Agents that go on only at the overseer's word, after an absence."""
    memory: Memory = Memory()
    """Of the machine, as last looked at."""
    away_since: float = 0.0
    """When the town was last alive before that absence."""

    def __init__(  # noqa: PLR0913 - the composition root fills it once, by name
        self,
        *,
        town: Path,
        config: TownConfig,
        books: Books,
        host: Host,
        screens: Screens,
        git: dict[str, RigGit],
        entries: Mapping[str, AgentEntry],
        clock: Clock,
        run_table: RunTable,
        person_env: Mapping[str, str],
        machine: Machine,
    ) -> None:
        self.paths = Paths(town=town)
        self.config = config
        self.books = books
        self.host = host
        self.screens = screens
        self.git = git
        self.entries = entries
        self.clock = clock
        self.person_env = person_env
        self.machine = machine
        self.run_table = run_table
        self.claimed: set[Path] = set()
        """Worktrees of the refinery that are being prepared."""
        self.problems: dict[str, str] = {}
        """What keeps a rig out, or (without a name) is wrong with the town's settings: one line."""
        self.outcomes: dict[str, Outcome] = {}
        """How the controller's last command of each key ended."""
        self.notices: dict[str, protocol.TableRow] = {}
        """What the overseer was called for last, as rows of the feed."""
        self.queued: dict[str, list[str]] = {}
        """Session to the first words of texts that wait until it can take them."""
        self.formulas: Formulas | None = None
        self.formula_rows: dict[str, tuple[FormulaRow, ...]] = {}
        """Rig to its formulas, as last looked at."""
        self.gates: dict[str, Verdict] = {}
        """Gate beads that are shut, and how each stands."""
        self.tips: dict[str, str] = {}
        """Rig to the tip of its target."""
        self.upstreams: dict[str, str] = {}
        """Rig to its upstream's tip, where the local target is not built on that."""
        self.forge: Forge | None = None
        """Where pull requests are made."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._rows: dict[str, tuple[Bead, object, protocol.TableRow]] = {}

    def new_run(self) -> str:
        """An id for a run: its time, so that ids sort, and chance."""
        number, text = int(self.clock.now().wall * 1000), ""
        while number:
            number, digit = divmod(number, 36)
            text = _DIGITS[digit] + text
        return f"{text}-{secrets.token_hex(3)}"

    async def in_git(
        self,
        rig: str,
        call: Callable[Concatenate[RigGit, _P], _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Call git of a rig in a thread, one call at a time for each rig."""
        lock = self._locks.setdefault(rig, asyncio.Lock())
        async with lock:
            return await asyncio.to_thread(call, self.rig_git(rig), *args, **kwargs)

    def rig_git(self, rig: str) -> RigGit:
        """Git of a rig.

        Raises:
            NotFound: no such rig.
        """
        try:
            return self.git[rig]
        except KeyError:
            raise NotFound(f"there is no rig {rig!r}", hint="see `gastown status`") from None

    def folder(self, agent: Agent) -> Path:
        """The folder that an agent is started in: its sandbox, or the rig's folder there."""
        rig = self.books.rigs.get(agent.rig)
        sandbox = self.paths.sandbox(agent)
        return sandbox / rig.config.folder if rig and agent.role != "mayor" else sandbox

    def rig(self, name: str) -> RigConfig:
        """A rig's configuration.

        Raises:
            NotFound: no such rig.
        """
        try:
            return self.books.rigs[name].config
        except KeyError:
            raise NotFound(f"there is no rig {name!r}", hint="see `gastown status`") from None

    def agent(self, address: str) -> Agent:
        """An agent by address, or by name where only one has it.

        Raises:
            NotFound: none, or more than one.
        """
        agents = self.books.agents
        if address in agents:
            return agents[address]
        named = [one for one in agents.values() if one.name == address]
        if len(named) != 1:
            some = ", ".join(sorted(one.address for one in named)) or "see `gastown agents`"
            raise NotFound(f"there is no agent {address!r}", hint=some)
        return named[0]

    def request(self, request: str) -> Request:
        """An open merge request by id, by a part of it that is only its own, or by its bead.

        Raises:
            NotFound: none, or more than one.
        """
        known = self.books.requests
        mine = [one.id for one in known.values() if one.bead == request]
        found = mine or ids.meant(request, self.books.town.prefix, known)
        if len(found) != 1:
            some = ", ".join(found[:5]) or "see `gastown mq list`"
            raise NotFound(f"there is no open merge request {request!r}", hint=some)
        return known[found[0]]

    def entry(self, agent: Agent) -> AgentEntry:
        """The catalogue entry that an agent runs.

        Raises:
            NotFound: the catalogue has no such entry.
        """
        rig = self.books.rigs.get(agent.rig)  # none for the mayor, and while a rig is left out
        name = agent.entry or (rig.config.agent if rig else "") or self.config.agent
        try:
            return self.entries[name]
        except KeyError:
            known = ", ".join(sorted(self.entries))
            raise NotFound(f"no agent is called {name!r} in the catalogue", hint=known) from None

    def shortage(self) -> str:
        """Why nothing may start for want of room on the disk, told as a problem too; or empty."""
        town = self.paths.town
        try:
            is_short = self.machine.free(town) < LEAST_ROOM
        except OSError:  # moved away, which is noticed elsewhere
            is_short = False
        if not is_short:
            self.problems.pop(_DISK, None)
            return ""
        least = f"{LEAST_ROOM // 1_000_000} MB"
        text = (
            f"less than {least} are left on the disk of {town}: nothing starts until you make room"
        )
        self.problems[_DISK] = text
        return text

    async def spawn(self, frame: protocol.Spawn) -> None:
        """Start a run; when this returns or raises, the run table knows it.

        Raises:
            Conflict: nothing may start now.
            GastownError: the host refused it.
        """
        if records.town_wanted(self.books.town_record) in {"down", "estop"}:
            raise Conflict("the town is not up: nothing starts")
        if why := self.shortage():
            raise Unavailable(why)
        row = protocol.RunRow(
            run=frame.run, name=frame.name, kind=frame.kind, key=frame.key, note=frame.note
        )
        try:
            spawned = await self.host.spawn(frame)
        except GastownError as error:
            if frame.run not in self.run_table.rows:
                why = f"{NEVER_RAN}{error.message}"
                now = self.clock.now().wall
                self.run_table.update(msgspec.structs.replace(row, ended=now, why=why))
            raise
        if frame.run not in self.run_table.rows:
            self.run_table.update(
                msgspec.structs.replace(row, pid=spawned.pid, started=spawned.started)
            )
        if self.is_frozen:
            # Everything was frozen while this one was on its way.
            await self.host.signal(frame.run, signal.SIGSTOP, group=True)

    @property
    def is_frozen(self) -> bool:
        """Whether the overseer has frozen everything."""
        return records.town_wanted(self.books.town_record) == "estop"

    def living(self, session: str) -> list[str]:
        """The living runs of a session name; more than one only by mistake."""
        rows = self.run_table.rows.values()
        return [row.run for row in rows if row.name == session and not row.ended]

    def living_run(self, session: str) -> str:
        """The living run of a session name.

        Raises:
            Conflict: it has none.
        """
        for run in self.living(session):
            return run
        raise Conflict(f"{session} has no session now", hint="`gastown agents` shows it")

    async def end_sessions(self, session: str, reason: str) -> None:
        """End every living run of a session name; returns when their processes are gone."""
        for run in self.living(session):
            await self.host.end(run=run, reason=reason)

    def cached_row(
        self, bead: Bead, extra: _T, make: Callable[[Bead, _T], protocol.TableRow]
    ) -> protocol.TableRow:
        """`make(bead, extra)`, made once for as long as both are the same."""
        known = self._rows.get(bead.id)
        if known is not None and known[0] is bead and known[1] == extra:
            return known[2]
        row = make(bead, extra)
        self._rows[bead.id] = (bead, extra, row)
        return row

    def note(self, kind: str, target: str, text: str, *, actor: str = ACTOR, rig: str = "") -> None:
        """Write an event."""
        self.books.write_town([records.event(kind, target, text, actor, rig)], actor=actor)

    def sync(self) -> None:
        """Take what was just written into the books, so that the next look sees it."""
        self.books.refresh(self.clock.utc())
