"""Verbs of `bd` that `gastown bead` has not: quick ones, and what is done by itself here."""

from __future__ import annotations

import os
from typing import Any

import click

from gastown_tui.cli.bead_args import again, print_beads
from gastown_tui.cli.bead_place import folds_itself
from gastown_tui.cli.bead_stores import Stores, placed
from gastown_tui.cli.bead_write import create
from gastown_tui.domain.errors import BadInput, Conflict

_ANY = {"ignore_unknown_options": True, "allow_interspersed_args": True}
_PRIME = """\
Work is in beads; every verb writes at once, and nothing has to be synced.

  bd ready                        what can be worked on now
  bd show ID                      one bead with what it depends on
  bd update ID --claim            take it
  bd create "TITLE" -t bug -p 1   file what you find; --deps discovered-from:ID
  bd dep add ID BLOCKER           ID waits for BLOCKER
  bd comment ID "TEXT"            say what others should know
  bd close ID -r "WHY"            done; refused while it waits or has open children

All of them take --json. Priorities are P0 (critical) to P4."""

quick = click.Command(
    "q", params=create.params, callback=create.callback, help="Make a bead and print its id."
)


def _tell(stores: Stores, told: dict[str, Any], text: str) -> None:
    from gastown_tui.cli import bead_output

    click.echo(bead_output.dump(told) if stores.as_json else bead_output.paragraphs(text))


@click.command()
@click.argument("id_", metavar="ID")
@placed
def children(stores: Stores, id_: str) -> None:
    """List what is part of a bead, closed or not."""
    from gastown_tui.cli.bead_change import parts_of
    from gastown_tui.cli.bead_list import show_found
    from gastown_tui.cli.bead_stores import Found
    from gastown_tui.domain.bead_filters import ordered

    one = stores.find(id_)
    parts = ordered(parts_of(one.store, one.id), "id")
    show_found(stores, [Found(one.store, bead) for bead in parts], 0)


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="Also another one's.")
@placed
def unclaim(stores: Stores, ids: tuple[str, ...], *, force: bool) -> None:
    """Give a bead back: open, and nobody's."""
    from gastown_tui.domain.operations import Require, SetField

    found = stores.find_all(ids)
    for one in found:
        if one.bead.status != "in_progress":
            raise Conflict(f"{one.id} is {one.bead.status}, not in_progress")
        if one.bead.assignee != stores.actor and not force:
            raise Conflict(
                f"{one.id} is {one.bead.assignee or 'nobody'}'s", hint="--force takes it"
            )
    stores.write_each(
        (
            one.store,
            [
                Require(one.id, status="in_progress", assignee=one.bead.assignee),
                SetField(one.id, "status", "open"),
                SetField(one.id, "assignee"),
            ],
        )
        for one in found
    )
    print_beads(again(found), as_json=stores.as_json, done="gave back")


@click.command(context_settings=_ANY)
@click.argument("_rest", nargs=-1, type=click.UNPROCESSED)
@placed
def sync(stores: Stores, _rest: tuple[str, ...]) -> None:
    """Say that nothing needs to be synced; without a controller, bring the file up to date."""
    store = stores.here()
    if folds_itself(store, os.environ):
        written = store.fold().written
        text = "issues.jsonl is up to date; commit it with git when you like"
    else:
        written = False
        text = (
            "nothing to do: every write is on disk, and the controller keeps and commits the file"
        )
    _tell(stores, {"status": "noop", "written": written, "message": text}, text)


@click.command(context_settings=_ANY)
@click.argument("_rest", nargs=-1, type=click.UNPROCESSED)
@placed
def export(stores: Stores, _rest: tuple[str, ...]) -> None:
    """Say where the file is that an export would be."""
    file = stores.here().beads_dir / "issues.jsonl"
    text = f"nothing was exported: {file} is kept up to date by itself"
    _tell(stores, {"status": "noop", "path": str(file), "message": text}, text)


@click.command("import", context_settings=_ANY)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
@placed
def import_(stores: Stores, rest: tuple[str, ...]) -> None:
    """Take in what others have written to issues.jsonl; other files are refused."""
    store = stores.here()
    files = [one for one in rest if not one.startswith("-")]
    own = (store.beads_dir / "issues.jsonl").resolve()
    if "-" in rest or any(os.path.realpath(file) != str(own) for file in files):
        raise BadInput(
            "nothing was imported: beads come in through issues.jsonl alone",
            hint="put the lines there; they are merged at the next verb",
        )
    changed = list(store.absorb().changed)
    text = (
        f"what others write to issues.jsonl is taken in by itself ({len(changed)} beads just now)"
    )
    _tell(stores, {"status": "noop", "ids": changed, "message": text}, text)


@click.command()
@placed
def prime(stores: Stores) -> None:
    """Tell how work is done with these verbs; an agent is told what is on its hook, too."""
    if os.environ.get("GASTOWN_AGENT") and not stores.as_json:
        from gastown_tui.cli.work import prime as own

        click.get_current_context().invoke(own, as_json=False)
        click.echo()
    _tell(stores, {"text": _PRIME}, _PRIME)


@click.command()
@placed
def version(stores: Stores) -> None:
    """Tell what this is."""
    from gastown_tui import __version__

    text = f"bd of gastown {__version__}: takes the verbs of bd 1.x"
    _tell(stores, {"version": __version__, "program": "gastown"}, text)


@click.command()
@placed
def where(stores: Stores) -> None:
    """Tell which beads these are."""
    store = stores.here()
    path = str(store.beads_dir)
    told = {"path": path, "beads_dir": path, "prefix": store.prefix, "backend": "gastown"}
    _tell(stores, told, f"{path}  (prefix {store.prefix})")


@click.command()
@placed
def ping(stores: Stores) -> None:
    """Tell whether the beads can be read."""
    _tell(stores, {"status": "ok", "change": stores.here().last_change}, "ok")


@click.command()
@placed
def types(stores: Stores) -> None:
    """List the types that a bead of work may have."""
    from gastown_tui.adapters.store.doctor import declared
    from gastown_tui.domain.bead import WORK_TYPES

    names, custom = sorted(WORK_TYPES), sorted(declared(stores.here().beads_dir, "types"))
    told = {"core_types": names, "custom_types": custom}
    _tell(stores, told, "\n".join((*names, *(f"{one} (declared)" for one in custom))))
