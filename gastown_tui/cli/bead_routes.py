"""Where `routes.jsonl` says that the bead of another prefix lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gastown_tui.domain.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_tui.domain.routes import Route

_MOST: Final = 1_000_000
"""Characters of a table that are read."""


class Lead(NamedTuple):
    """What a route came to: a folder with beads, or why there is none."""

    folder: Path | None = None
    why: str = ""


def lead(beads_dir: Path, bead: str) -> Lead:
    """Follow the route of an id.

    The table is that of the directory itself, else of the nearest one above that has a route for
    it: from within a rig, the town's. Nothing is opened that lies outside of the table's folder.

    Args:
        beads_dir: the directory that has no such bead.
        bead: the id.
    """
    home = beads_dir.resolve().parent
    for folder in (home, *home.parents):
        route = _route(folder / ".beads", bead)
        if route is not None:
            return _followed(folder, route)
    return Lead()


def _route(beads_dir: Path, bead: str) -> Route | None:
    from gastown_tui.domain.routes import FILE_NAME, every_route, route_of

    table = beads_dir / FILE_NAME
    try:
        if not table.is_file():
            return None
        with table.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST)
    except OSError:  # of somebody else: no route of ours
        return None
    return route_of(bead, every_route(text))


def _followed(top: Path, route: Route) -> Lead:
    from gastown_tui.adapters.store import location

    said = f"routes.jsonl of {top} sends {route.prefix}- to {route.path}"
    if route.leaves:
        return Lead(why=f"{said}, which is no folder below it")
    folder = (top / route.path).resolve()
    try:
        beads = location.follow(folder / ".beads").resolve()
    except (NotFound, OSError):
        return Lead(why=f"{said}, where there are no beads")
    if not folder.is_relative_to(top) or not beads.is_relative_to(top):
        return Lead(why=f"{said}, and that leads out of it")
    return Lead(folder=folder)
