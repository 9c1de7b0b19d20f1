"""Preconditions that every command about an agent checks again, and what they write."""

from __future__ import annotations

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.town import Agent, Request
from gastown_tui.services.context import ACTOR, Context


def still_hooked(context: Context, address: str, bead: str) -> tuple[Agent, Bead]:
    """The agent and its bead, read anew.

    Raises:
        Conflict: the hook has changed since the plan was made.
    """
    agent, found = context.agent(address), context.books.bead(bead)
    if found.assignee != address or found.is_closed:
        raise Conflict(f"{bead} is no longer on the hook of {address}")
    return agent, found


def request_of(context: Context, bead: str) -> Request | None:
    """The open merge request of a bead."""
    for request in context.books.requests.values():
        if request.bead == bead and request.state not in {"landed", "dropped"}:
            return request
    return None


def write_agent(context: Context, agent: Agent, **values: str | int) -> None:
    """Give an agent's record new values."""
    context.books.write_town(records.change_agent(agent, **values), actor=ACTOR)
    context.sync()
