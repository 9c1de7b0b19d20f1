"""A rig leaves the town: the controller lets go of it, its sessions end, its records close."""

from __future__ import annotations

from gastown_tui.domain import leaving, records
from gastown_tui.domain.errors import Conflict, NotFound, Unavailable
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import Agent
from gastown_tui.services.books import Books
from gastown_tui.services.context import Context
from gastown_tui.services.ports import Applied, Store
from gastown_tui.services.requests import Arguments

REASON = "its rig is removed"
_ROUNDS = 5


class LeavingVerbs:
    """What the controller does when a rig is taken away; the rest is done by who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table = {"remove_rig": self._remove_rig}

    async def _remove_rig(self, target: str, _arguments: Arguments, _actor: str) -> str:
        """Forget a rig that is marked as leaving, and end its sessions.

        Raises:
            Conflict: it is not marked: the next look would find it again.
            Unavailable: a session of it does not end.
        """
        context = self._context
        if (context.paths.town / target / "rig.toml").exists():
            raise Conflict(f"the rig {target} is not to be removed")
        if target in context.git:
            await context.in_git(target, lambda _git: None)
            # No git is under way now, and what waits for its turn will find no rig.
            context.git.pop(target, None)
        rig = context.books.rigs.pop(target, None)
        context.books.version += 1
        for known in (context.tips, context.formula_rows):
            known.pop(target, None)
        await self._end_sessions(target)
        if rig is not None:
            rig.store.close()
        context.sync()
        return f"the town has let go of {target}"

    async def _end_sessions(self, rig: str) -> None:
        """End what runs for a rig; what was about to start then is found in the next round."""
        for _ in range(_ROUNDS):
            rows = [
                row
                for row in self._context.run_table.rows.values()
                if not row.ended and leaving.is_session_of(rig, row.name, row.note)
            ]
            if not rows:
                return
            for row in rows:
                try:
                    await self._context.host.end(run=row.run, reason=REASON)
                except NotFound:
                    continue
        raise Unavailable(f"sessions of {rig} start as fast as they end")


def known_records(books: Books) -> leaving.Records:
    """The town's records, as far as a removal goes."""
    return leaving.Records(
        agents=tuple(books.agents.values()),
        requests=tuple(books.requests.values()),
        convoys=tuple(books.convoys.values()),
        rigs=frozenset(name for name, bead in books.rig_records.items() if not bead.is_closed),
    )


def record_agent(town: Store, agent: Agent) -> Applied:
    """Record a new agent; the record of a namesake in a rig that was removed serves again."""
    operations: list[Operation] = [records.create_agent(agent)]
    transaction: str | None = f"agent-{agent.record}"
    try:
        known = town.get(agent.record)
    except NotFound:
        pass
    else:
        if known.is_closed:
            operations, transaction = leaving.namesake(agent), None
    return town.apply(operations, actor="controller", transaction=transaction)
