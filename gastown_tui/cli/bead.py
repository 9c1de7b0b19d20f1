"""`gastown bead`: make, read and change beads, in a town or in any folder with a `.beads`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_dep import dep
from gastown_tui.cli.bead_place import OneLine, Place, actor, apply, located, target_of
from gastown_tui.domain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    "defer": "defer_until",
    "due": "due_at",
    "external_ref": "external_ref",
}
"""Options that set the field of this name."""


@click.group(cls=OneLine)
def bead() -> None:
    """Make, read and change beads."""


bead.add_command(dep)


def _priority(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    digit = value.upper().removeprefix("P")
    if digit not in {"0", "1", "2", "3", "4"}:
        raise click.BadParameter("a priority is P0 (critical) to P4 (backlog)")
    return int(digit)


def _print_beads(store: BeadStore, beads: Sequence[Bead], *, as_json: bool, done: str) -> None:
    from gastown_tui.cli import bead_output

    if as_json:
        click.echo(bead_output.dump([bead_output.row(store, one) for one in beads]))
    else:
        for one in beads:
            click.echo(f"{done} {one.id}")


@bead.command()
@click.argument("title")
@click.option("-d", "--description", default="", help="What is to be done.")
@click.option("-t", "--type", "issue_type", default="task", help="task, bug, feature, epic ...")
@click.option("-p", "--priority", default="2", callback=_priority, help="P0 to P4.")
@click.option("-l", "--label", "labels", multiple=True, help="May be repeated.")
@click.option("-a", "--assignee", default="", help="Who is to do it.")
@click.option("--parent", default="", help="The bead that this one is part of.")
@click.option("--dep", "deps", multiple=True, metavar="[TYPE:]ID", help="What it depends on.")
@click.option("--ephemeral", is_flag=True, help="A wisp: kept in the store, never in the file.")
@located
def create(
    folder: str | None, rig: str | None, *, as_json: bool, deps: tuple[str, ...], **fields: Any
) -> None:
    """Make a bead and print its id."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.bead import TYPE_ALIASES
    from gastown_tui.domain.operations import AddDependency, Create

    parent = fields.pop("parent")
    fields["issue_type"] = TYPE_ALIASES.get(fields["issue_type"], fields["issue_type"])
    edges = [_edge(dep) for dep in deps]
    near = [given for given in (parent, *(target for _, target in edges)) if given]
    store = Place(folder=folder, rig=rig).open_for_new(near)
    parent = store.find(parent) if parent else ""
    operations: list[Operation] = [Create({"id": "~new", **fields}, parent)]
    operations += [AddDependency("~new", target_of(store, target), kind) for kind, target in edges]
    made = store.get(apply(store, operations).ids[0])
    click.echo(bead_output.dump(bead_output.row(store, made)) if as_json else made.id)


def _edge(text: str) -> tuple[str, str]:
    kind, colon, target = text.partition(":")
    if not colon or kind == "external":
        return "blocks", text
    return kind, target


@bead.command()
@click.argument("ids", nargs=-1, required=True)
@located
def show(ids: tuple[str, ...], folder: str | None, rig: str | None, *, as_json: bool) -> None:
    """Show beads whole."""
    from gastown_tui.cli import bead_output

    store = Place(folder=folder, rig=rig).open(ids)
    beads = [store.get(store.find(one)) for one in ids]
    if as_json:
        click.echo(bead_output.dump([bead_output.detail(store, one) for one in beads]))
    else:
        click.echo("\n\n".join(bead_output.page(store, one) for one in beads))


