"""Makes a rig: clone, beads, settings and its record, whole or not at all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_tui.cli.common import plain, show
from gastown_tui.domain import names
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.leaving import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_tui.adapters.git.hub import Extent, HubInfo
    from gastown_tui.cli.rig_file import Decision


def add_rig(
    town: Path,
    name: str,
    source: str,
    options: dict[str, str],
    gates: list[str],
    decide: Callable[[HubInfo], Decision] | None = None,
) -> Path:
    """Clone a project into the town; everything made is taken away again when a step fails.

    Args:
        town: its folder.
        name: of the rig.
        source: a URL or a path.
        options: prefix, land, review and permissions, where they are not the usual; `partial`
            (yes) and `sparse` (folders, a line each).
        gates: commands that must succeed.
        decide: says how the rig is to be, once the clone is there; None takes `options` and
            what is usual.
    """
    from gastown_tui.adapters.beads_git import BeadsGit
    from gastown_tui.adapters.git import hub
    from gastown_tui.cli.consent import in_words
    from gastown_tui.cli.rig_file import Decision, Origin, rig_toml
    from gastown_tui.domain.config import read_rig

    home, prefix = place(town, name, options)
    is_path = Path(source).expanduser().exists()
    full = str(Path(source).expanduser().resolve()) if is_path else source
    if is_path and Path(full).is_relative_to(town.resolve()):
        raise BadInput(f"{full} is inside the town", hint="name the repository it came from")
    try:
        home.mkdir(exist_ok=True)
        info = hub.create_hub(town, name, full, extent=_extent(options))
        usual = Decision(
            land=options.get("land") or "local",
            review=options.get("review") or "required",
            permissions=options.get("permissions") or "default",
            gates=gates,
        )
        _check_land(usual.land, info)
        decided = decide(info) if decide else usual
        _check_land(decided.land, info)
        BeadsGit(town).make_rig(info.path, home / ".beads")
        prefix = _make_beads(town, info, home / ".beads", options, prefix)
        origin = Origin(
            name=name, prefix=prefix, upstream=info.origin, source=full if is_path else "",
            branch=info.default,
        )  # fmt: skip
        text = rig_toml(origin, decided)
        read_rig(text, "the rig's settings")
        _record_rig(town, name, in_words(decided.consent))
        beside = home / "rig.toml.new"
        beside.write_text(text, encoding="utf-8")
        beside.replace(home / "rig.toml")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home


def _make_beads(town: Path, hub: HubInfo, beads: Path, options: dict[str, str], prefix: str) -> str:
    """Make the rig's beads directory, of the project's own beads if it tracks any; the prefix.

    Raises:
        BadInput: the prefix that was asked for is not theirs.
        Conflict: theirs is taken.
    """
    from gastown_tui.adapters.beads_adopt import adopt, tracked_beads
    from gastown_tui.adapters.store import init_store
    from gastown_tui.adapters.town_files import beads_dirs

    found = tracked_beads(hub)
    if found is None:
        init_store(beads, prefix).close()
        return prefix
    if options.get("prefix") not in {"", None, found.prefix}:
        raise BadInput(
            f"the project tracks beads of its own, {found.prefix}-...", hint="leave --prefix out"
        )
    if found.prefix in beads_dirs(town):
        raise Conflict(f"the prefix {found.prefix} of the project's own beads is taken")
    count = adopt(found, beads, found.prefix)
    show(f"Its own beads ({count}) are the rig's now; what it tracks in .beads/ stays as it is.")
    return found.prefix


def _extent(options: dict[str, str]) -> Extent:
    from gastown_tui.adapters.git.hub import Extent

    folders = tuple(options.get("sparse", "").splitlines())
    return Extent(is_partial=options.get("partial") == "yes", sparse=folders)


def rig_name_of(source: str) -> str:
    """A name proposed for the rig of a URL or path: its last part; `project` when none fits."""
    last = source.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].removesuffix(".git").lower()
    name = re.sub(r"[^a-z0-9_-]+", "-", last).strip("-")[:40]
    try:
        return names.check_rig(name)
    except BadInput:
        return "project"


def place(town: Path, name: str, options: dict[str, str]) -> tuple[Path, str]:
    """The folder and the prefix of a new rig, checked."""
    from gastown_tui.adapters.town_files import beads_dirs

    names.check_rig(name)
    prefix = names.check_prefix(options.get("prefix") or names.prefix_for(name))
    home = town / name
    if (home / "rig.toml").exists():
        raise Conflict(f"there is a rig {name} already")
    if prefix in beads_dirs(town):
        raise Conflict(f"the prefix {prefix} is taken", hint="choose another with --prefix")
    if (home / MARK).exists():
        raise Conflict(
            f"the rig {name} is being removed", hint=f"finish that: gastown rig remove {name}"
        )
    if home.exists() and not _is_remnant(home):
        raise Conflict(f"{home} is in the way", hint="move it away, or choose another name")
    return home, prefix


def _record_rig(town: Path, name: str, agreed: str) -> None:
    """A rig's record in the town's beads; that of a rig whose adding was killed serves again.

    What the overseer `agreed` to, in words, is an event.
    """
    from gastown_tui.adapters.store import open_store
    from gastown_tui.domain import records
    from gastown_tui.domain.operations import Reopen

    store = open_store(town / ".beads")
    try:
        store.apply([records.create_rig(name)], actor="overseer", transaction=f"rig-{name}")
        if store.get(records.rig_record(name)).is_closed:  # of a rig that was removed
            store.apply([Reopen(bead=records.rig_record(name))], actor="overseer")
        if agreed:
            store.apply([records.event("consented", name, agreed, "overseer", name)],
                        actor="overseer")  # fmt: skip
    finally:
        store.close()


def _is_remnant(home: Path) -> bool:
    """Whether a folder holds nothing but what a killed `rig add` left behind."""
    return home.is_dir() and all(path.name.startswith(".repo.partial-") for path in home.iterdir())


def _check_land(land: str, info: HubInfo) -> None:
    if land in {"push", "pr"} and not info.pushable:
        raise BadInput(
            f"{plain(info.origin)} is a folder somebody works in: nothing is pushed into it",
            hint="use --land local, and `git fetch` from the hub",
        )
