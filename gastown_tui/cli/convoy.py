"""`gastown convoy`: beads that travel together, over any rigs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import OneLine
from gastown_tui.cli.common import (
    caller,
    known_tables,
    plain,
    poke,
    show,
    show_json,
    table,
    town_dir,
)
from gastown_tui.domain.errors import BadInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gastown_tui.domain.staging import Staged
    from gastown_tui.services.books import Books


@click.group(cls=OneLine)
def convoy() -> None:
    """Convoys: beads that travel together, over any rigs."""


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_force = click.option("--force", is_flag=True, help="In spite of warnings.")


def _open() -> tuple[Path, Books]:
    from gastown_tui.roots.town import open_books

    town = town_dir()
    return town, open_books(town)


def _ids(books: Books, given: Sequence[str]) -> tuple[str, ...]:
    """Full ids of partial ones.

    Raises:
        BadInput, NotFound: one is no id, or no bead's.
    """
    from typing import cast

    from gastown_tui.adapters.store import BeadStore

    if bad := [one for one in given if one.startswith("-") or not one.strip()]:
        raise BadInput(f"{bad[0]!r} is no id")
    stores = (cast("BeadStore", books.rigs[books.rig_of(one)].store) for one in given)
    return tuple(store.find(one) for store, one in zip(stores, given, strict=True))


def _room(town: Path) -> int:
    from gastown_tui.roots.town import town_config

    return town_config(town).limits.max_working


def _refuse_sessions(town: Path, verb: str, target: str) -> None:
    from gastown_tui.cli.common import refuse_sessions

    refuse_sessions(town, verb, target)


@convoy.command("create")
@click.argument("title")
@click.argument("beads", nargs=-1, required=True)
@click.option("--sling", "is_slung", is_flag=True, help="And launch it at once.")
@click.option("--owned", is_flag=True, help="Only `convoy land` closes it.")
@_as_json
def create(
    *, title: str, beads: tuple[str, ...], is_slung: bool, owned: bool, as_json: bool
) -> None:
    """Make a convoy of BEADS; an epic brings its children. Prints its id."""
    from gastown_tui.domain import records
    from gastown_tui.services import convoys

    town, books = _open()
    wanted = convoys.staging(books, _ids(books, beads), _room(town))
    labels = [records.OWNED] if owned else []
    name = convoys.create(books, title, wanted.beads, actor=caller(town), labels=labels)
    said = (
        _launched(town, books, name, force=True)
        if is_slung and not _told_proposed(town, name)
        else ""
    )
    poke(town)
    if as_json:
        show_json({"id": name, "beads": list(wanted.beads)})
        return
    show(name)
    if said:
        click.echo(said, err=True)


@convoy.command("run")
@click.argument("formula")
@click.option("--rig", default="", help="Where; not needed when there is one.")
@click.option("--title", default="", help="Of the convoy; else the formula's name.")
@click.option("-v", "--var", "variables", multiple=True, metavar="NAME=VALUE")
@click.option("--preset", default="", help="A choice of legs.")
@click.option("--leg", "legs", multiple=True, metavar="ID", help="Only these legs.")
@click.option("--launch", "is_launched", is_flag=True, help="And launch it at once.")
@_as_json
def run(
    *, formula: str, rig: str, title: str, variables: tuple[str, ...], is_launched: bool,
    as_json: bool, **choice: Any,
) -> None:  # fmt: skip
    """Make the legs and the synthesis of a convoy FORMULA beads, and a convoy of them."""
    from gastown_tui.cli.formula import cooked_for_town
    from gastown_tui.domain.formula.schema import kind_of
    from gastown_tui.services import convoy_runs

    town, books = _open()
    home = rig or _only_rig(books)
    if home not in books.rigs:
        raise NotFound(f"there is no rig {home!r}", hint=", ".join(sorted(books.rigs)))
    wanted = {"preset": choice["preset"], "legs": tuple(choice["legs"])}
    proto, document = cooked_for_town(town, home, formula, variables, **wanted)
    if kind_of(document.formula) != "convoy":
        raise BadInput(f"{formula} is no convoy", hint=f"gastown sling BEAD --formula {formula}")
    writes = convoy_runs.writes_reports(document.formula)
    name, beads = convoy_runs.run(
        books, home, proto, title=title, writes=writes, actor=caller(town)
    )
    said = (
        _launched(town, books, name, force=True)
        if is_launched and not _told_proposed(town, name)
        else ""
    )
    poke(town)
    if as_json:
        show_json({"id": name, "beads": beads})
        return
    show(name)
    if said:
        click.echo(said, err=True)


def _only_rig(books: Books) -> str:
    """The caller's rig, or the only one."""
    mine = os.environ.get("GASTOWN_RIG", "")
    if mine or len(books.rigs) == 1:
        return mine or next(iter(books.rigs))
    raise BadInput("which rig?", hint=f"--rig, one of: {', '.join(sorted(books.rigs)) or 'none'}")


