"""`gastown mq checkout`: a change in a folder of the overseer's own, to be tried by hand."""

from __future__ import annotations

from pathlib import Path

import click

from gastown_tui.cli.common import ask, show
from gastown_tui.domain.errors import BadInput


@click.command()
@click.argument("request")
@click.option("--to", default="", help="Where: a folder that is not there yet.")
@click.option("--setup", is_flag=True, help="Run the rig's set-up in it, as for an agent.")
@click.option("--done", is_flag=True, help="Take the folder away again.")
@click.option("--discard", is_flag=True, help="With --done: whatever it holds.")
def checkout(request: str, *, to: str, setup: bool, done: bool, discard: bool) -> None:
    """Put REQUEST, as it was handed in, into a folder to try it in.

    It is a detached worktree of the rig's clone, in <town>/<rig>/checkouts unless --to says
    otherwise, never the agent's sandbox. Again, it brings the folder to the newest hand-in. It is
    taken away by --done, or when the change lands; work of your own in it is kept.
    """
    if done:
        show(ask("checkout_done", request, discard="yes" if discard else ""))
        return
    if discard:
        raise BadInput("--discard goes with --done")
    place = str(Path(to).expanduser().absolute()) if to else ""
    wait_s = 3600.0 if setup else 60.0  # the rig's own limit ends it before
    show(ask("checkout", request, wait_s=wait_s, to=place, setup="yes" if setup else ""))
