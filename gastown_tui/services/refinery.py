"""Carries out what the plan says of merge requests: evidence, landing, and what comes after."""

from __future__ import annotations

import contextlib

from gastown_tui.domain import records
from gastown_tui.domain.commands import CleanUp, CloseDropped
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.operations import Close, Operation
from gastown_tui.services.baseline import Baseline
from gastown_tui.services.checkouts import tidy_checkouts
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.ends import close_bead, merged
from gastown_tui.services.evidence import Evidence
from gastown_tui.services.gates import tear_down
from gastown_tui.services.landing import Landing
from gastown_tui.services.pulls import Pulls


class Refinery:
    """The merge queue's hands."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.baseline = Baseline(context)
        self.evidence = Evidence(context, self.baseline)
        self.pulls = Pulls(context)
        self.landing = Landing(context, self.baseline, self.pulls)

    async def clean_up(self, command: CleanUp) -> None:
        """End the session, take the sandbox away, free the polecat, close the request."""
        context = self._context
        request = context.request(command.request)
        await tidy_checkouts(context, request)
        with contextlib.suppress(NotFound):  # deleted by somebody: there is nothing to close
            close_bead(context, request, merged(context, request, request.landed), "landed")
        if request.is_own:
            await context.in_git(
                request.rig,
                lambda git: git.upstream.let_go(
                    request.branch, request.landed, request.submitted, request.id
                ),
            )
        agent = context.books.agents.get(request.agent)
        operations: list[Operation] = []
        if agent is not None and agent.sandbox_for == request.bead:
            await context.end_sessions(agent.address, "its work has landed")
            sandbox = context.paths.sandbox(agent)
            name = f"teardown/{agent.rig}/{agent.name}"
            await tear_down(context, request.rig, sandbox, name=name)
            kept = await context.in_git(
                request.rig,
                lambda git: git.clean(
                    sandbox, request.branch, request.submitted, request.landed, request.id
                ),
            )
            if kept:
                text = f"{agent.address} held more than landed of {request.bead}: kept in {kept}"
                operations.append(records.event("kept", request.bead, text, ACTOR, request.rig))
            operations += records.change_agent(
                agent, sandbox_for="", branch="", base="", conversation=""
            )
        operations.append(Close(bead=request.id, reason=f"Merged as {request.landed[:12]}"))
        context.books.write_town(operations, actor=ACTOR)
        context.sync()

    async def close_dropped(self, command: CloseDropped) -> None:
        """Close the bead and the record of a dropped request; its branch stays."""
        request = self._context.request(command.request)
        await tidy_checkouts(self._context, request)
        with contextlib.suppress(NotFound):  # deleted by somebody: there is nothing to close
            close_bead(self._context, request, f"Dropped: {request.why}")
        self._context.books.write_town(
            [Close(bead=request.id, reason=f"Dropped: {request.why}; kept on {request.branch}")],
            actor=ACTOR,
        )
        self._context.sync()
