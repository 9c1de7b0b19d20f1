"""`gastown init`: a new town."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path

import click

from gastown_tui.cli.common import show
from gastown_tui.domain.errors import BadInput, Conflict

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

# [notify]                # how you are called; try it with `gastown notify`
# on = ["waits", "error", "rejected", "review", "queue", "limit", "escalated", "problem", "done"]
# bell = true             # open screens ring the terminal's bell
# osc = "9"               # and ask it for a notification: OSC "9", "777", or "" for none
# command = []            # or a program, screen or not: ["notify-send", "{{town}}", "{{text}}"]
# every_s = 30            # seconds between two calls at least

# [keys]                  # action = "key", see ? on the screen
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


@click.command()
@click.argument("directory", default="~/gastown", metavar="[DIR]")
@click.option("--name", default="", help="The town's name; the folder's by default.")
@click.option("--agent", default="", help="What polecats run: claude, codex, demo ...")
def init(directory: str, name: str, agent: str) -> None:
    """Make a town in DIR (~/gastown by default)."""
    from gastown_tui.cli.entry import remember

    town = new_town(directory, name, agent)
    remember(town)
    if agent == "demo":
        show("Demo agents work on the scripted beads of the demo only: `gastown demo` shows them.")
    show(f"A town stands in {town}. Next: cd {town}; gastown rig add NAME PATH_OR_URL")


def new_town(directory: str, name: str = "", agent: str = "") -> Path:
    """Make a town as a person asks for it.

    Args:
        directory: as it was typed.
        name: the folder's when empty.
        agent: what polecats run; empty for the usual one.

    Raises:
        BadInput: no such agent, or no such place.
        Conflict: something stands there.
    """
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
            '# agent = "claude" ', f"agent = {json.dumps(agent)} "
        )
        settings.write_text(text, "utf-8")
    return town
