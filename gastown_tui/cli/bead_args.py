"""What the verbs over beads share: how arguments are read, and how it is told what was done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_stores import Found
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def commas(values: tuple[str, ...]) -> list[str]:
    """The parts of an option that may be repeated, and hold several with commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def text_of(given: str | None, path: str | None = None) -> str | None:
    """A text as it is, of a file, or for `-` of standard input."""
    if given == "-" or path == "-":
        return sys.stdin.read()
    if path:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    return given


def json_object(text: str) -> dict[str, Any]:
    """The object that a JSON text is.

    Raises:
        BadInput: it is none.
    """
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"--metadata is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInput("--metadata must be a JSON object")
    return found


def when(text: str) -> datetime:
    """The time that is meant by a text, in the zone of this machine; forward when it is a length.

    Raises:
        BadInput: none is.
    """
    from datetime import datetime as clock

    from gastown_tui.domain.bead_filters import moment

    return moment(text, clock.now().astimezone(), ahead=True)


def print_beads(found: list[Found], *, as_json: bool, done: str) -> None:
    """Tell what was done to beads: a line each, or their rows."""
    from gastown_tui.cli import bead_output

    if as_json:
        click.echo(bead_output.dump([bead_output.row(one.store, one.bead) for one in found]))
    else:
        for one in found:
            click.echo(f"{done} {bead_output.plain(one.id)}")


def again(found: Iterable[Found]) -> list[Found]:
    """Beads as they are now."""
    return [Found(one.store, one.store.get(one.id)) for one in found]
