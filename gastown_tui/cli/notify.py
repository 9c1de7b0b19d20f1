"""`gastown notify`: how the overseer is called, tried out."""

from __future__ import annotations

import click

from gastown_tui.cli.common import ask, show


@click.command()
@click.argument("text", required=False, default="")
def notify(text: str) -> None:
    """Call yourself now, with TEXT: by open screens and the program of [notify] in town.toml."""
    show(ask("notify", text))
