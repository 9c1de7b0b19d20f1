"""Operations as calls of `bd`.

Operations on one bead that `bd update` can do go into one call, which `bd` does whole or not at
all. Every value is given as `--option=value`, so that no text can be taken for an option.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import CLOSED
from gastown_tui.domain.errors import BadInput
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
    from collections.abc import Callable, Mapping, Sequence

    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation

_OPTIONS: Final = {
    "title": "title",
    "description": "description",
    "design": "design",
    "acceptance_criteria": "acceptance",
    "notes": "notes",
    "status": "status",
    "priority": "priority",
    "issue_type": "type",
    "assignee": "assignee",
    "estimated_minutes": "estimate",
    "external_ref": "external-ref",
    "due_at": "due",
    "defer_until": "defer",
    "spec_id": "spec-id",
    "await_id": "await-id",
}
"""Fields that `bd update` sets, and its options for them."""
_OF_CREATE: Final = {
    **_OPTIONS, "mol_type": "mol-type", "wisp_type": "wisp-type", "event_kind": "event-category",
    "actor": "event-actor", "target": "event-target", "payload": "event-payload",
}  # fmt: skip
_SILENT: Final = frozenset(
    {"id", "created_at", "updated_at", "created_by", "owner", "labels", "dependencies", "metadata"}
    | {"ephemeral", "no_history", "comments", "description", "status", "started_at"}
)
"""Fields of a new bead that are given otherwise, or that `bd` fills by itself."""


class Call(msgspec.Struct, kw_only=True):
    """One call of `bd`."""

    arguments: list[str]
    bead: str = ""
    """Which it changes; empty for one that is made."""
    actor: str = ""
    stdin: bytes | None = None
    creates: str = ""
    """The `~word` or id by which later operations name the bead it makes."""
    is_update: bool = False
    """Whether more options may be added."""


def calls(
    operations: Sequence[Operation], known: Callable[[str], Bead | None], actor: str
) -> list[Call]:
    """The calls that carry operations out, in order.

    Args:
        operations: as of a transaction.
        known: the bead of an id, as it was last read.
        actor: who acts.

    Raises:
        BadInput: something that `bd` has no verb for.
    """
    found: list[Call] = []
    guards: dict[str, list[str]] = {}
    labels = _Labels(known)
    for operation in operations:
        if isinstance(operation, Require):
            guards.setdefault(operation.bead, []).extend(_guards(operation))
            continue
        _refuse_options(operation)
        if isinstance(operation, Create):
            found += _create(operation, actor)
            continue
        if isinstance(operation, AddLabel | RemoveLabel | SetState):
            call = labels.call(operation, actor)
        else:
            call = _one(operation, known, actor)
        if call is None:
            continue
        if found and _goes_with(call, found[-1]):
            found[-1].arguments += call.arguments[2:]
            continue
        if call.is_update and "--claim" not in call.arguments:
            call.arguments += guards.pop(call.bead, [])
        found.append(call)
    return found


def quoted(value: str) -> str:
    """One element of an option that takes a list with commas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([value])
    return text.getvalue()


def _refuse_options(operation: Operation) -> None:
    """Refuse ids that would be read as options, and what is said of an edge but lost by `bd`."""
    names = [getattr(operation, name, "") for name in ("bead", "depends_on", "parent")]
    edges: list[dict[str, Any]] = []
    if isinstance(operation, Create):
        row = operation.fields()
        edges = _plain(row.get("dependencies"))
        names = [operation.parent, str(row.get("id", "")), *(e["depends_on_id"] for e in edges)]
    elif isinstance(operation, AddDependency):
        edges = [{"metadata": operation.metadata}]
    if any(isinstance(name, str) and name.startswith("-") for name in names):
        raise BadInput("an id does not begin with a hyphen")
    if any(edge.get("metadata") not in {None, "", "{}"} for edge in edges):
        raise BadInput("bd keeps no metadata of the edges that it is told of")


def _guards(operation: Require) -> list[str]:
    told: list[str] = []
    if isinstance(operation.status, str):
        told.append(f"--if-status={operation.status}")
    if operation.assignee is not None:
        told.append(f"--if-assignee={operation.assignee}")
    return told


def _update(bead: str, actor: str, *options: str) -> Call:
    return Call(arguments=["update", bead, *options], bead=bead, actor=actor, is_update=True)


def _one(operation: Operation, known: Callable[[str], Bead | None], actor: str) -> Call | None:
    """The call of an operation on a bead; None when there is nothing to do."""
    bead = getattr(operation, "bead", "")
    match operation:
        case SetField(field="status", value=value) if value == CLOSED:
            return Call(arguments=["close", bead, "--force"], bead=bead, actor=actor)
        case SetField():
            return _set_field(operation, actor)
        case AppendNote():
            return _update(bead, actor, f"--append-notes={operation.text}")
        case Claim() | Hook():
            return _take(operation, known(bead))
        case _:
            return _other(operation, known, actor)


def _other(operation: Operation, known: Callable[[str], Bead | None], actor: str) -> Call | None:
    bead = getattr(operation, "bead", "")
    match operation:
        case AddComment():
            return Call(
                arguments=["comment", bead, "--stdin"],
                bead=bead,
                actor=actor,
                stdin=operation.text.encode(),
            )
        case AddDependency():
            arguments = ["dep", "add", bead, operation.depends_on, f"--type={operation.type}"]
            return Call(arguments=arguments, bead=bead, actor=actor)
        case RemoveDependency():
            arguments = ["dep", "remove", bead, operation.depends_on]
            return Call(arguments=arguments, bead=bead, actor=actor)
        case Close():
            found = known(bead)
            if found is not None and found.is_closed:
                return None
            session = [f"--session={operation.session}"] if operation.session else []
            arguments = ["close", bead, "--force", f"--reason={operation.reason}", *session]
            return Call(arguments=arguments, bead=bead, actor=actor)
        case Reopen():
            return Call(arguments=["reopen", bead], bead=bead, actor=actor)
        case Delete():
            return Call(arguments=["delete", bead, "--force"], bead=bead, actor=actor)
    raise BadInput(f"bd has no verb for {type(operation).__name__}")


