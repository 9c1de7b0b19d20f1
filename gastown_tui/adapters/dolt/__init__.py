"""Beads directories that `bd` keeps in its Dolt database.

The database belongs to `bd`: it is read by one export and then by what has changed since, and
written by `bd`'s own verbs. What was read lies in a store of the usual kind, hidden in the
directory's `.gastown/dolt`, so that reading is as cheap as elsewhere. `issues.jsonl` of such a
directory is a copy that `bd` may make; nothing here reads or writes it.
"""

from __future__ import annotations

from gastown_tui.adapters.dolt.store import DoltStore, open_dolt

__all__ = ["DoltStore", "open_dolt"]
