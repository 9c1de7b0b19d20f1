"""What the overseer and others may say to an agent: nudges, an interrupt, answers to dialogs."""

from __future__ import annotations

from typing import Final

from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.town import Agent
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.nudger import QUEUE_S, Nudger
from gastown_tui.services.requests import Arguments, RequestLog

MOST_QUEUED: Final = 20
"""Texts that may wait for one agent."""
_SHOWN: Final = 80


class TalkVerbs:
    """Whatever ends in keys on an agent's terminal."""

    def __init__(
        self, context: Context, facts: Facts, nudger: Nudger, requests: RequestLog
    ) -> None:
        self._context = context
        self._facts = facts
        self._nudger = nudger
        self._requests = requests
        self.table = {
            "nudge": self._nudge, "interrupt": self._interrupt,
            "approve_dialog": self._approve_dialog, "approve_always": self._approve_always,
            "deny_dialog": self._deny_dialog,
        }  # fmt: skip

    async def _nudge(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        self._context.living_run(agent.address)
        text = arguments.get("text", "").strip()
        if not text:
            raise BadInput("a nudge needs a text")
        if self._is_late(arguments):
            raise Conflict(f"not delivered to {agent.address}: it waited too long")
        mode = arguments.get("mode", "wait-idle")
        receipt = await self._say(agent, text, actor, mode)
        if receipt.startswith("queued"):
            return self._queue(agent, text, actor, mode, receipt)
        if not receipt.startswith("submitted"):
            raise Conflict(f"not delivered to {agent.address}: {receipt}")
        _, _, how = receipt.partition(": ")
        return f"submitted: {agent.address} has it" + (f" ({how})" if how else "")

    async def _say(self, agent: Agent, text: str, actor: str, mode: str) -> str:
        receipt = await self._nudger.nudge(
            agent.address, text, mode=mode, may_command=self._may_command(actor)
        )
        self._context.note("nudged", agent.address, f"{receipt}: {text}", actor=actor)
        return receipt

    def _may_command(self, actor: str) -> bool:
        return actor not in self._context.books.agents

    def _is_late(self, arguments: Arguments) -> bool:
        """Whether a text that an earlier controller had queued is of no use any more."""
        until = arguments.get("until", "")
        return until.isdecimal() and int(until) < self._context.clock.now().wall

    def _queue(self, agent: Agent, text: str, actor: str, mode: str, receipt: str) -> str:
        """Keep it as an open request, so that the next controller would take it up."""
        waiting = self._context.queued.setdefault(agent.address, [])
        if len(waiting) >= MOST_QUEUED:
            raise Conflict(
                f"{agent.address} has {len(waiting)} texts waiting for it", hint="look at its pane"
            )
        until = int(self._context.clock.now().wall + QUEUE_S)
        arguments: Arguments = {"text": text, "mode": mode, "until": str(until)}
        request = self._requests.record("nudge", agent.address, arguments, actor, begun=False)
        line = " ".join(text.split())[:_SHOWN]
        waiting.append(line)

        def done(receipt: str) -> None:
            waiting.remove(line)
            ok = receipt.startswith("submitted")
            self._context.note("nudged", agent.address, f"{receipt}: {text}", actor=actor)
            self._requests.answer(request, ("nudge", agent.address), actor, ok=ok, text=receipt)

        self._nudger.queue(
            agent.address, text, done, mode=mode, may_command=self._may_command(actor)
        )
        why = receipt.partition(": ")[2]
        return (
            f"queued: {agent.address} gets it as soon as it can take it"
            + (f" (now: {why})" if why else "")
            + f"; tried for {QUEUE_S / 60:.0f} minutes"
        )

    async def _interrupt(self, target: str, _arguments: Arguments, _actor: str) -> str:
        agent = self._context.agent(target)
        self._context.living_run(agent.address)
        self._context.screens.key(agent.address, "escape")
        return f"one Escape sent to {agent.address}"

    async def _approve_dialog(self, target: str, arguments: Arguments, actor: str) -> str:
        return await self._answer(target, arguments, actor, "approve")

    async def _approve_always(self, target: str, arguments: Arguments, actor: str) -> str:
        return await self._answer(target, arguments, actor, "always")

    async def _deny_dialog(self, target: str, arguments: Arguments, actor: str) -> str:
        """Deny it; what the agent is to do instead is its next message, where it goes on."""
        said = await self._answer(target, arguments, actor, "deny")
        reason = arguments.get("reason", "").strip()
        if not reason:
            return said
        agent = self._context.agent(target)
        receipt = await self._say(agent, reason, actor, "now")
        if receipt.startswith("submitted"):
            return f"{said} and told what to do instead"
        if receipt.startswith("queued"):
            return (
                f"{said}; what to do instead is {self._queue(agent, reason, actor, 'now', receipt)}"
            )
        return f"{said}; what to do instead was not delivered: {receipt}"

    async def _answer(self, target: str, arguments: Arguments, actor: str, choice: str) -> str:
        """Answer the dialog that was seen, if it is still there."""
        agent = self._context.agent(target)
        self._context.living_run(agent.address)
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
