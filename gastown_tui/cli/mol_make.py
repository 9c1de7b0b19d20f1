"""`gastown mol pour|wisp|bond`: molecules made of formulas."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import Place, actor, located
from gastown_tui.cli.common import plain, show, show_json
from gastown_tui.cli.step import kept_in_file
from gastown_tui.domain.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.services.molecules import Poured


def found_molecule(folder: str | None, rig: str | None, given: str) -> tuple[BeadStore, Bead]:
    """The store and root that are meant: a molecule, or the one of a bead."""
    from gastown_tui.services.molecules import molecules_of

    store = Place(folder=folder, rig=rig).open([given])
    bead = store.find(given)
    roots = molecules_of(store, bead)
    if not roots:
        raise NotFound(f"{bead} is no molecule, and has none", hint="gastown mol list shows them")
    return store, roots[0]


def _making(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what pour, wisp and bond share."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Only say what would be made."),
        click.option("--preset", default="", help="Of a convoy: a choice of legs."),
        click.option("-a", "--assignee", default="", help="Whose it is."),
        click.option("--title", default="", help="Of the molecule."),
        click.option("-v", "--var", "variables", multiple=True, metavar="NAME=VALUE"),
    ):
        command = option(command)
    return command


def _cooked(
    name: str, subject: Bead | None, variables: Sequence[str], preset: str
) -> Protomolecule:
    """A formula of the search path, cooked for the bead that it is attached to."""
    from gastown_tui.adapters.formulas import formula_files
    from gastown_tui.cli.formula import values_of
    from gastown_tui.domain.formula.cook import Request, cook
    from gastown_tui.services.molecules import subject_of

    files = formula_files(Path.cwd(), os.environ)
    document = files.load(name)
    request = Request(
        values=values_of(variables),
        preset=preset,
        overlay=files.overlay(document.name),
        subject=subject_of(subject) if subject else None,
    )
    proto = cook(document, files, request)
    for warning in proto.warnings:
        click.echo(plain(f"warning: {warning}"), err=True)
    return proto


def _tell(made: Poured, store: BeadStore, extra: dict[str, Any], *, as_json: bool) -> None:
    kept_in_file(store)
    if as_json:
        show_json(
            {"new_epic_id": made.root, "id_mapping": made.ids, "created": made.created} | extra
        )
    else:
        show(made.root)


def _would(proto: Protomolecule, *, as_json: bool) -> None:
    """Say what would be poured."""
    if as_json:
        steps = [
            {"id": one.id, "title": one.title, "needs": list(one.needs)} for one in proto.steps
        ]
        show_json({"dry_run": True, "title": proto.title, "steps": steps})
        return
    show(plain(f"{proto.title}: {len(proto.steps)} steps"))
    for step in proto.steps:
        show(plain(f"  {step.id}: {step.title}"))


def _make(folder: str | None, rig: str | None, name: str, *, is_wisp: bool, **how: Any) -> None:
    from gastown_tui.domain.formula.pour import Pouring, pour, wisp
    from gastown_tui.services.molecules import make

    attach = how["attach"]
    place = Place(folder=folder, rig=rig)
    store = place.open([attach]) if attach else place.open_for_new()
    bead = store.get(store.find(attach)) if attach else None
    proto = _cooked(name, bead, how["variables"], how["preset"])
    if how["dry_run"]:
        _would(proto, as_json=how["as_json"])
        return
    pouring = Pouring(
        title=how["title"],
        parent=bead.id if bead else "",
        assignee=how["assignee"],
        wisp_type=how.get("wisp_type", ""),
    )
    if is_wisp:
        poured = {"beads": True, "text": False}.get(how["steps"])
        operations = wisp(proto, pouring, is_poured=poured)
    else:
        operations = pour(proto, pouring)
    made = make(store, operations, actor(os.environ))
    extra = {"phase": "vapor"} if is_wisp else {"attached": bool(bead), "phase": "liquid"}
    _tell(made, store, extra, as_json=how["as_json"])


_attach = click.option("--attach", default="", metavar="BEAD", help="The bead that it is for.")


@click.command()
@click.argument("formula")
@_attach
@_making
@located
def pour(formula: str, folder: str | None, rig: str | None, **how: Any) -> None:
    """Make a durable molecule of a formula, all at once; prints its id."""
    _make(folder, rig, formula, is_wisp=False, **how)


@click.command()
@click.argument("formula")
@_attach
@click.option("--beads", "steps", flag_value="beads", help="A bead for each step.")
@click.option("--root-only", "steps", flag_value="text", help="One bead, its steps as text in it.")
@click.option("--type", "wisp_type", default="", help="How long it is kept: patrol, error ...")
@_making
@located
def wisp(formula: str, folder: str | None, rig: str | None, **how: Any) -> None:
    """Make an ephemeral molecule, which git never sees; prints its id."""
    _make(folder, rig, formula, is_wisp=True, **how)


@click.command()
@click.argument("first", metavar="MOLECULE")
@click.argument("second", metavar="MOLECULE_OR_FORMULA")
@click.option(
    "--type", "kind", type=click.Choice(["sequential", "parallel", "conditional"]),
    default="sequential", help="After it, beside it, or only if it fails.",
)  # fmt: skip
@click.option("--at", default="", metavar="POINT_OR_STEP", help="Where in it a formula goes.")
@_making
@located
def bond(first: str, second: str, folder: str | None, rig: str | None, **how: Any) -> None:
    """Bond a second molecule, or one made of a formula, to a first."""
    from gastown_tui.domain.formula.pour import Pouring
    from gastown_tui.domain.formula.pour import pour as poured
    from gastown_tui.domain.formula.pour import wisp as ephemeral
    from gastown_tui.services import molecule_ends

    store, root = found_molecule(folder, rig, first)
    other = _other(store, second)
    if other is not None:
        _join(store, root, other, how)
        return
    proto = _cooked(second, root, how["variables"], how["preset"])
    if how["dry_run"]:
        _would(proto, as_json=how["as_json"])
        return
    pouring = Pouring(
        name="~bond", title=how["title"], parent=root.id, assignee=how["assignee"] or root.assignee
    )
    make = ephemeral(proto, pouring, is_poured=True) if root.ephemeral else poured(proto, pouring)
    made = molecule_ends.bond(
        store, root.id, make, how["kind"], at=how["at"], actor=actor(os.environ)
    )
    _bond_told(store, root.id, how, made.created, made.ids)


def _other(store: BeadStore, given: str) -> Bead | None:
    """The molecule that is meant; None when it is the name of a formula."""
    from gastown_tui.domain.formula.marks import is_molecule

    try:
        bead = store.get(store.find(given))
    except (NotFound, BadInput):
        return None
    if not is_molecule(bead):
        raise Conflict(f"{bead.id} is no molecule")
    return bead


def _join(store: BeadStore, first: Bead, second: Bead, how: dict[str, Any]) -> None:
    from gastown_tui.domain.molecule import joined

    operations = joined(first, second, how["kind"], how["title"])
    applied = store.apply(operations, actor=actor(os.environ))
    _bond_told(store, applied.ids[0] if applied.ids else first.id, how, len(applied.ids), {})


def _bond_told(
    store: BeadStore, result: str, how: dict[str, Any], spawned: int, ids: dict[str, str]
) -> None:
    kept_in_file(store)
    if how["as_json"]:
        show_json({"result_id": result, "result_type": "compound_molecule",
                   "bond_type": how["kind"], "spawned": spawned, "id_mapping": ids})  # fmt: skip
    else:
        show(result)
