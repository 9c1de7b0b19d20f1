"""The journal of a bead, said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    Entry,
    Hook,
    Outside,
    RemoveDependency,
    RemoveLabel,
    Reopen,
    SetField,
    SetState,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST: Final = 120
"""Characters of a value that are shown."""


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _set(operation: SetField) -> str:
    if operation.value is None or not str(operation.value):
        return f"cleared {operation.field}"
    return f"{operation.field}: {_short(operation.value)}"


def _state(operation: SetState) -> str:
    if operation.value is None:
        return f"no {operation.dimension} any more"
    return f"{operation.dimension}: {_short(operation.value)}"


def _outside(operation: Outside) -> str:
    what = ", ".join(operation.fields) if operation.fields else "the bead came in"
    return f"changed in the file by another program: {what}"


_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    Create: lambda op: f"created: {_short(op.fields().get('title', ''))}",
    SetField: _set,
    AddLabel: lambda op: f"label + {_short(op.label)}",
    RemoveLabel: lambda op: f"label - {_short(op.label)}",
    SetState: _state,
    AppendNote: lambda op: f"note: {_short(op.text)}",
    AddComment: lambda op: f"comment: {_short(op.text)}",
    AddDependency: lambda op: f"depends on {op.depends_on} ({_short(op.type)})",
    RemoveDependency: lambda op: f"no longer depends on {op.depends_on}",
    Close: lambda op: f"closed: {_short(op.reason)}",
    Reopen: lambda op: "reopened",
    Delete: lambda op: f"deleted: {_short(op.reason)}",
    Claim: lambda op: f"claimed for {_short(op.assignee)}",
    Hook: lambda op: f"hooked to {_short(op.assignee)}",
    Outside: _outside,
}


def words(entry: Entry) -> str:
    """What was done, in one line; texts of others are as they were written."""
    handler = _WORDS.get(type(entry.operation))
    return type(entry.operation).__name__ if handler is None else handler(entry.operation)


def row(entry: Entry) -> dict[str, Any]:
    """An entry as JSON values: when, who, the operation with its fields, and the words for it."""
    operation: dict[str, Any] = msgspec.to_builtins(entry.operation)
    return {
        "change": entry.change,
        "at": entry.at,
        "actor": entry.actor,
        "text": words(entry),
        "operation": operation,
    }
