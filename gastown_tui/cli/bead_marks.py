"""`gastown bead label|comment|note|state|set-state|slot`: small things that are put on beads."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_args import again, print_beads, text_of
from gastown_tui.cli.bead_stores import Found, Stores, placed
from gastown_tui.cli.bead_verbs import LazyVerbs
from gastown_tui.domain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from gastown_tui.domain.operations import Operation

_TRIES = 5
"""How often a change of a map is tried again when somebody else changes the bead meanwhile."""


def _echo(stores: Stores, value: Any, text: str) -> None:
    """Print a value as JSON, or a text; an empty text is no line."""
    from gastown_tui.cli import bead_output

    if stores.as_json:
        click.echo(bead_output.dump(value))
    elif text:
        click.echo(bead_output.paragraphs(text))


@click.group(cls=LazyVerbs)
def label() -> None:
    """Labels of beads."""


@label.command("add")
@click.argument("ids_and_label", metavar="ID... LABEL", nargs=-1, required=True)
@placed
def label_add(stores: Stores, ids_and_label: tuple[str, ...]) -> None:
    """Add a label to beads."""
    from gastown_tui.domain.operations import AddLabel

    _label(stores, ids_and_label, "added", AddLabel)


@label.command("remove")
@click.argument("ids_and_label", metavar="ID... LABEL", nargs=-1, required=True)
@placed
def label_remove(stores: Stores, ids_and_label: tuple[str, ...]) -> None:
    """Take a label off beads."""
    from gastown_tui.domain.operations import RemoveLabel

    _label(stores, ids_and_label, "removed", RemoveLabel)


def _label(stores: Stores, given: tuple[str, ...], done: str, kind: Any) -> None:
    if len(given) < 2:
        raise BadInput("a bead and a label are needed", hint=f"label {done[:-1]} ID... LABEL")
    *ids, name = given
    found = stores.find_all(ids)
    stores.write_each((one.store, [kind(one.id, name)]) for one in found)
    changed = [(one, (name in one.bead.labels) != (done == "added")) for one in found]
    rows = [
        {"status": done if is_new else "unchanged", "issue_id": one.id, "label": name}
        for one, is_new in changed
    ]
    _echo(stores, rows, "\n".join(f"{row['status']} {row['issue_id']} {name}" for row in rows))


@label.command("list")
@click.argument("id_", metavar="ID")
@placed
def label_list(stores: Stores, id_: str) -> None:
    """Show the labels of a bead."""
    labels = list(stores.find(id_).bead.labels)
    _echo(stores, labels, "\n".join(labels))


@label.command("list-all")
@placed
def label_all(stores: Stores) -> None:
    """Show all labels, and how many beads have each."""
    counts = Counter(
        name
        for store in stores.all()
        for bead in store.list(include_closed=True)
        for name in bead.labels
    )
    rows = [{"label": name, "count": number} for name, number in sorted(counts.items())]
    _echo(stores, rows, "\n".join(f"{row['count']:>5}  {row['label']}" for row in rows))


@click.group(cls=LazyVerbs, default="add")
def comment() -> None:
    """Remarks on beads; `comment ID TEXT` adds one."""


@click.group(cls=LazyVerbs, default="list")
def comments() -> None:
    """Remarks on beads; `comments ID` lists them."""


@click.command("add")
@click.argument("id_", metavar="ID")
@click.argument("text", nargs=-1)
@click.option("--stdin", is_flag=True, help="Read the text from standard input; so does `-`.")
@click.option("-f", "--file", "path", metavar="FILE", help="Read it from a file.")
@placed
def comment_add(stores: Stores, id_: str, text: tuple[str, ...], **given: Any) -> None:
    """Add a remark; whole ids only, so that it lands where it is meant."""
    from gastown_tui.domain.bead import plain
    from gastown_tui.domain.operations import AddComment

    said = text_of("-" if given["stdin"] else " ".join(text), given["path"]) or ""
    one = stores.find(id_)
    applied = stores.write(one.store, [AddComment(one.id, said)])
    _echo(stores, plain(applied.beads[0].comments[-1]), f"commented {one.id}")


@click.command("list")
@click.argument("id_", metavar="ID")
@placed
def comment_list(stores: Stores, id_: str) -> None:
    """Show the remarks on a bead, the oldest first."""
    from gastown_tui.domain.bead import plain

    found = stores.find(id_).bead.comments
    text = "\n".join(f"{one.author} {one.created_at}\n{one.text}" for one in found)
    _echo(stores, [plain(one) for one in found], text)


for _group in (comment, comments):
    _group.add_command(comment_add)
    _group.add_command(comment_list)


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("text", nargs=-1, required=True)
@placed
def note(stores: Stores, id_: str, text: tuple[str, ...]) -> None:
    """Add a paragraph to the notes; `-` reads it from standard input."""
    from gastown_tui.domain.operations import AppendNote

    one = stores.find(id_)
    stores.write(one.store, [AppendNote(one.id, text_of(" ".join(text)) or "")])
    print_beads(again([one]), as_json=stores.as_json, done="noted")


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("dimension", required=False, default="")
@placed
def state(stores: Stores, id_: str, dimension: str) -> None:
    """Show the value of a label `dimension:value`; without DIMENSION all of them."""
    one = stores.find(id_)
    if dimension:
        value = one.bead.label(dimension)
        told = {"issue_id": one.id, "dimension": dimension, "value": value}
        _echo(stores, told, value or "(none)")
        return
    pairs = [label.partition(":") for label in one.bead.labels if ":" in label]
    states = {name: value for name, _, value in pairs}
    lines = "\n".join(f"{name}: {value}" for name, value in states.items())
    _echo(stores, {"issue_id": one.id, "states": states}, lines)


@click.command("set-state")
@click.argument("id_", metavar="ID")
@click.argument("pair", metavar="DIMENSION=VALUE")
@click.option("--reason", default="", help="Why; added as a comment.")
@placed
def set_state(stores: Stores, id_: str, pair: str, reason: str) -> None:
    """Put the label `dimension:value` in the place of others of that dimension."""
    from gastown_tui.domain.operations import AddComment, SetState

    dimension, equals, value = pair.partition("=")
    if not equals or not dimension or ":" in dimension:
        raise BadInput(f"{pair!r} is not DIMENSION=VALUE")
    one = stores.find(id_)
    before = one.bead.label(dimension)
    operations: list[Operation] = [SetState(one.id, dimension, value or None)]
    if reason and before != value:
        said = f"{dimension}: {before or 'nothing'} -> {value or 'nothing'}: {reason}"
        operations.append(AddComment(one.id, said))
    stores.write(one.store, operations)
    told = {
        "issue_id": one.id, "dimension": dimension, "old_value": before, "new_value": value,
        "event_id": None, "changed": before != (value or None),
    }  # fmt: skip
    _echo(stores, told, f"{one.id} {dimension}: {value or 'nothing'}")


@click.group(cls=LazyVerbs)
def slot() -> None:
    """Named places in a bead's metadata."""


