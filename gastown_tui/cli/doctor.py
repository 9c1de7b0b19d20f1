"""`gastown doctor`: whether this machine, its programs and the town are fit, and what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gastown_tui.cli.common import noted, show, show_json
from gastown_tui.cli.findings import finding_lines, is_colored

if TYPE_CHECKING:
    from gastown_tui.domain.doctor.finding import Finding

_TITLES: Final = {
    "machine": "Machine",
    "programs": "Programs",
    "terminal": "Terminal",
    "town": "Town",
}


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look this machine over, the programs on it, and the town; nothing is changed.

    Nothing here costs anything: agents are asked for their version only. Exit code 1: something
    fails; warnings are none of that.
    """
    from gastown_tui.domain.doctor.finding import is_sound
    from gastown_tui.roots.doctor import examine

    parts = examine(_town(), os.environ)
    every = [one for part in parts.values() for one in part]
    if as_json:
        import msgspec

        rows = [
            {"part": part, **msgspec.to_builtins(one)} for part, of in parts.items() for one in of
        ]
        show_json({"ok": is_sound(every), "findings": rows})
    else:
        for line in page(parts, shutil.get_terminal_size().columns):
            click.echo(line)
        show(_sum(every))
    ctx.exit(0 if is_sound(every) else 1)


def _town() -> Path | None:
    """The town, if there is one; one that is named and is none is an error."""
    from gastown_tui.cli.common import town_dir
    from gastown_tui.domain.errors import NotFound

    try:
        return town_dir()
    except NotFound:
        if os.environ.get("GASTOWN_TOWN"):
            raise
        noted("no town is here: only the machine is looked at")
        return None


def page(parts: Mapping[str, Sequence[Finding]], columns: int) -> Iterator[str]:
    """The report, a line at a time, wrapped beside its columns."""
    for part, findings in parts.items():
        yield click.style(_TITLES[part], bold=True) if is_colored() else _TITLES[part]
        yield from finding_lines(findings, columns)
        yield ""


def _sum(findings: Sequence[Finding]) -> str:
    counts = {level: sum(one.level == level for one in findings) for level in ("fail", "warn")}
    if not any(counts.values()):
        return "All is well."
    words = [
        f"{counts['fail']} must be mended" if counts["fail"] else "nothing must be mended",
        f"{counts['warn']} to look at" if counts["warn"] else "",
    ]
    return f"{', '.join(word for word in words if word)}."
