"""`gastown capacity [N]`: how many agents work at once, and what another number would mean."""

from __future__ import annotations

import sys
import time

import click

from gastown_tui.cli.common import ask, plain, show, show_json, tables, town_dir
from gastown_tui.domain.errors import BadInput

_COLUMNS = (
    "max_working", "working", "waiting", "waiting_why", "memory_free", "memory_total",
    "memory_agent", "memory_spare", "measured", "cores",
)  # fmt: skip


@click.command()
@click.argument("number", required=False, type=click.IntRange(1, 100))
@click.option("--yes", is_flag=True, help="Do not ask after the arithmetic.")
@click.option("--json", "as_json", is_flag=True)
def capacity(number: int | None, yes: bool, as_json: bool) -> None:
    """How many agents work at once; with NUMBER, what that many take, and whether to have it so."""
    from gastown_tui.viewmodels.capacity import sums

    found = tables(town_dir())
    row = found["town"]["town"]
    if as_json:
        show_json({name: row[name] for name in _COLUMNS})
        return
    limit = row["max_working"]
    wanted = number or (limit if isinstance(limit, int) else 1)
    for line in sums(row, found["agents"].values(), wanted, time.time()):
        show(line)
    if row["waiting"] and row["waiting_why"]:
        show(f"what is slung and not begun: {plain(row['waiting_why'])}")
    if number is None or number == limit:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("nobody is there to say yes", hint=f"gastown capacity {number} --yes")
        click.confirm(f"Have {number} work at once?", abort=True)
    show(ask("max_working", str(number)))
