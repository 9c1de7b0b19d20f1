"""Landing runs: a batch of approved requests on a fresh target, tested, and made the target."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.commands import FinishLanding, StartLanding
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.merge_queue import after_red, is_approved
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import Request, RunFact
from gastown_tui.services import verdicts
from gastown_tui.services.baseline import Baseline, held
from gastown_tui.services.context import Context
from gastown_tui.services.ends import landed
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.ports import Piece, Stacked, TargetMoved
from gastown_tui.services.pulls import Pulls
from gastown_tui.services.tail import PURPOSE, Tails

_WORKTREE = "landing"


class Landing:
    """Starts landing runs, and moves the target when they are green."""

    def __init__(self, context: Context, baseline: Baseline, pulls: Pulls) -> None:
        self._context = context
        self._baseline = baseline
        self._pulls = pulls
        self._tails = Tails(context)

    async def start(self, command: StartLanding) -> None:
        """Stack the batch on a fresh target and run the gates on the result.

        Without a batch, the unpublished commits are put on top of an upstream that has moved.

        Raises:
            Conflict: a request of the batch has changed meanwhile, or the upstream has moved.
        """
        context = self._context
        rig = context.rig(command.rig)
        work = context.paths.refinery(rig.name, _WORKTREE)
        if not command.requests:
            await self._tails.start(rig.name, work, _session(rig.name))
            return
        batch = [context.request(one) for one in command.requests]
        batch = [one for one in batch if is_approved(one)]
        if not batch or context.books.rig_views({})[rig.name].landing:
            return
        base = await context.in_git(rig.name, lambda git: git.refresh(fetch=True))
        context.tips[rig.name] = base
        moved = await context.in_git(rig.name, lambda git: git.upstream.moved())
        context.upstreams[rig.name] = moved
        if moved:
            raise Conflict(
                f"the upstream of {rig.name} has moved: what has landed goes on top first"
            )
        wanted = [Piece(one.id, one.submitted, one.title, one.base) for one in batch]
        try:
            stacked = await context.in_git(rig.name, lambda git: git.stack(work, base, wanted))
        except TargetMoved as error:
            self._hold(rig.name, [], error.message)
            raise
        await self._conflicts(stacked, batch)
        landing = [one for one in batch if one.id in stacked.commits]
        self._must_be_same(landing)
        if not landing:
            return
        run = context.new_run()
        note = {
            "purpose": "landing", "rig": rig.name, "base": base, "tip": stacked.tip,
            "work": str(work), "commits": msgspec.json.encode(stacked.commits).decode(),
        }  # fmt: skip
        if not rig.gates or await self._is_tested(rig.name, landing, stacked.tip):
            await self._land(rig.name, note, landing)
            return
        operations: list[Operation] = list(records.change_rig(rig.name, landing=run))
        for one in landing:
            operations += records.change_request(one, state="landing", gate_run=run)
        verdicts.write(context, operations)
        await spawn_gate(context, rig, run, _session(rig.name), work, note)

    async def _is_tested(self, rig: str, landing: list[Request], tip: str) -> bool:
        """Whether this batch was green already, and then the remote or the forge was out."""
        if not all(one.lost for one in landing):
            return False
        return await self._context.in_git(rig, lambda git: git.tested.is_green(tip))

    def _is_same(self, request: Request) -> bool:
        now = self._context.books.requests.get(request.id)
        return now is not None and is_approved(now) and now.submitted == request.submitted

    def _must_be_same(self, batch: list[Request]) -> None:
        for one in batch:
            if not self._is_same(one):
                raise Conflict(f"{one.id} has changed while it was stacked: stacked again")

    async def _conflicts(self, stacked: Stacked, batch: list[Request]) -> None:
        context = self._context
        for one in batch:
            if one.id not in stacked.conflicts or not self._is_same(one):
                continue
            files = stacked.conflicts[one.id]
            await self._note_conflict(one)
            why = f"it conflicts in {', '.join(files[:5]) or 'its files'}"
            verdicts.write(
                context, verdicts.sent_back(context, one, "conflict", why, "\n".join(files))
            )

    async def _note_conflict(self, request: Request) -> None:
        await self._context.in_git(
            request.rig,
            lambda git: git.note_conflict(request.id, request.attempt, request.submitted),
        )

    async def finish(self, command: FinishLanding) -> None:
        """Move the target when the run was green; narrow down or reject when it was red."""
        context = self._context
        rig = context.rig(command.rig)
        run = context.run_table.facts.get(command.run)
        landing = [
            one
            for one in context.books.requests.values()
            if one.state == "landing" and one.gate_run == command.run
        ]
        if context.books.rig_views({})[rig.name].landing != command.run:
            return
        if run is not None and run.note.get("purpose") == PURPOSE:
            await self._tails.finish(rig.name, run, _session(rig.name))
            return
        if run is None or not verdicts.has_verdict(run):
            self._again(rig.name, landing)
            return
        await self._judge(rig, run, landing)

    async def _judge(self, rig: RigConfig, run: RunFact, landing: list[Request]) -> None:
        """What a run that has ended by itself means for its batch."""
        context = self._context
        work, tip, why, log = Path(run.note["work"]), run.note["tip"], "", ""
        is_lost = await context.in_git(rig.name, lambda git: git.is_elsewhere(work, tip))
        if not verdicts.is_green(run):
            why, log = (
                verdicts.how_red(run, rig.gates),
                await output_of(context, _session(rig.name)),
            )
        elif stray := await context.in_git(rig.name, lambda git: git.differs(work, tip)):
            why = verdicts.not_clean(stray)
        has_no_room = bool(why) and verdicts.no_room(context, landing, log)
        if is_lost or has_no_room:
            told = verdicts.OUT_OF_ROOM if has_no_room else verdicts.ELSEWHERE
            self._again(rig.name, landing, told)
        elif not why:
            await context.in_git(rig.name, lambda git: git.tested.note_green(tip))
            await self._land(rig.name, run.note, landing)
        elif broken := await self._baseline.fault(rig.name, run, run.note["base"]):
            self._hold(rig.name, landing, broken)
        else:
            self._red(rig.name, why, log, landing)

    def _again(self, rig: str, landing: list[Request], why: str = "") -> None:
        """Nothing is known of the batch: it is stacked and tested again, later."""
        tries = self._context.books.rig_views({})[rig].tries + (not landing)
        operations: list[Operation] = list(records.change_rig(rig, landing="", tries=tries))
        for one in landing:
            operations += verdicts.without_verdict(self._context, one, "approved", why)
        verdicts.write(self._context, operations)

    def _later(self, rig: str, landing: list[Request], error: Unavailable) -> None:
        """The batch is green and cannot land now: it waits with the reason, which is told once."""
        why = str(error)[:300]
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        for one in landing:
            operations += records.change_request(
                one, state="approved", gate_run="", lost=one.lost + 1, why=why
            )
        if any(one.why != why for one in landing):
            kind = "escalated" if error.hint else "not-landed"  # a hint is for a person to follow
            text = f"{', '.join(one.bead for one in landing)}: {why}"
            operations.append(records.event(kind, rig, text, verdicts.ACTOR, rig))
        verdicts.write(self._context, operations)

    @staticmethod
    def _approved(rig: str, landing: list[Request]) -> list[Operation]:
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        for one in landing:
            operations += records.change_request(one, state="approved", gate_run="", lost=0)
        return operations

    def _red(self, rig: str, why: str, log: str, landing: list[Request]) -> None:
        context = self._context
        names = ", ".join(one.bead for one in landing)
        operations = self._approved(rig, landing)
        operations.append(records.event("landing-red", rig, f"{names}: {why}", "refinery", rig))
        suspects = after_red(
            [one.id for one in landing],
            [one for one in context.books.requests.values() if one.rig == rig],
        )
        for request, size in suspects.items():
            operations += records.change_request(request, suspect=size)
        if len(landing) == 1:
            operations += verdicts.sent_back(context, landing[0], "gate", why, log)
        verdicts.write(context, operations)

    def _hold(self, rig: str, landing: list[Request], why: str) -> None:
        """Nothing lands any more until the overseer has looked."""
        operations = [*self._approved(rig, landing), *held(self._context, rig, why)]
        verdicts.write(self._context, operations)

    async def _land(self, rig: str, note: dict[str, str], landing: list[Request]) -> None:
        context = self._context
        if context.is_frozen:  # since this began; done again after the thaw
            raise Unavailable("the town is frozen: nothing lands")
        base, tip = note["base"], note["tip"]
        message = f"land {', '.join(one.bead for one in landing)}"
        try:
            if context.rig(rig).land == "pr" and tip != base:
                await self._pulls.open(rig, landing[0], tip)
                return
            await context.in_git(rig, lambda git: git.land(tip, base, message))
        except TargetMoved as error:
            self._hold(rig, landing, error.message)
            return
        except Conflict as error:
            verdicts.write(context, self._approved(rig, landing))
            context.note("not-landed", rig, error.message, actor="refinery", rig=rig)
            return
        except Unavailable as error:
            self._later(rig, landing, error)
            return
        context.tips[rig] = tip
        commits = msgspec.json.decode(note["commits"], type=dict[str, str])
        over = records.change_rig(rig, landing="", tries=0)
        landed(context, rig, {one.id: commits.get(one.id, "") for one in landing}, tip, over)


def _session(rig: str) -> str:
    return f"gate/{rig}/landing"
