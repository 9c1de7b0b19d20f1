"""`gastown bead stats|count|duplicates`: figures, and what is there twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from gastown_tui.cli.bead_list import below, filter_of, filtered, select
from gastown_tui.cli.bead_stores import Stores, placed


@click.command()
@placed
def stats(stores: Stores) -> None:
    """Show how many beads there are, and how they stand."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_place import is_record
    from gastown_tui.domain import queries

    beads = [
        bead
        for store in stores.all()
        for bead in store.list(include_closed=True)
        if not is_record(store, bead)
    ]
    now = datetime.now(UTC)
    work = {bead.id for bead in beads}
    ready = sum(bead in work for store in stores.all() for bead in store.ready_ids(now))
    blocked = sum(bead in work for store in stores.all() for bead in store.blocked())
    found = queries.stats(beads, ready, blocked)
    if stores.as_json:
        click.echo(bead_output.dump({"summary": found}))
        return
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):<28} {value}")


@click.command()
@filtered
@click.option("--by-status", "by", flag_value="status", help="How many of each status.")
@click.option("--by-priority", "by", flag_value="priority")
@click.option("--by-type", "by", flag_value="type")
@click.option("--by-assignee", "by", flag_value="assignee")
@click.option("--by-label", "by", flag_value="label")
@placed
def count(stores: Stores, *, by: str | None, **wanted: Any) -> None:
    """Count beads; all of them, closed ones too, unless a filter says otherwise."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain import queries

    parts = below(stores, wanted["parent"], deep=False)
    found = [
        one.bead
        for one in select(stores, filter_of(wanted, closed_too=True))
        if parts is None or one.id in parts
    ]
    groups = queries.counted(found, by) if by else []
    if stores.as_json:
        rows = [{"group": name, "count": number} for name, number in groups]
        told = {"total": len(found), "groups": rows} if by else {"count": len(found)}
        click.echo(bead_output.dump(told))
        return
    for name, number in groups:
        click.echo(f"{number:>6}  {bead_output.plain(name)}")
    if not by:
        click.echo(str(len(found)))


@click.command()
@filtered
@placed
def duplicates(stores: Stores, **wanted: Any) -> None:
    """Show open beads that say the same; of each group the first is the one to keep."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain import queries

    found = queries.duplicates(one.bead for one in select(stores, filter_of(wanted)))
    if stores.as_json:
        groups = [
            {
                "title": one.kept.title,
                "issues": [
                    {"id": b.id, "title": b.title, "status": b.status, "priority": b.priority,
                     "is_merge_target": b is one.kept}
                    for b in (one.kept, *one.others)
                ],
                "suggested_target": one.kept.id,
                "suggested_sources": [b.id for b in one.others],
            }
            for one in found
        ]  # fmt: skip
        click.echo(bead_output.dump({"duplicate_groups": len(groups), "groups": groups}))
        return
    for one in found:
        others = ", ".join(bead.id for bead in one.others)
        click.echo(f"{bead_output.line(one.kept, 0)}\n    the same: {bead_output.plain(others)}")