@bead.command("list")
@click.option("-s", "--status", help="One, or several with commas.")
@click.option("-t", "--type", "issue_type", help="One, or several with commas.")
@click.option("-l", "--label", "labels", multiple=True, help="All that are given.")
@click.option("-a", "--assignee", help="Whose; empty for nobody's.")
@click.option("-p", "--priority", callback=_priority, help="P0 to P4.")
@click.option("--all", "everything", is_flag=True, help="With closed ones.")
@click.option("--wisps", is_flag=True, help="With ephemeral ones.")
@click.option("--all-types", is_flag=True, help="With the town's records: agents, requests ...")
@click.option("-n", "--limit", default=0, help="At most so many; 0 for all.")
@located
def list_beads(folder: str | None, rig: str | None, *, as_json: bool, **wanted: Any) -> None:
    """List beads, by priority and age; in a town those of all rigs."""
    stores = Place(folder=folder, rig=rig).open_all()
    is_plain = len(stores) > 1 and not (wanted["all_types"] or wanted["issue_type"])
    found = [
        (store, one)
        for store in stores
        for one in store.list(
            status=wanted["status"].split(",") if wanted["status"] else None,
            issue_type=wanted["issue_type"].split(",") if wanted["issue_type"] else None,
            label=wanted["labels"],
            assignee=wanted["assignee"],
            include_closed=wanted["everything"],
            include_wisps=wanted["wisps"],
        )
        if wanted["priority"] is None or one.priority == wanted["priority"]
    ]
    _print_found(found, wanted["limit"], is_plain=is_plain, as_json=as_json)


