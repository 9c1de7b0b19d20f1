"""`gastown proposal`: what the mayor has filed, and the overseer's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gastown_tui.cli.bead_place import OneLine
from gastown_tui.cli.common import actor, plain, poke, refuse_sessions, show, show_json, table
from gastown_tui.cli.common import town_dir as _town_dir

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_tui.services.books import Books


@click.group(cls=OneLine)
def proposal() -> None:
    """Convoys that the mayor proposes: nothing of them starts before you accept them."""


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _open(verb: str = "", target: str = "") -> tuple[Path, Books]:
    from gastown_tui.roots.town import open_books

    town = _town_dir()
    if verb:
        refuse_sessions(town, verb, target)
    return town, open_books(town)


def _room(town: Path) -> int:
    from gastown_tui.roots.town import town_config

    return town_config(town).limits.max_working


@proposal.command("list")
@_as_json
def list_proposals(*, as_json: bool) -> None:
    """What waits for your word."""
    from gastown_tui.services import convoys, proposals

    _, books = _open()
    rows = [
        {"id": one.id, "title": one.title, "beads": list(convoys.tracked(one)),
         "created": one.created_at}
        for one in proposals.waiting(books)
    ]  # fmt: skip
    if as_json:
        show_json(rows)
        return
    table(("PROPOSAL", "BEADS", "TITLE"), [(r["id"], len(r["beads"]), r["title"]) for r in rows])


@proposal.command("show")
@click.argument("convoy_id")
@_as_json
def show_proposal(*, convoy_id: str, as_json: bool) -> None:
    """Its beads in their order, their rigs, and what staging warns of."""
    from gastown_tui.services import proposals

    town, books = _open()
    lines = proposals.told(books, convoy_id, _room(town))
    if as_json:
        show_json({"id": convoy_id, "lines": lines})
        return
    for line in lines:
        show(plain(line))


@proposal.command("accept")
@click.argument("convoy_id")
@click.option("--force", is_flag=True, help="In spite of warnings.")
def accept(*, convoy_id: str, force: bool) -> None:
    """Launch it: each bead starts when nothing blocks it and there is room."""
    from gastown_tui.roots.town import town_config
    from gastown_tui.services import convoys, proposals

    town, books = _open("proposal_accept", convoy_id)
    proposals.of(books, convoy_id)
    mine, room = town_config(town).id, _room(town)
    said = convoys.launch(books, mine, convoy_id, room=room, actor=actor(), force=force)
    poke(town)
    show(said)


@proposal.command("edit")
@click.argument("convoy_id")
@click.option("--title", default="", help="Another title.")
@click.option("--remove", multiple=True, metavar="BEAD", help="Take a bead out.")
def edit(*, convoy_id: str, title: str, remove: tuple[str, ...]) -> None:
    """Change it before you accept it; its beads are changed by `gastown bead update`."""
    from gastown_tui.services import proposals

    town, books = _open("proposal_edit", convoy_id)
    arguments = {"title": title, "remove": " ".join(remove)}
    show(proposals.change(books, convoy_id, arguments, actor()))
    poke(town)


@proposal.command("drop")
@click.argument("convoy_id")
@click.option("--reason", required=True, help="What the mayor is told.")
def drop(*, convoy_id: str, reason: str) -> None:
    """Say no: what was filed for it is closed, and the mayor hears the reason."""
    from gastown_tui.services import proposals

    town, books = _open("proposal_drop", convoy_id)
    show(proposals.drop(books, convoy_id, reason, actor()))
    poke(town)
