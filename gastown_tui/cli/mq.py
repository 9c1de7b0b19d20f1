"""`gastown mq`: the merge queue."""

from __future__ import annotations

import click

from gastown_tui import protocol
from gastown_tui.cli.checkout import checkout
from gastown_tui.cli.common import (
    age,
    ask,
    feed_link,
    known_tables,
    plain,
    show,
    show_json,
    table,
    town_dir,
)
from gastown_tui.cli.gate_log import gate_log
from gastown_tui.domain.errors import NotFound


@click.group()
def mq() -> None:
    """The merge queue."""


mq.add_command(checkout)
mq.add_command(gate_log)


@mq.command("list")
@click.option("--json", "as_json", is_flag=True)
def mq_list(as_json: bool) -> None:
    """The open requests, the next one first."""
    found = known_tables(town_dir())["mq"].values()
    rows = sorted(found, key=lambda row: int(str(row["position"])))
    if as_json:
        show_json([row | {"age": age(float(str(row["created"])))} for row in rows])
        return
    from gastown_tui.viewmodels.queue import request_why

    table(
        ("#", "REQUEST", "BEAD", "STATE", "TRY", "AGE", "TITLE", "WHY"),
        [
            (row["position"], row["id"], row["bead"], row["state"], _tries(row),
             age(float(str(row["created"]))), row["title"], request_why(row))
            for row in rows
        ],
    )  # fmt: skip


def _tries(row: protocol.TableRow) -> str:
    from gastown_tui.domain.review import attempt_words

    if row["source"]:
        return ""
    return attempt_words(int(str(row["reds"])), int(str(row["attempts"])))


@mq.command("diff")
@click.argument("subject")
def mq_diff(subject: str) -> None:
    """The diff of a request, a bead's request, or an agent's sandbox."""
    with feed_link(town_dir()) as link:
        found = link.ask(protocol.AskDiff(req=link.next_req(), subject=subject), timeout_s=60)
    if not isinstance(found, protocol.DiffText):
        raise NotFound(getattr(found, "message", "no answer"), hint=getattr(found, "hint", ""))
    for line in found.text.splitlines():
        show(line.replace("\t", "    ") if "\x1b" not in line else plain(line))


@mq.command()
@click.argument("request")
@click.option("--tip", default="", help="Only if this is still the commit that was handed in.")
def approve(request: str, tip: str) -> None:
    """Let REQUEST land, for the commit that is handed in now."""
    show(ask("approve", request, tip=tip))


@mq.command()
@click.argument("request")
@click.option("--reason", required=True, help="Goes to the agent as its next task.")
def reject(request: str, reason: str) -> None:
    """Send REQUEST back to its agent."""
    show(ask("reject", request, reason=reason))


@mq.command()
@click.argument("request")
def retry(request: str) -> None:
    """Run REQUEST's gates again."""
    show(ask("retry", request))


@mq.command()
@click.argument("request")
@click.option("--reason", default="")
def hold(request: str, reason: str) -> None:
    """Keep REQUEST from landing; `retry` lets it go on."""
    show(ask("hold", request, reason=reason))


@mq.command()
@click.argument("request")
@click.option("--reason", default="")
def drop(request: str, reason: str) -> None:
    """Close REQUEST and its bead for good; the branch is kept."""
    show(ask("drop", request, reason=reason))


@mq.command()
@click.argument("request", metavar="REQUEST|RIG")
def cancel(request: str) -> None:
    """End the gate run of REQUEST (or what lands in RIG) now; it waits for you then."""
    show(ask("cancel", request))


@mq.command()
@click.argument("branch")
@click.option("--rig", default="", help="Where there is more than one.")
@click.option("--bead", default="", help="The work that it is for; one is made by default.")
@click.option("--title", default="", help="Of the bead that is made.")
def submit(branch: str, rig: str, bead: str, title: str) -> None:
    """Hand BRANCH in, your own: from the hub, from where the rig was added, or from its remote.

    It goes through gates, review and landing like any other. There is no agent to mend it: when it
    comes back, mend it and submit it again.
    """
    show(ask("submit_branch", branch, wait_s=900.0, rig=rig, bead=bead, title=title))
