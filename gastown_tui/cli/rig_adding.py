"""`gastown rig add`: looks a project over, adds it, and says what comes next."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.adapters.git.inspect import has_files, look, opened
from gastown_tui.adapters.git.names import is_url
from gastown_tui.cli import rig_look
from gastown_tui.cli.common import plain, poke, show, show_json
from gastown_tui.cli.findings import finding_lines
from gastown_tui.cli.rig_add import add_rig
from gastown_tui.cli.rig_decide import Asked, decide
from gastown_tui.domain.doctor.finding import Finding, is_sound
from gastown_tui.domain.repository import RepositoryFacts, of_repository
from gastown_tui.roots.town import catalogue, rig_config, town_config

if TYPE_CHECKING:
    from gastown_tui.adapters.git.hub import HubInfo
    from gastown_tui.cli.rig_file import Decision
    from gastown_tui.domain.config import RigConfig


def show_preview(
    town: Path, names: tuple[str, str], source: str, asked: Asked, flags: Mapping[str, object], *,
    as_json: bool,
) -> int:  # fmt: skip
    """Show what adding a project would do; the exit status."""
    found = rig_look.preview(town, names, source, asked, flags)
    if as_json:
        show_json(rig_look.as_json(found))
    else:
        for line in rig_look.page(found, shutil.get_terminal_size().columns):
            click.echo(line)
    return 0 if is_sound(found.findings) else 1


def add(
    town: Path, name: str, source: str, options: dict[str, str], asked: Asked,
    flags: Mapping[str, object],
) -> None:  # fmt: skip
    """Look the project over, clone it, decide, and say what comes next."""
    settings = town_config(town)
    entry = catalogue(settings)[settings.agent]
    path = None if is_url(source) else Path(source).expanduser().resolve()
    around = rig_look.around(town, asked.land or "local")

    def judged(facts: RepositoryFacts) -> list[Finding]:
        findings = of_repository(facts, around)
        rig_look.refuse_unfit(findings)
        return findings

    def decided(hub: HubInfo) -> Decision:
        facts = rig_look.seen_in_hub(hub, path if path and has_files(path) else None)
        odd = [one for one in judged(facts) if one.level == "warn"]
        for line in finding_lines(odd, shutil.get_terminal_size().columns):
            click.echo(line)
        return decide(facts, entry, asked, flags, hub.path)

    if path is None:
        show(f"Cloning {plain(source)} ...")
    elif path.is_dir() and not path.is_relative_to(town.resolve()):
        with opened(source) as at:
            judged(look(at))  # before anything is copied
    home = add_rig(town, name, source, options, asked.gates, decided)
    poke(town)
    config = rig_config(town, name)
    show(f"The rig {name} stands in {home}.")
    if not config.gates:
        show("It has no gates: nothing is tested before it lands. Add some in rig.toml.")
    if config.permissions == "bypass":
        show("Its agents start without any permission check: they run what they like, as you.")
    for line in _next_steps(town, name):
        show(line)


def _next_steps(town: Path, name: str) -> list[str]:
    """How work gets into a new rig, and what comes of it out again."""
    config = rig_config(town, name)
    if config.land == "local":
        hub, branch = str(town / name / "repo"), f"gastown/{config.default_branch}"
        get = f"{shlex.join(['git', 'fetch', hub, branch])}   # in your checkout"
    elif config.land == "pr":
        get = f"by pull requests to {plain(config.upstream)}, made with gh"
    else:
        get = f"git pull   # it is pushed to {plain(config.upstream)}"
    lfs = _lfs_step(town / name / "repo", config)
    return [
        f'Next: gastown bead create "WHAT IS TO BE DONE" --rig {name}',
        "      gastown sling ID   # what the line above has printed",
        "      gastown   # or `gastown up`: starts the town",
        f"Landed: {get}",
        *lfs,
    ]


def _lfs_step(hub: Path, config: RigConfig) -> list[str]:
    """How the files in LFS come along with what lands in the hub only."""
    attributes = hub / ".gitattributes"
    if config.land != "local" or not attributes.is_file():
        return []
    if "filter=lfs" not in attributes.read_text("utf-8", "replace"):
        return []
    return [f"        {shlex.join(['git', 'lfs', 'fetch', hub.as_uri(), 'FETCH_HEAD'])}"]
