"""`gastown bead dep`: edges between beads."""

from __future__ import annotations

from typing import Any

import click

from gastown_tui.cli.bead_args import commas
from gastown_tui.cli.bead_place import target_of
from gastown_tui.cli.bead_stores import Found, Stores, placed
from gastown_tui.cli.bead_verbs import LazyVerbs
from gastown_tui.domain.errors import BadInput, NotFound

_RELATED = "relates-to"


@click.group(cls=LazyVerbs)
def dep() -> None:
    """Edges between beads."""


@dep.command("add")
@click.argument("id_", metavar="ID")
@click.argument("depends_on", required=False, default="")
@click.option("-t", "--type", "kind", default="blocks", help="blocks, parent-child, related ...")
@click.option("--blocked-by", "--depends-on", "blocker", default="", help="Instead of DEPENDS_ON.")
@click.option("--blocks", "blocked", default="", metavar="ID", help="This one depends on ID's.")
@placed
def dep_add(stores: Stores, id_: str, depends_on: str, **given: str) -> None:
    """Make ID depend on DEPENDS_ON."""
    from gastown_tui.domain.operations import AddDependency

    kind, other = given["kind"], depends_on or given["blocker"]
    if bool(other) == bool(given["blocked"]):
        raise BadInput("one other bead is needed", hint="dep add ID DEPENDS_ON")
    source, target = (given["blocked"], id_) if given["blocked"] else (id_, other)
    one = stores.find(source)
    full = _target(stores, one, target)
    stores.write(one.store, [AddDependency(one.id, full, kind)])
    _print_edge(stores, "added", one.id, full, kind)


def _target(stores: Stores, one: Found, given: str) -> str:
    """The full id of the other end, here or in another directory."""
    try:
        return stores.find(given).id
    except NotFound:
        return target_of(one.store, given)


@dep.command("remove")
@click.argument("id_", metavar="ID")
@click.argument("depends_on")
@click.option("-t", "--type", "kind", default="", help="Only an edge of this type.")
@placed
def dep_remove(stores: Stores, id_: str, depends_on: str, kind: str) -> None:
    """Take an edge away."""
    from gastown_tui.domain.operations import RemoveDependency

    one = stores.find(id_)
    targets = {edge.depends_on_id for edge in one.bead.dependencies}
    target = depends_on if depends_on in targets else _target(stores, one, depends_on)
    if target not in targets:
        raise NotFound(f"{one.id} does not depend on {target}")
    stores.write(one.store, [RemoveDependency(one.id, target, kind)])
    _print_edge(stores, "removed", one.id, target)


def _print_edge(stores: Stores, status: str, source: str, target: str, kind: str = "") -> None:
    from gastown_tui.cli import bead_output

    told = {"status": status, "issue_id": source, "depends_on_id": target}
    if kind:
        told["type"] = kind
    text = f"{status} {bead_output.plain(source)} -> {bead_output.plain(target)}"
    click.echo(bead_output.dump(told) if stores.as_json else text)


@dep.command("relate")
@click.argument("id_", metavar="ID")
@click.argument("other")
@placed
def relate(stores: Stores, id_: str, other: str) -> None:
    """Say that two beads have to do with each other; nothing waits for it."""
    from gastown_tui.domain.operations import AddDependency

    one, two = stores.find(id_), stores.find(other)
    stores.write_each(
        (a.store, [AddDependency(a.id, b.id, _RELATED)]) for a, b in ((one, two), (two, one))
    )
    _print_edge(stores, "added", one.id, two.id, _RELATED)


@dep.command("unrelate")
@click.argument("id_", metavar="ID")
@click.argument("other")
@placed
def unrelate(stores: Stores, id_: str, other: str) -> None:
    """Take back that two beads have to do with each other."""
    from gastown_tui.domain.operations import RemoveDependency

    one, two = stores.find(id_), stores.find(other)
    stores.write_each(
        (a.store, [RemoveDependency(a.id, b.id, _RELATED)]) for a, b in ((one, two), (two, one))
    )
    _print_edge(stores, "removed", one.id, two.id)


@dep.command("list")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--direction", type=click.Choice(["down", "up", "both"]), default="down")
@click.option("-t", "--type", "kinds", multiple=True, help="Only edges of this type.")
@placed
def dep_list(stores: Stores, ids: tuple[str, ...], direction: str, kinds: tuple[str, ...]) -> None:
    """Show what beads depend on, or (up) what depends on them."""
    from gastown_tui.cli import bead_output

    wanted = commas(kinds)
    sides = {"down": ("dependencies",), "up": ("dependents",)}.get(
        direction, ("dependencies", "dependents")
    )
    rows: list[dict[str, Any]] = []
    for one in stores.find_all(ids):
        detail = bead_output.detail(one.store, one.bead)
        rows += [
            row for side in sides for row in detail[side]
            if not wanted or row["dependency_type"] in wanted
        ]  # fmt: skip
    if stores.as_json:
        click.echo(bead_output.dump(rows))
    for row in () if stores.as_json else rows:
        title = bead_output.plain(row.get("title", ""))
        kind = bead_output.plain(row["dependency_type"])
        click.echo(f"{kind:<13} {bead_output.plain(row['id'])}  {title}")


@dep.command("tree")
@click.argument("id_", metavar="ID")
@click.option("--direction", type=click.Choice(["down", "up", "both"]), default="down")
@click.option("-d", "--max-depth", default=50, type=click.IntRange(min=1), help="How deep.")
@click.option("-t", "--type", "kinds", multiple=True, help="Only edges of this type.")
@click.option("--status", default="", help="Only beads of this status, below the first.")
@placed
def dep_tree(stores: Stores, id_: str, **given: Any) -> None:
    """Draw what a bead depends on, or (up) what depends on it, and so on."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_read import edge_tree

    one = stores.find(id_)
    kinds = frozenset(commas(given["kinds"])) or None
    both = given["direction"] == "both"
    rows: list[dict[str, Any]] = []
    for side in ("up", "down") if both else (given["direction"],):
        nodes = edge_tree(one.store, one.id, side, depth=given["max_depth"], kinds=kinds)
        if given["status"]:
            status = bead_output.statuses(one.store, nodes)
            nodes = [n for n in nodes if not n.depth or status.get(n.bead) == given["status"]]
        if stores.as_json:
            rows += bead_output.tree_rows(one.store, nodes)
            continue
        if both:
            click.echo("needed by" if side == "up" else "depends on")
        for text in bead_output.drawing(one.store, nodes, {}):
            click.echo(text)
    if stores.as_json:
        click.echo(bead_output.dump(rows))


@dep.command("cycles")
@placed
def dep_cycles(stores: Stores) -> None:
    """Show beads that wait for each other in a circle."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.bead_tree import beads_in_circles

    groups: list[list[Found]] = []
    for store in stores.all():
        beads = {bead.id: bead for bead in store.list(include_closed=True, include_wisps=True)}
        groups += [
            [Found(store, beads[bead]) for bead in circle]
            for circle in beads_in_circles(beads.values())
        ]
    if stores.as_json:
        rows = [[bead_output.row(one.store, one.bead) for one in group] for group in groups]
        click.echo(bead_output.dump(rows))
        return
    for group in groups:
        click.echo(" -> ".join(bead_output.plain(one.id) for one in [*group, group[0]]))
    if not groups:
        click.echo("no circles", err=True)
