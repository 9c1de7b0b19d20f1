"""`gastown bd create`: as `gastown bead create`, and with `--graph` many beads in one write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_stores import Stores, placed
from gastown_tui.cli.bead_write import create as _one
from gastown_tui.domain.errors import BadInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead_batch import Edge, Graph, Node
    from gastown_tui.domain.operations import Operation


class _Create(click.Command):
    """Passes everything on to the ordinary verb, unless a graph is given."""

    def invoke(self, ctx: click.Context) -> Any:
        """Make the graph, or the one bead."""
        path = ctx.params.pop("graph")
        if path is None:
            return super().invoke(ctx)
        given = {
            name for name in ("title", "parent", "deps", "own_id", "description", "body_file")
            if ctx.params.get(name)
        }  # fmt: skip
        if given:
            raise click.UsageError("--graph says all that is to be made.", ctx)
        known = {param.name for param in _graph.params}
        own = {name: value for name, value in ctx.params.items() if name in known}
        return ctx.invoke(_graph, path=path, **own)


create = _Create(
    "create",
    params=[
        *_one.params,
        click.Option(["--graph"], metavar="FILE", help="Beads and their edges, as JSON."),
    ],
    callback=_one.callback,
    help=_one.help,
)


@click.command()
@click.argument("path")
@click.option("--dry-run", is_flag=True)
@placed
def _graph(stores: Stores, *, path: str, dry_run: bool) -> None:
    """Make the beads of a graph."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.bead_batch import read_graph

    try:
        graph = read_graph(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from error
    store = stores.fresh([one for one in _named(graph) if one])
    names = _names(store, graph)
    operations = _operations(stores, store, graph, names)
    if dry_run:
        edges = len(graph.edges)
        click.echo(f"would make {len(graph.nodes)} beads and {edges} edges between them")
        return
    made = stores.write(store, operations).ids
    ids = {node.key: one for node, one in zip(graph.nodes, made, strict=True)}
    if stores.as_json:
        click.echo(bead_output.dump({"ids": ids}))
        return
    click.echo(f"Created {len(ids)} issues")
    for key, one in ids.items():
        click.echo(bead_output.plain(f"  {key} -> {one}"))


def _named(graph: Graph) -> Sequence[str]:
    """Ids of beads that a graph ties its own to."""
    ends = [end for edge in graph.edges for end in (edge.from_id, edge.to_id)]
    return [*(node.parent_id for node in graph.nodes), *ends]


def _names(store: BeadStore, graph: Graph) -> dict[str, str]:
    """What operations call each node: ids that the store makes, or made here if texts name them."""
    if not any(node.metadata_refs for node in graph.nodes):
        return {node.key: f"~{place}" for place, node in enumerate(graph.nodes)}
    from time import time_ns

    from gastown_tui.domain import ids

    found: dict[str, str] = {}
    moment = time_ns()
    for node in graph.nodes:
        seed = ids.Seed(
            title=node.title, description=node.description, creator=node.key, created=moment
        )
        nonce = 0
        while _is_taken(store, name := f"{store.prefix}-{ids.hash_part(seed, ids.LONGEST, nonce)}"):
            nonce += 1
        found[node.key] = name
    return found


def _is_taken(store: BeadStore, bead: str) -> bool:
    try:
        store.get(bead)
    except NotFound:
        return False
    return True


def _operations(
    stores: Stores, store: BeadStore, graph: Graph, names: dict[str, str]
) -> list[Operation]:
    from gastown_tui.domain.operations import AddDependency, Create

    found: list[Operation] = [Create(_fields(node, names)) for node in graph.nodes]
    for node in graph.nodes:
        parent = names.get(node.parent_key) or (node.parent_id and store.find(node.parent_id))
        if parent:
            found.append(AddDependency(names[node.key], parent, "parent-child"))
    found += [_tie(stores, store, edge, names) for edge in graph.edges]
    return found


def _fields(node: Node, names: dict[str, str]) -> dict[str, Any]:
    from gastown_tui.domain.bead import TYPE_ALIASES

    refs = {key: names[node_key] for key, node_key in node.metadata_refs.items()}
    metadata = {**node.metadata, **refs}
    return {
        "id": names[node.key], "title": node.title, "description": node.description,
        "issue_type": TYPE_ALIASES.get(node.type, node.type), "assignee": node.assignee,
        "priority": node.priority, "labels": list(node.labels),
        **({"metadata": metadata} if metadata else {}),
    }  # fmt: skip


def _tie(stores: Stores, store: BeadStore, edge: Edge, names: dict[str, str]) -> Operation:
    from gastown_tui.cli.bead_place import target_of
    from gastown_tui.domain.operations import AddDependency

    source = names.get(edge.from_key)
    if source is None:
        one = stores.find(edge.from_id)
        if one.store.beads_dir != store.beads_dir:
            raise BadInput(f"{one.id} is in another directory than the graph")
        source = one.id
    target = names.get(edge.to_key) or target_of(store, edge.to_id)
    return AddDependency(source, target, edge.type)
