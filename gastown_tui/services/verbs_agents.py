"""What the overseer may ask about one agent."""

from __future__ import annotations

import signal
from collections.abc import Callable

from gastown_tui.domain import records
from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import SetField, SetState
from gastown_tui.domain.town import PAUSED, RUNNING, STOPPED, Agent
from gastown_tui.domain.view import is_hooked
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.requests import Arguments, RequestLog


class AgentVerbs:
    """Nudges, answers, and what is wanted of an agent. `go_on` ends the wait after an absence."""

    def __init__(
        self,
        context: Context,
        facts: Facts,
        nudger: Nudger,
        requests: RequestLog,
        go_on: Callable[[frozenset[str]], None],
    ) -> None:
        self._context = context
        self._facts = facts
        self._nudger = nudger
        self._requests = requests
        self._go_on = go_on
        self.table = {
            "nudge": self._nudge, "interrupt": self._interrupt, "stop": self._stop,
            "kill": self._kill, "restart": self._restart, "resume": self._resume,
            "pause": self._pause, "unhook": self._unhook, "approve_dialog": self._approve_dialog,
            "approve_always": self._approve_always, "deny_dialog": self._deny_dialog,
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

    def _living(self, agent: Agent) -> str:
        for run in self._context.living(agent.address):
            return run
        raise Conflict(f"{agent.address} has no session now", hint="`gastown agents` shows it")

    async def _nudge(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        self._living(agent)
        text = arguments.get("text", "").strip()
        if not text:
            raise BadInput("a nudge needs a text")
        receipt = await self._nudger.nudge(
            agent.address,
            text,
            mode=arguments.get("mode", "wait-idle"),
            may_command=actor not in self._context.books.agents,
        )
        self._context.note("nudged", agent.address, f"{receipt}: {text}", actor=actor)
        if receipt.startswith("queued"):
            return self._queue_nudge(agent, text, actor)
        if not receipt.startswith("submitted"):
            raise Conflict(f"not delivered to {agent.address}: {receipt}")
        return receipt

    def _queue_nudge(self, agent: Agent, text: str, actor: str) -> str:
        """Keep it as an open request, so that the next controller would take it up."""
        arguments: Arguments = {"text": text}
        request = self._requests.record("nudge", agent.address, arguments, actor, begun=False)

        def done(receipt: str) -> None:
            ok = receipt.startswith("submitted")
            self._requests.answer(request, ("nudge", agent.address), actor, ok=ok, text=receipt)

        self._nudger.queue(agent.address, text, done)
        return f"queued: {agent.address} gets it when it is at its prompt"

    async def _interrupt(self, target: str, _arguments: Arguments, _actor: str) -> str:
        agent = self._context.agent(target)
        self._living(agent)
        self._context.screens.key(agent.address, "escape")
        return f"one Escape sent to {agent.address}"

    async def _stop(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        self._wants(agent, STOPPED, arguments.get("why") or "stopped by you", actor)
        return f"{agent.address} is stopped; its hook is kept (restart it with R)"

    async def _kill(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        run = self._living(agent)
        self._wants(agent, STOPPED, arguments.get("why") or "killed by you", actor)
        await self._context.host.end(run=run, grace_s=0.0, reason="killed by you")
        return f"{agent.address} is killed; its hook is kept (restart it with R)"

    async def _restart(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        is_fresh = arguments.get("fresh", "") in {"1", "true", "yes"}
        bead = self._hook(agent)
        if bead is not None and bead.label("respawns"):
            self._context.books.write_rig(
                agent.rig, [SetState(bead=bead.id, dimension="respawns")], actor=actor
            )
        why = "started fresh by you" if is_fresh else "restarted by you"
        if is_fresh:  # before its session ends: the next one may follow at once
            self._change(agent, "fresh", f"{agent.address}: {why}", actor, conversation="")
        await self._context.end_sessions(agent.address, "restarted by you")
        self._forget_exit(self._context.agent(agent.address))
        self._wants(self._context.agent(agent.address), RUNNING, why, actor)
        self._go_on(frozenset({agent.address}))
        return f"{agent.address} starts {'fresh' if is_fresh else 'again'}"

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
            await self._context.host.signal(self._living(agent), signal.SIGCONT, group=True)
            self._wants(agent, RUNNING, "goes on", actor)
            return f"{agent.address} goes on"
        return await self._restart(target, arguments, actor)

    async def _pause(self, target: str, _arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        await self._context.host.signal(self._living(agent), signal.SIGSTOP, group=True)
        self._wants(agent, PAUSED, "frozen by you", actor)
        return f"{agent.address} is frozen"

    async def _approve_dialog(self, target: str, arguments: Arguments, actor: str) -> str:
        return await self._answer_dialog(target, arguments, actor, "approve")

    async def _approve_always(self, target: str, arguments: Arguments, actor: str) -> str:
        return await self._answer_dialog(target, arguments, actor, "always")

    async def _deny_dialog(self, target: str, arguments: Arguments, actor: str) -> str:
        return await self._answer_dialog(target, arguments, actor, "deny")

    async def _answer_dialog(
        self, target: str, arguments: Arguments, actor: str, choice: str
    ) -> str:
        """Answer the dialog that was seen, if it is still there."""
        agent = self._context.agent(target)
        self._living(agent)
        signals = self._facts.signals.get(agent.address)
        seen = arguments.get("if_rows", "")
        if signals is None or (seen and signals.rows_hash != seen):
            raise Conflict("the dialog that you saw is no longer on the screen")
        dialog = find_dialog(signals.bottom)
        if dialog is None:
            raise Conflict(f"{agent.address} asks nothing now")
        receipt = await self._nudger.answer(agent.address, dialog, choice)
        self._context.note(
            "answered", agent.address, f"{choice} ({receipt}): {dialog.question}", actor=actor,
            rig=agent.rig,
        )  # fmt: skip
        if not receipt.startswith("submitted"):
            raise Conflict(f"not answered: {receipt}")
        return f"{agent.address} was answered ({choice})"
