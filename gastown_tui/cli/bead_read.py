"""`gastown bead show|tree|history|fold`: one bead and what is around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_stores import Found, Stores, placed

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead_tree import Link, Node

_WHOLE = ("--include-dependents", "--include-comments", "--refs", "--children", "--long")
"""Flags of `bd` for what is shown in any case."""


@click.command()
@click.argument("ids", nargs=-1, required=True)
@click.option("--short", is_flag=True, help="One line each.")
@click.option(*_WHOLE, "_whole", is_flag=True, hidden=True)
@placed
def show(stores: Stores, ids: tuple[str, ...], *, short: bool, _whole: bool) -> None:
    """Show beads whole."""
    from gastown_tui.cli import bead_output

    found = stores.find_all(ids)
    if stores.as_json:
        click.echo(bead_output.dump([bead_output.detail(one.store, one.bead) for one in found]))
    elif short:
        click.echo(bead_output.lines([one.bead for one in found]))
    else:
        click.echo("\n\n".join(bead_output.page(one.store, one.bead) for one in found))


@click.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--depth", default=50, type=click.IntRange(min=1), help="How deep it goes.")
@click.option("--all", "everything", is_flag=True, help="With closed parts.")
@placed
def tree(stores: Stores, id_: str | None, *, depth: int, everything: bool) -> None:
    """Draw what a bead is part of, its parts, and what each waits for; without ID everything."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_change import above

    roots = [stores.find(id_)] if id_ else _tops(stores)
    rows: list[Any] = []
    for one in roots:
        parents = above(one)[::-1] if id_ else []
        nodes = _parts_tree(one, depth, everything=everything or one.bead.is_closed)
        if stores.as_json:
            rows += bead_output.tree_rows(one.store, nodes)
            continue
        for number, parent in enumerate(parents):
            click.echo("  " * number + bead_output.line(parent, 0))
        holders = {node.bead: one.store.blockers(node.bead) for node in nodes}
        for text in bead_output.drawing(one.store, nodes, holders):
            click.echo("  " * len(parents) + text)
    if stores.as_json:
        click.echo(bead_output.dump(rows))


def _tops(stores: Stores) -> list[Found]:
    """What is part of nothing and is open, by priority."""
    from gastown_tui.cli.bead_list import arrange, select
    from gastown_tui.domain.bead_filters import BeadFilter

    found = select(stores, BeadFilter(is_top=True, other_types=("message", "event", "gate")))
    return arrange(found, {"sort": "", "reverse": False})


def _parts_tree(one: Found, depth: int, *, everything: bool) -> list[Node]:
    from gastown_tui.domain.bead_tree import PARENT, Link, naturally, walk

    def parts(bead: str) -> list[Link]:
        found = [Link(part, kind) for part, kind in one.store.dependents(bead) if kind == PARENT]
        kept = found if everything else [x for x in found if not one.store.get(x.bead).is_closed]
        return naturally(kept)

    return walk(one.id, parts, depth=depth)


def edge_tree(
    store: BeadStore, root: str, direction: str, *, depth: int, kinds: frozenset[str] | None
) -> list[Node]:
    """The tree of edges below a bead (`down`: what it depends on) or above it (`up`)."""
    from gastown_tui.domain.bead_tree import DOWN, Link, depends_on, walk
    from gastown_tui.domain.errors import NotFound

    def links(bead: str) -> list[Link]:
        if direction != DOWN:
            found = store.dependents(bead)
            return [Link(source, kind) for source, kind in found if kinds is None or kind in kinds]
        try:
            return depends_on(store.get(bead), kinds)
        except NotFound:  # in another directory, or deleted
            return []

    return walk(root, links, depth=depth)


@click.command()
@click.argument("id_", metavar="ID")
@click.option("-n", "--limit", default=0, type=click.IntRange(min=0), help="The last so many.")
@placed
def history(stores: Stores, id_: str, limit: int) -> None:
    """Show what was done to a bead through this store, by whom and when, the oldest first."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.bead_history import row

    one = stores.find(id_)
    rows = [row(entry) for entry in one.store.history(one.id)][-limit:]
    if stores.as_json:
        click.echo(bead_output.dump(rows))
        return
    for entry in rows:
        who = bead_output.plain(entry["actor"]) or "-"
        click.echo(f"{entry['at'][:19]}Z  {who}  {bead_output.plain(entry['text'])}")
    if not rows:
        click.echo(f"nothing has been done to {bead_output.plain(one.id)} here", err=True)


@click.command()
@click.option("--force", is_flag=True, help="Write the file even when nothing has changed.")
@placed
def fold(stores: Stores, *, force: bool) -> None:
    """Bring issues.jsonl up to date with the store."""
    from gastown_tui.cli import bead_output

    result = stores.here().fold(force=force)
    told = {"written": result.written, "through": result.through, "beads": result.beads}
    if stores.as_json:
        click.echo(bead_output.dump({**told, "absorbed": list(result.absorbed.changed)}))
    else:
        click.echo(f"wrote {result.beads} beads" if result.written else "nothing to write")
