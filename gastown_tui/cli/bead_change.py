"""What `update` and `close` ask of the store, worked out by the rules of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gastown_tui.domain import close_guards
from gastown_tui.domain.bead_filters import parent_of
from gastown_tui.domain.errors import BadInput, NotFound
from gastown_tui.domain.operations import (
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    RemoveDependency,
    RemoveLabel,
    Require,
    SetField,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.cli.bead_stores import Found, Stores
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation

    Work = list[tuple[BeadStore, list[Operation]]]

_DEEP = 50


def updates(stores: Stores, found: Sequence[Found], wanted: dict[str, Any]) -> Work:
    """The operations of `update`, a list for each bead."""
    from gastown_tui.cli.bead_write import text_fields

    work: Work = []
    for one in found:
        operations: list[Operation] = _metadata(one, wanted)
        if wanted["if_status"] is not None or wanted["if_assignee"] is not None:
            status, assignee = wanted["if_status"], wanted["if_assignee"]
            operations.append(Require(one.id, status=status, assignee=assignee))
        if wanted["claim"]:
            operations.append(Claim(one.id, stores.actor))
        operations += text_fields(one.bead, wanted)
        operations += _labels(one.bead, wanted)
        if wanted["append_notes"] is not None:
            operations.append(AppendNote(one.id, wanted["append_notes"]))
        if wanted["parent"] is not None:
            operations += _moved(one, wanted["parent"])
        if wanted["persistent"]:
            operations += lasting(one.bead)
        operations += _put_off(one.bead, wanted["defer"])
        work.append((one.store, operations))
    return work + _statuses(stores, found, wanted)


def lasting(bead: Bead) -> list[Operation]:
    """Make a wisp a bead like others."""
    if not bead.ephemeral:
        return []
    return [SetField(bead.id, "ephemeral", value=False), SetField(bead.id, "wisp_type")]


def _labels(bead: Bead, wanted: dict[str, Any]) -> list[Operation]:
    from gastown_tui.cli.bead_args import commas

    found: list[Operation] = []
    if wanted["set_labels"]:
        kept = set(commas(wanted["set_labels"]))
        found += [RemoveLabel(bead.id, label) for label in bead.labels if label not in kept]
        found += [AddLabel(bead.id, label) for label in sorted(kept)]
    found += [AddLabel(bead.id, label) for label in commas(wanted["add_label"])]
    found += [RemoveLabel(bead.id, label) for label in commas(wanted["remove_label"])]
    return found


def _metadata(one: Found, wanted: dict[str, Any]) -> list[Operation]:
    from gastown_tui.cli.bead_args import json_object

    changed: dict[str, Any] = json_object(wanted["metadata"]) if wanted["metadata"] else {}
    for pair in wanted["set_metadata"]:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise BadInput(f"--set-metadata {pair!r} is not KEY=VALUE")
        changed[key] = scalar(value)
    if not changed and not wanted["unset_metadata"]:
        return []
    return metadata(one, changed, wanted["unset_metadata"])


def metadata(one: Found, changed: dict[str, Any], removed: Sequence[str] = ()) -> list[Operation]:
    """Change keys of a bead's metadata; fails when somebody else changes the bead meanwhile."""
    change = one.store.last_change
    before = one.store.get(one.id).metadata
    own = before if isinstance(before, dict) else {}
    kept = {key: value for key, value in {**own, **changed}.items() if key not in removed}
    return [Require(one.id, change=change), SetField(one.id, "metadata", kept or None)]


def scalar(text: str) -> Any:
    """A value as JSON where it is a number or a truth value, else the text."""
    import json

    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float) else text


def _moved(one: Found, parent: str) -> list[Operation]:
    """Make a bead part of another one, or of none."""
    found: list[Operation] = [
        RemoveDependency(one.id, edge.depends_on_id, edge.type)
        for edge in one.bead.dependencies
        if edge.type == "parent-child"
    ]
    if parent:
        found.append(AddDependency(one.id, one.store.find(parent), "parent-child"))
    return found


def _put_off(bead: Bead, until: str | None) -> list[Operation]:
    from gastown_tui.cli.bead_args import when

    if until is None:
        return []
    return close_guards.deferring(bead, when(until)) if until else close_guards.undeferring(bead)


def _statuses(stores: Stores, found: Sequence[Found], wanted: dict[str, Any]) -> Work:
    status = wanted["status"]
    if status is None:
        return []
    if status == "closed":
        return closings(found, "Closed", session=wanted["session"], force=wanted["force"])
    if status == "open":
        return [
            (one.store, [*reopenings(one), SetField(one.id, "status", status)]) for one in found
        ]
    return [(one.store, [SetField(one.id, "status", status)]) for one in found]


def closings(found: Sequence[Found], reason: str, *, session: str = "", force: bool) -> Work:
    """The operations that close beads, once the guards let them.

    Raises:
        Conflict: one of them is not to be closed yet, and it is not forced.
    """
    closing = {one.id for one in found}
    work: Work = []
    for one in found:
        if not force:
            parts = parts_of(one.store, one.id)
            blockers = one.store.blockers(one.id)
            around = close_guards.Around(bead=one.bead, parts=parts, blockers=blockers)
            close_guards.guard(around, closing)
        molecule = molecule_of(one)
        work.append((one.store, close_guards.closing(one.bead, reason, molecule, session)))
    return work


def reopenings(one: Found) -> list[Operation]:
    """The operations that open a bead again."""
    return close_guards.reopening(one.bead, above(one))


def parts_of(store: BeadStore, bead: str) -> list[Bead]:
    """What is directly part of a bead."""
    return [store.get(one) for one, kind in store.dependents(bead) if kind == "parent-child"]


def above(one: Found) -> list[Bead]:
    """What a bead is part of, the nearest first."""
    found: list[Bead] = []
    bead = one.bead
    while (parent := parent_of(bead)) and len(found) < _DEEP:
        try:
            bead = one.store.get(parent)
        except NotFound:  # in another directory, or deleted
            break
        found.append(bead)
    return found


def molecule_of(one: Found) -> list[Bead]:
    """All beads of the molecule that a bead is a step of, the root first; empty for none."""
    roots = [bead for bead in above(one) if bead.issue_type == "molecule"]
    return family(one.store, roots[-1]) if roots else []


def family(store: BeadStore, root: Bead) -> list[Bead]:
    """A bead and all that is part of it, at any depth, the root first."""
    found = {root.id: root}
    for parent in (queue := [root.id]):
        for part in parts_of(store, parent):
            if part.id not in found:
                found[part.id] = part
                queue.append(part.id)
    return list(found.values())
