"""`gastown bead dep`: edges between beads."""

from __future__ import annotations

import click

from gastown_tui.cli.bead_place import OneLine, Place, apply, located, target_of


@click.group(cls=OneLine)
def dep() -> None:
    """Edges between beads."""


@dep.command("add")
@click.argument("id_")
@click.argument("depends_on")
@click.option("-t", "--type", "kind", default="blocks", help="blocks, parent-child, related ...")
@located
def dep_add(
    id_: str, depends_on: str, folder: str | None, rig: str | None, *, kind: str, as_json: bool
) -> None:
    """Make ID depend on DEPENDS_ON."""
    from gastown_tui.domain.operations import AddDependency

    store = Place(folder=folder, rig=rig).open([id_])
    source, target = store.find(id_), target_of(store, depends_on)
    apply(store, [AddDependency(source, target, kind)])
    _print_edge("added", source, target, as_json=as_json, kind=kind)


@dep.command("remove")
@click.argument("id_")
@click.argument("depends_on")
@located
def dep_remove(
    id_: str, depends_on: str, folder: str | None, rig: str | None, *, as_json: bool
) -> None:
    """Take an edge away."""
    from gastown_tui.domain.operations import RemoveDependency

    store = Place(folder=folder, rig=rig).open([id_])
    source = store.find(id_)
    targets = {edge.depends_on_id for edge in store.get(source).dependencies}
    target = depends_on if depends_on in targets else target_of(store, depends_on)
    apply(store, [RemoveDependency(source, target)])
    _print_edge("removed", source, target, as_json=as_json)


def _print_edge(status: str, source: str, target: str, *, as_json: bool, kind: str = "") -> None:
    from gastown_tui.cli import bead_output

    told = {"status": status, "issue_id": source, "depends_on_id": target}
    if kind:
        told["type"] = kind
    click.echo(bead_output.dump(told) if as_json else f"{status} {source} -> {target}")


@dep.command("list")
@click.argument("id_")
@click.option("--direction", type=click.Choice(["down", "up"]), default="down")
@located
def dep_list(
    id_: str, folder: str | None, rig: str | None, direction: str, *, as_json: bool
) -> None:
    """Show what a bead depends on, or (up) what depends on it."""
    from gastown_tui.cli import bead_output

    store = Place(folder=folder, rig=rig).open([id_])
    found = bead_output.detail(store, store.get(store.find(id_)))
    rows = found["dependencies" if direction == "down" else "dependents"]
    if as_json:
        click.echo(bead_output.dump(rows))
    for row in () if as_json else rows:
        title = bead_output.plain(row.get("title", ""))
        click.echo(f"{row['dependency_type']:<13} {bead_output.plain(row['id'])}  {title}")
