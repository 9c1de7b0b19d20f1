"""Diffs for the overseer: of a merge request, an agent's sandbox, or a bead's request."""

from __future__ import annotations

from gastown_tui import protocol
from gastown_tui.domain.errors import NotFound
from gastown_tui.services.context import Context

LIMIT = 4_000_000
"""Characters; what is beyond is cut, and said."""


class Diffs:
    """Answers `AskDiff`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def ask(self, subject: str) -> protocol.DiffText:
        """The diff of a request id, an agent's address, or a bead.

        Raises:
            NotFound: no such thing, or it has no change yet.
        """
        try:
            return await self._request(subject)
        except NotFound:
            return await self._agent(subject)

    async def _request(self, subject: str) -> protocol.DiffText:
        request = self._context.request(subject)
        text = await self._context.in_git(
            request.rig, lambda git: git.diff(request.base, request.submitted)
        )
        return _cut(request.base, request.submitted, text, f"{request.id} {request.title}")

    async def _agent(self, subject: str) -> protocol.DiffText:
        agent = self._context.agent(subject)
        if not agent.sandbox_for:
            raise NotFound(f"{agent.address} has no sandbox now")
        sandbox = self._context.paths.sandbox(agent)
        text = await self._context.in_git(
            agent.rig, lambda git: git.sandbox_diff(sandbox, agent.base)
        )
        return _cut(agent.base, "work tree", text, f"{agent.address} {agent.sandbox_for}")


def _cut(base: str, tip: str, text: str, title: str) -> protocol.DiffText:
    return protocol.DiffText(
        req=0, base=base, tip=tip, text=text[:LIMIT], title=title, truncated=len(text) > LIMIT
    )
