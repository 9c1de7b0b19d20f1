"""Where a town is on disk, and the beads directories in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gastown_tui.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

TOWN_FILE: Final = "town.toml"
RIG_FILE: Final = "rig.toml"
BEADS_NAME: Final = ".beads"
TOWN_PREFIX: Final = "hq"
"""Of the beads of the town itself."""
_PREFIX: Final = re.compile(r"""^prefix\s*=\s*["']([A-Za-z0-9_-]+)["']""", re.MULTILINE)


def find_town(start: Path | None, env: Mapping[str, str]) -> Path:
    """The folder of the town: `start`, GASTOWN_TOWN, or the nearest one above the working folder.

    Args:
        start: named by the user; nothing else is looked at then.
        env: the environment.

    Raises:
        NotFound: there is no `town.toml`; says where it was looked for.
    """
    named = start if start is not None else _named(env)
    if named is not None:
        if (named / TOWN_FILE).is_file():
            return named.resolve()
        raise NotFound(f"{named} is no town: it has no {TOWN_FILE}", hint="run gastown init there")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / TOWN_FILE).is_file():
            return folder
    raise NotFound(f"there is no town in {here} or above it", hint="run gastown init DIR")


def _named(env: Mapping[str, str]) -> Path | None:
    text = env.get("GASTOWN_TOWN", "")
    return Path(text) if text else None


def beads_dirs(town: Path) -> dict[str, Path]:
    """The beads directories of a town and its rigs by the prefix of their ids."""
    found: dict[str, Path] = {}
    if (town / BEADS_NAME).is_dir():
        found[TOWN_PREFIX] = town / BEADS_NAME
    for rig in sorted(town.iterdir()):
        beads = rig / BEADS_NAME
        if rig.name.startswith(".") or not beads.is_dir():
            continue
        prefix = rig_prefix(rig)
        if prefix and prefix not in found:
            found[prefix] = beads
    return found


def rig_prefix(rig: Path) -> str:
    """Of a rig's beads: what `rig.toml` says, else what the directory's own configuration does."""
    from gastown_tui.adapters.store.location import configured_prefix

    settings = rig / RIG_FILE
    if settings.is_file():
        match = _PREFIX.search(settings.read_text(encoding="utf-8", errors="replace"))
        if match:
            return match.group(1)
    return configured_prefix(rig / BEADS_NAME)


def beads_above(start: Path) -> Path:
    """The nearest beads directory in `start` or above it.

    Raises:
        NotFound: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / BEADS_NAME).is_dir():
            return folder / BEADS_NAME
    raise NotFound(
        f"there is no {BEADS_NAME} in {start} or above it",
        hint="go to a folder that has one, name it by --dir, or make a town: gastown init DIR",
    )
