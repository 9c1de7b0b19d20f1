"""Routes: which beads directory holds the ids of a prefix.

`routes.jsonl` in a beads directory has one `{"prefix":"gt-","path":"gastown/mayor/rig"}` a line.
Paths count from the folder that the beads directory lies in; `.` is that folder itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.ids import is_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE_NAME: Final = "routes.jsonl"
_MOST: Final = 1000
"""Lines that are read."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    prefix: str
    """Without its trailing hyphen."""
    path: str
    leaves: bool = False
    """Whether the path is absolute, leads out of the folder, or is none: not to be followed."""


def read_routes(text: str) -> list[Route]:
    """The routes of a file; comments, and lines that are no route, are passed over.

    A path that is absolute or leads out of the folder is no route.
    """
    return [one for one in every_route(text) if not one.leaves]


def every_route(text: str) -> list[Route]:
    """The routes of a file, those that are not to be followed among them."""
    found: list[Route] = []
    for line in text.splitlines()[:_MOST]:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        route = _route(row) if isinstance(row, dict) else None
        if route is not None:
            found.append(route)
    return found


def _route(row: dict[str, object]) -> Route | None:
    prefix, path = row.get("prefix"), row.get("path")
    if not isinstance(prefix, str) or not isinstance(path, str):
        return None
    bare = prefix.removesuffix("-")
    leaves = path.startswith(("/", "~")) or ".." in path.split("/") or not path.isprintable()
    return Route(prefix=bare, path=path, leaves=leaves or not path) if is_prefix(bare) else None


def route_of(bead: str, routes: Iterable[Route]) -> Route | None:
    """The route of an id: the longest prefix wins, so that `my-app-x1` is not `my`'s."""
    fitting = [route for route in routes if bead.startswith(f"{route.prefix}-")]
    return max(fitting, key=lambda route: len(route.prefix), default=None)
