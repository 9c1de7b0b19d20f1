"""`gastown bead close|reopen|epic|delete|defer|undefer|duplicate|supersede|promote`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_args import again, print_beads, when
from gastown_tui.cli.bead_stores import Found, Stores, placed
from gastown_tui.cli.bead_verbs import LazyVerbs
from gastown_tui.domain.errors import Conflict

if TYPE_CHECKING:
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-r", "--reason", default="Closed", help="Why.")
@click.option("--reason-file", metavar="FILE", help="A file that says why.")
@click.option("-f", "--force", is_flag=True, help="Also what is blocked or has open children.")
@click.option("--continue", "goes_on", is_flag=True, help="Claim the next step of its molecule.")
@click.option("--no-auto", is_flag=True, help="With --continue: show the next step only.")
@click.option("--suggest-next", is_flag=True, help="Tell what can be worked on because of it.")
@click.option("--claim-next", is_flag=True, help="Take the first bead that is ready.")
@click.option("--session", default="", help="The session that closes them.")
@placed
def close(stores: Stores, ids: tuple[str, ...], **given: Any) -> None:
    """Close beads."""
    from gastown_tui.cli.bead_change import closings

    found = stores.find_all(ids)
    path = given["reason_file"]
    reason = Path(path).read_text(encoding="utf-8", errors="replace").strip() if path else ""
    session = given["session"] or os.environ.get("GASTOWN_RUN", "")
    work = closings(found, reason or given["reason"], session=session, force=given["force"])
    stores.write_each(work)
    closed = again(found)
    told: dict[str, Any] = {}
    if given["suggest_next"]:
        told["unblocked"] = _unblocked(found)
    if given["claim_next"]:
        told["claimed"] = claim_first(stores, [found[0].store])
    if given["goes_on"]:
        told["continue"] = _go_on(stores, found[-1], claims=not given["no_auto"])
    _print_closed(closed, told, as_json=stores.as_json)


def _print_closed(closed: list[Found], told: dict[str, Any], *, as_json: bool) -> None:
    from gastown_tui.cli import bead_output

    if not as_json or not told:
        print_beads(closed, as_json=as_json, done="closed")
    if not told:
        return

    def rows(beads: list[Found]) -> list[Any]:
        return [bead_output.row(one.store, one.bead) for one in beads]

    steps = told.pop("continue", None)
    if as_json:
        shown = {"closed": rows(closed), **{key: rows(value) for key, value in told.items()}}
        click.echo(bead_output.dump(shown | ({"continue": steps} if steps is not None else {})))
        return
    for key, beads in told.items():
        for one in beads:
            click.echo(f"{key} {bead_output.line(one.bead, 0)}")
    if steps is not None:
        step = steps["next_step"]
        said = (
            f"next {step['id']}  {bead_output.plain(step['title'])}" if step else "no step is next"
        )
        click.echo("the molecule is complete" if steps["molecule_complete"] else said)


def _unblocked(found: list[Found]) -> list[Found]:
    """What is ready and waited for one of these."""
    from datetime import UTC, datetime

    result: dict[str, Found] = {}
    for store in {one.store.beads_dir: one.store for one in found}.values():
        ready = {bead.id: bead for bead in store.ready(datetime.now(UTC))}
        closed = [one.id for one in found if one.store is store]
        waiting = [source for one in closed for source, _ in store.dependents(one)]
        result.update({one: Found(store, ready[one]) for one in waiting if one in ready})
    return list(result.values())


def claim_first(stores: Stores, places: list[Any], wanted: Any = None) -> list[Found]:
    """Take the first bead that is ready and that nobody else takes at the same moment.

    Args:
        stores: of the command.
        places: the stores to look in, in order.
        wanted: which beads will do; None for all.
    """
    from datetime import UTC, datetime

    from gastown_tui.cli.bead_place import is_record
    from gastown_tui.domain.operations import Claim

    for store in places:
        for bead in store.ready(datetime.now(UTC)):
            if bead.assignee not in {"", stores.actor} or is_record(store, bead):
                continue
            if wanted is not None and not wanted(store, bead):
                continue
            try:
                stores.write(store, [Claim(bead.id, stores.actor)])
            except Conflict:  # another one was first
                continue
            return [Found(store, store.get(bead.id))]
    return []


def _go_on(stores: Stores, one: Found, *, claims: bool) -> dict[str, Any]:
    """The next step of a molecule, taken by the caller."""
    from gastown_tui.cli.bead_change import molecule_of
    from gastown_tui.cli.bead_output import row
    from gastown_tui.domain.formula.progress import progress
    from gastown_tui.domain.operations import Claim

    molecule = molecule_of(one)
    told: dict[str, Any] = {
        "closed_step": one.id, "next_step": None, "auto_advanced": False,
        "molecule_complete": False, "molecule_id": "",
    }  # fmt: skip
    if not molecule:
        return told
    root = molecule[0].id
    found = progress(root, molecule)
    told |= {"molecule_id": root, "molecule_complete": found.is_finished}
    step = next((step for step in found.current if step.state == "ready"), None)
    if step is None:
        return told
    if claims:
        stores.write(one.store, [Claim(step.bead, stores.actor)])
        told["auto_advanced"] = True
    told["next_step"] = row(one.store, one.store.get(step.bead))
    return told


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-r", "--reason", default="", help="Why; added as a comment.")
@placed
def reopen(stores: Stores, ids: tuple[str, ...], reason: str) -> None:
    """Open what was closed or put off, with the epics that it is part of."""
    from gastown_tui.cli.bead_change import reopenings
    from gastown_tui.domain.operations import AddComment

    found = stores.find_all(ids)
    said: list[list[Operation]] = [[AddComment(one.id, reason)] if reason else [] for one in found]
    stores.write_each(
        (one.store, [*reopenings(one), *comment]) for one, comment in zip(found, said, strict=True)
    )
    print_beads(again(found), as_json=stores.as_json, done="reopened")


@click.group(cls=LazyVerbs)
def epic() -> None:
    """How far epics are."""


@epic.command("status")
@click.option("--eligible-only", is_flag=True, help="Only those that may be closed.")
@placed
def epic_status(stores: Stores, *, eligible_only: bool) -> None:
    """Show every open epic with the number of its parts."""
    from gastown_tui.cli import bead_output

    shown = [(store, one) for store, one in _epics(stores) if one.may_close or not eligible_only]
    if stores.as_json:
        rows = [
            {
                "epic": bead_output.row(store, one.bead),
                "total_children": one.total,
                "closed_children": one.closed,
                "eligible_for_close": one.may_close,
            }
            for store, one in shown
        ]
        click.echo(bead_output.dump(rows))
        return
    for _, one in shown:
        mark = "  may be closed" if one.may_close else ""
        name = f"{bead_output.plain(one.bead.id)}  {bead_output.plain(one.bead.title)}"
        click.echo(f"{one.closed}/{one.total}  {name}{mark}")


@epic.command("close-eligible")
@click.option("--dry-run", is_flag=True, help="Only show them.")
@placed
def epic_close(stores: Stores, *, dry_run: bool) -> None:
    """Close the epics all of whose parts are closed, as long as there are any."""
    from gastown_tui.domain.operations import Close

    closed: list[Found] = []
    while found := [Found(store, one.bead) for store, one in _epics(stores) if one.may_close]:
        closed += found
        if dry_run:
            break
        stores.write_each((one.store, [Close(one.id, "all children are closed")]) for one in found)
    done = "would close" if dry_run else "closed"
    print_beads(again(closed), as_json=stores.as_json, done=done)


def _epics(stores: Stores) -> list[tuple[Any, Any]]:
    from gastown_tui.domain.close_guards import epics

    return [
        (store, one)
        for store in stores.all()
        for one in epics(store.list(include_closed=True, include_wisps=True))
    ]


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="Also what others depend on; their edges go.")
@click.option("--cascade", is_flag=True, help="With all that is part of it.")
@click.option("-r", "--reason", default="", help="Why.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@placed
def delete(stores: Stores, ids: tuple[str, ...], **given: Any) -> None:
    """Delete beads; the file keeps a tombstone of each, so that they stay deleted."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_change import family
    from gastown_tui.domain.operations import Delete, RemoveDependency

    named = stores.find_all(ids)
    if given["cascade"]:
        whole = (Found(one.store, bead) for one in named for bead in family(one.store, one.bead))
        named = list({one.id: one for one in whole}.values())
    gone = {one.id for one in named}
    edges = [
        (one, source)
        for one in named
        for source, _ in one.store.dependents(one.id)
        if source not in gone
    ]
    if edges and not (given["force"] or given["dry_run"]):
        waiting = ", ".join(sorted({source for _, source in edges})[:5])
        raise Conflict(
            f"others depend on what is to be deleted: {waiting}",
            hint="--force takes their edges away, --cascade deletes children too",
        )
    if not given["dry_run"]:
        stores.write_each(
            [
                *((one.store, [RemoveDependency(source, one.id)]) for one, source in edges),
                *((one.store, [Delete(one.id, given["reason"])]) for one in named),
            ]
        )
    if stores.as_json:
        told = {
            "deleted": sorted(gone), "deleted_count": len(gone),
            "dependencies_removed": len(edges)
            + sum(len(one.bead.dependencies) for one in named),
            "labels_removed": sum(len(one.bead.labels) for one in named),
            "events_removed": 0, "references_updated": 0,
            "orphaned_issues": sorted({source for _, source in edges}),
        }  # fmt: skip
        click.echo(bead_output.dump(told))
        return
    for one in named:
        verb = "would delete" if given["dry_run"] else "deleted"
        click.echo(f"{verb} {bead_output.plain(one.id)}")


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("--until", default="", help="A date, a time, or so long from now: 3d, 2w.")
@click.option("-r", "--reason", default="", help="Why; added as a note.")
@placed
def defer(stores: Stores, ids: tuple[str, ...], until: str, reason: str) -> None:
    """Put beads off: until a time, when they wake by themselves, or until somebody says so."""
    from gastown_tui.domain.close_guards import deferring
    from gastown_tui.domain.operations import AppendNote

    moment = when(until) if until else None

    def off(bead: Bead) -> list[Operation]:
        note: list[Operation] = [AppendNote(bead.id, f"deferred: {reason}")] if reason else []
        return [*deferring(bead, moment), *note]

    found = stores.find_all(ids)
    stores.write_each((one.store, off(one.bead)) for one in found)
    print_beads(again(found), as_json=stores.as_json, done="deferred")


