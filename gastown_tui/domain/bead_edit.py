"""Operations applied to one line: what changes, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import (
    CLOSED,
    TOMBSTONE,
    Bead,
    Dependency,
    decode,
    field_value,
    instant,
    is_empty,
    plain,
    timestamp,
)
from gastown_tui.domain.bead_line import Line, Style
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    Hook,
    RemoveDependency,
    RemoveLabel,
    Reopen,
    Require,
    SetField,
    SetState,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gastown_tui.domain.operations import Operation

LONGEST_TITLE: Final = 500
"""Bytes of a title that every reader of the format accepts."""
LOWEST_PRIORITY: Final = 4
_OWN_OPERATION: Final = frozenset({"id", "labels", "dependencies", "comments", "updated_at"})
_CLOSING: Final = ("closed_at", "close_reason", "closed_by_session")
_MICROSECOND: Final = 1e-6


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts and when, and the number that a new comment gets."""

    actor: str
    now: datetime
    comment: int | str = 1
    again: bool = False
    """The line got its `updated_at` in the same transaction already."""

    @property
    def text(self) -> str:
        """The moment as files write it."""
        return timestamp(self.now)


def apply(line: Line, operation: Operation, stamp: Stamp) -> bool:
    """Do an operation to a line.

    Returns:
        Whether anything changed; then `updated_at` is new, too, and later than it was.

    Raises:
        BadInput: a field or value that a bead cannot have.
        Conflict: a precondition of the operation does not hold.
    """
    before = line.encode()
    handler = _HANDLERS.get(type(operation))
    if handler is None:
        raise BadInput(f"{type(operation).__name__} cannot be applied to a bead")
    handler(line, operation, stamp)
    if line.encode() == before:
        return False
    if not stamp.again:
        line.set("updated_at", _later(line.get("updated_at"), stamp.now))
    return True


def create(operation: Create, stamp: Stamp, style: Style) -> Line:
    """The line of a new bead whose id is settled.

    Raises:
        BadInput: a field or value that a bead cannot have, or no title.
    """
    row = operation.fields()
    for key, value in list(row.items()):
        row[key] = _checked(key, value)
    now = stamp.text
    defaults = {"status": "open", "priority": 2, "issue_type": "task", "created_at": now}
    if stamp.actor:
        defaults["created_by"] = stamp.actor
    for key, value in defaults.items():
        row[key] = row.get(key, value)
    row["updated_at"] = row.get("updated_at") or row["created_at"]
    _checked("title", row.get("title", ""))
    if "dependencies" in row:
        row["dependencies"] = [_new_edge(edge, row["id"], stamp) for edge in row["dependencies"]]
    labels = sorted(set(row.get("labels", ())))
    if labels:
        row["labels"] = labels
    bead = msgspec.convert(row, Bead)
    ordered = {key: row[key] for key in Bead.__struct_fields__ if key in row}
    kept = {k: v for k, v in ordered.items() if k == "priority" or not is_empty(v)}
    if bead.status == CLOSED and not bead.closed_at:
        kept["closed_at"] = now
    line = Line.new({}, style)
    for key, value in kept.items():
        line.set(key, value)
    return line


def _new_edge(edge: dict[str, Any], bead: str, stamp: Stamp) -> dict[str, Any]:
    """An edge with what a new one must say, in the usual order."""
    fresh = {"issue_id": bead, "created_at": stamp.text, "created_by": stamp.actor}
    told = {key: value for key, value in edge.items() if value}
    return dict(plain(msgspec.convert({**fresh, **told}, Dependency)))


def require(bead: Bead, change: int, wanted: Require) -> None:
    """Check a precondition.

    Args:
        bead: as it is now.
        change: number of the change that touched it last.
        wanted: what must hold.

    Raises:
        Conflict: it does not hold; says what was found.
    """
    statuses = (wanted.status,) if isinstance(wanted.status, str) else wanted.status
    if statuses is not None and bead.status not in statuses:
        raise Conflict(f"{bead.id} is {bead.status}, not {' or '.join(statuses)}")
    if wanted.assignee is not None and bead.assignee != wanted.assignee:
        raise Conflict(f"{bead.id} is assigned to {bead.assignee or 'nobody'}")
    if wanted.label is not None and wanted.label not in bead.labels:
        raise Conflict(f"{bead.id} has no label {wanted.label}")
    if wanted.change is not None and change > wanted.change:
        raise Conflict(f"{bead.id} has changed in the meantime")


