"""Gates that no change can pass: told from a change's own fault by running them on the target."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from gastown_tui.domain import records
from gastown_tui.domain.commands import RecheckTarget
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.merge_queue import RED_TARGET, UNRUNNABLE, is_red_target
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import RunFact
from gastown_tui.services import verdicts
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate
from gastown_tui.services.patience import within

_AGAIN_S: Final = 1800.0
"""After which a red target is tested again although nothing seems to have changed."""
_CANNOT_RUN: Final = {126: "cannot be executed", 127: "was not found"}
"""What the shell's exit codes say of a command."""


log = logging.getLogger("gastown.baseline")


class Baseline:
    """What the gates say of the target; asked when they are red on a change."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._locks: dict[str, asyncio.Lock] = {}
        self._tested_at: dict[str, tuple[tuple[str, ...], float]] = {}

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
            return "" if ended is None else await self._said(rig, ended, commit)

    async def recheck(self, command: RecheckTarget) -> None:
        """Let a queue go on whose target passes its gates again; awaits their run."""
        context, rig = self._context, self._context.rig(command.rig)
        why = context.books.rig_views({})[rig.name].held
        if not is_red_target(why):
            return
        async with self._locks.setdefault(rig.name, asyncio.Lock()):
            commit = await self._newest(rig.name)
            fault = await self._still_red(rig, commit, why)
        now = context.books.rig_views({})[rig.name].held
        if fault is None or now != why:  # nothing new, or the overseer was faster
            return
        if fault:
            operations: list[Operation] = list(records.change_rig(rig.name, held=fault[:300]))
        else:
            text = f"the gates pass on the target again at {commit[:10]}: {rig.name} goes on"
            operations = released(context, rig.name, text, verdicts.ACTOR)
        verdicts.write(context, operations)

    async def _newest(self, rig: str) -> str:
        """The target, after a fetch where the upstream can be read."""
        context = self._context
        try:
            commit = await context.in_git(rig, lambda git: git.refresh(fetch=True))
        except GastownError as error:
            log.info("the upstream of %s cannot be read: %s", rig, error)
            commit = await context.in_git(rig, lambda git: git.refresh(fetch=False))
        context.tips[rig] = commit
        context.upstreams[rig] = await context.in_git(rig, lambda git: git.upstream.moved())
        return commit

    async def _still_red(self, rig: RigConfig, commit: str, why: str) -> str | None:
        """What is wrong with the target: nothing, or None where nothing new is known."""
        context = self._context
        if why.startswith(RED_TARGET) and await context.in_git(
            rig.name, lambda git: git.tested.is_green(commit)
        ):
            return ""
        before, at = self._tested_at.get(rig.name, ((), 0.0))
        if _state(rig, commit) == before and context.clock.now().awake - at < _AGAIN_S:
            return None
        ended = await self._tested(rig.name, commit)
        return None if ended is None else await self._said(rig.name, ended, commit)

    async def _said(self, rig: str, ended: RunFact, commit: str) -> str:
        """What a run on the target says: nothing when it was green, which is remembered."""
        context = self._context
        if verdicts.is_green(ended):
            work = Path(ended.note["work"])
            if stray := await context.in_git(rig, lambda git: git.differs(work, commit)):
                return f"{RED_TARGET} at {commit[:10]}: they leave changes behind: {stray}"[:300]
            await context.in_git(rig, lambda git: git.tested.note_green(commit))
            return ""
        lines = (await output_of(context, _session(rig))).strip().splitlines()[-1:]
        return _words(ended, commit, " ".join(lines))

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
        is_lost = await context.in_git(rig_name, lambda git: git.is_elsewhere(work, commit))
        if is_lost or not verdicts.has_verdict(ended):
            return None
        self._tested_at[rig_name] = (_state(rig, commit), context.clock.now().awake)
        return ended


def _state(rig: RigConfig, commit: str) -> tuple[str, ...]:
    """All that a verdict on the target depends on, as far as is known."""
    return (commit, *rig.setup.run, *rig.gates, f"{rig.gate_timeout_s:g}")


def _words(ended: RunFact, commit: str, said: str) -> str:
    if ended.why == "exit" and ended.code in _CANNOT_RUN:
        what = _CANNOT_RUN[ended.code]
        return f"{UNRUNNABLE} {what}, on the target too: {said}"[:300]
    if ended.why != "exit":
        return f"{RED_TARGET} at {commit[:10]}: they do not end in time"
    return f"{RED_TARGET} at {commit[:10]} (exit {ended.code}): {said}"[:300]


def held(context: Context, rig: str, why: str) -> list[Operation]:
    """Hold a rig's queue until the overseer has looked; told once."""
    before = context.books.rig_views({})[rig].held
    if before and (is_red_target(why) or not is_red_target(before)):
        return []
    release = f"`gastown rig release {rig}`"
    then = f"mend it, then {release}"
    if is_red_target(why):
        then = f"it goes on once they pass; {release} takes the target as it is"
    text = f"the queue of {rig} is held: {why} ({then})"
    return [
        *records.change_rig(rig, held=why[:300]),
        records.event("escalated", rig, text, verdicts.ACTOR, rig),
    ]


def released(context: Context, rig: str, text: str, actor: str) -> list[Operation]:
    """Let a rig's queue go on; its requests no longer give the target as their reason."""
    tries = context.books.rig_views({})[rig].tries
    operations: list[Operation] = list(records.change_rig(rig, held="", tries=tries + 1))
    for one in context.books.requests.values():
        if one.rig == rig and is_red_target(one.why):
            operations += records.change_request(one, why="")
    return [*operations, records.event("released", rig, text, actor, rig)]


def _session(rig: str) -> str:
    return f"gate/{rig}/target"
