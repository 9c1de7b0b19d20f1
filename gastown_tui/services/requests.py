"""Requests as durable records: written before they are carried out, answered in the same place."""

from __future__ import annotations

import json
from typing import TypeAlias

from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.operations import AddLabel, Close, Create, Operation, SetState
from gastown_tui.services.context import Context

Arguments: TypeAlias = dict[str, str]
_BEGUN = "begun"


class RequestLog:
    """Every request that was made of the controller, with its receipt."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mine: set[str] = set()

    def record(
        self, verb: str, target: str, arguments: Arguments, actor: str, *, begun: bool = True
    ) -> str:
        """Write a request down; its id. One that has not begun may be taken up by another."""
        done = self._context.books.write_town(
            [
                Create(
                    bead={
                        "title": records.one_line(f"{verb} {target}"),
                        "issue_type": records.EVENT,
                        "event_kind": f"request.{verb}",
                        "actor": actor,
                        "target": target[:400],
                        "payload": json.dumps(arguments),
                        "ephemeral": True,
                        "wisp_type": "escalation",
                        "labels": [_BEGUN] if begun else [],
                    }
                )
            ],
            actor=actor,
        )
        self._mine.add(done.ids[0])
        return done.ids[0]

    def answer(
        self, request: str, asked: tuple[str, str], actor: str, *, ok: bool, text: str
    ) -> None:
        """Write the receipt of a verb and its target; a refusal is an event too."""
        verb, target = asked
        operations: list[Operation] = [
            Close(bead=request, reason=text[:400] or "done"),
            SetState(bead=request, dimension="ok", value="yes" if ok else "no"),
        ]
        if not ok:
            operations.append(records.event("refused", target, f"{verb} by {actor}: {text}", actor))
        self._context.books.write_town(operations, actor=actor)
        self._mine.discard(request)
        self._context.sync()

    def begin(self, request: str, actor: str) -> None:
        """Say that a request is being carried out: should we die now, nobody repeats it."""
        self._mine.add(request)
        self._context.books.write_town([AddLabel(bead=request, label=_BEGUN)], actor=actor)

    def left(self) -> list[Bead]:
        """Requests that others have written, or that an earlier controller left unanswered."""
        return [
            bead
            for bead in self._context.books.events.values()
            if bead.event_kind.startswith("request.")
            and not bead.is_closed
            and bead.id not in self._mine
        ]


def has_begun(bead: Bead) -> bool:
    """Whether somebody had begun to carry a request out."""
    return _BEGUN in bead.labels


def arguments_of(bead: Bead) -> Arguments:
    """The arguments of a recorded request.

    Raises:
        BadInput: they cannot be read.
    """
    try:
        found = json.loads(bead.payload or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"the arguments of {bead.id} cannot be read")
    return {str(key): str(value) for key, value in found.items()}
