"""`gastown bead doctor`: what is wrong with beads directories, and their repair."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.bead_place import Place, located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.adapters.store.doctor import Report
    from gastown_tui.domain.bead_doctor import Finding

_SHOWN = 40
"""Findings told in text; JSON has them all."""


@click.command()
@click.option("--fix", is_flag=True, help="Repair what has one right answer; copies are kept.")
@located
@click.pass_context
def doctor(
    ctx: click.Context, folder: str | None, rig: str | None, *, fix: bool, as_json: bool
) -> None:
    """Look beads directories over; in a town, all of them.

    Shows what is wrong with the files and with what the beads say, and what --fix would do about
    it. Exit code 0: nothing but notes; 1: findings are left.
    """
    from gastown_tui.cli import bead_output

    found = reports(Place(folder=folder, rig=rig).open_all(tell=False), fix=fix)
    if as_json:
        click.echo(bead_output.dump([_row(report) for report in found]))
    else:
        click.echo("\n".join(line for report in found for line in _lines(report, fix=fix)))
    ctx.exit(0 if all(report.is_clean for report in found) else 1)


def reports(stores: Sequence[BeadStore], *, fix: bool) -> list[Report]:
    """What is wrong with the stores of a town, or what repairing them came to."""
    from gastown_tui.adapters.store import doctor as doctoring

    now = datetime.now(UTC)
    known = [doctoring.all_ids(store) for store in stores]
    done: list[Report] = []
    for store in stores:
        others = [(o, ids) for o, ids in zip(stores, known, strict=True) if o is not store]
        town = doctoring.Town(
            ids=frozenset(bead for _, ids in others for bead in ids),
            prefixes=frozenset(other.prefix for other, _ in others),
        )
        look = doctoring.repair if fix else doctoring.examine
        done.append(look(store, now, town))
    return done


def _row(report: Report) -> dict[str, object]:
    import msgspec

    row: dict[str, object] = msgspec.to_builtins(report)
    return {**row, "clean": report.is_clean}


def _lines(report: Report, *, fix: bool) -> list[str]:
    from gastown_tui.cli.bead_output import plain

    lines = [f"{report.beads_dir}: {report.beads} beads, {_count(report.findings)}"]
    lines += [f"  repaired: {plain(str(f))} ({plain(f.repair)})" for f in report.repaired[:_SHOWN]]
    if report.backup:
        lines.append(f"  the file as it was: {report.backup}")
    if report.unreadable:
        lines.append(f"  what the file does not hold any more: {report.unreadable}")
    for found in report.findings[:_SHOWN]:
        lines.append(f"  {found.level}: {plain(str(found))}")
        if found.repair:
            lines.append(f"      repair: {plain(found.repair)}")
    if len(report.findings) > _SHOWN:
        lines.append(f"  and {len(report.findings) - _SHOWN} more; --json shows all")
    count = sum(bool(found.repair) for found in report.findings)
    if count and not fix:
        lines.append(f"  gastown bead doctor --fix repairs {count} of them and keeps copies")
    return lines


def _count(findings: Sequence[Finding]) -> str:
    counts = [
        f"{count} {level}{'s' if count > 1 else ''}"
        for level in ("problem", "warning", "note")
        if (count := sum(found.level == level for found in findings))
    ]
    return ", ".join(counts) or "clean"