def _later(before: Any, now: datetime) -> str:
    """Now, or just after `before` when a clock was ahead: readers take only newer lines."""
    last = instant(before) if isinstance(before, str) else 0.0
    if now.timestamp() > last:
        return timestamp(now)
    return timestamp(now.fromtimestamp(last + _MICROSECOND, tz=now.tzinfo))


def _checked(field: str, value: Any) -> Any:
    """`value` as JSON values that field `field` may hold."""
    try:
        checked = plain(field_value(field, value))
        json.dumps(checked, ensure_ascii=False).encode()
    except (ValueError, TypeError) as error:
        raise BadInput(f"{field}: {error}") from error
    if field == "title" and not (0 < len(checked.encode()) <= LONGEST_TITLE and checked.strip()):
        raise BadInput(f"a title has 1 to {LONGEST_TITLE} bytes")
    if field == "priority" and not 0 <= checked <= LOWEST_PRIORITY:
        raise BadInput("a priority is 0 (critical) to 4 (backlog)")
    if field in {"status", "issue_type"} and not (checked.isprintable() and 0 < len(checked) <= 50):
        raise BadInput(f"{checked!r} is no {field.replace('issue_', '')}")
    return checked


def _set_field(line: Line, operation: SetField, stamp: Stamp) -> None:
    field, value = operation.field, operation.value
    if field in _OWN_OPERATION:
        raise BadInput(f"{field} is not set as a field")
    if value is None:
        if field in {"title", "status"}:
            raise BadInput(f"a bead needs a {field}")
        line.remove(field)
        return
    checked = _checked(field, value)
    if field == "status":
        _set_status(line, checked, stamp)
    elif field != "priority" and is_empty(checked):
        line.remove(field)
    elif line.raw(field) is None or line.get(field) != checked:
        line.set(field, checked)


def _set_status(line: Line, status: str, stamp: Stamp) -> None:
    before = line.get("status") or "open"
    if before == status:
        return
    line.set("status", status)
    if status == "in_progress" and line.raw("started_at") is None:
        line.set("started_at", stamp.text)
    if status == CLOSED:
        line.set("closed_at", stamp.text)
    elif before in {CLOSED, TOMBSTONE}:
        for key in _CLOSING:
            line.remove(key)


def _set_label(line: Line, label: str, *, present: bool) -> None:
    _checked("labels", [label])
    if not label or label != label.strip():
        raise BadInput(f"{label!r} is no label")
    elements = line.elements("labels")
    values = [json.loads(element) for element in elements]
    if present == (label in values):
        return
    if present:
        if all(isinstance(v, str) for v in values) and values == sorted(values):
            place = sum(value < label for value in values)
        else:
            place = len(values)
        elements.insert(place, line.style.text(label))
    else:
        elements = [e for e, v in zip(elements, values, strict=True) if v != label]
    line.set_elements("labels", elements)


def _set_state(line: Line, operation: SetState, _: Stamp) -> None:
    start = f"{operation.dimension}:"
    wanted = None if operation.value is None else start + operation.value
    for element in line.elements("labels"):
        value = json.loads(element)
        if isinstance(value, str) and value.startswith(start) and value != wanted:
            _set_label(line, value, present=False)
    if wanted is not None:
        _set_label(line, wanted, present=True)


def _append_note(line: Line, operation: AppendNote, _: Stamp) -> None:
    text = _checked("notes", operation.text)
    before = line.get("notes")
    if text:
        line.set("notes", f"{before}\n{text}" if before else text)


def _add_comment(line: Line, operation: AddComment, stamp: Stamp) -> None:
    text = _checked("notes", operation.text)
    if not text.strip():
        raise BadInput("a comment needs a text")
    comment = {
        "id": stamp.comment,
        "issue_id": line.get("id"),
        "author": stamp.actor,
        "text": text,
        "created_at": stamp.text,
    }
    line.set_elements("comments", [*line.elements("comments"), line.style.text(comment)])