def _print_found(
    found: list[tuple[BeadStore, Bead]], limit: int, *, is_plain: bool, as_json: bool
) -> None:
    """Print beads of one or several stores; `is_plain` leaves the town's records out."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_place import is_record

    if is_plain:
        found = [(store, one) for store, one in found if not is_record(store, one)]
    if len({store.prefix for store, _ in found}) > 1:
        found.sort(key=lambda pair: (pair[1].priority, pair[1].created_at, pair[1].id))
    found = found[: limit or None]
    if as_json:
        click.echo(bead_output.dump([bead_output.row(store, one) for store, one in found]))
    elif found:
        click.echo(bead_output.lines([one for _, one in found]))


@bead.command()
@click.option("-a", "--assignee", help="Only whose; empty for nobody's.")
@click.option("-n", "--limit", default=0, help="At most so many; 0 for all.")
@located
def ready(
    folder: str | None, rig: str | None, assignee: str | None, limit: int, *, as_json: bool
) -> None:
    """List what can be worked on now; in a town, in all rigs."""
    from datetime import UTC, datetime

    stores = Place(folder=folder, rig=rig).open_all()
    found = [
        (store, one)
        for store in stores
        for one in store.ready(datetime.now(UTC))
        if assignee is None or one.assignee == assignee
    ]
    _print_found(found, limit, is_plain=len(stores) > 1, as_json=as_json)


@bead.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-s", "--status", help="open, in_progress, blocked, deferred, closed ...")
@click.option("-p", "--priority", callback=_priority, help="P0 to P4.")
@click.option("-t", "--type", "issue_type", help="task, bug, feature, epic ...")
@click.option("--title")
@click.option("-d", "--description")
@click.option("--design")
@click.option("--acceptance")
@click.option("--notes", help="Instead of the notes there are.")
@click.option("--append-notes", help="After the notes there are.")
@click.option("-a", "--assignee", help="Empty for nobody.")
@click.option("--defer", help="A time before which it is not ready.")
@click.option("--due", help="A time.")
@click.option("--external-ref")
@click.option("--add-label", multiple=True)
@click.option("--remove-label", multiple=True)
@click.option("--claim", is_flag=True, help="Take it, if it is open and nobody else's.")
@located
def update(
    ids: tuple[str, ...], folder: str | None, rig: str | None, *, as_json: bool, **wanted: Any
) -> None:
    """Change fields of beads."""
    store = Place(folder=folder, rig=rig).open(ids)
    found = [store.find(one) for one in ids]
    operations = [operation for one in found for operation in _updates(one, wanted)]
    if not operations:
        raise BadInput("there is nothing to change", hint="give at least one option")
    applied = apply(store, operations)
    _print_beads(store, applied.beads, as_json=as_json, done="updated")


def _updates(target: str, wanted: dict[str, Any]) -> list[Operation]:
    from gastown_tui.domain.bead import TYPE_ALIASES
    from gastown_tui.domain.operations import (
        AddLabel,
        AppendNote,
        Claim,
        Close,
        RemoveLabel,
        SetField,
    )

    found: list[Operation] = []
    if wanted["claim"]:
        found.append(Claim(target, actor(os.environ)))
    for option, field in _TEXT_FIELDS.items():
        if wanted[option] is not None:
            found.append(SetField(target, field, wanted[option]))
    if wanted["priority"] is not None:
        found.append(SetField(target, "priority", wanted["priority"]))
    if wanted["issue_type"] is not None:
        kind = wanted["issue_type"]
        found.append(SetField(target, "issue_type", TYPE_ALIASES.get(kind, kind)))
    if wanted["append_notes"] is not None:
        found.append(AppendNote(target, wanted["append_notes"]))
    found += [AddLabel(target, label) for label in wanted["add_label"]]
    found += [RemoveLabel(target, label) for label in wanted["remove_label"]]
    if wanted["status"] == "closed":
        found.append(Close(target))
    elif wanted["status"] is not None:
        found.append(SetField(target, "status", wanted["status"]))
    return found


@bead.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-r", "--reason", default="Closed", help="Why.")
@click.option("-f", "--force", is_flag=True, help="Also what is blocked or has open children.")
@located
def close(
    ids: tuple[str, ...], folder: str | None, rig: str | None, reason: str, **flags: bool
) -> None:
    """Close beads."""
    from gastown_tui.domain.operations import Close

    store = Place(folder=folder, rig=rig).open(ids)
    found = [store.find(one) for one in ids]
    if not flags["force"]:
        for one in found:
            _guard(store, one, set(found))
    applied = apply(store, [Close(one, reason) for one in found])
    _print_beads(store, applied.beads, as_json=flags["as_json"], done="closed")


def _guard(store: BeadStore, target: str, closing: set[str]) -> None:
    """Refuse to close what waits for something, or has open children."""
    holders = [one for one in store.blockers(target) if one not in closing]
    if holders:
        raise Conflict(f"{target} waits for {', '.join(holders)}", hint="close those, or --force")
    children = [
        source
        for source, kind in store.dependents(target)
        if kind == "parent-child" and source not in closing and not store.get(source).is_closed
    ]
    if children:
        shown = ", ".join(children[:5])
        raise Conflict(f"{target} has open children: {shown}", hint="close those, or --force")


@bead.command()
@click.argument("ids", nargs=-1, required=True)
@located
def reopen(ids: tuple[str, ...], folder: str | None, rig: str | None, *, as_json: bool) -> None:
    """Open what was closed."""
    from gastown_tui.domain.operations import Reopen

    store = Place(folder=folder, rig=rig).open(ids)
    applied = apply(store, [Reopen(store.find(one)) for one in ids])
    _print_beads(store, applied.beads, as_json=as_json, done="reopened")


@bead.command()
@click.argument("id_")
@click.argument("text")
@located
def comment(id_: str, text: str, folder: str | None, rig: str | None, *, as_json: bool) -> None:
    """Add a comment; `-` reads it from standard input."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.bead import plain
    from gastown_tui.domain.operations import AddComment

    store = Place(folder=folder, rig=rig).open([id_])
    text = sys.stdin.read() if text == "-" else text
    applied = apply(store, [AddComment(store.find(id_), text)])
    added = applied.beads[0].comments[-1]
    click.echo(bead_output.dump(plain(added)) if as_json else f"commented {applied.beads[0].id}")


@bead.command()
@click.option("--force", is_flag=True, help="Write the file even when nothing has changed.")
@located
def fold(folder: str | None, rig: str | None, *, force: bool, as_json: bool) -> None:
    """Bring issues.jsonl up to date with the store."""
    from gastown_tui.cli import bead_output

    store = Place(folder=folder, rig=rig).open()
    result = store.fold(force=force)
    told = {"written": result.written, "through": result.through, "beads": result.beads}
    if as_json:
        click.echo(bead_output.dump({**told, "absorbed": list(result.absorbed.changed)}))
    else:
        click.echo(f"wrote {result.beads} beads" if result.written else "nothing to write")
