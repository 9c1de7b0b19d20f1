"""Diffs for the overseer: of a merge request, an agent's sandbox, or a bead's request."""

from __future__ import annotations

from gastown_tui import protocol
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.town import Request
from gastown_tui.services.context import Context

_GATE_LINES = 12
"""Of a red gate's output that stand next to the diff."""
LIMIT = 4_000_000
"""Characters; what is beyond is cut, and said."""


class Diffs:
    """Answers `AskDiff`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def ask(self, asked: protocol.AskDiff) -> protocol.DiffText:
        """The diff of a request id, an agent's address, or a bead.

        Raises:
            NotFound: no such thing, it has no change yet, or what it is compared with has gone.
        """
        try:
            request = self._context.request(asked.subject)
        except NotFound:
            return await self._agent(asked.subject)
        return await self._request(request, (asked.since_base, asked.since_tip))

    async def _request(self, request: Request, since: tuple[str, str]) -> protocol.DiffText:
        now, rig = (request.base, request.submitted), self._context.rig(request.rig)
        text = await self._context.in_git(
            request.rig,
            lambda git: git.review.diff_since(since, now) if all(since) else git.review.diff(*now),
        )
        return protocol.DiffText(
            req=0, base=now[0], tip=now[1], text=text[:LIMIT], truncated=len(text) > LIMIT,
            title=f"{request.id} {request.title}", sandbox=self._sandbox(request),
            notes=[*(_gates(request) if rig.gates else ()), *_notes(request)],
        )  # fmt: skip

    def _sandbox(self, request: Request) -> str:
        agent = self._context.books.agents.get(request.agent)
        if agent is None or agent.sandbox_for != request.bead:
            return ""
        return str(self._context.paths.sandbox(agent))

    async def _agent(self, subject: str) -> protocol.DiffText:
        agent = self._context.agent(subject)
        if not agent.sandbox_for:
            raise NotFound(f"{agent.address} has no sandbox now")
        sandbox = self._context.paths.sandbox(agent)
        text = await self._context.in_git(
            agent.rig, lambda git: git.review.sandbox_diff(sandbox, agent.base)
        )
        return protocol.DiffText(
            req=0, base=agent.base, tip="work tree", text=text[:LIMIT], sandbox=str(sandbox),
            title=f"{agent.address} {agent.sandbox_for}", truncated=len(text) > LIMIT,
        )  # fmt: skip


def _gates(request: Request) -> list[str]:
    """What the gates say of the very commit that is shown."""
    if request.rework == "gate":
        said = "\n".join(request.log.rstrip().splitlines()[-_GATE_LINES:])
        return [f"gates: {request.why}\n{said}".rstrip()]
    if request.evidence == request.submitted:
        return ["gates: passed on this commit"]
    return ["gates: running now" if request.state == "testing" else "gates: not run yet"]


def _notes(request: Request) -> list[str]:
    """What its commits hold, what its agent had not committed, and what nobody committed."""
    who = request.agent.rpartition("/")[2]
    notes = []
    if request.flagged:
        held = ", ".join(request.flagged.splitlines())
        notes.append(f"look before you approve: its commits hold {held}")
    if request.leftovers:
        notes.append(
            f"{who} had not committed everything: the rest is the commit"
            f" {request.leftovers[:10]} (left by {who})"
        )
    if request.left_out:
        files = request.left_out.splitlines()
        notes.append(f"never committed, still in the folder of {who}: {', '.join(files)}")
    return notes
