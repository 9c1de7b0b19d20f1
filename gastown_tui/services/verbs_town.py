"""What may be asked about the town as a whole, and how work is made known to it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

from gastown_tui.domain import records
from gastown_tui.domain.errors import Conflict, GastownError
from gastown_tui.domain.town import PAUSED, RUNNING
from gastown_tui.services.closing import close_sandboxes
from gastown_tui.services.context import Context
from gastown_tui.services.requests import Arguments
from gastown_tui.services.slinging import convoy, create_bead, sling

log = logging.getLogger("gastown.verbs")


class TownVerbs:
    """The town's own state, the mayor, beads and convoys."""

    def __init__(
        self,
        context: Context,
        go_on: Callable[[frozenset[str]], None],
        open_mayor: Callable[[], Awaitable[str]],
    ) -> None:
        self._context = context
        self._go_on = go_on
        self._open_mayor = open_mayor
        self.table = {
            "mayor": self._mayor, "sling": self._sling, "create_bead": self._create_bead,
            "convoy": self._convoy, "up": self._up, "down": self._down,
            "pause_town": self._pause_town, "thaw": self._thaw,
            "estop": self._estop, "freeze": self._estop,
            "resume_all": self._resume_all,
        }  # fmt: skip

    async def _mayor(self, _target: str, _arguments: Arguments, _actor: str) -> str:
        return await self._open_mayor()

    async def _sling(self, target: str, arguments: Arguments, actor: str) -> str:
        return sling(self._context.books, self._context.config.id, target, arguments, actor)

    async def _create_bead(self, target: str, arguments: Arguments, actor: str) -> str:
        bead = create_bead(self._context.books, target, arguments, actor)
        return f"{bead} is filed in {target}: {self._context.books.bead(bead).title}"

    async def _convoy(self, target: str, arguments: Arguments, actor: str) -> str:
        made = convoy(self._context.books, target, arguments, actor)
        return f"{made} follows {len(arguments.get('beads', '').split())} beads: {target}"

    def _town(self, wanted: str, why: str, actor: str) -> str:
        self._context.books.write_town(
            [
                *records.change_town(wanted, actor, why),
                records.event(f"town-{wanted}", "town", why, actor),
            ],
            actor=actor,
        )
        self._context.sync()
        return why

    async def _up(self, _target: str, arguments: Arguments, actor: str) -> str:
        """Up it is, but for what is frozen; from `down` only when a screen merely opens."""
        wanted = records.town_wanted(self._context.books.town_record)
        if wanted == "estop":
            return "the town is frozen: `gastown thaw` lets it go on"
        if wanted == "paused" and arguments.get("opens"):
            return "the town is paused: `gastown up` lets it go on"
        if arguments.get("resume") == "all":
            self._go_on(frozenset())
        return self._town("up", "the town is up", actor)

    async def _resume_all(self, _target: str, arguments: Arguments, actor: str) -> str:
        """Let those go on that wait for it after an absence: all, or the `agents` that are named.

        With `fresh` each begins a conversation of its own instead of reading the old one again.
        """
        context = self._context
        named = [context.agent(one).address for one in arguments.get("agents", "").split()]
        strange = [one for one in named if one not in context.resume_held]
        if strange:
            raise Conflict(f"{strange[0]} does not wait for your word", hint="gastown resume")
        chosen = frozenset(named) or context.resume_held
        is_fresh = arguments.get("fresh", "") in {"1", "true", "yes"}
        if is_fresh:
            operations = [
                one
                for address in sorted(chosen)
                for one in records.change_agent(context.books.agents[address], conversation="")
            ]
            if operations:
                context.books.write_town(operations, actor=actor)
        if records.town_wanted(context.books.town_record) != "estop":
            self._town("up", "told to go on after an absence", actor)
        self._go_on(chosen)
        how = "with a fresh conversation" if is_fresh else "where they were"
        if not chosen:
            return "nobody waits for your word"
        who = next(iter(chosen)) if len(chosen) == 1 else f"{len(chosen)} agents"
        return f"{who} may go on {how}"

    async def _down(self, _target: str, _arguments: Arguments, actor: str) -> str:
        said = self._town("down", "the town goes down: sessions end, hooks are kept", actor)
        return "\n".join([said, *await close_sandboxes(self._context)])

    async def _pause_town(self, _target: str, _arguments: Arguments, actor: str) -> str:
        if self._context.is_frozen:
            raise Conflict("the town is frozen", hint="gastown thaw, then pause it")
        return self._town("paused", "paused: agents finish, nothing starts or lands", actor)

    async def _freeze(self, sign: signal.Signals, skip: frozenset[str]) -> int:
        """Send a signal to every living run at once; how many got it."""
        rows = [row for row in self._context.run_table.rows.values() if not row.ended]

        async def send(run: str) -> bool:
            try:
                await self._context.host.signal(run, sign, group=True)
            except GastownError as error:  # it has ended meanwhile: the others matter
                log.info("%s: %s", run, error)
                return False
            return True

        return sum(await asyncio.gather(*(send(row.run) for row in rows if row.name not in skip)))

    async def _estop(self, _target: str, _arguments: Arguments, actor: str) -> str:
        """Freeze everything. Done again it is as once, and takes what slipped through."""
        if not self._context.is_frozen:
            self._town("estop", "everything is frozen", actor)
        count = await self._freeze(signal.SIGSTOP, frozenset())
        who = "1 session is" if count == 1 else f"{count} sessions are"
        return f"{who} frozen; nothing starts, is typed or lands until `gastown thaw`"

    async def _thaw(self, _target: str, _arguments: Arguments, actor: str) -> str:
        """Let all go on but whom the overseer paused, or stopped meanwhile: those end frozen."""
        if not self._context.is_frozen:
            raise Conflict("the town is not frozen", hint="`gastown up` lets a paused one go on")
        agents = self._context.books.agents.values()
        kept = frozenset(agent.address for agent in agents if agent.wanted != RUNNING)
        count = await self._freeze(signal.SIGCONT, kept)
        self._town("up", "thawed", actor)
        still = sum(1 for agent in agents if agent.wanted == PAUSED)
        more = f"; {still} paused by you stay so" if still else ""
        return f"{count} {'session goes' if count == 1 else 'sessions go'} on{more}"