@click.command()
@click.argument("ids", nargs=-1, required=True)
@placed
def undefer(stores: Stores, ids: tuple[str, ...]) -> None:
    """Take up again what was put off."""
    from gastown_tui.domain.close_guards import undeferring

    found = stores.find_all(ids)
    stores.write_each((one.store, undeferring(one.bead)) for one in found)
    print_beads(again(found), as_json=stores.as_json, done="took up")


@click.command()
@click.argument("id_")
@click.option("--of", "other", required=True, metavar="ID", help="The bead that stays.")
@placed
def duplicate(stores: Stores, id_: str, other: str) -> None:
    """Close a bead as a duplicate of another one."""
    _replace(stores, id_, other, "duplicates")


@click.command()
@click.argument("id_")
@click.option("--with", "other", required=True, metavar="ID", help="The bead that takes its place.")
@placed
def supersede(stores: Stores, id_: str, other: str) -> None:
    """Close a bead in favour of another one."""
    _replace(stores, id_, other, "supersedes")


def _replace(stores: Stores, id_: str, other: str, kind: str) -> None:
    from gastown_tui.domain.close_guards import replacing

    one, by = stores.find(id_), stores.find(other)
    stores.write(one.store, replacing(one.id, by.id, kind))
    print_beads(again([one]), as_json=stores.as_json, done="closed")


@click.command()
@click.argument("ids", nargs=-1, required=True)
@placed
def promote(stores: Stores, ids: tuple[str, ...]) -> None:
    """Make wisps last: they go into the file like other beads."""
    from gastown_tui.cli.bead_change import lasting

    found = stores.find_all(ids)
    plain = [one.id for one in found if not one.bead.ephemeral]
    if plain:
        raise Conflict(f"{', '.join(plain)} is no wisp")
    stores.write_each((one.store, lasting(one.bead)) for one in found)
    print_beads(again(found), as_json=stores.as_json, done="promoted")
