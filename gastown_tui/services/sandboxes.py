"""Carries out what the plan says of sandboxes: made, handed in, put away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gastown_tui.domain import records, reports
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import PrepareSandbox, PutAway, Submit
from gastown_tui.domain.formula.progress import SKIPPED
from gastown_tui.domain.operations import Close, Operation, Require, SetState
from gastown_tui.domain.town import Agent, Request
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.gates import run_setup
from gastown_tui.services.hooks import request_of, still_hooked, write_agent
from gastown_tui.services.molecule_ends import close_work, store_of
from gastown_tui.services.molecules import got
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.ports import Handed


class Sandboxes:
    """Executes the commands about agents' worktrees."""

    def __init__(self, context: Context, nudger: Nudger) -> None:
        self._context = context
        self._nudger = nudger

    async def prepare(self, command: PrepareSandbox) -> None:
        """Make the worktree, run the rig's set-up in it, and record that it is ready."""
        context = self._context
        agent, _bead = still_hooked(self._context, command.agent, command.bead)
        sandbox = context.paths.sandbox(agent)
        branch = agent.branch
        if f"/{command.bead}@" not in branch:
            if branch:  # of a bead that was gone before its sandbox was ready
                await context.in_git(agent.rig, lambda git: git.undo(sandbox, agent.branch))
            token = context.new_run().partition("-")[0]
            branch = context.rig_git(agent.rig).branch_for(agent.name, command.bead, token)
            # Recorded first: whatever happens now, the next try knows what this one has left.
            write_agent(context, agent, branch=branch)
        request = request_of(self._context, command.bead)
        start = request.submitted if request else ""
        base = await context.in_git(agent.rig, lambda git: git.prepare(sandbox, branch, start))
        await run_setup(context, agent.rig, sandbox, name=f"setup/{agent.rig}/{agent.name}")
        write_agent(self._context, agent, sandbox_for=command.bead, base=base)

    async def put_away(self, command: PutAway) -> None:
        """Keep what a sandbox holds on its branch, and free its polecat for other work."""
        context = self._context
        agent = context.agent(command.agent)
        bead = context.books.rigs[agent.rig].beads.get(command.bead)
        if agent.sandbox_for != command.bead or (bead and bead.assignee == agent.address):
            return
        await context.end_sessions(agent.address, f"{command.bead} is no longer its work")
        store = store_of(context.books, agent.rig)
        now = got(store, command.bead)
        if now is not None and now.is_closed:
            close_work(store, now.id, f"{SKIPPED}: its work was closed", [], actor=ACTOR)
        sandbox = context.paths.sandbox(agent)
        kept = await context.in_git(
            agent.rig, lambda git: git.put_away(sandbox, agent.branch, agent.name)
        )
        operations: list[Operation] = records.change_agent(
            agent, sandbox_for="", branch="", base="", conversation=""
        )
        if kept:
            text = f"{command.bead} is no longer on {agent.address}: its work is kept on {kept}"
            operations.append(records.event("kept", command.bead, text, ACTOR, agent.rig))
        context.books.write_town(operations, actor=ACTOR)
        context.sync()

    async def submit(self, command: Submit) -> None:
        """Commit what was left over and put the branch's tip into the queue."""
        context = self._context
        agent, bead = still_hooked(self._context, command.agent, command.bead)
        token = bead.label("done")
        if token is None:
            return
        sandbox = context.paths.sandbox(agent)
        handed = await context.in_git(
            agent.rig, lambda git: git.hand_in(sandbox, agent.branch, agent.base, agent.name)
        )
        if handed.commits == 0:
            if command.is_reported:
                self._reported(agent, bead, token)
            else:
                await self._refuse(agent, bead)
            return
        if handed.outside:
            await self._refuse_outside(agent, bead, handed.outside)
            return
        clear = SetState(bead=bead.id, dimension="done")
        request = request_of(self._context, bead.id)
        if request is not None and request.submitted == handed.tip and _is_under_way(request):
            context.books.write_rig(agent.rig, [clear], actor=ACTOR)
            context.sync()
            return
        if request is not None and request.submitted == handed.tip and _asks_for_more(request):
            await self._refuse_same(agent, bead, request)
            return
        holds = request is not None and await self._is_still_approved(request, handed)
        text = f"{agent.address} handed in {bead.id} at {handed.tip[:10]}"
        if holds:
            text += ", with the same diff: the approval holds"
        if handed.left_out:
            text += f"; not committed, still in its folder: {', '.join(handed.left_out)}"
        if handed.flagged:
            text += f"; its commits hold {', '.join(handed.flagged[:_TOLD])}"
        context.books.write_town(
            [
                *self._handed_in(agent, bead, request, handed, holds=holds),
                *records.change_agent(agent, nudged=0),
                records.event("handed-in", bead.id, text, agent.address, agent.rig),
            ],
            actor=ACTOR,
            transaction=f"submit-{bead.id}-{token}",
        )
        context.books.write_rig(agent.rig, [clear], actor=ACTOR)
        context.sync()

    def _reported(self, agent: Agent, bead: Bead, token: str) -> None:
        """Close a bead that ends with a report; its sandbox is put away as of any closed bead."""
        context = self._context
        text = f"{agent.address} reported on {bead.id}"
        context.books.write_town(
            [records.event("reported", bead.id, text, agent.address, agent.rig)],
            actor=ACTOR,
            transaction=f"report-{bead.id}-{token}",
        )
        close_work(
            store_of(context.books, agent.rig),
            bead.id,
            "its work was reported",
            [
                Require(bead=bead.id, assignee=agent.address, label=f"done:{token}"),
                SetState(bead=bead.id, dimension="done"),
                Close(bead=bead.id, reason="Reported in its comments"),
            ],
            actor=ACTOR,
        )
        context.sync()

    async def _refuse(self, agent: Agent, bead: Bead) -> None:
        """Tell an agent that there is nothing to hand in."""
        context = self._context
        clear = SetState(bead=bead.id, dimension="done")
        context.books.write_rig(agent.rig, [clear], actor=ACTOR)
        context.note("done-refused", bead.id, f"{agent.address} has no commits on {agent.branch}")
        context.sync()
        text = "`gastown done` was refused: your branch has no commits yet."
        if reports.is_wanted(bead):
            text = f"{text[:-1]}, and {bead.id} has no comment of yours with the report."
        await self._nudger.nudge(agent.address, text)

    async def _refuse_same(self, agent: Agent, bead: Bead, request: Request) -> None:
        """Tell an agent that what came back is not handed in as it was."""
        context = self._context
        clear = SetState(bead=bead.id, dimension="done")
        context.books.write_rig(agent.rig, [clear], actor=ACTOR)
        what = f"{agent.address} handed in {bead.id} as it came back"
        context.note("done-refused", bead.id, what, rig=agent.rig)
        context.sync()
        text = (
            f"`gastown done` was refused: nothing has changed since {request.id} came back"
            f" ({request.why}). `gastown prime` says what is asked for."
        )
        await self._nudger.nudge(agent.address, text)

    async def _refuse_outside(self, agent: Agent, bead: Bead, outside: Sequence[str]) -> None:
        """Tell an agent which of its changes this rig does not take."""
        context = self._context
        clear = SetState(bead=bead.id, dimension="done")
        context.books.write_rig(agent.rig, [clear], actor=ACTOR)
        some = ", ".join(outside[:5]) + (f" and {len(outside) - 5} more" if outside[5:] else "")
        context.note("done-refused", bead.id, f"{agent.address} changes what it may not: {some}")
        context.sync()
        rig = context.rig(agent.rig)
        may = f"only {rig.folder}" if rig.only_folder else "anything but .beads/"
        text = (
            f"`gastown done` was refused: {rig.name} takes changes of {may}. Undo those of {some}."
        )
        await self._nudger.nudge(agent.address, text)

    async def _is_still_approved(self, request: Request, handed: Handed) -> bool:
        """Whether what was approved comes again with the same diff, on whatever base.

        What its commits hold can be more than the diff shows, and is looked at anew.
        """
        if not request.approved or request.approved != request.submitted or handed.flagged:
            return False
        return await self._context.in_git(
            request.rig,
            lambda git: git.review.is_same_change(
                (request.base, request.submitted), (handed.base, handed.tip)
            ),
        )

    def _handed_in(
        self, agent: Agent, bead: Bead, request: Request | None, handed: Handed, *, holds: bool
    ) -> list[Operation]:
        if request is not None:
            state = "held" if request.state == "held" else "submitted"
            return records.change_request(
                request, state=state, submitted=handed.tip, base=handed.base, plus=handed.plus,
                minus=handed.minus, evidence="", approved=handed.tip if holds else "",
                approved_by=request.approved_by if holds else "", rework="", gate_run="",
                suspect=0, lost=0, agent=agent.address, branch=agent.branch,
                leftovers=handed.leftovers, left_out="\n".join(handed.left_out),
                flagged="\n".join(handed.flagged),
            )  # fmt: skip
        new = Request(
            id="~request",
            rig=agent.rig,
            bead=bead.id,
            agent=agent.address,
            title=bead.title,
            branch=agent.branch,
            base=handed.base,
            plus=handed.plus,
            minus=handed.minus,
            target=self._context.rig(agent.rig).default_branch,
            priority=bead.priority,
            submitted=handed.tip,
            leftovers=handed.leftovers,
            left_out="\n".join(handed.left_out),
            flagged="\n".join(handed.flagged),
        )
        return [records.create_request(new)]


_TOLD: Final = 5
"""Of what commits hold and should not; the review shows all."""


def _asks_for_more(request: Request) -> bool:
    """Whether it came back for a reason that the same commits cannot answer; red gates may pass."""
    return request.state == "rework" and request.rework in {"review", "conflict"}


def _is_under_way(request: Request) -> bool:
    """Whether handing the same commit in again would only make it wait anew."""
    return request.state in {"submitted", "testing", "review", "approved", "held"}
