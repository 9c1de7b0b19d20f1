"""`gastown bd ready`: as `gastown bead ready`, and why, and what a gate has let go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from gastown_tui.cli.bead_list import ready as _plain
from gastown_tui.cli.bead_stores import Stores, placed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead

_HARD: Final = frozenset({"blocks", "conditional-blocks", "waits-for"})


class _Ready(click.Command):
    """Passes everything on to the ordinary verb, unless one of our two flags is given."""

    def invoke(self, ctx: click.Context) -> Any:
        """List what is ready in the way that is asked for."""
        explain, gated = ctx.params.pop("explain"), ctx.params.pop("gated")
        if not (explain or gated):
            return super().invoke(ctx)
        if ctx.params.get("claim") or (explain and gated):
            raise click.UsageError("--explain, --gated and --claim go one at a time.", ctx)
        other = _explain if explain else _gated
        known = {param.name for param in other.params}
        return ctx.invoke(other, **{k: v for k, v in ctx.params.items() if k in known})


ready = _Ready(
    "ready",
    params=[
        *_plain.params,
        click.Option(["--explain"], is_flag=True, help="Say why, and what the others wait for."),
        click.Option(["--gated"], is_flag=True, help="Molecules that a gate has let go on."),
    ],
    callback=_plain.callback,
    help=_plain.help,
)


@click.command()
@placed
def _explain(stores: Stores) -> None:
    """List what is ready and what is blocked, each with why."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain import bead_tree

    free: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    cycles: list[list[str]] = []
    now = datetime.now(UTC)
    for store in stores.all():
        beads = {bead.id: bead for bead in store.list(include_closed=True, include_wisps=True)}
        rows = bead_output.row
        free += [
            rows(store, bead) | _why(bead, beads)
            for bead in store.ready(now) if _is_work(store, bead)
        ]  # fmt: skip
        held += [
            rows(store, beads[bead]) | _waits(blockers, beads)
            for bead, blockers in store.blocked().items()
            if bead in beads and not beads[bead].ephemeral and _is_work(store, beads[bead])
        ]
        cycles += bead_tree.beads_in_circles(beads.values())
    told: dict[str, Any] = {"ready": free, "blocked": held}
    told |= {"cycles": cycles} if cycles else {}
    told["summary"] = {
        "total_ready": len(free), "total_blocked": len(held), "cycle_count": len(cycles),
    }  # fmt: skip
    click.echo(bead_output.dump(told) if stores.as_json else "\n".join(_lines(told)))


def _is_work(store: BeadStore, bead: Bead) -> bool:
    from gastown_tui.cli.bead_place import is_record

    return not is_record(store, bead)


def _why(bead: Bead, beads: dict[str, Bead]) -> dict[str, Any]:
    done = [
        edge.depends_on_id for edge in bead.dependencies
        if edge.type in _HARD and (other := beads.get(edge.depends_on_id)) and other.is_closed
    ]  # fmt: skip
    reason = f"{len(done)} blocker(s) resolved" if done else "no blocking dependencies"
    return {"reason": reason, "resolved_blockers": done or None}


def _waits(blockers: Iterable[str], beads: dict[str, Bead]) -> dict[str, Any]:
    told = [
        {"id": one, "title": other.title, "status": other.status, "priority": other.priority}
        if (other := beads.get(one)) is not None
        else {"id": one, "title": "", "status": "", "priority": 0}
        for one in blockers
    ]
    return {"blocked_by_count": len(told), "blocked_by": told}


def _lines(told: dict[str, Any]) -> Iterable[str]:
    from gastown_tui.cli.bead_output import plain

    for row in told["ready"]:
        done = ", ".join(row["resolved_blockers"] or ())
        why = row["reason"] + (f": {done}" if done else "")
        yield plain(f"ready    {row['id']}  P{row['priority']} {row['title']}  ({why})")
    for row in told["blocked"]:
        waits = ", ".join(f"{one['id']} {one['status']}" for one in row["blocked_by"])
        yield plain(f"blocked  {row['id']}  P{row['priority']} {row['title']}  <- {waits}")
    for circle in told.get("cycles", ()):
        yield plain(f"circle   {' -> '.join(circle)}")
    summary = told["summary"]
    yield f"{summary['total_ready']} ready, {summary['total_blocked']} blocked"


@click.command()
@placed
def _gated(stores: Stores) -> None:
    """List the molecules with a step that is ready since a gate has been closed."""
    from gastown_tui.cli import bead_output

    found: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    for store in stores.all():
        beads = {bead.id: bead for bead in store.list(include_closed=True, include_wisps=True)}
        can_start = set(store.ready_ids(now)) | _ready_steps(store, beads)
        for step in sorted(can_start):
            told = _resumed(beads, beads[step]) if step in beads else None
            if told is not None:
                found.append(told)
    told = {"molecules": found, "count": len(found)}
    if stores.as_json:
        click.echo(bead_output.dump(told))
        return
    for one in found:
        step = one["ready_step"]
        click.echo(bead_output.plain(
            f"{one['molecule_id']}  {one['molecule_title']}: {one['closed_gate']['id']} is closed,"
            f" {step['id']} {step['title']} can go on"
        ))  # fmt: skip


def _ready_steps(store: BeadStore, beads: dict[str, Bead]) -> set[str]:
    """Steps of wisps, which no list of ready work holds, that nothing holds back."""
    held = store.blocked()
    return {
        bead.id for bead in beads.values()
        if bead.ephemeral and bead.status == "open" and bead.id not in held
    }  # fmt: skip


def _resumed(beads: dict[str, Bead], step: Bead) -> dict[str, Any] | None:
    """A step that waited for a gate, with its molecule; None for one that did not."""
    from gastown_tui.domain.bead import to_row
    from gastown_tui.domain.bead_filters import parent_of

    gate = next(
        (
            other for edge in step.dependencies
            if edge.type in _HARD and (other := beads.get(edge.depends_on_id)) is not None
            and other.issue_type == "gate" and other.is_closed
        ),
        None,
    )  # fmt: skip
    root, seen = step, {step.id}
    while (parent := beads.get(parent_of(root))) is not None and parent.id not in seen:
        root = parent
        seen.add(root.id)
    if gate is None or root is step:
        return None
    rows = {"closed_gate": to_row(gate), "ready_step": to_row(step)}
    for row in rows.values():
        row.pop("dependencies", None)
    return {"molecule_id": root.id, "molecule_title": root.title, **rows}
