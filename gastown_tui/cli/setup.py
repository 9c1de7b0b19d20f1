"""`gastown init` and `gastown rig`: towns and projects."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import plain, show, table, town_dir
from gastown_tui.domain import names
from gastown_tui.domain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_tui.adapters.git.hub import HubInfo
    from gastown_tui.domain.config import Consent, RigConfig

TOWN_TOML = """\
# This town. Every key is listed; remove the # to change one.
id = "{id}"          # names this town on the hooks it sets: never change it
name = "{name}"

# agent = "claude"        # what polecats run: see `gastown agents --catalogue`

# [limits]
# max_working = 4         # agents that work at the same time
# polecats = 30           # polecats of a rig, those that wait for landing included
# gates = 2               # gate runs at the same time
# respawns = 3            # deaths after which a bead waits for you
# attempts = 3            # hand-ins after which a red gate rejects a change for good
# idle_s = 60             # at the prompt with work on the hook: sent back to it
# stall_s = 900           # working without output: nudged
# hung_s = 1800           # working without output: started anew

# [agents.claude]         # overrides of the catalogue, or an entry of your own
# args = []
# env_pass = []           # variables of your shell that it may see

# [keys]                  # action = "key", see ? on the screen
"""
RIG_TOML = """\
# The rig {name}. Every key is listed; remove the # to change one.
name = "{name}"
prefix = "{prefix}"
upstream = {upstream}
source = {source}
default_branch = {branch}
land = "{land}"             # local: on gastown/{plain_branch} in {name}/repo; push: on the upstream
review = "{review}"      # required: you approve each change; none: green gates are enough
permissions = "{permissions}"  # what agents start in: default, allowlist, bypass (asks for nothing)
gates = {gates}

