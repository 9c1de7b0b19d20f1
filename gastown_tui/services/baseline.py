"""Gates that cannot run at all: told from a change's own fault by running them on the target."""

from __future__ import annotations

import asyncio

from gastown_tui.domain import records
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import RunFact
from gastown_tui.services import verdicts
from gastown_tui.services.context import Context
from gastown_tui.services.gates import output_of, spawn_gate

_CANNOT_RUN = {126: "cannot be executed", 127: "was not found"}
"""What the shell's exit codes say of a command."""


async def gates_are_broken(context: Context, rig_name: str, run: RunFact) -> str:
    """Why no change of a rig can pass: a gate's command is missing on the target too; else nothing.

    The run on the target is awaited here; when the controller ends meanwhile, it is made again.
    """
    if run.code not in _CANNOT_RUN or run.why != "exit":
        return ""
    rig = context.rig(rig_name)
    target = await context.in_git(rig_name, lambda git: git.refresh(fetch=False))
    work = context.paths.refinery(rig_name, "target")
    await context.in_git(rig_name, lambda git: git.evidence_tree(work, target))
    session, own = f"gate/{rig_name}/target", context.new_run()
    note = {"purpose": "target", "rig": rig_name, "commit": target, "work": str(work)}
    await spawn_gate(context, rig, own, session, work, note)
    try:
        async with asyncio.timeout(rig.gate_timeout_s):
            ended = await context.run_table.finished(own)
    except TimeoutError:
        await context.host.end(run=own, reason="time limit")
        return ""
    if ended.code not in _CANNOT_RUN:
        return ""
    said = (await output_of(context, session)).strip().splitlines()[-1:]
    what = _CANNOT_RUN[ended.code]
    return f"a command of the gates {what}, on the target too: {' '.join(said)}"[:300]


def held(context: Context, rig: str, why: str) -> list[Operation]:
    """Hold a rig's queue until the overseer has looked; told once."""
    if context.books.rig_views({})[rig].held:
        return []
    text = f"the queue of {rig} is held: {why} (mend it, then `gastown rig release {rig}`)"
    return [
        *records.change_rig(rig, held=why[:300]),
        records.event("escalated", rig, text, verdicts.ACTOR, rig),
    ]
