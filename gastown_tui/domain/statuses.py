"""Statuses that a bead may be given; what others have written is read whatever it is."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from gastown_tui.domain.bead import TOMBSTONE
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
    known = sorted({*SETTABLE, *custom})
    bare = word.strip().lower().replace("-", "_").replace(" ", "_")
    near = [_SAID[bare]] if bare in _SAID else difflib.get_close_matches(bare, known, 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else ", ".join(known)
    raise BadInput(f"{word[:80]!r} is no status", hint=hint)