# merge = "rebase"          # or squash
# gate_timeout_s = 1800
# batch = 5                 # approved changes tested and landed together
# agent = ""                # another agent than the town's
# env_file = ""             # NAME=value lines for agents and gates: chmod 600, outside git
{consent}
# [setup]                   # before an agent or a gate works in a fresh sandbox
# copy = [".env"]           # ignored files, from the path the rig was added from
# run = []
# timeout_s = 600
"""


def make_town(directory: Path, name: str, *, extra: str = "") -> Path:
    """Make a town in a new or empty folder; `extra` is appended to town.toml."""
    from gastown_tui.adapters.git.run import check_git

    check_git()
    directory = _home_known(directory).absolute()
    if (directory / "town.toml").exists():
        raise Conflict(f"{directory} is a town already", hint="run `gastown up` in it")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Conflict(f"{directory} is not empty", hint="choose a folder that does not exist yet")
    was_there = directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    try:
        _fill_town(directory, name, extra)
    except BaseException:
        for path in directory.iterdir() if was_there else [directory]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    return directory


def _home_known(path: Path) -> Path:
    """The path with its `~` replaced.

    Raises:
        BadInput: nobody knows where that is.
    """
    if str(path).startswith("~") and not os.environ.get("HOME", "/").strip("/"):
        raise BadInput("HOME is not set", hint="name the folder: gastown init DIR")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise BadInput(f"{path}: {error}", hint="name the folder without ~") from error


def _fill_town(directory: Path, name: str, extra: str) -> None:
    from gastown_tui.adapters.beads_git import BeadsGit
    from gastown_tui.adapters.store import init_store
    from gastown_tui.domain import records

    (directory / ".gastown").mkdir(mode=0o700)
    store = init_store(directory / ".beads", "hq")
    config = directory / ".beads" / "config.yaml"
    types = ",".join(records.CUSTOM_TYPES)
    config.write_text(f'{config.read_text(encoding="utf-8")}types.custom: "{types}"\n', "utf-8")
    store.apply([records.create_town()], actor="overseer")
    store.close()
    BeadsGit(directory).make_town()
    write_commands(directory)
    text = TOWN_TOML.format(id=f"{name[:12]}-{secrets.token_hex(4)}", name=name)
    beside = directory / "town.toml.new"
    beside.write_text(text + extra, encoding="utf-8")
    beside.replace(directory / "town.toml")


def write_commands(town: Path) -> None:
    """What sessions find first on PATH: this very program, whatever is installed."""
    import sys

    from gastown_tui.services.files import write_private

    for name, module in (
        ("bin/gastown", "gastown_tui"),
        ("bin/gastown-demo-agent", "gastown_tui.demo.agent"),
        ("bd/bd", "gastown_tui bd"),
    ):
        path = town / ".gastown" / name
        text = f'#!/bin/sh\nexec {_quoted(sys.executable)} -m {module} "$@"\n'
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_private(path, text)
            path.chmod(0o700)


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _toml(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


@click.command()
@click.argument("directory", default="~/gastown", metavar="[DIR]")
@click.option("--name", default="", help="The town's name; the folder's by default.")
@click.option("--agent", default="", help="What polecats run: claude, codex, demo ...")
def init(directory: str, name: str, agent: str) -> None:
    """Make a town in DIR (~/gastown by default)."""
    from gastown_tui.domain.config import TownConfig
    from gastown_tui.roots.town import catalogue

    path = _home_known(Path(directory))
    known = catalogue(TownConfig())
    if agent and agent not in known:
        raise BadInput(f"{agent!r} is no agent", hint=f"known: {', '.join(sorted(known))}")
    text_name = "".join(c for c in (name or path.name) if c.isalnum() or c in "-_") or "town"
    town = make_town(path, text_name)
    if agent:
        settings = town / "town.toml"
        text = settings.read_text("utf-8").replace(
            '# agent = "claude" ', f"agent = {_toml(agent)} "
        )
        settings.write_text(text, "utf-8")
    if agent == "demo":
        show("Demo agents work on the scripted beads of the demo only: `gastown demo` shows them.")
    show(f"A town stands in {town}. Next: cd {town}; gastown rig add NAME PATH_OR_URL")


def add_rig(
    town: Path,
    name: str,
    source: str,
    options: dict[str, str],
    gates: list[str],
    consent: Callable[[Path], Consent] | None = None,
) -> Path:
    """Clone a project into the town; everything made is taken away again when a step fails.

    Args:
        town: its folder.
        name: of the rig.
        source: a URL or a path.
        options: prefix, land, review and permissions, where they are not the usual.
        gates: commands that must succeed.
        consent: asks what the overseer agrees to, once the clone is there.
    """
    from gastown_tui.adapters.beads_git import BeadsGit
    from gastown_tui.adapters.git import hub
    from gastown_tui.adapters.store import init_store
    from gastown_tui.cli.consent import as_toml, in_words
    from gastown_tui.domain.config import Consent, read_rig

    home, prefix = _place(town, name, options)
    is_path = Path(source).expanduser().exists()
    full = str(Path(source).expanduser().resolve()) if is_path else source
    if is_path and Path(full).is_relative_to(town.resolve()):
        raise BadInput(f"{full} is inside the town", hint="name the repository it came from")
    try:
        home.mkdir(exist_ok=True)
        info = hub.create_hub(town, name, full)
        _check_land(options.get("land", ""), info)
        BeadsGit(town).make_rig(info.path, home / ".beads")
        init_store(home / ".beads", prefix).close()
        given = consent(info.path) if consent else Consent()
        text = RIG_TOML.format(
            name=name,
            prefix=prefix,
            upstream=_toml(info.origin),
            source=_toml(full if is_path else ""),
            branch=_toml(info.default),
            plain_branch=info.default,
            land=options.get("land") or "local",
            review=options.get("review") or "required",
            permissions=options.get("permissions") or "default",
            gates="[" + ", ".join(_toml(gate) for gate in gates) + "]",
            consent=as_toml(given).rstrip(),
        )
        read_rig(text, "the rig's settings")
        _record_rig(town, name, in_words(given))
        beside = home / "rig.toml.new"
        beside.write_text(text, encoding="utf-8")
        beside.replace(home / "rig.toml")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home


def _place(town: Path, name: str, options: dict[str, str]) -> tuple[Path, str]:
    """The folder and the prefix of a new rig, checked."""
    from gastown_tui.adapters.town_files import beads_dirs

    names.check_rig(name)
    prefix = names.check_prefix(options.get("prefix") or names.prefix_for(name))
    home = town / name
    if (home / "rig.toml").exists():
        raise Conflict(f"there is a rig {name} already")
    if prefix in beads_dirs(town):
        raise Conflict(f"the prefix {prefix} is taken", hint="choose another with --prefix")
    if home.exists() and not _is_remnant(home):
        raise Conflict(f"{home} is in the way", hint="move it away, or choose another name")
    return home, prefix


def _record_rig(town: Path, name: str, agreed: str) -> None:
    """A rig's record in the town's beads; that of a rig whose adding was killed serves again.

    What the overseer `agreed` to, in words, is an event.
    """
    from gastown_tui.adapters.store import open_store
    from gastown_tui.domain import records

    store = open_store(town / ".beads")
    try:
        store.apply([records.create_rig(name)], actor="overseer", transaction=f"rig-{name}")
        if agreed:
            store.apply([records.event("consented", name, agreed, "overseer", name)],
                        actor="overseer")  # fmt: skip
    finally:
        store.close()


def _is_remnant(home: Path) -> bool:
    """Whether a folder holds nothing but what a killed `rig add` left behind."""
    return home.is_dir() and all(path.name.startswith(".repo.partial-") for path in home.iterdir())


def _check_land(land: str, info: HubInfo) -> None:
    if land == "push" and not info.pushable:
        raise BadInput(
            f"{plain(info.origin)} is a folder somebody works in: nothing is pushed into it",
            hint="use --land local, and `git fetch` from the hub",
        )


@click.group()
def rig() -> None:
    """Add and look at projects."""


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
