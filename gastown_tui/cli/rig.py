"""`gastown rig`: the projects of a town."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import plain, show, table, town_dir
from gastown_tui.cli.leaving import rig_remove
from gastown_tui.cli.rig_add import add_rig
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
@click.option("--prefix", default="", help="Of its bead ids; from the name by default.")
@click.option("--review", type=click.Choice(["none", "required"]), default="required")
@click.option("--land", type=click.Choice(["local", "push"]), default="local")
@click.option("--permissions", type=click.Choice(["default", "allowlist", "bypass"]),
              default="default", help="What agents start in.")  # fmt: skip
@click.option("--gate", "gates", multiple=True, metavar="CMD", help="A command that must succeed.")
@click.option("--trust/--no-trust", default=None,
              help="Answer yes for you when a program asks whether it may work there.")  # fmt: skip
@click.option("--trust-rules/--no-trust-rules", default=None,
              help="Also with the permissions that the repository gives itself.")  # fmt: skip
@click.option("--mcp", metavar="NAMES", help="Its MCP servers that may run: all, none, or some.")
@click.option("--api-key/--no-api-key", default=None, help="The API key you pass may be used.")
def rig_add(name: str, source: str, gates: tuple[str, ...], **options: str | bool | None) -> None:
    """Add the project at URL_OR_PATH as the rig NAME.

    At a terminal you are asked once what coding agents would ask at every start.
    """
    from gastown_tui.adapters.git.names import is_url
    from gastown_tui.cli import consent
    from gastown_tui.cli.common import poke, refuse_sessions
    from gastown_tui.roots.town import catalogue, town_config

    if source.startswith("-"):
        raise BadInput(f"{source!r} is neither a URL nor a path")
    town = town_dir()
    if options["permissions"] == "bypass":
        refuse_sessions(town, "rig add --permissions bypass", name)
    if consent.is_given(options):
        refuse_sessions(town, "rig add --trust", name)
    if is_url(source):
        show(f"Cloning {plain(source)} ...")
    settings = town_config(town)
    entry, ask = catalogue(settings)[settings.agent], consent.is_person()
    texts = {key: str(options[key] or "") for key in ("prefix", "review", "land", "permissions")}
    home = add_rig(
        town, name, source, texts, list(gates),
        lambda hub: consent.consent(hub, entry, options, ask=ask),
    )  # fmt: skip
    poke(town)
    show(f"The rig {name} stands in {home}.")
    if not gates:
        show("It has no gates: nothing is tested before it lands. Add some in rig.toml.")
    if options["permissions"] == "bypass":
        show("Its agents start without any permission check: they run what they like, as you.")
    for line in _next_steps(town, name):
        show(line)


def _next_steps(town: Path, name: str) -> list[str]:
    """How work gets into a new rig, and what comes of it out again."""
    import shlex

    from gastown_tui.roots.town import rig_config

    config = rig_config(town, name)
    if config.land == "local":
        hub, branch = str(town / name / "repo"), f"gastown/{config.default_branch}"
        get = f"{shlex.join(['git', 'fetch', hub, branch])}   # in your checkout"
    else:
        get = f"git pull   # it is pushed to {plain(config.upstream)}"
    return [
        f'Next: gastown bead create "WHAT IS TO BE DONE" --rig {name}',
        "      gastown sling ID   # what the line above has printed",
        "      gastown   # or `gastown up`: starts the town",
        f"Landed: {get}",
    ]


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
