"""Pouring a formula for a bead from the screen: its steps become beads that wait for a worker."""

from __future__ import annotations

import asyncio

from gastown_tui.domain import records
from gastown_tui.domain.errors import BadInput, Unavailable
from gastown_tui.domain.operations import Require
from gastown_tui.services.context import Context
from gastown_tui.services.requests import Arguments
from gastown_tui.services.slinging import attached


def variables_of(text: str) -> dict[str, str]:
    """The variables of a text, `name=value` a line.

    Raises:
        BadInput: a line is something else.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign or not name.strip().isidentifier():
            raise BadInput(f"{line[:60]!r} is no variable", hint="NAME=VALUE, one a line")
        found[name.strip()] = value.strip()
    return found


class FormulaVerbs:
    """What may be asked about formulas."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table = {"pour": self._pour}

    async def _pour(self, target: str, arguments: Arguments, actor: str) -> str:
        """Give a bead the steps of `arguments["formula"]`, with `vars` as `variables_of` reads."""
        context = self._context
        if context.formulas is None:
            raise Unavailable("there are no formulas here")
        rig = context.books.rig_of(target)
        change = context.books.rigs[rig].store.last_change
        bead = context.books.bead(target)
        values = variables_of(arguments.get("vars", ""))
        name = arguments.get("formula", "")
        proto = await asyncio.to_thread(context.formulas.cook, rig, name, values, bead)
        operations = [
            Require(bead=target, status=("open", "hooked", "in_progress"), change=change),
            *attached(context.books, rig, target, proto),
        ]
        context.books.write_rig(rig, operations, actor=actor)
        said = f"{target} has {len(proto.steps)} steps of {name}"
        context.books.write_town([records.event("poured", target, said, actor, rig)], actor=actor)
        return said
