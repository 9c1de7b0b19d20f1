"""Carries out what the plan says of merge requests: evidence, landing, clean-up."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.commands import (
    CleanUp,
    FinishEvidence,
    FinishLanding,
    StartEvidence,
    StartLanding,
)
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.merge_queue import after_red, is_approved
from gastown_tui.domain.operations import Close, Operation, SetState
from gastown_tui.domain.town import Request, RunFact
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.ports import Stacked

_LANDING = "landing"


class Refinery:
    """Executes the commands about the merge queue."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def _write(self, operations: list[Operation], transaction: str | None = None) -> None:
        self._context.books.write_town(operations, actor="refinery", transaction=transaction)
        self._context.sync()

    async def start_evidence(self, command: StartEvidence) -> None:
        """Check the branch's tip out and run the gates on it."""
        context = self._context
        request = context.request(command.request)
        rig = context.rig(request.rig)
        if request.state != "submitted":
            return
        if not rig.gates:
            self._passed(request)
            return
        work = self._free_worktree(request.rig)
        context.claimed.add(work)
        try:
            await context.in_git(
                request.rig, lambda git: git.evidence_tree(work, request.submitted)
            )
            run = context.new_run()
            self._write(records.change_request(request, state="testing", gate_run=run))
            await spawn_gate(
                context, rig, run, self._session(request), work,
                {"purpose": "evidence", "request": request.id, "commit": request.submitted,
                 "work": str(work)},
            )  # fmt: skip
        finally:
            context.claimed.discard(work)

    @staticmethod
    def _session(request: Request) -> str:
        return f"gate/{request.rig}/{request.id}"

    def _free_worktree(self, rig: str) -> Path:
        context = self._context
        busy = {row.key for row in context.run_table.rows.values() if not row.ended}
        for number in range(1, 100):
            path = context.paths.refinery(rig, f"evidence-{number}")
            if str(path) not in busy and path not in context.claimed:
                return path
        raise Unavailable(f"no worktree is free in the refinery of {rig}")

    async def finish_evidence(self, command: FinishEvidence) -> None:
        """Judge a gate run that has ended, or that never was."""
        context = self._context
        request = context.request(command.request)
        run = context.run_table.facts.get(command.run)
        if request.state != "testing" or request.gate_run != command.run:
            return
        if run is None or _is_nobodys_fault(run):
            self._write(records.change_request(request, state="submitted", gate_run=""))
            return
        work = Path(run.note.get("work", ""))
        is_intact = run.note.get("commit") == request.submitted and await context.in_git(
            request.rig, lambda git: git.is_at(work, request.submitted)
        )
        if run.code == 0 and is_intact:
            self._passed(request)
        elif run.code == 0:
            self._sent_back(request, "gate", "the gates left changes in the work tree", "")
        else:
            log = await output_of(context, self._session(request))
            self._sent_back(request, "gate", _red(run, context.rig(request.rig).gates), log)

    def _passed(self, request: Request) -> None:
        needs_review = self._context.rig(request.rig).review == "required"
        changes = records.change_request(
            request,
            state="review" if needs_review else "approved",
            evidence=request.submitted,
            approved="" if needs_review else request.submitted,
            approved_by="" if needs_review else "policy",
            why="",
            log="",
        )
        text = f"{request.id} ({request.bead}): gates passed on the branch"
        self._write(
            [*changes, records.event("evidence", request.id, text, "refinery", request.rig)]
        )

    def _sent_back(self, request: Request, kind: str, why: str, log: str) -> None:
        """Back to the agent, or to the overseer when the attempts are used up."""
        limit = self._context.config.limits.attempts
        reds = request.reds + (kind != "conflict")
        if reds >= limit:
            changes = records.change_request(
                request, state="rejected", rework=kind, why=why, log=log, approved="", suspect=0,
                reds=reds,
            )  # fmt: skip
            text = f"{request.id} ({request.bead}) is rejected after {reds} attempts: {why}"
            note = records.event("rejected", request.id, text, "refinery", request.rig)
        else:
            changes = records.change_request(
                request, state="rework", rework=kind, why=why, log=log, approved="",
                approved_by="", suspect=0, attempt=request.attempt + 1, reds=reds,
            )  # fmt: skip
            text = f"{request.id} ({request.bead}) goes back: {why}"
            note = records.event(f"rework-{kind}", request.id, text, "refinery", request.rig)
        self._write([*changes, note])

    async def start_landing(self, command: StartLanding) -> None:
        """Stack the batch on a fresh target and run the gates on the result."""
        context = self._context
        rig = context.rig(command.rig)
        batch = [context.request(one) for one in command.requests]
        batch = [one for one in batch if is_approved(one)]
        if not batch or context.books.rig_views({})[command.rig].landing:
            return
        base = await context.in_git(command.rig, lambda git: git.refresh(fetch=True))
        context.tips[command.rig] = base
        work = context.paths.refinery(command.rig, _LANDING)
        wanted = [(one.id, one.submitted, one.title) for one in batch]
        stacked = await context.in_git(command.rig, lambda git: git.stack(work, base, wanted))
        await self._conflicts(stacked, batch)
        landing = [one for one in batch if one.id in stacked.commits]
        if not landing:
            return
        run = context.new_run()
        note = {
            "purpose": "landing", "rig": rig.name, "base": base, "tip": stacked.tip,
            "work": str(work), "commits": msgspec.json.encode(stacked.commits).decode(),
        }  # fmt: skip
        if not rig.gates:
            await self._land(rig.name, note, landing)
            return
        operations: list[Operation] = list(records.change_rig(rig.name, landing=run))
        for one in landing:
            operations += records.change_request(one, state="landing", gate_run=run)
        self._write(operations)
        await spawn_gate(context, rig, run, f"gate/{rig.name}/landing", work, note)

    async def _conflicts(self, stacked: Stacked, batch: list[Request]) -> None:
        for one in batch:
            if one.id in stacked.conflicts:
                files = stacked.conflicts[one.id]
                await self._note_conflict(one)
                where = ", ".join(files[:5]) or "its files"
                self._sent_back(one, "conflict", f"it conflicts in {where}", "\n".join(files))

    async def _note_conflict(self, request: Request) -> None:
        await self._context.in_git(
            request.rig,
            lambda git: git.note_conflict(request.id, request.attempt, request.submitted),
        )

    async def finish_landing(self, command: FinishLanding) -> None:
        """Move the target when the run was green; narrow down or reject when it was red."""
        context = self._context
        rig = context.rig(command.rig)
        run = context.run_table.facts.get(command.run)
        landing = [one for one in context.books.requests.values() if one.gate_run == command.run]
        landing = [one for one in landing if one.state == "landing"]
        if run is None or _is_nobodys_fault(run):
            self._back_to_approved(rig.name, landing)
            return
        work, tip = Path(run.note["work"]), run.note["tip"]
        if run.code == 0:
            if await context.in_git(rig.name, lambda git: git.is_at(work, tip)):
                await self._land(rig.name, run.note, landing)
            else:
                self._back_to_approved(rig.name, landing)
                raise Conflict("the gates left changes in the landing work tree")
            return
        await self._red_batch(rig.name, run, landing)

    def _back_to_approved(self, rig: str, landing: list[Request]) -> None:
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        for one in landing:
            operations += records.change_request(one, state="approved", gate_run="")
        self._write(operations)

    async def _red_batch(self, rig: str, run: RunFact, landing: list[Request]) -> None:
        context = self._context
        log = await output_of(context, f"gate/{rig}/landing")
        suspects = after_red(
            [one.id for one in landing],
            [one for one in context.books.requests.values() if one.rig == rig],
        )
        self._back_to_approved(rig, landing)
        if len(landing) == 1:
            self._sent_back(
                context.request(landing[0].id), "gate", _red(run, context.rig(rig).gates), log
            )
        operations: list[Operation] = []
        for request, size in suspects.items():
            operations += records.change_request(request, suspect=size)
        names = ", ".join(one.bead for one in landing)
        operations.append(
            records.event("landing-red", rig, f"gates failed on {names}", "refinery", rig)
        )
        self._write(operations)

    async def _land(self, rig: str, note: dict[str, str], landing: list[Request]) -> None:
        context = self._context
        base, tip = note["base"], note["tip"]
        message = f"land {', '.join(one.bead for one in landing)}"
        try:
            await context.in_git(rig, lambda git: git.land(tip, base, message))
        except Conflict as error:
            self._back_to_approved(rig, landing)
            now = await context.in_git(rig, lambda git: git.refresh(fetch=True))
            context.tips[rig] = now
            if context.rig(rig).land == "local":
                self._write(
                    records.change_rig(rig, held=f"the target moved outside: {error.message}")
                )
            context.note("not-landed", rig, error.message, actor="refinery", rig=rig)
            return
        context.tips[rig] = tip
        commits = msgspec.json.decode(note["commits"], type=dict[str, str])
        operations: list[Operation] = list(records.change_rig(rig, landing="", expected=tip))
        for one in landing:
            landed = commits.get(one.id, tip)
            operations += records.change_request(
                one, state="landed", landed=landed, suspect=0, why=""
            )
            text = f"{one.bead} landed on {one.target} at {landed[:10]}"
            operations.append(records.event("landed", one.bead, text, "refinery", rig))
        self._write(operations)
        for one in landing:
            self._close_bead(one, commits.get(one.id, tip))

    def _close_bead(self, request: Request, landed: str) -> None:
        bead = self._context.books.bead(request.bead)
        if not bead.is_closed:
            self._context.books.write_rig(
                request.rig,
                [
                    SetState(bead=bead.id, dimension="request"),
                    Close(bead=bead.id, reason=f"Merged in {request.id} as {landed[:12]}"),
                ],
                actor="refinery",
            )
            self._context.sync()

    async def clean_up(self, command: CleanUp) -> None:
        """End the session, take the sandbox away, free the polecat, close the request."""
        context = self._context
        request = context.request(command.request)
        self._close_bead(request, request.landed)
        agent = context.books.agents.get(request.agent)
        operations: list[Operation] = []
        if agent is not None and agent.sandbox_for == request.bead:
            living = [
                row for row in context.run_table.rows.values()
                if row.name == agent.address and not row.ended
            ]  # fmt: skip
            for row in living:
                await context.host.end(run=row.run, reason="its work has landed")
            sandbox = context.paths.sandbox(agent)
            await context.in_git(
                request.rig,
                lambda git: git.clean(
                    sandbox, request.branch, request.submitted, request.landed, request.id
                ),
            )
            operations += records.change_agent(
                agent, sandbox_for="", branch="", base="", conversation=""
            )
        operations.append(Close(bead=request.id, reason=f"Merged as {request.landed[:12]}"))
        context.books.write_town(operations, actor=ACTOR)
        context.sync()


def _is_nobodys_fault(run: RunFact) -> bool:
    """The run did not end by itself: the host died, or it was ended from outside."""
    return run.code is None and run.why != "exit" and "time limit" not in run.why


def _red(run: RunFact, gates: list[str]) -> str:
    how = f"exit {run.code}" if run.code is not None else run.why or f"signal {run.signal}"
    return f"the gates failed ({how}): {'; '.join(gates)[:200]}"