def _add_dependency(line: Line, operation: AddDependency, stamp: Stamp) -> None:
    if not 1 <= len(operation.type) <= 50 or not operation.type.isprintable():
        raise BadInput(f"{operation.type!r} is no type of dependency")
    bead = line.get("id")
    if bead == operation.depends_on:
        raise BadInput(f"{bead} cannot depend on itself")
    elements = line.elements("dependencies")
    for element in elements:
        edge = json.loads(element)
        if isinstance(edge, dict) and edge.get("depends_on_id") == operation.depends_on:
            if edge.get("type") == operation.type:
                return
            raise Conflict(
                f"{bead} depends on {operation.depends_on} as {edge.get('type')} already",
                hint="remove that edge first",
            )
    fresh = {
        "issue_id": bead,
        "depends_on_id": operation.depends_on,
        "type": operation.type,
        "created_at": stamp.text,
        "created_by": stamp.actor,
        "metadata": operation.metadata,
    }
    kept = {key: value for key, value in fresh.items() if value}
    line.set_elements("dependencies", [*elements, line.style.text(kept)])


def _remove_dependency(line: Line, operation: RemoveDependency, _: Stamp) -> None:
    kept: list[str] = []
    for element in line.elements("dependencies"):
        edge = json.loads(element)
        same = isinstance(edge, dict) and edge.get("depends_on_id") == operation.depends_on
        if not same or operation.type not in {"", edge.get("type")}:
            kept.append(element)
    if len(kept) != len(line.elements("dependencies")):
        line.set_elements("dependencies", kept)


def _close(line: Line, operation: Close, stamp: Stamp) -> None:
    if (line.get("status") or "open") == CLOSED:
        return
    _set_status(line, CLOSED, stamp)
    line.set("close_reason", _checked("close_reason", operation.reason) or "Closed")
    if operation.session:
        line.set("closed_by_session", _checked("closed_by_session", operation.session))


def _reopen(line: Line, _: Reopen, stamp: Stamp) -> None:
    if (line.get("status") or "open") == CLOSED:
        _set_status(line, "open", stamp)


def _delete(line: Line, operation: Delete, stamp: Stamp) -> None:
    if line.get("status") == TOMBSTONE:
        return
    line.set("original_type", line.get("issue_type") or "task")
    line.set("status", TOMBSTONE)
    line.set("deleted_at", stamp.text)
    line.set("deleted_by", stamp.actor)
    line.set("delete_reason", _checked("delete_reason", operation.reason) or "deleted")


def _claim(line: Line, operation: Claim, stamp: Stamp) -> None:
    bead = decode(line.encode())
    if bead.status == operation.status and bead.assignee == operation.assignee:
        return
    if bead.assignee not in {"", operation.assignee}:
        raise Conflict(f"{bead.id} is already claimed by {bead.assignee}")
    if bead.status != "open":
        raise Conflict(f"{bead.id} cannot be claimed: it is {bead.status}")
    line.set("assignee", _checked("assignee", operation.assignee))
    _set_status(line, operation.status, stamp)


def _hook(line: Line, operation: Hook, stamp: Stamp) -> None:
    bead = decode(line.encode())
    if bead.status == "hooked":
        if bead.assignee != operation.assignee or bead.label("town") != operation.town:
            raise Conflict(f"{bead.id} is hooked by {bead.assignee or 'somebody'} already")
    elif bead.status != "open":
        raise Conflict(f"{bead.id} cannot be hooked: it is {bead.status}")
    _set_status(line, "hooked", stamp)
    if bead.assignee != operation.assignee:
        line.set("assignee", _checked("assignee", operation.assignee))
    _set_state(line, SetState(bead.id, "town", operation.town), stamp)


_HANDLERS: Final[dict[type, Callable[[Line, Any, Stamp], None]]] = {
    SetField: _set_field,
    AddLabel: lambda line, op, _: _set_label(line, op.label, present=True),
    RemoveLabel: lambda line, op, _: _set_label(line, op.label, present=False),
    SetState: _set_state,
    AppendNote: _append_note,
    AddComment: _add_comment,
    AddDependency: _add_dependency,
    RemoveDependency: _remove_dependency,
    Close: _close,
    Reopen: _reopen,
    Delete: _delete,
    Claim: _claim,
    Hook: _hook,
}
