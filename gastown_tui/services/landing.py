"""Landing runs: a batch of approved requests on a fresh target, tested, and made the target."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from gastown_tui.domain import records
from gastown_tui.domain.commands import FinishLanding, StartLanding
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.formula.progress import SKIPPED
from gastown_tui.domain.merge_queue import after_red, is_approved
from gastown_tui.domain.operations import Close, Operation, SetState
from gastown_tui.domain.ready import is_failure
from gastown_tui.domain.town import Request
from gastown_tui.services import verdicts
from gastown_tui.services.baseline import gates_are_broken, held
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.molecule_ends import close_work, store_of
from gastown_tui.services.ports import Stacked, TargetMoved

_WORKTREE = "landing"
_DROPPED = f"{SKIPPED}: its change was dropped"


class Landing:
    """Starts landing runs, and moves the target when they are green."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def start(self, command: StartLanding) -> None:
        """Stack the batch on a fresh target and run the gates on the result.

        Raises:
            Conflict: a request of the batch has changed meanwhile.
        """
        context = self._context
        rig = context.rig(command.rig)
        batch = [context.request(one) for one in command.requests]
        batch = [one for one in batch if is_approved(one)]
        if not batch or context.books.rig_views({})[rig.name].landing:
            return
        base = await context.in_git(rig.name, lambda git: git.refresh(fetch=True))
        context.tips[rig.name] = base
        work = context.paths.refinery(rig.name, _WORKTREE)
        wanted = [(one.id, one.submitted, one.title) for one in batch]
        try:
            stacked = await context.in_git(rig.name, lambda git: git.stack(work, base, wanted))
        except TargetMoved as error:
            self._hold(rig.name, [], error.message)
            return
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
        if not rig.gates:
            await self._land(rig.name, note, landing)
            return
        operations: list[Operation] = list(records.change_rig(rig.name, landing=run))
        for one in landing:
            operations += records.change_request(one, state="landing", gate_run=run)
        verdicts.write(context, operations)
        await spawn_gate(context, rig, run, _session(rig.name), work, note)

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
        if run is None or not verdicts.has_verdict(run):
            self._again(rig.name, landing)
            return
        if not verdicts.is_green(run):
            log = await output_of(context, _session(rig.name))
            if verdicts.no_room(context, landing, log):
                self._again(rig.name, landing, verdicts.OUT_OF_ROOM)
                return
            broken = await gates_are_broken(context, rig.name, run)
            if broken:
                self._hold(rig.name, landing, broken)
                return
            self._red(rig.name, verdicts.how_red(run, rig.gates), log, landing)
            return
        work, tip = Path(run.note["work"]), run.note["tip"]
        if await context.in_git(rig.name, lambda git: git.is_at(work, tip)):
            await self._land(rig.name, run.note, landing)
        else:
            self._red(rig.name, "the gates left changes in the work tree", "", landing)

    def _again(self, rig: str, landing: list[Request], why: str = "") -> None:
        """Nothing is known of the batch: it is stacked and tested again, later."""
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        for one in landing:
            operations += verdicts.without_verdict(self._context, one, "approved", why)
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
        base, tip = note["base"], note["tip"]
        message = f"land {', '.join(one.bead for one in landing)}"
        try:
            await context.in_git(rig, lambda git: git.land(tip, base, message))
        except TargetMoved as error:
            self._hold(rig, landing, error.message)
            return
        except Conflict as error:
            verdicts.write(context, self._approved(rig, landing))
            context.note("not-landed", rig, error.message, actor="refinery", rig=rig)
            return
        except Unavailable as error:
            self._again(rig, landing)
            context.note("not-landed", rig, error.message, actor="refinery", rig=rig)
            return
        context.tips[rig] = tip
        commits = msgspec.json.decode(note["commits"], type=dict[str, str])
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        for one in landing:
            landed = commits.get(one.id, tip)
            operations += records.change_request(
                one, state="landed", landed=landed, suspect=0, lost=0, why=""
            )
            text = f"{one.bead} landed on {self._where(rig)} at {landed[:10]}"
            operations.append(records.event("landed", one.bead, text, "refinery", rig))
        verdicts.write(context, operations)
        for one in landing:
            close_bead(context, one, merged(context, one, commits.get(one.id, tip)), "landed")

    def _where(self, rig: str) -> str:
        """The branch that a rig's changes land on, and whose it is."""
        config = self._context.rig(rig)
        if config.land == "local":
            return f"gastown/{config.default_branch} in {rig}/repo"
        return f"origin/{config.default_branch}"


def merged(context: Context, request: Request, commit: str) -> str:
    """Why the bead of a landed request is closed: what landed where, and how to get it."""
    text = f"Merged in {request.id} as {commit[:12]}"
    books = context.books.rigs.get(request.rig)  # none while the rig is left out
    if books is None or books.config.land != "local":
        return text
    rig = books.config
    branch, hub = f"gastown/{rig.default_branch}", context.paths.town / rig.name / "repo"
    fetch = shlex.join(["git", "fetch", str(hub), branch])
    where = f", on {branch} in {rig.name}/repo; fetch it: {fetch}"
    # A path with a word such as "error" would make other programs read a failure out of it.
    return text if is_failure(where) else text + where


def close_bead(context: Context, request: Request, reason: str, steps: str = _DROPPED) -> None:
    """Close the bead of a request that has come to its end, and its molecule, if it is still open.

    Args:
        context: of the controller.
        request: the request.
        reason: of the bead.
        steps: why what is left of its molecule is closed.
    """
    bead = context.books.bead(request.bead)
    if not bead.is_closed:
        close_work(
            store_of(context.books, request.rig),
            bead.id,
            steps,
            [SetState(bead=bead.id, dimension="done"), Close(bead=bead.id, reason=reason)],
            actor="refinery",
        )
        context.sync()


def _session(rig: str) -> str:
    return f"gate/{rig}/landing"