def _told_proposed(town: Path, name: str) -> bool:
    """Whether a convoy is the mayor's, and so proposed; said on stderr."""
    is_proposed = caller(town) == "mayor"
    if is_proposed:
        click.echo(f"gastown: {name} is proposed; the overseer accepts it", err=True)
    return is_proposed


def _launched(town: Path, books: Books, name: str, *, force: bool) -> str:
    from gastown_tui.roots.town import town_config
    from gastown_tui.services import convoys

    mine, room = town_config(town).id, _room(town)
    return convoys.launch(books, mine, name, room=room, actor=caller(town), force=force)


@convoy.command("stage")
@click.argument("beads", nargs=-1, required=True)
@click.option("--title", default="", help="Make it a convoy under this name, to be launched later.")
@_as_json
def stage(*, beads: tuple[str, ...], title: str, as_json: bool) -> None:
    """Work out waves, errors and warnings of BEADS, of an epic, or of a convoy."""
    from gastown_tui.domain import records
    from gastown_tui.services import convoys

    town, books = _open()
    is_convoy = len(beads) == 1 and beads[0].startswith(f"{books.town.prefix}-")
    if is_convoy:
        convoys.of(books, beads[0])
    wanted = beads if is_convoy else _ids(books, beads)
    staged = convoys.staging(books, wanted, _room(town))
    name = beads[0] if is_convoy else ""
    if title and not is_convoy:
        label = f"{records.STAGED}:{convoys.staged_state(staged)}"
        name = convoys.create(books, title, staged.beads, actor=caller(town), labels=[label])
        poke(town)
    if as_json:
        show_json(_staged_row(staged, name))
    else:
        _show_staged(staged, books, name)
    if staged.errors:
        click.get_current_context().exit(1)


def _staged_row(staged: Staged, name: str) -> dict[str, Any]:
    def rows(found: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"kind": one.kind, "beads": list(one.beads), "text": one.text} for one in found]

    return {
        "id": name,
        "beads": list(staged.beads),
        "waves": [list(wave) for wave in staged.waves],
        "closed": list(staged.done),
        "errors": rows(staged.errors),
        "warnings": rows(staged.warnings),
    }


def _show_staged(staged: Staged, books: Books, name: str) -> None:
    for number, wave in enumerate(staged.waves, 1):
        show(f"wave {number}")
        for bead in wave:
            show(plain(f"  {bead}  {books.bead(bead).title}"))
    if staged.done:
        show(f"closed already: {', '.join(staged.done)}")
    for one in staged.errors:
        show(plain(f"error: {one.text}"))
    for one in staged.warnings:
        show(plain(f"warning: {one.text}"))
    if name and not staged.errors:
        show(f"{name}: gastown convoy launch {name}")
    elif not staged.errors:
        show("nothing is made yet: --title NAME makes it a convoy, to be launched")


