"""The unpublished commits of a rig that lands in its hub: kept on top of an upstream that moves."""

from __future__ import annotations

from pathlib import Path

from gastown_tui.domain import records
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.town import RunFact
from gastown_tui.services import verdicts
from gastown_tui.services.baseline import held
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.ports import TargetMoved
from gastown_tui.services.ports_upstream import Tail

PURPOSE = "tail"


class Tails:
    """Puts them there through the gates, like everything that the target becomes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def start(self, rig: str, work: Path, session: str) -> None:
        """Rebase the commits and run the gates on the result, where it is not known to be green.

        Raises:
            Conflict: it cannot be done: the queue is held.
        """
        context = self._context
        config = context.rig(rig)
        try:
            tail = await context.in_git(rig, lambda git: git.upstream.rebase_tail(work))
        except TargetMoved as error:
            self._hold(rig, error.message)
            raise
        if tail.conflicts:
            files = ", ".join(tail.conflicts[:5])
            why = f"what has landed here conflicts with the newer upstream in {files}: rebase"
            self._hold(rig, f"{why} gastown/{config.default_branch} and push it yourself")
            raise Conflict(why)
        is_known = not config.gates or await context.in_git(
            rig, lambda git: git.tested.is_green(tail.tip)
        )
        if is_known:
            await self._take(rig, tail)
            return
        run = context.new_run()
        note = {
            "purpose": PURPOSE, "rig": rig, "old": tail.old, "tip": tail.tip, "work": str(work),
            "upstream": tail.upstream, "count": str(tail.count),
        }  # fmt: skip
        verdicts.write(context, records.change_rig(rig, landing=run))
        await spawn_gate(context, config, run, session, work, note)

    async def finish(self, rig: str, run: RunFact, session: str) -> None:
        """Make the rebased commits the target when the gates were green; else hold the queue."""
        context = self._context
        if not verdicts.has_verdict(run):
            self._again(rig)
            return
        work, tip = Path(run.note["work"]), run.note["tip"]
        if await context.in_git(rig, lambda git: git.is_elsewhere(work, tip)):
            self._again(rig)
            return
        why = ""
        if not verdicts.is_green(run):
            why = verdicts.how_red(run, context.rig(rig).gates)
        elif stray := await context.in_git(rig, lambda git: git.differs(work, tip)):
            why = verdicts.not_clean(stray)
        if why:
            log = await output_of(context, session)
            if context.shortage():
                self._again(rig)
                return
            said = " ".join(log.strip().splitlines()[-1:])
            upstream = run.note["upstream"][:10]
            self._hold(rig, f"on top of the newer upstream {upstream}, {why}: {said}")
            return
        await context.in_git(rig, lambda git: git.tested.note_green(tip))
        tail = Tail(
            old=run.note["old"], upstream=run.note["upstream"], tip=tip,
            count=int(run.note["count"]),
        )  # fmt: skip
        try:
            await self._take(rig, tail)
        except Conflict as error:
            self._again(rig)
            context.note("not-landed", rig, error.message, actor=verdicts.ACTOR, rig=rig)

    async def _take(self, rig: str, tail: Tail) -> None:
        """Make it the target.

        Raises:
            Conflict: the upstream has moved on once more: from the start.
        """
        context = self._context
        try:
            await context.in_git(rig, lambda git: git.upstream.take_tail(tail))
        except TargetMoved as error:
            self._hold(rig, error.message)
            return
        context.tips[rig], context.upstreams[rig] = tail.tip, ""
        what = f"{tail.count} unpublished commits of {rig} stand" if tail.count else f"{rig} stands"
        text = f"{what} on the upstream's {tail.upstream[:10]} now"
        operations = [
            *records.change_rig(rig, landing="", tries=0),
            records.event("followed", rig, text, verdicts.ACTOR, rig),
        ]
        verdicts.write(context, operations)

    def _again(self, rig: str) -> None:
        tries = self._context.books.rig_views({})[rig].tries
        verdicts.write(self._context, records.change_rig(rig, landing="", tries=tries + 1))

    def _hold(self, rig: str, why: str) -> None:
        operations = [*records.change_rig(rig, landing=""), *held(self._context, rig, why)]
        verdicts.write(self._context, operations)
