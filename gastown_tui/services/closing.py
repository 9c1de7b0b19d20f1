"""The end of a day: sessions end, and what was not committed is kept on their branches."""

from __future__ import annotations

import asyncio

from gastown_tui.domain import records
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import Agent
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.ports import Left

REASON = "the town goes down"
_SHOWN = 5


async def close_sandboxes(context: Context) -> list[str]:
    """End every agent's session and commit what it left; a line for each that left something.

    A session that cannot be ended, or git that refuses, leaves the files as they are, and that is
    said too.
    """
    agents = [agent for _, agent in sorted(context.books.agents.items())]
    lines = await asyncio.gather(*(_close(context, agent) for agent in agents))
    told = [(agent, line) for agent, line in zip(agents, lines, strict=True) if line]
    events: list[Operation] = [
        records.event("left", agent.address, line, ACTOR, agent.rig) for agent, line in told
    ]
    if events:
        context.books.write_town(events, actor=ACTOR)
        context.sync()
    return [line for _, line in told]


async def _close(context: Context, agent: Agent) -> str:
    try:
        await context.end_sessions(agent.address, REASON)
        if not agent.sandbox_for or agent.rig not in context.git:
            return ""
        sandbox = context.paths.sandbox(agent)
        left = await context.in_git(
            agent.rig, lambda git: git.commit_left(sandbox, agent.branch, agent.name)
        )
    except GastownError as error:
        return f"{agent.address}: what it left stays in its folder: {error}"
    return _told(agent, left)


def _told(agent: Agent, left: Left) -> str:
    said = []
    if left.commit:
        said.append(f"what it left is committed on {agent.branch} ({left.commit[:10]})")
    if left.held:
        said.append(f"what it left stays in its folder: {left.held}")
    if left.left_out:
        more = " ..." if left.left_out[_SHOWN:] else ""
        said.append(f"never committed, still there: {', '.join(left.left_out[:_SHOWN])}{more}")
    return f"{agent.address}: {'; '.join(said)}" if said else ""
