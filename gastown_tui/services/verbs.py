"""What may be asked of the controller: each request is recorded, carried out, and answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gastown_tui.domain import audience
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, GastownError
from gastown_tui.services import bead_verbs
from gastown_tui.services.checkouts import Checkouts
from gastown_tui.services.context import Context
from gastown_tui.services.facts import Facts
from gastown_tui.services.formula_verbs import FormulaVerbs
from gastown_tui.services.leaving import LeavingVerbs
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.proposals import Proposals
from gastown_tui.services.requests import Arguments, RequestLog, arguments_of, has_begun
from gastown_tui.services.verbs_agents import AgentVerbs
from gastown_tui.services.verbs_landing import LandingVerbs
from gastown_tui.services.verbs_queue import QueueVerbs
from gastown_tui.services.verbs_talk import TalkVerbs
from gastown_tui.services.verbs_town import TownVerbs

Carry = Callable[[str, Arguments, str], Awaitable[str]]
"""Carries a verb out: target, arguments and actor to a line for the asker."""
_TEXT_LIMIT: Final = 16_000

log = logging.getLogger("gastown.verbs")


class Verbs:
    """The table of verbs, and what happens around each of them."""

    def __init__(
        self,
        context: Context,
        facts: Facts,
        nudger: Nudger,
        wake: Callable[[], None],
        go_on: Callable[[frozenset[str]], None],
        open_mayor: Callable[[], Awaitable[str]],
    ) -> None:
        self._context = context
        self._wake = wake
        self._requests = RequestLog(context)
        self._verbs: dict[str, Carry] = {
            **AgentVerbs(context, go_on, open_mayor).table,
            **TalkVerbs(context, facts, nudger, self._requests).table,
            **QueueVerbs(context).table,
            **Checkouts(context).table,
            **LandingVerbs(context).table,
            **TownVerbs(context, go_on, open_mayor).table,
            **bead_verbs.table(context.books),
            **FormulaVerbs(context).table,
            **LeavingVerbs(context).table,
            **Proposals(context, nudger).table,
        }

    def add(self, table: Mapping[str, Carry]) -> None:
        """Verbs of a part that the process is put together from."""
        self._verbs.update(table)

    async def ask(
        self, verb: str, target: str, arguments: Arguments, *, actor: str, session: str | None
    ) -> tuple[str, str]:
        """Record and carry out one request; its id and a line for the asker.

        Args:
            verb: of the table.
            target: an agent, request, rig or bead; empty where the verb needs none.
            arguments: by name.
            actor: who asks, for the record.
            session: the session that the asker runs in; None for a person's own shell.

        Raises:
            GastownError: it was refused; that is recorded too.
        """
        self._carry(verb)
        if any(len(text) > _TEXT_LIMIT for text in arguments.values()):
            raise BadInput("the text is too long", hint=f"at most {_TEXT_LIMIT} characters")
        who = session or actor
        request = self._requests.record(verb, target, arguments, who)
        try:
            audience.check(verb, session)
            text = await self._carry(verb)(target, arguments, who)
        except Exception as error:  # recorded whatever it is, and told to the asker
            self._requests.answer(request, (verb, target), who, ok=False, text=str(error))
            raise
        self._requests.answer(request, (verb, target), who, ok=True, text=text)
        self._wake()
        return request, text

    def _carry(self, verb: str) -> Carry:
        try:
            return self._verbs[verb]
        except KeyError:
            raise BadInput(f"there is no verb {verb!r}") from None

    async def take_up(self) -> None:
        """Carry out what was asked while no controller ran; what had begun is not repeated.

        May be called at any time: what this controller has under way is left alone.
        """
        for bead in self._requests.left():
            verb = bead.event_kind.partition(".")[2]
            ok, text = False, "indeterminate: the controller ended while it was being carried out"
            if not has_begun(bead):
                ok, text = await self._taken_up(bead, verb)
            self._requests.answer(bead.id, (verb, bead.target), bead.actor, ok=ok, text=text)

    async def _taken_up(self, bead: Bead, verb: str) -> tuple[bool, str]:
        try:
            self._requests.begin(bead.id, bead.actor)
            audience.check(verb, self._session(bead))
            return True, await self._carry(verb)(bead.target, arguments_of(bead), bead.actor)
        except GastownError as error:
            return False, str(error)
        except Exception as error:  # a bug in one verb must not keep the town from starting
            log.exception("%s %s failed", verb, bead.target)
            return False, f"{verb} failed: {error}"

    def _session(self, bead: Bead) -> str | None:
        """The session that wrote a request, as far as it names itself."""
        is_session = bead.actor in self._context.books.agents or bead.actor == "unknown"
        return bead.actor if is_session or bead.actor.startswith("run ") else None
