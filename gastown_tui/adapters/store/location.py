"""Where a beads directory really is, and whether it is ours to write."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from gastown_tui.domain import ids
from gastown_tui.domain.errors import BadInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DOLT_FOLDERS: Final = ("dolt", "embeddeddolt")
_PREFIX_KEY: Final = re.compile(r"""^issue[-_]prefix:\s*["']?([^"'#\s]+)""", re.MULTILINE)
_KINDS: Final = re.compile(r"-(wisp|mol|cv)$")
"""What stands between prefix and hash of some ids."""


def resolve(beads_dir: Path) -> Path:
    """As `follow`, for a directory whose file is to be written.

    Raises:
        NotFound: it is not there, or its redirect leads nowhere.
        BadInput: it belongs to `bd`'s database, whose file must not be written.
    """
    found = follow(beads_dir)
    refuse_dolt(found)
    return found


def follow(beads_dir: Path) -> Path:
    """The directory itself, or the one that its `redirect` file names (one hop).

    Raises:
        NotFound: it is not there, or its redirect leads nowhere.
    """
    found = beads_dir
    redirect = beads_dir / "redirect"
    if redirect.is_file():
        text = redirect.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines()]
        target = next((line for line in lines if line and not line.startswith("#")), "")
        if target:
            found = (beads_dir.parent / target).resolve()
    if not found.is_dir():
        raise NotFound(f"there is no beads directory {found}")
    return found


def metadata(beads_dir: Path) -> dict[str, object]:
    """What `metadata.json` says; empty when there is none.

    Raises:
        BadInput: it cannot be read.
    """
    path = beads_dir / "metadata.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadInput(f"{path} cannot be read ({error})", hint="mend it first") from error
    return found if isinstance(found, dict) else {}


def is_dolt(beads_dir: Path) -> bool:
    """Whether the beads live in `bd`'s Dolt database, and the file is only a copy.

    Raises:
        BadInput: nobody can tell, as `metadata.json` cannot be read.
    """
    told = metadata(beads_dir)
    if told.get("backend") == "dolt" or "dolt_mode" in told:
        return True
    return any(_has_content(beads_dir / name) for name in _DOLT_FOLDERS)


def refuse_dolt(beads_dir: Path) -> None:
    """Raise BadInput when the beads live in Dolt and the file is only a copy."""
    if is_dolt(beads_dir):
        raise BadInput(
            f"{beads_dir} is kept in bd's Dolt database; it is not written as a file",
            hint="use bd there",
        )


def _has_content(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def configured_prefix(beads_dir: Path) -> str:
    """The prefix that `config.yaml` sets; empty when it sets none."""
    path = beads_dir / "config.yaml"
    if not path.is_file():
        return ""
    found = _PREFIX_KEY.search(path.read_text(encoding="utf-8", errors="replace"))
    prefix = found.group(1).rstrip("-") if found else ""
    return prefix if ids.is_prefix(prefix) else ""


def usual_prefix(beads: Iterable[str]) -> str:
    """The prefix that most ids have; empty without ids."""
    counts = Counter(_KINDS.sub("", ids.prefix_of(bead)) for bead in beads)
    counts.pop("", None)
    return counts.most_common(1)[0][0] if counts else ""


def prefixes_elsewhere(beads_dir: Path) -> set[str]:
    """The prefixes of other directories: those of the town around it, and of its `routes.jsonl`."""
    from gastown_tui.adapters import town_files
    from gastown_tui.domain.routes import FILE_NAME, read_routes

    found: set[str] = set()
    folder = beads_dir.absolute().parent
    for town in (folder, folder.parent):
        if (town / town_files.TOWN_FILE).is_file():
            dirs = town_files.beads_dirs(town)
            found |= {prefix for prefix, path in dirs.items() if path.parent != folder}
    table = beads_dir / FILE_NAME
    if table.is_file():
        routes = read_routes(table.read_text(encoding="utf-8", errors="replace"))
        found |= {route.prefix for route in routes}
    return found


def folder_prefix(beads_dir: Path) -> str:
    """A prefix made of the project folder's name."""
    name = re.sub(r"[^a-z0-9]+", "-", beads_dir.absolute().parent.name.lower()).strip("-")
    return name[:20].rstrip("-") or "bd"
