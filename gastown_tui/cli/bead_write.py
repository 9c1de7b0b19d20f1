"""`gastown bead create|update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_args import again, commas, json_object, print_beads, text_of, when
from gastown_tui.cli.bead_place import target_of
from gastown_tui.cli.bead_stores import Stores, placed
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation

_TEXT_FIELDS = {
    "title": "title",
    "description": "description",
    "design": "design",
    "acceptance": "acceptance_criteria",
    "notes": "notes",
    "assignee": "assignee",
    "external_ref": "external_ref",
    "spec_id": "spec_id",
    "await_id": "await_id",
    "estimate": "estimated_minutes",
}
"""Options that set the field of this name."""


def priority_option(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """The number of a priority as people write it.

    Raises:
        BadParameter: it is none.
    """
    if value is None:
        return None
    digit = value.upper().removeprefix("P")
    if digit not in {"0", "1", "2", "3", "4"}:
        raise click.BadParameter("a priority is P0 (critical) to P4 (backlog)")
    return int(digit)


@click.command()
@click.argument("title", required=False)
@click.option("--title", "other_title", hidden=True)
@click.option("-d", "--description", "--body", default="", help="What is to be done; - reads it.")
@click.option("--body-file", metavar="FILE", help="A file with the description.")
@click.option("--design")
@click.option("--acceptance")
@click.option("--notes")
@click.option("-t", "--type", "issue_type", default="task", help="task, bug, feature, epic ...")
@click.option("-p", "--priority", default="2", callback=priority_option, help="P0 to P4.")
@click.option("-l", "--label", "--labels", "labels", multiple=True, help="One, or with commas.")
@click.option("-a", "--assignee", default="", help="Who is to do it.")
@click.option("--parent", default="", help="The bead that this one is part of.")
@click.option("--dep", "--deps", "deps", multiple=True, metavar="[TYPE:]ID", help="What it needs.")
@click.option("--waits-for", default="", help="A bead whose children it waits for.")
@click.option("--waits-for-gate", default="all-children", hidden=True)
@click.option("--id", "own_id", default="", help="Instead of a made id.")
@click.option("--force", is_flag=True, help="Also an id with another prefix.")
@click.option("-e", "--estimate", type=int, help="Minutes.")
@click.option("--defer", help="A time before which it is not ready.")
@click.option("--due", help="A time.")
@click.option("--external-ref")
@click.option("--spec-id")
@click.option("--metadata", help="A JSON object.")
@click.option("--mol-type")
@click.option("--wisp-type")
@click.option("--ephemeral", is_flag=True, help="A wisp: kept in the store, never in the file.")
@click.option("--silent", is_flag=True, help="Print the id alone (as without --json).")
@click.option("--dry-run", is_flag=True, help="Print what would be made.")
@click.option("--no-inherit-labels", is_flag=True, hidden=True)
@placed
def create(stores: Stores, **given: Any) -> None:
    """Make a bead and print its id."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.operations import AddDependency, Create

    given["title"] = given["other_title"] if given["title"] is None else given["title"]
    if given["title"] is None:
        raise click.UsageError("Missing argument 'TITLE'.", click.get_current_context())
    edges = [_edge(dep) for dep in commas(given["deps"])]
    parent, waits = given["parent"], given["waits_for"]
    near = [one for one in (parent, *(target for _, target in edges), waits) if one]
    store = stores.find(near[0]).store if near else stores.fresh()
    fields = _fields(store, given)
    operations: list[Operation] = [
        Create(fields, store.find(parent) if parent else ""),
        *(AddDependency(fields["id"], target_of(store, one), kind) for kind, one in edges),
    ]
    if waits:
        gate = given["waits_for_gate"]
        meta = f'{{"gate":"{"any" if gate.startswith("any") else "all"}-children"}}'
        operations.append(AddDependency(fields["id"], store.find(waits), "waits-for", meta))
    if given["dry_run"]:
        click.echo(bead_output.dump({key: v for key, v in fields.items() if v not in ("", None)}))
        return
    made = store.get(stores.write(store, operations).ids[0])
    is_json = stores.as_json and not given["silent"]
    click.echo(bead_output.dump(bead_output.row(store, made)) if is_json else made.id)


def _edge(text: str) -> tuple[str, str]:
    kind, colon, target = text.partition(":")
    if not colon or kind == "external":
        return "blocks", text
    return kind, target


