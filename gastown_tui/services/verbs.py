"""What may be asked of the controller: each request is recorded, carried out, and answered."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from gastown_tui.domain import audience, records
from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.errors import BadInput, Conflict, GastownError
from gastown_tui.domain.operations import Close, Create, Operation, SetState
from gastown_tui.domain.town import PAUSED, RUNNING, STOPPED, Agent
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.slinging import convoy, create_bead, sling

log = logging.getLogger("gastown.verbs")
Arguments = dict[str, str]
_TEXT_LIMIT: Final = 16_000


class Verbs:
    """The table of verbs. `held` and `go_on` belong to the controller's absence rule."""

    def __init__(
        self,
        context: Context,
        facts: Facts,
        nudger: Nudger,
        wake: Callable[[], None],
        go_on: Callable[[frozenset[str]], None],
        open_mayor: Callable[[], Awaitable[str]],
    ) -> None:
        self._context = context
        self._facts = facts
        self._nudger = nudger
        self._wake = wake
        self._go_on = go_on
        self._open_mayor = open_mayor
        self._verbs: dict[str, Callable[[str, Arguments, str], Awaitable[str]]] = {
            "nudge": self._nudge, "interrupt": self._interrupt, "stop": self._stop,
            "kill": self._kill, "restart": self._restart, "resume": self._resume,
            "pause": self._pause, "approve_dialog": self._approve_dialog,
            "approve_always": self._approve_always, "deny_dialog": self._deny_dialog,
            "approve": self._approve, "reject": self._reject, "hold": self._hold,
            "retry": self._retry, "drop": self._drop, "release": self._release,
            "mayor": self._mayor, "sling": self._sling, "create_bead": self._create_bead,
            "convoy": self._convoy,
            "up": self._up, "down": self._down, "pause_town": self._pause_town,
            "estop": self._estop, "thaw": self._thaw, "resume_all": self._resume_all,
        }  # fmt: skip

    async def ask(
        self, verb: str, target: str, arguments: Arguments, *, actor: str, session: str | None
    ) -> tuple[str, str]:
        """Record and carry out one request; its id and a line for the asker.

        Raises:
            GastownError: it was refused; that is recorded too.
        """
        carry = self._verbs.get(verb)
        if carry is None:
            raise BadInput(f"there is no verb {verb!r}")
        if any(len(text) > _TEXT_LIMIT for text in arguments.values()):
            raise BadInput("the text is too long", hint=f"at most {_TEXT_LIMIT} characters")
        request = self._record(verb, target, arguments, session or actor)
        try:
            audience.check(verb, session)
            text = await carry(target, arguments, actor)
        except GastownError as error:
            self._answer(request, verb, target, session or actor, ok=False, text=str(error))
            raise
        self._answer(request, verb, target, session or actor, ok=True, text=text)
        self._wake()
        return request, text

    def _record(
        self, verb: str, target: str, arguments: Arguments, actor: str, *, begun: bool = True
    ) -> str:
        done = self._context.books.write_town(
            [
                Create(
                    bead={
                        "title": f"{verb} {target}"[:400].strip(),
                        "issue_type": records.EVENT,
                        "event_kind": f"request.{verb}",
                        "actor": actor,
                        "target": target[:400],
                        "payload": json.dumps(arguments),
                        "ephemeral": True,
                        "wisp_type": "escalation",
                        "labels": ["begun"] if begun else [],
                    }
                )
            ],
            actor=actor,
        )
        return done.ids[0]

    def _answer(
        self, request: str, verb: str, target: str, actor: str, *, ok: bool, text: str
    ) -> None:
        operations: list[Operation] = [
            Close(bead=request, reason=text[:400] or "done"),
            SetState(bead=request, dimension="ok", value="yes" if ok else "no"),
        ]
        if not ok:
            operations.append(records.event("refused", target, f"{verb} by {actor}: {text}", actor))
        self._context.books.write_town(operations, actor=actor)
        self._context.sync()

    async def take_up(self) -> None:
        """Carry out what was asked while no controller ran; what had begun is not repeated."""
        for bead in list(self._context.books.events.values()):
            if bead.is_closed or not bead.event_kind.startswith("request."):
                continue
            verb = bead.event_kind.partition(".")[2]
            if "begun" in bead.labels:
                text = "indeterminate: the controller ended while it was being carried out"
                self._answer(bead.id, verb, bead.target, bead.actor, ok=False, text=text)
                continue
            await self._take_up(bead.id, verb, bead.target, bead.actor, bead.payload)

    async def _take_up(self, request: str, verb: str, target: str, actor: str, load: str) -> None:
        try:
            arguments = json.loads(load or "{}")
            carry = self._verbs.get(verb)
            if carry is None or not isinstance(arguments, dict):
                raise BadInput(f"there is no verb {verb!r}")
            session = actor if actor in self._context.books.agents else None
            audience.check(verb, session)
            text = await carry(target, {str(k): str(v) for k, v in arguments.items()}, actor)
        except (GastownError, ValueError) as error:
            self._answer(request, verb, target, actor, ok=False, text=str(error))
        else:
            self._answer(request, verb, target, actor, ok=True, text=text)

    # -- agents

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
        for row in self._context.run_table.rows.values():
            if row.name == agent.address and not row.ended:
                return row.run
        raise Conflict(f"{agent.address} has no session now", hint="`gastown agents` shows it")

    async def _nudge(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        self._living(agent)
        text = arguments.get("text", "").strip()
        if not text:
            raise BadInput("a nudge needs a text")
        receipt = await self._nudger.nudge(
            agent.address, text, mode=arguments.get("mode", "wait-idle"), may_command=True
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
        request = self._record("nudge", agent.address, arguments, actor, begun=False)

        def done(receipt: str) -> None:
            ok = receipt.startswith("submitted")
            self._answer(request, "nudge", agent.address, actor, ok=ok, text=receipt)

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
        bead = next(
            (one for rig in self._context.books.rigs.values() for one in rig.beads.values()
             if one.assignee == agent.address and one.label("respawns")),
            None,
        )  # fmt: skip
        if bead is not None:
            self._context.books.write_rig(
                agent.rig, [SetState(bead=bead.id, dimension="respawns")], actor=actor
            )
        for row in list(self._context.run_table.rows.values()):
            if row.name == agent.address and not row.ended:
                await self._context.host.end(run=row.run, reason="restarted by you")
        why = "started fresh by you" if is_fresh else "restarted by you"
        if is_fresh:
            self._change(agent, "fresh", f"{agent.address}: {why}", actor, conversation="")
        self._forget_exit(agent)
        self._wants(self._context.agent(agent.address), RUNNING, why, actor)
        self._go_on(frozenset({agent.address}))
        return f"{agent.address} starts {'fresh' if is_fresh else 'again'}"

    def _forget_exit(self, agent: Agent) -> None:
        """An exit that stopped the agent must not stop it again."""
        run = self._context.run_table.facts.get(agent.run)
        if run is not None and not run.alive and run.code == 0:
            self._context.books.write_town(records.change_agent(agent, run=""), actor="controller")
            self._context.sync()

    async def _resume(self, target: str, arguments: Arguments, actor: str) -> str:
        agent = self._context.agent(target)
        if agent.wanted == PAUSED:
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

    # -- merge requests

    def _set(self, target: str, kind: str, text: str, actor: str, **values: str | int) -> str:
        request = self._context.request(target)
        self._context.books.write_town(
            [
                *records.change_request(request, **values),
                records.event(kind, request.id, f"{request.id} ({request.bead}): {text}", actor,
                              request.rig),
            ],
            actor=actor,
        )  # fmt: skip
        self._context.sync()
        return f"{request.id} ({request.bead}): {text}"

    async def _approve(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        tip = arguments.get("tip", "") or request.submitted
        if not request.submitted.startswith(tip) or len(tip) < 7:
            raise Conflict(f"{request.id} has a new commit since you looked: look again")
        if request.state not in {"review", "submitted", "testing", "held"}:
            raise Conflict(f"{request.id} is {request.state}: there is nothing to approve")
        if request.evidence != request.submitted:
            raise Conflict(f"the gates have not passed on {request.id} yet")
        return self._set(
            request.id, "approved", f"approved at {request.submitted[:10]}", actor,
            state="approved", approved=request.submitted, approved_by=actor,
        )  # fmt: skip

    async def _reject(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        reason = arguments.get("reason", "").strip()
        if not reason:
            raise BadInput("a rejection needs a reason", hint="the agent gets it as its next task")
        if request.state in {"landing", "landed", "dropped"}:
            raise Conflict(f"{request.id} is {request.state}")
        return self._set(
            request.id, "rework-review", f"back to {request.agent}: {reason}", actor,
            state="rework", rework="review", why=reason.splitlines()[0][:300], log=reason,
            approved="", approved_by="", attempt=request.attempt + 1, reds=request.reds + 1,
        )  # fmt: skip

    async def _hold(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed", "dropped"}:
            raise Conflict(f"{request.id} is {request.state}")
        why = arguments.get("reason") or "held by you"
        return self._set(request.id, "held", why, actor, state="held", why=why)

    async def _retry(self, target: str, _arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed", "testing"}:
            raise Conflict(f"{request.id} is {request.state}")
        return self._set(
            request.id, "retry", "its gates run again", actor, state="submitted", evidence="",
            approved="", approved_by="", rework="", why="", log="", suspect=0, gate_run="", reds=0,
        )  # fmt: skip

    async def _drop(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed"}:
            raise Conflict(f"{request.id} is {request.state}")
        why = arguments.get("reason") or "dropped by you"
        text = self._set(
            request.id, "dropped", f"{why}; the branch {request.branch} is kept", actor,
            state="dropped", why=why,
        )  # fmt: skip
        agent = self._context.books.agents.get(request.agent)
        self._context.books.write_rig(
            request.rig,
            [Close(bead=request.bead, reason=f"Dropped: {why}")],
            actor=actor,
        )
        if agent is not None and agent.sandbox_for == request.bead:
            self._wants(agent, STOPPED, f"its change {request.id} was dropped", actor)
        return text

    async def _release(self, target: str, _arguments: Arguments, actor: str) -> str:
        rig = self._context.rig(target)
        tip = await self._context.in_git(rig.name, lambda git: git.refresh(fetch=True))
        self._context.tips[rig.name] = tip
        self._context.books.write_town(
            [
                *records.change_rig(rig.name, held=""),
                records.event("released", rig.name, f"the queue of {rig.name} goes on", actor),
            ],
            actor=actor,
        )
        self._context.sync()
        return f"the queue of {rig.name} goes on from {tip[:10]}"

    async def _mayor(self, _target: str, _arguments: Arguments, _actor: str) -> str:
        return await self._open_mayor()

    # -- beads

    async def _sling(self, target: str, arguments: Arguments, actor: str) -> str:
        return sling(self._context.books, self._context.config.id, target, arguments, actor)

    async def _create_bead(self, target: str, arguments: Arguments, actor: str) -> str:
        return create_bead(self._context.books, target, arguments, actor)

    async def _convoy(self, target: str, arguments: Arguments, actor: str) -> str:
        return convoy(self._context.books, target, arguments, actor)

    # -- the town

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
        if arguments.get("resume") == "all":
            self._go_on(frozenset())
        return self._town("up", "the town is up", actor)

    async def _resume_all(self, _target: str, _arguments: Arguments, actor: str) -> str:
        self._go_on(frozenset())
        return self._town("up", "everybody goes on", actor)

    async def _down(self, _target: str, _arguments: Arguments, actor: str) -> str:
        return self._town("down", "the town goes down: sessions end, hooks are kept", actor)

    async def _pause_town(self, _target: str, _arguments: Arguments, actor: str) -> str:
        return self._town("paused", "paused: agents finish, nothing starts or lands", actor)

    async def _freeze(self, sign: signal.Signals) -> int:
        count = 0
        for row in list(self._context.run_table.rows.values()):
            if not row.ended:
                await self._context.host.signal(row.run, sign, group=True)
                count += 1
        return count

    async def _estop(self, _target: str, _arguments: Arguments, actor: str) -> str:
        self._town("estop", "emergency stop", actor)
        return f"{await self._freeze(signal.SIGSTOP)} sessions are frozen; nothing starts or lands"

    async def _thaw(self, _target: str, _arguments: Arguments, actor: str) -> str:
        count = await self._freeze(signal.SIGCONT)
        self._town("up", "thawed", actor)
        return f"{count} sessions go on"