@slot.command("set")
@click.argument("id_", metavar="ID")
@click.argument("name")
@click.argument("value")
@placed
def slot_set(stores: Stores, id_: str, name: str, value: str) -> None:
    """Put a value into a place."""
    _slot(stores, id_, name, value)


@slot.command("clear")
@click.argument("id_", metavar="ID")
@click.argument("name")
@placed
def slot_clear(stores: Stores, id_: str, name: str) -> None:
    """Empty a place."""
    _slot(stores, id_, name, None)


def _slot(stores: Stores, id_: str, name: str, value: str | None) -> None:
    from gastown_tui.cli.bead_change import metadata

    one = stores.find(id_)
    for left in reversed(range(_TRIES)):
        changed, removed = ({}, [name]) if value is None else ({name: value}, [])
        try:
            stores.write(one.store, metadata(one, changed, removed))
            break
        except Conflict:
            if not left:
                raise
    _tell_slot(stores, one, name, value)


def _tell_slot(stores: Stores, one: Found, name: str, value: str | None) -> None:
    told = {"issue_id": one.id, "slot": name, "value": value}
    _echo(stores, told, f"{one.id} {name}: {'(empty)' if value is None else value}")


@slot.command("get")
@click.argument("id_", metavar="ID")
@click.argument("name")
@placed
def slot_get(stores: Stores, id_: str, name: str) -> None:
    """Show what is in a place."""
    one = stores.find(id_)
    own = one.bead.metadata if isinstance(one.bead.metadata, dict) else {}
    value = own.get(name)
    told = {"issue_id": one.id, "slot": name, "value": value}
    _echo(stores, told, "(empty)" if value is None else str(value))


@slot.command("show")
@click.argument("id_", metavar="ID")
@placed
def slot_show(stores: Stores, id_: str) -> None:
    """Show all places of a bead."""
    one = stores.find(id_)
    own = one.bead.metadata if isinstance(one.bead.metadata, dict) else {}
    lines = "\n".join(f"{name}: {value}" for name, value in own.items())
    _echo(stores, {"issue_id": one.id, "slots": own}, lines)
