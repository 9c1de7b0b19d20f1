"""Evidence runs: the gates on a request's own branch, before anybody reviews it."""

from __future__ import annotations

from pathlib import Path

from gastown_tui.domain import records
from gastown_tui.domain.commands import FinishEvidence, StartEvidence
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.town import Request
from gastown_tui.services import verdicts
from gastown_tui.services.baseline import Baseline, held
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate


class Evidence:
    """Starts and judges evidence runs."""

    def __init__(self, context: Context, baseline: Baseline) -> None:
        self._context = context
        self._baseline = baseline

    async def start(self, command: StartEvidence) -> None:
        """Check the branch's tip out and run the gates on it."""
        context = self._context
        request = context.request(command.request)
        rig = context.rig(request.rig)
        if request.state != "submitted":
            return
        if not rig.gates:
            verdicts.write(context, verdicts.passed(context, request))
            return
        if await self._is_known(request):
            return
        work = self._free_worktree(request.rig)
        context.claimed.add(work)
        try:
            await context.in_git(
                request.rig, lambda git: git.evidence_tree(work, request.submitted)
            )
            now = context.request(request.id)
            if now.state != "submitted" or now.submitted != request.submitted:
                return
            run = context.new_run()
            verdicts.write(context, records.change_request(now, state="testing", gate_run=run))
            await spawn_gate(
                context, rig, run, _session(request), work,
                {"purpose": "evidence", "request": request.id, "commit": request.submitted,
                 "rig": rig.name, "work": str(work)},
            )  # fmt: skip
        finally:
            context.claimed.discard(work)

    async def _is_known(self, request: Request) -> bool:
        """Let a change pass whose very files have passed the same gates before."""
        context = self._context
        if not await context.in_git(
            request.rig, lambda git: git.tested.is_green(request.submitted)
        ):
            return False
        now = context.request(request.id)
        if now.state == "submitted" and now.submitted == request.submitted:
            verdicts.write(context, verdicts.passed(context, now, "on the same files before"))
        return True

    def _free_worktree(self, rig: str) -> Path:
        context = self._context
        rows = context.run_table.rows
        busy = {row.key for row in rows.values() if not row.ended}
        # Of a run that has ended and was not judged yet, the tree is still to be looked at.
        awaited = [
            one.gate_run for one in context.books.requests.values() if one.state == "testing"
        ]
        busy |= {rows[run].key for run in awaited if run in rows}
        for number in range(1, 100):
            path = context.paths.refinery(rig, f"evidence-{number}")
            if str(path) not in busy and path not in context.claimed:
                return path
        raise Unavailable(f"no worktree is free in the refinery of {rig}")

    async def finish(self, command: FinishEvidence) -> None:
        """Judge a gate run that has ended, or that never was."""
        context = self._context
        run = context.run_table.facts.get(command.run)
        request = self._awaited(command)
        if request is None:
            return
        if run is None or not verdicts.has_verdict(run):
            verdicts.write(context, verdicts.without_verdict(context, request, "submitted"))
            return
        work, commit = Path(run.note.get("work", "")), request.submitted
        is_lost = run.note.get("commit") != commit or await context.in_git(
            request.rig, lambda git: git.is_elsewhere(work, commit)
        )
        if is_lost:
            why = verdicts.ELSEWHERE
            verdicts.write(context, verdicts.without_verdict(context, request, "submitted", why))
            return
        stray = await context.in_git(request.rig, lambda git: git.differs(work, commit))
        gates = context.rig(request.rig).gates
        why = verdicts.how_red(run, gates)
        if verdicts.is_green(run):
            why = verdicts.not_clean(stray) if stray else ""
        log = "" if verdicts.is_green(run) else await output_of(context, _session(request))
        lacks_room = bool(why) and verdicts.no_room(context, [request], log)
        broken = ""
        if why and not lacks_room:
            broken = await self._baseline.fault(request.rig, run)
        elif not why:
            await context.in_git(request.rig, lambda git: git.tested.note_green(commit))
        request = self._awaited(command)
        if request is None:
            return
        if lacks_room:
            why = verdicts.OUT_OF_ROOM
            operations = verdicts.without_verdict(context, request, "submitted", why)
        elif broken:
            operations = records.change_request(request, state="submitted", gate_run="", why=broken)
            operations += held(context, request.rig, broken)
        elif why:
            operations = verdicts.sent_back(context, request, "gate", why, log)
        else:
            operations = verdicts.passed(context, request)
        verdicts.write(context, operations)

    def _awaited(self, command: FinishEvidence) -> Request | None:
        """The request, if it still waits for this very run."""
        request = self._context.books.requests.get(command.request)
        if request is None or request.state != "testing" or request.gate_run != command.run:
            return None
        return request


def _session(request: Request) -> str:
    return f"gate/{request.rig}/{request.id}"