def _set_field(operation: SetField, actor: str) -> Call:
    bead, field, value = operation.bead, operation.field, operation.value
    if field == "metadata" and isinstance(value, dict):
        return _update(bead, actor, f"--metadata={json.dumps(value)}")
    if field == "ephemeral":
        return _update(bead, actor, "--ephemeral" if value else "--persistent")
    if field == "notes" and not value:
        return _update(bead, actor, "--clear-notes")
    option = _OPTIONS.get(field)
    if option is None:
        raise BadInput(f"bd cannot set {field}", hint="keep it in a label or in the metadata")
    told = f"--{option}={'' if value is None else value}"
    return _update(bead, actor, told, *(["--force"] if field == "notes" else []))


class _Labels:
    """Labels as they are after the operations so far."""

    def __init__(self, known: Callable[[str], Bead | None]) -> None:
        self._known = known
        self._labels: dict[str, list[str]] = {}

    def call(self, operation: AddLabel | RemoveLabel | SetState, actor: str) -> Call | None:
        """What brings them to where the operation wants them; None when they are there."""
        bead = operation.bead
        if bead not in self._labels:
            found = self._known(bead)
            self._labels[bead] = list(found.labels) if found is not None else []
        before = self._labels[bead]
        match operation:
            case AddLabel(label=label):
                after = before if label in before else [*before, label]
            case RemoveLabel(label=label):
                after = [one for one in before if one != label]
            case SetState(dimension=dimension, value=value):
                after = [one for one in before if not one.startswith(f"{dimension}:")]
                after += [f"{dimension}:{value}"] if value is not None else []
        self._labels[bead] = after
        options = [f"--remove-label={quoted(one)}" for one in before if one not in after]
        options += [f"--add-label={quoted(one)}" for one in after if one not in before]
        return _update(bead, actor, *options) if options else None


def _goes_with(call: Call, last: Call) -> bool:
    """Whether one update can do both: of one label it does either the one or the other."""
    if not (call.is_update and last.is_update):
        return False
    if (last.bead, last.actor) != (call.bead, call.actor):
        return False
    signs = {"--add-label": "--remove-label", "--remove-label": "--add-label"}
    for argument in call.arguments[2:]:
        option, _, value = argument.partition("=")
        if f"{signs.get(option, '')}={value}" in last.arguments:
            return False
    return True


def _take(operation: Claim | Hook, bead: Bead | None) -> Call:
    """A claim, which `bd` does by compare-and-set; a hook guarded by the status it was seen in."""
    target, who = operation.bead, operation.assignee
    if isinstance(operation, Claim):
        more = [] if operation.status == "in_progress" else [f"--status={operation.status}"]
        call = _update(target, who, "--claim", *more)
        call.is_update = False
        return call
    status = bead.status if bead is not None else "open"
    return _update(
        target, who, "--status=hooked", f"--assignee={who}", f"--if-status={status}",
        f"--add-label={quoted(f'town:{operation.town}')}",
    )  # fmt: skip


def _create(operation: Create, actor: str) -> list[Call]:
    """A bead with all that `bd create` takes; edges and comments follow as calls of their own."""
    row = operation.fields()
    arguments = ["create"]
    given = str(row.get("id", ""))
    if given and not given.startswith("~"):
        arguments.append(f"--id={given}")
    for field, value in row.items():
        if field in _SILENT or value in ("", None):
            continue
        option = _OF_CREATE.get(field)
        if option is None:
            raise BadInput(f"bd cannot make a bead with {field}", hint="leave it out")
        arguments.append(f"--{option}={value}")
    arguments += _rest_of_create(row)
    if operation.parent:
        arguments.append(f"--parent={operation.parent}")
    description = str(row.get("description", ""))
    if description:
        arguments.append("--body-file=-")
    stdin = description.encode() if description else None
    name = given or "~"
    made = Call(arguments=arguments, actor=actor, creates=name, stdin=stdin)
    after = [
        Call(
            arguments=["dep", "add", name, edge["depends_on_id"], f"--type={_kind(edge)}"],
            bead=name,
            actor=actor,
        )
        for edge in _plain(row.get("dependencies"))
    ]
    after += [
        Call(
            arguments=["comment", name, "--stdin"],
            bead=name,
            actor=str(comment.get("author") or actor),
            stdin=str(comment.get("text", "")).encode(),
        )
        for comment in _plain(row.get("comments"))
    ]
    return [made, *after]


def _rest_of_create(row: Mapping[str, Any]) -> list[str]:
    """Options of a new bead that are not simply a field's value."""
    found: list[str] = []
    if row.get("status") not in {None, "", "open"}:
        found.append(f"--status={row['status']}")
    if labels := row.get("labels"):
        found.append(f"--labels={','.join(quoted(label) for label in labels)}")
    if row.get("metadata"):
        found.append(f"--metadata={json.dumps(row['metadata'])}")
    found += [
        f"--{flag.replace('_', '-')}" for flag in ("ephemeral", "no_history") if row.get(flag)
    ]
    return found


def _plain(items: Any) -> list[dict[str, Any]]:
    found = msgspec.to_builtins(items or [])
    return [item for item in found if isinstance(item, dict)]


def _kind(edge: Mapping[str, Any]) -> str:
    return str(edge.get("type") or "blocks")
