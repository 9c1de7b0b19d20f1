"""What the overseer may want of one agent: to run, to stop, to be frozen, to let a bead go."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import CannotStart, Conflict
from gastown_tui.domain.operations import SetField, SetState
from gastown_tui.domain.town import PAUSED, RUNNING, STOPPED, Agent, Outcome
from gastown_tui.domain.view import is_hooked
from gastown_tui.services.context import Context
from gastown_tui.services.hooks import request_of
from gastown_tui.services.requests import Arguments

_FOLLOW_S: Final = 0.05
"""Between two looks at what became of a start, and how many there are."""
_FOLLOW_TIMES: Final = 60


class AgentVerbs:
    """What is wanted of an agent. `go_on` ends the wait after an absence."""

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
            "stop": self._stop, "kill": self._kill, "restart": self._restart,
            "resume": self._resume, "pause": self._pause, "unhook": self._unhook,
        }  # fmt: skip

    def _change(self, agent: Agent, kind: str, text: str, actor: str, **values: str | int) -> None:
        self._context.books.write_town(
            [
                *records.change_agent(agent, **values),
                records.event(kind, agent.address, text, actor, agent.rig),
            ],
            actor=actor,
        )
        self._context.sync()

    def _wants(self, agent: Agent, wanted: str, why: str, actor: str) -> None:
        self._change(
            agent, wanted, f"{agent.address}: {why}", actor, wanted=wanted, wanted_by=actor,
            wanted_why=why, wanted_at=self._context.clock.utc().isoformat(timespec="milliseconds"),
        )  # fmt: skip

    async def _stop(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        self._wants(agent, STOPPED, arguments.get("why") or "stopped by you", actor)
        return f"{agent.address} is stopped; its hook is kept (restart it with R)"

    async def _kill(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        run = self._context.living_run(agent.address)
        self._wants(agent, STOPPED, arguments.get("why") or "killed by you", actor)
        await self._context.host.end(run=run, grace_s=0.0, reason="killed by you")
        return f"{agent.address} is killed; its hook is kept (restart it with R)"

    async def _restart(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        if agent.role == "mayor":
            await self._context.end_sessions(agent.address, "restarted by you")
            return await self._open_mayor()
        is_fresh = arguments.get("fresh", "") in {"1", "true", "yes"}
        bead = self._hook(agent)
        if bead is not None and bead.label("respawns"):
            self._context.books.write_rig(
                agent.rig, [SetState(bead=bead.id, dimension="respawns")], actor=actor
            )
        why = "started fresh by you" if is_fresh else "restarted by you"
        if is_fresh:  # before its session ends: the next one may follow at once
            self._change(agent, "fresh", f"{agent.address}: {why}", actor, conversation="")
        idle = self._nothing_to_run(bead)
        had_failed = self._failure(agent) is not None
        if is_fresh or not idle:
            await self._context.end_sessions(agent.address, "restarted by you")
        self._forget_exit(self._context.agent(agent.address))
        self._wants(self._context.agent(agent.address), RUNNING, why, actor)
        self._go_on(frozenset({agent.address}))
        if idle:
            return f"{agent.address} may run again, but nothing needs to: {idle}"
        if had_failed:
            await self._follow(agent)
        return f"{agent.address} starts {'fresh' if is_fresh else 'again'}"

    def _failure(self, agent: Agent) -> Outcome | None:
        """How the agent's last start, or the making of its sandbox, failed."""
        for what in ("start", "sandbox"):
            found = self._context.outcomes.get(f"{what}:{agent.address}")
            if found is not None and not found.ok:
                return found
        return None

    async def _follow(self, agent: Agent) -> None:
        """Wait a moment for what a new try comes to.

        Raises:
            CannotStart: it failed again.
        """
        before = self._failure(agent)
        for _ in range(_FOLLOW_TIMES):
            await asyncio.sleep(_FOLLOW_S)
            failed = self._failure(agent)
            if self._context.living(agent.address):
                return
            if failed is not None and failed != before:
                raise CannotStart(f"{agent.address} was tried again: {failed.why}")

    def _nothing_to_run(self, bead: Bead | None) -> str:
        """Why no session follows from a restart; empty when one does."""
        if bead is None:
            return "there is nothing on its hook"
        request = request_of(self._context, bead.id)
        if request is None or request.state == "rework":
            return ""
        if request.state == "rejected":
            return f"{request.id} ({bead.id}) is rejected: retry it, reject it anew or drop it"
        if request.state == "held":
            return f"{request.id} ({bead.id}) is held by you"
        return (
            f"{bead.id} is handed in ({request.id}, {request.state}); it starts if that comes back"
        )

    def _hook(self, agent: Agent) -> Bead | None:
        rig = self._context.books.rigs.get(agent.rig)
        for bead in rig.beads.values() if rig else ():
            if bead.assignee == agent.address and is_hooked(self._context.config.id, bead):
                return bead
        return None

    async def _unhook(self, target: str, _arguments: Arguments, actor: str) -> str:
        """Take the bead off a hook: it is slung anew, and what was done stays on its branch."""
        bead = self._context.books.bead(target)
        if not is_hooked(self._context.config.id, bead):
            raise Conflict(f"{bead.id} is on no hook here")
        for request in self._context.books.requests.values():
            if request.bead == bead.id and request.state not in {"rework", "dropped"}:
                raise Conflict(
                    f"{request.id} of {bead.id} is {request.state}", hint="reject or drop it first"
                )
        changes = [SetState(bead=bead.id, dimension=name) for name in ("respawns", "done")]
        self._context.books.write_rig(
            self._context.books.rig_of(bead.id),
            [
                SetField(bead=bead.id, field="status", value="open"),
                SetField(bead=bead.id, field="assignee"),
                SetState(bead=bead.id, dimension="sling", value="any"),
                *changes,
            ],
            actor=actor,
        )
        text = f"{bead.id} is off the hook of {bead.assignee} and slung anew"
        self._context.note("unhooked", bead.id, text, actor=actor)
        self._context.sync()
        return text

    def _forget_exit(self, agent: Agent) -> None:
        """An exit that stopped the agent must not stop it again."""
        run = self._context.run_table.facts.get(agent.run)
        if run is not None and not run.alive and run.code == 0:
            self._context.books.write_town(records.change_agent(agent, run=""), actor="controller")
            self._context.sync()

    async def _resume(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        if agent.wanted == PAUSED and self._context.living(agent.address):
            await self._context.host.signal(
                self._context.living_run(agent.address), signal.SIGCONT, group=True
            )
            self._wants(agent, RUNNING, "goes on", actor)
            return f"{agent.address} goes on"
        return await self._restart(target, arguments, actor)

    async def _pause(self, target: str, _arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        await self._context.host.signal(
            self._context.living_run(agent.address), signal.SIGSTOP, group=True
        )
        self._wants(agent, PAUSED, "frozen by you", actor)
        return f"{agent.address} is frozen"
