"""Gates that no change can pass: told from a change's own fault by running them on the target."""

from __future__ import annotations

import asyncio
from typing import Final

from gastown_tui.domain import records
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import RunFact
from gastown_tui.services import verdicts
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.patience import within

RED_TARGET: Final = "the gates fail on the target itself"
"""How the reason begins when a queue is held for it; releasing it accepts the target as it is."""
_CANNOT_RUN: Final = {126: "cannot be executed", 127: "was not found"}
"""What the shell's exit codes say of a command."""


class Baseline:
    """What the gates say of the target; asked when they are red on a change."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._locks: dict[str, asyncio.Lock] = {}

    async def fault(self, rig: str, run: RunFact, target: str = "") -> str:
        """Why a red run is no change's fault: the gates are red on the target too; else nothing.

        What has passed them before is not tested again, unless a command could not be run at all.
        The run on the target is awaited; when the controller ends meanwhile, it is made again.

        Args:
            rig: its name.
            run: the red run.
            target: the commit the change was put on; empty takes the target as it stands.
        """
        context = self._context
        async with self._locks.setdefault(rig, asyncio.Lock()):
            commit = target or await context.in_git(rig, lambda git: git.refresh(fetch=False))
            cannot_run = run.code in _CANNOT_RUN and run.why == "exit"
            if not cannot_run and await context.in_git(
                rig, lambda git: git.tested.is_green(commit)
            ):
                return ""
            ended = await self._tested(rig, commit)
            if ended is None:
                return ""
            if verdicts.is_green(ended):
                await context.in_git(rig, lambda git: git.tested.note_green(commit))
                return ""
            said = (await output_of(context, _session(rig))).strip().splitlines()[-1:]
            return _words(ended, commit, " ".join(said))

    async def _tested(self, rig_name: str, commit: str) -> RunFact | None:
        """The gates' run on the target; None when it gave no verdict."""
        context = self._context
        rig = context.rig(rig_name)
        work = context.paths.refinery(rig_name, "target")
        await context.in_git(rig_name, lambda git: git.evidence_tree(work, commit))
        own = context.new_run()
        note = {"purpose": "target", "rig": rig_name, "commit": commit, "work": str(work)}
        await spawn_gate(context, rig, own, _session(rig_name), work, note)
        try:
            async with within(context.clock, rig.gate_timeout_s):
                await context.run_table.finished(own)
        except TimeoutError:
            limit = f"time limit: the gates took longer than {rig.gate_timeout_s:g} s"
            await context.host.end(run=own, reason=limit)
            await context.run_table.finished(own)
        ended = context.run_table.facts.get(own)
        return ended if verdicts.has_verdict(ended) else None


def _words(ended: RunFact, commit: str, said: str) -> str:
    if ended.why == "exit" and ended.code in _CANNOT_RUN:
        what = _CANNOT_RUN[ended.code]
        return f"a command of the gates {what}, on the target too: {said}"[:300]
    how = f"exit {ended.code}" if ended.why == "exit" else "they do not end in time"
    return f"{RED_TARGET} at {commit[:10]} ({how}): {said}"[:300]


def held(context: Context, rig: str, why: str) -> list[Operation]:
    """Hold a rig's queue until the overseer has looked; told once."""
    if context.books.rig_views({})[rig].held:
        return []
    text = f"the queue of {rig} is held: {why} (mend it, then `gastown rig release {rig}`)"
    return [
        *records.change_rig(rig, held=why[:300]),
        records.event("escalated", rig, text, verdicts.ACTOR, rig),
    ]


def _session(rig: str) -> str:
    return f"gate/{rig}/target"