@convoy.command("launch")
@click.argument("convoy_id")
@_force
def launch(*, convoy_id: str, force: bool) -> None:
    """Sling all of a convoy: each bead starts when nothing blocks it and there is room."""
    town, books = _open()
    said = _launched(town, books, convoy_id, force=force)
    is_up = poke(town)
    show(said)
    if not is_up:
        click.echo("gastown: the town is not running: gastown up", err=True)


@convoy.command("add")
@click.argument("convoy_id")
@click.argument("beads", nargs=-1, required=True)
def add(*, convoy_id: str, beads: tuple[str, ...]) -> None:
    """Add BEADS; a convoy that has landed is open again."""
    from gastown_tui.services import convoys

    town, books = _open()
    show(convoys.add(books, convoy_id, _ids(books, beads), actor=caller(town)))
    poke(town)


@convoy.command("remove")
@click.argument("convoy_id")
@click.argument("beads", nargs=-1, required=True)
def remove(*, convoy_id: str, beads: tuple[str, ...]) -> None:
    """Take BEADS out; they go on as they are."""
    from gastown_tui.services import convoys

    town, books = _open()
    show(convoys.remove(books, convoy_id, _ids(books, beads), actor=caller(town)))
    poke(town)


@convoy.command("own")
@click.argument("convoy_id")
@click.option("--no", "is_given_up", is_flag=True, help="It closes by itself again.")
def own(*, convoy_id: str, is_given_up: bool) -> None:
    """From now on only `convoy land` closes it."""
    from gastown_tui.services import convoys

    town, books = _open()
    convoys.own(books, convoy_id, owned=not is_given_up, actor=caller(town))
    poke(town)
    closes = "closes by itself" if is_given_up else "is closed by `convoy land` alone"
    show(f"{convoy_id} {closes}")


@convoy.command("land")
@click.argument("convoy_id")
@click.option("--force", is_flag=True, help="Although beads of it are open.")
def land(*, convoy_id: str, force: bool) -> None:
    """Close a convoy whose beads are all closed."""
    from gastown_tui.services import convoys

    town, books = _open()
    _refuse_sessions(town, "convoy_land", convoy_id)
    show(convoys.land(books, convoy_id, actor=caller(town), force=force))
    poke(town)


@convoy.command("list")
@click.option("--stranded", "is_stranded", is_flag=True, help="Only those that do not move.")
@_as_json
def list_convoys(*, is_stranded: bool, as_json: bool) -> None:
    """The open convoys."""
    rows = list(known_tables(town_dir())["convoys"].values())
    if is_stranded:
        rows = [row for row in rows if row["state"] == "stranded"]
    if as_json:
        show_json(rows)
        return
    table(
        ("CONVOY", "STATE", "DONE", "WORKING", "TITLE", "WHY"),
        [
            (r["id"], r["state"], f"{r['closed']}/{r['total']}", r["working"], r["title"], r["why"])
            for r in rows
        ],
    )


@convoy.command("show")
@click.argument("convoy_id")
@_as_json
def show_convoy(*, convoy_id: str, as_json: bool) -> None:
    """The beads of a convoy."""
    found = known_tables(town_dir())
    row = found["convoys"].get(convoy_id)
    if row is None:
        raise NotFound(f"there is no open convoy {convoy_id!r}", hint="see `gastown convoy list`")
    beads = row["beads"] if isinstance(row["beads"], list) else []
    rows = [found["beads"][bead] for bead in beads if bead in found["beads"]]
    if as_json:
        show_json(row | {"rows": rows})
        return
    done = f"{row['closed']}/{row['total']} [{row['state']}]"
    show(plain(f"{row['id']} {row['title']}: {done} {row['why']}"))
    table(
        ("BEAD", "STATUS", "ASSIGNEE", "TITLE"),
        [(r["id"], r["status"], r["assignee"], r["title"]) for r in rows],
    )
