"""The controller's loop: look, plan, act, publish; woken by changes, at the latest every 5 s."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gastown_tui.domain import records
from gastown_tui.domain.bead import instant
from gastown_tui.domain.commands import (
    AnswerDialog,
    CleanUp,
    CloseConvoy,
    CloseDropped,
    Command,
    Dispatch,
    EndSession,
    Escalate,
    FeedConvoy,
    FinishEvidence,
    FinishLanding,
    FollowPulls,
    MarkStopped,
    PrepareSandbox,
    PutAway,
    RecheckTarget,
    ReturnProposal,
    StartEvidence,
    StartLanding,
    StartSession,
    Submit,
    Tell,
)
from gastown_tui.domain.errors import CannotStart, GastownError
from gastown_tui.domain.plan import plan
from gastown_tui.domain.standstill import apart, jump, late_since, told
from gastown_tui.domain.town import AgentFact, Now, Outcome, Town
from gastown_tui.services.capacity import room_of
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.refinery import Refinery
from gastown_tui.services.work import Work

SWEEP_S: Final = 5.0
"""A look at least this often, for what no signal told."""
_SETTLE_S: Final = 0.005
"""After a wake, for what comes with it."""
_REST_S: Final = 0.05
"""Between two looks, so that a burst of changes costs one look."""
_QUIET: Final = frozenset({Tell, EndSession, ReturnProposal})
"""Commands whose failure is ordinary and tells the overseer nothing."""

log = logging.getLogger("gastown.controller")


class Controller:
    """One town's loop. `wake` may be called from anywhere in the same event loop."""

    def __init__(
        self,
        context: Context,
        facts: Facts,
        work: Work,
        refinery: Refinery,
        publish: Callable[[Town], None],
    ) -> None:
        self._context = context
        self._facts = facts
        self._publish = publish
        self._woken = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._outcomes: dict[str, Outcome] = context.outcomes
        self._outcomes.clear()
        self._awake_since = 0.0
        self._behind: float | None = None
        self._carry: dict[type[Command], Callable[[Any], Awaitable[None]]] = {
            Dispatch: work.dispatch,
            PrepareSandbox: work.sandboxes.prepare,
            StartSession: work.sessions.start,
            EndSession: work.end,
            MarkStopped: work.mark_stopped,
            Submit: work.sandboxes.submit,
            Tell: work.tell,
            AnswerDialog: work.answer,
            Escalate: work.escalate,
            CloseConvoy: work.close_convoy,
            ReturnProposal: work.proposals.give_back,
            FeedConvoy: work.feed_convoy,
            PutAway: work.sandboxes.put_away,
            StartEvidence: refinery.evidence.start,
            FinishEvidence: refinery.evidence.finish,
            StartLanding: refinery.landing.start,
            FinishLanding: refinery.landing.finish,
            FollowPulls: refinery.pulls.follow,
            RecheckTarget: refinery.baseline.recheck,
            CleanUp: refinery.clean_up,
            CloseDropped: refinery.close_dropped,
        }

    def wake(self) -> None:
        """Look again soon."""
        self._woken.set()

    async def run(self) -> None:
        """Loop for ever; cancelling ends it and what it has under way."""
        try:
            while True:
                await self._sleep(self._look())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _sleep(self, longest_s: float) -> None:
        try:
            async with asyncio.timeout(longest_s):
                looked = asyncio.get_running_loop().time()
                await self._woken.wait()
        except TimeoutError:
            return
        rested = asyncio.get_running_loop().time() - looked
        await asyncio.sleep(max(_SETTLE_S, _REST_S - rested))

    def _look(self) -> float:
        self._woken.clear()
        now = self._context.clock.now()
        self._notice_sleep(now)
        try:
            self._context.books.refresh(self._context.clock.utc())
            self._context.clock.hold(held=self._context.is_frozen)
            town = self.snapshot(self._facts.refresh(now))
            for command in plan(town, now):
                self._start(command)
            self._publish(town)
        except GastownError as error:
            log.warning("look: %s", error)
        except Exception:  # the loop must outlive a bug in one look
            log.exception("look failed")
        self._prune(now)
        soonest = self._facts.next_check(now.wall + SWEEP_S) - now.wall
        if any(not outcome.ok for outcome in self._outcomes.values()):
            soonest = min(soonest, 1.0)
        return max(_REST_S, min(soonest, SWEEP_S))

    def _notice_sleep(self, now: Now) -> None:
        """After the machine has slept, nobody is late for what the clock on the wall says."""
        if self._behind is None:
            self._awake_since = now.wall
        moved, self._behind = jump(self._behind, now), apart(now)
        if not moved:
            return
        self._awake_since = now.wall
        try:
            self._context.note("stood-still", "town", told(moved))
        except (GastownError, OSError) as error:
            log.warning("%s, which could not be written down: %s", told(moved), error)

    def snapshot(self, facts: dict[str, AgentFact]) -> Town:
        """The town as it is known now."""
        context, books = self._context, self._context.books
        changed = books.town_record.updated_at if books.town_record else ""
        beads = {bead.id: bead for rig in books.rigs.values() for bead in rig.beads.values()}
        return Town(
            id=context.config.id,
            wanted=records.town_wanted(books.town_record),
            since=late_since(context.clock.now(), instant(changed), self._awake_since),
            limits=context.config.limits,
            rigs=books.rig_views(context.tips, context.upstreams),
            beads=beads,
            rig_of={bead: name for name, rig in books.rigs.items() for bead in rig.beads},
            ready=frozenset().union(*(rig.ready for rig in books.rigs.values())),
            agents=dict(books.agents),
            requests=dict(books.requests),
            runs=dict(context.run_table.facts),
            convoys=dict(books.convoys),
            facts=facts,
            in_flight=frozenset(self._tasks),
            outcomes=dict(self._outcomes),
            is_full=bool(context.shortage()),
            room=room_of(context, self._tasks, context.clock.now().wall),
            resume_held=context.resume_held,
        )

    def _start(self, command: Command) -> None:
        if command.key in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(command), name=command.key)
        self._tasks[command.key] = task

    async def _carry_out(self, command: Command) -> None:
        ok, why, is_lasting = True, "", False
        try:
            await self._carry[type(command)](command)
        except GastownError as error:
            ok, why, is_lasting = False, str(error), isinstance(error, CannotStart)
            level = logging.DEBUG if type(command) in _QUIET else logging.WARNING
            log.log(level, "%s: %s", command.key, error)
        except Exception as error:  # one failed command must not end the town
            ok, why = False, f"{type(error).__name__}: {error}"
            log.exception("%s failed", command.key)
        self._record(command, ok=ok, why=why, is_lasting=is_lasting)

    def _record(self, command: Command, *, ok: bool, why: str, is_lasting: bool) -> None:
        last, now = self._outcomes.get(command.key), self._context.clock.now()
        tries, since = 1, now.wall
        if not ok and last is not None and not last.ok and last.version == command.version:
            tries, since = last.tries + 1, last.since
        self._outcomes[command.key] = Outcome(
            version=command.version, ok=ok, why=why, at=now.awake, tries=tries, since=since,
            is_lasting=is_lasting,
        )  # fmt: skip
        if is_lasting and tries == 1 and isinstance(command, StartSession | PrepareSandbox):
            self._note_failed(command.agent, why)
        self._tasks.pop(command.key, None)
        self.wake()

    def _note_failed(self, agent: str, why: str) -> None:
        try:
            self._context.note("not-started", agent, f"{agent} does not start: {why}")
        except (GastownError, OSError) as error:
            log.warning("the event that %s does not start: %s", agent, error)

    def _prune(self, now: Now) -> None:
        """Outcomes that nothing asks for any more would grow without bound."""
        if len(self._outcomes) > 5000:
            old = sorted(self._outcomes, key=lambda key: self._outcomes[key].at)[:2500]
            for key in old:
                del self._outcomes[key]
        keep = {agent.run for agent in self._context.books.agents.values()}
        keep |= {request.gate_run for request in self._context.books.requests.values()}
        self._context.run_table.forget(keep, before=now.wall - 3600)