def _fields(store: BeadStore, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a new bead."""
    from gastown_tui.domain.bead import TYPE_ALIASES, timestamp

    fields: dict[str, Any] = {
        "id": _own_id(store, given["own_id"], force=given["force"]),
        "title": given["title"],
        "description": text_of(given["description"], given["body_file"]),
        "issue_type": TYPE_ALIASES.get(given["issue_type"], given["issue_type"]),
        "labels": commas(given["labels"]),
        "acceptance_criteria": given["acceptance"],
        "estimated_minutes": given["estimate"],
    }
    for name in ("design", "notes", "priority", "assignee", "external_ref", "spec_id"):
        fields[name] = given[name]
    for name in ("mol_type", "wisp_type", "ephemeral"):
        fields[name] = given[name]
    if given["metadata"]:
        fields["metadata"] = json_object(given["metadata"])
    if given["due"]:
        fields["due_at"] = timestamp(when(given["due"]))
    if given["defer"]:
        fields |= {"status": "deferred", "defer_until": timestamp(when(given["defer"]))}
    return fields


def _own_id(store: BeadStore, wanted: str, *, force: bool) -> str:
    if not wanted:
        return "~new"
    from gastown_tui.domain.names import check_bead

    if not force and not check_bead(wanted).startswith(f"{store.prefix}-"):
        raise BadInput(f"{wanted} does not begin with {store.prefix}-", hint="--force takes it")
    return wanted


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-s", "--status", help="open, in_progress, blocked, deferred, closed ...")
@click.option("-p", "--priority", callback=priority_option, help="P0 to P4.")
@click.option("-t", "--type", "issue_type", help="task, bug, feature, epic ...")
@click.option("--title")
@click.option("-d", "--description", "--body", help="`-` reads it from standard input.")
@click.option("--body-file", metavar="FILE", help="A file with the description.")
@click.option("--design")
@click.option("--acceptance")
@click.option("--notes", help="Instead of the notes there are.")
@click.option("--append-notes", help="After the notes there are.")
@click.option("--clear-notes", is_flag=True)
@click.option("-a", "--assignee", help="Empty for nobody.")
@click.option("--parent", help="What it is part of instead; empty for nothing.")
@click.option("-e", "--estimate", type=int, help="Minutes.")
@click.option("--defer", help="Put it off until this time; empty takes it up again.")
@click.option("--due", help="A time; empty for none.")
@click.option("--external-ref")
@click.option("--spec-id")
@click.option("--await-id", help="What a gate waits for.")
@click.option("--add-label", multiple=True)
@click.option("--remove-label", multiple=True)
@click.option("--set-labels", multiple=True, help="These and no others; may be empty.")
@click.option("--metadata", help="A JSON object; its keys replace those there are.")
@click.option("--set-metadata", multiple=True, metavar="KEY=VALUE")
@click.option("--unset-metadata", multiple=True, metavar="KEY")
@click.option("--claim", is_flag=True, help="Take it, if it is open and nobody else's.")
@click.option("--persistent", is_flag=True, help="Make a wisp last.")
@click.option("--if-status", help="Only while it has this status.")
@click.option("--if-assignee", help="Only while it is this one's; empty for nobody's.")
@click.option("-f", "--force", is_flag=True, help="Close also what waits or has open children.")
@click.option("--session", default="", hidden=True)
@placed
def update(stores: Stores, ids: tuple[str, ...], **wanted: Any) -> None:
    """Change fields of beads."""
    from gastown_tui.cli import bead_change

    found = stores.find_all(ids)
    work = bead_change.updates(stores, found, wanted)
    if not any(operations for _, operations in work):
        raise BadInput("there is nothing to change", hint="give at least one option")
    stores.write_each(work)
    print_beads(again(found), as_json=stores.as_json, done="updated")


def text_fields(bead: Bead, wanted: dict[str, Any]) -> list[Operation]:
    """The operations for the options that just set a field."""
    from gastown_tui.domain.bead import TYPE_ALIASES, timestamp
    from gastown_tui.domain.operations import SetField

    given = dict(wanted)
    given["description"] = text_of(given["description"], given["body_file"])
    found: list[Operation] = [
        SetField(bead.id, field, given[option])
        for option, field in _TEXT_FIELDS.items()
        if given[option] is not None
    ]
    if given["clear_notes"]:
        found.append(SetField(bead.id, "notes"))
    if given["priority"] is not None:
        found.append(SetField(bead.id, "priority", given["priority"]))
    if given["issue_type"] is not None:
        kind = given["issue_type"]
        found.append(SetField(bead.id, "issue_type", TYPE_ALIASES.get(kind, kind)))
    if given["due"] is not None:
        due = given["due"]
        found.append(SetField(bead.id, "due_at", timestamp(when(due)) if due else None))
    return found
