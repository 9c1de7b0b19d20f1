"""`gastown rig`: the projects of a town."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import plain, show, table, town_dir
from gastown_tui.cli.leaving import rig_remove
from gastown_tui.cli.publish import rig_publish
from gastown_tui.domain.config import CHOICES
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from gastown_tui.domain.config import RigConfig


@click.group()
def rig() -> None:
    """Add, look at and remove projects."""


rig.add_command(rig_remove)


@rig.command("add")
@click.argument("name")
@click.argument("source", metavar="URL_OR_PATH")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: for programs.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: what is proposed, no trust.")
@click.option("--prefix", default="", help="Of its bead ids; from the name by default.")
@click.option("--review", type=click.Choice(CHOICES["review"]), default="required")
@click.option("--land", type=click.Choice(CHOICES["land"]), help="Where work lands; local.")
@click.option("--permissions", type=click.Choice(CHOICES["permissions"]),
              help="What agents start in.")  # fmt: skip
@click.option("--setup/--no-setup", default=None,
              help="Whether sandboxes get the files and commands that are proposed.")  # fmt: skip
@click.option("--gate", "gates", multiple=True, metavar="CMD", help="A command that must succeed.")
@click.option("--folder", default="", metavar="DIR", help="The part of a monorepo it is about.")
@click.option("--sparse", multiple=True, metavar="DIR", help="A folder that worktrees have; all.")
@click.option("--partial", is_flag=True, help="Fetch the contents of files only when needed.")
@click.option("--trust/--no-trust", default=None,
              help="Answer yes for you when a program asks whether it may work there.")  # fmt: skip
@click.option("--trust-rules/--no-trust-rules", default=None,
              help="Also with the permissions that the repository gives itself.")  # fmt: skip
@click.option("--mcp", metavar="NAMES", help="Its MCP servers that may run: all, none, or some.")
@click.option("--api-key/--no-api-key", default=None, help="The API key you pass may be used.")
def rig_add(
    name: str, source: str, gates: tuple[str, ...], dry_run: bool, as_json: bool, yes: bool,
    prefix: str, review: str, land: str | None, permissions: str | None, setup: bool | None,
    folder: str, sparse: tuple[str, ...], partial: bool, **flags: str | bool | None,
) -> int:  # fmt: skip
    """Add the project at URL_OR_PATH as the rig NAME.

    The project is looked over first and only read. At a terminal you are asked once what nobody
    else can know; --dry-run shows all that would be done.
    """
    from gastown_tui.cli import rig_adding as adding
    from gastown_tui.cli.common import refuse_sessions
    from gastown_tui.cli.consent import is_given, is_person
    from gastown_tui.cli.rig_add import place
    from gastown_tui.cli.rig_decide import Asked

    if source.startswith("-"):
        raise BadInput(f"{source!r} is neither a URL nor a path")
    town = town_dir()
    asked = Asked(
        review=review, land=land, permissions=permissions, setup=setup, gates=list(gates),
        is_person=is_person(), is_yes=yes, folder=folder, sparse=list(sparse),
    )  # fmt: skip
    options = {"prefix": prefix, "land": land or "", "review": review,
               "partial": "yes" if partial else "", "sparse": "\n".join(sparse)}  # fmt: skip
    if dry_run:
        _, short_name = place(town, name, options)
        return adding.show_preview(town, (name, short_name), source, asked, flags, as_json=as_json)
    if permissions == "bypass":
        refuse_sessions(town, "rig add --permissions bypass", name)
    if is_given(flags):
        refuse_sessions(town, "rig add --trust", name)
    adding.add(town, name, source, options, asked, flags)
    return 0


rig.add_command(rig_publish)


@rig.command("list")
def rig_list() -> None:
    """The rigs of the town."""
    from gastown_tui.roots.town import rig_names

    town = town_dir()
    configs = [one for one in (readable_rig(town, name) for name in rig_names(town)) if one]
    table(
        ("NAME", "PREFIX", "TARGET", "LAND", "REVIEW", "GATES", "UPSTREAM"),
        [
            (one.name, one.prefix, one.default_branch, one.land, one.review,
             "; ".join(one.gates) or "none", one.upstream)
            for one in configs
        ],
    )  # fmt: skip


def readable_rig(town: Path, name: str) -> RigConfig | None:
    """A rig's settings; what cannot be read is said on stderr."""
    from gastown_tui.roots.town import rig_config

    try:
        return rig_config(town, name)
    except BadInput as error:
        click.echo(f"gastown: the rig {plain(name)} is left out: {plain(error)}", err=True)
        return None


@rig.command("release")
@click.argument("name")
def rig_release(name: str) -> None:
    """Let a held queue go on from where its target is now."""
    from gastown_tui.cli.common import ask

    show(ask("release", name))
