"""What the overseer does to beads from the screen, written straight to their store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Protocol, cast

from gastown_tui.domain import bead_gates, close_guards
from gastown_tui.domain.bead import WORK_TYPES, Bead
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.operations import (
    AddComment,
    AddLabel,
    Claim,
    Close,
    Operation,
    RemoveLabel,
    SetField,
)
from gastown_tui.services.books import Books
from gastown_tui.services.requests import Arguments

TEXTS: Final = frozenset({"title", "description", "design", "acceptance_criteria", "notes"})
"""Fields that are written as a text."""
_PRIORITIES: Final = frozenset("01234")


class BeadStore(Protocol):
    """What is needed of a beads directory."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def dependents(self, bead: str, /) -> Sequence[tuple[str, str]]:
        """Id and type of edge of every bead that depends on this one."""

    def blockers(self, bead: str, /) -> Sequence[str]:
        """What a bead waits for."""

    def apply(self, operations: Sequence[Operation], /, *, actor: str) -> object:
        """One transaction."""


def edit(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Set one field.

    Args:
        store: where the bead is.
        target: its id.
        arguments: `field` (one of `TEXTS`, `priority`, `issue_type`, `label`), its new `value`
            (of `label`: `+name` or `-name`), and `seen`: the `updated_at` that was edited.
        actor: who edits.

    Raises:
        BadInput: no such field, or a value that it cannot have.
        Conflict: somebody else has changed the bead meanwhile.
    """
    bead, field, value = store.get(target), arguments.get("field", ""), arguments.get("value", "")
    if arguments.get("seen") and arguments["seen"] != bead.updated_at:
        raise Conflict(f"{target} has changed meanwhile", hint="look at it again")
    store.apply([_edit(target, field, value)], actor=actor)
    return f"{target}: {field.replace('_', ' ')} is changed"


def _edit(target: str, field: str, value: str) -> Operation:
    if field == "label":
        name = value[1:].strip()
        if value[:1] not in {"+", "-"} or not name or any(map(str.isspace, name)):
            raise BadInput(f"{value!r} is no label", hint="+name adds one, -name removes it")
        return (AddLabel if value[0] == "+" else RemoveLabel)(bead=target, label=name)
    if field == "title":
        value = " ".join(value.split())
        if not value or len(value) > 500:
            raise BadInput("a bead needs a title of at most 500 characters")
    if field == "priority":
        bare = value.lower().removeprefix("p")
        if bare not in _PRIORITIES:
            raise BadInput(f"{value!r} is no priority", hint="0 (urgent) to 4")
        return SetField(bead=target, field=field, value=int(bare))
    if field == "issue_type" and value not in WORK_TYPES:
        raise BadInput(f"{value!r} is no type of work", hint=", ".join(sorted(WORK_TYPES)))
    if field not in TEXTS | {"issue_type"}:
        raise BadInput(f"{field!r} cannot be edited here", hint="use `gastown bead update`")
    return SetField(bead=target, field=field, value=value or None)


def comment(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Add a comment: `arguments["text"]`."""
    text = arguments.get("text", "").strip()
    if not text:
        raise BadInput("an empty comment says nothing")
    store.get(target)
    store.apply([AddComment(bead=target, text=text)], actor=actor)
    return f"your comment is on {target}"


def close(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Close a bead for `arguments["reason"]`.

    Raises:
        Conflict: it waits for something, has open parts, or is pinned.
    """
    bead = store.get(target)
    if bead.is_closed:
        return f"{target} is closed already"
    parts = [store.get(name) for name, kind in store.dependents(target) if kind == "parent-child"]
    around = close_guards.Around(bead=bead, parts=parts, blockers=store.blockers(target))
    close_guards.guard(around)
    reason = arguments.get("reason", "").strip() or "Closed"
    store.apply([Close(bead=target, reason=reason)], actor=actor)
    return f"{target} is closed"


def open_gate(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Open a gate by hand: what waits for it goes on.

    Raises:
        BadInput: it is no gate.
    """
    gate = store.get(target)
    if gate.issue_type != bead_gates.GATE:
        raise BadInput(f"{target} is a {gate.issue_type}, not a gate")
    if gate.is_closed:
        return f"{target} is open already: {gate.close_reason}"
    reason = arguments.get("reason", "").strip() or f"opened by {actor}"
    store.apply(bead_gates.opening(gate, reason), actor=actor)
    return f"{target} is open"


def reopen(store: BeadStore, target: str, _arguments: Arguments, actor: str) -> str:
    """Open a bead again, with the closed things that it is part of."""
    bead = store.get(target)
    if not bead.is_closed and bead.status != close_guards.DEFERRED:
        return f"{target} is {bead.status}"
    store.apply(close_guards.reopening(bead, _above(store, bead)), actor=actor)
    return f"{target} is open again"


def _above(store: BeadStore, bead: Bead) -> list[Bead]:
    found: list[Bead] = []
    seen = {bead.id}
    while True:
        parents = (e.depends_on_id for e in bead.dependencies if e.type == "parent-child")
        parent = next(parents, "")
        if not parent or parent in seen:
            return found
        seen.add(parent)
        bead = store.get(parent)
        found.append(bead)


def defer(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Put a bead off, until `arguments["until"]` (ISO) if it is given."""
    until = arguments.get("until", "")
    try:
        moment = datetime.fromisoformat(until) if until else None
    except ValueError:
        raise BadInput(f"{until!r} is no time", hint="as in 2026-12-24T09:00+01:00") from None
    store.apply(close_guards.deferring(store.get(target), moment), actor=actor)
    return f"{target} is put off" + (f" until {until}" if until else "")


def claim(store: BeadStore, target: str, arguments: Arguments, actor: str) -> str:
    """Take a bead for `arguments["assignee"]`, or for who asks.

    Raises:
        Conflict: somebody has it.
    """
    who = arguments.get("assignee") or actor
    store.apply([Claim(bead=target, assignee=who)], actor=actor)
    return f"{target} is yours" if who == actor else f"{target} belongs to {who}"


def table(books: Books) -> dict[str, Callable[[str, Arguments, str], Awaitable[str]]]:
    """The verbs over the town's rigs and its own beads."""

    def bound(verb: _Verb) -> Callable[[str, Arguments, str], Awaitable[str]]:
        async def carry(target: str, arguments: Arguments, actor: str) -> str:
            found: BeadStore = cast("BeadStore", store_of(books, target)[1])
            # In a thread: where `bd` keeps the beads, a write is a run of it.
            return await asyncio.to_thread(verb, found, target, arguments, actor)

        return carry

    return {name: bound(verb) for name, verb in VERBS.items()}


def store_of(books: Books, bead: str) -> tuple[str, object]:
    """The rig (`hq` for the town's own) and the store of a bead by its id.

    Raises:
        NotFound: no rig has such ids.
    """
    try:
        rig = books.rig_of(bead)
    except NotFound:
        if bead.startswith(f"{books.town.prefix}-"):
            return books.town.prefix, books.town
        raise
    return rig, books.rigs[rig].store


_Verb = Callable[[BeadStore, str, Arguments, str], str]
VERBS: Final[dict[str, _Verb]] = {
    "bead_edit": edit, "bead_comment": comment, "bead_close": close, "bead_reopen": reopen,
    "gate_open": open_gate, "bead_defer": defer, "bead_claim": claim,
}  # fmt: skip
