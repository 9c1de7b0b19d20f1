"""Statuses and types that a bead may be given; what others have written is read as it is."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from gastown_tui.domain.bead import TOMBSTONE, TYPE_ALIASES, WORK_TYPES
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Collection

STATUSES: Final = frozenset(
    {"open", "in_progress", "blocked", "deferred", "closed", "pinned", "hooked", TOMBSTONE}
)
"""Those that `bd` takes without being told; others need its `status.custom`."""
SETTABLE: Final = (STATUSES - {TOMBSTONE}) | {"draft"}
"""Those that a bead is given; `draft` is `br`'s."""
_SAID: Final = {
    "active": "in_progress", "complete": "closed", "completed": "closed", "doing": "in_progress",
    "done": "closed", "finished": "closed", "new": "open", "paused": "deferred",
    "ready": "open", "resolved": "closed", "started": "in_progress", "todo": "open",
    "wip": "in_progress", "working": "in_progress",
}  # fmt: skip
"""Words of other trackers, and what they are here."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,49}")


def check_status(word: str, custom: Collection[str] = ()) -> None:
    """Refuse a status that nobody knows, with the nearest one.

    Args:
        word: what was given.
        custom: names that the directory's `status.custom` declares.

    Raises:
        BadInput: it is none, or a bead gets it by being deleted.
    """
    if word in SETTABLE or word in custom:
        return
    if word in {TOMBSTONE, "deleted"}:
        raise BadInput(f"a bead is not set to {word}", hint="`gastown bead delete` leaves one")
    bare = _bare(word)
    meant = _SAID.get(bare, "")
    raise BadInput(
        f"{word[:80]!r} is no status", hint=_hint(bare, meant, {*SETTABLE, *custom}, "status")
    )


def check_type(word: str, custom: Collection[str] = ()) -> None:
    """Refuse a type that nobody knows, with the nearest one.

    Args:
        word: what was given.
        custom: names that the directory's `types.custom` declares.

    Raises:
        BadInput: it is none.
    """
    if word in WORK_TYPES or word in custom:
        return
    bare = _bare(word)
    meant = TYPE_ALIASES.get(bare, "")
    known = {*WORK_TYPES, *custom}
    raise BadInput(f"{word[:80]!r} is no type", hint=_hint(bare, meant, known, "types"))


def _bare(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def _hint(bare: str, meant: str, known: Collection[str], setting: str) -> str:
    """What may have been meant, else all there are, and how one of one's own is declared."""
    near = [meant] if meant else difflib.get_close_matches(bare, sorted(known), 1, 0.6)
    said = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))};"
    if not is_name(bare):
        return said.rstrip(";")
    return f"{said} `gastown bd config set {setting}.custom {bare}` declares it"


def is_name(word: str) -> bool:
    """Whether a custom type or status may be called so."""
    return bool(_NAME.fullmatch(word))
