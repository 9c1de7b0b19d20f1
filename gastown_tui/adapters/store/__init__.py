"""The durable store of a beads directory.

`issues.jsonl` is what git carries and other tools read. Beside it, ignored by git, lives
`.gastown/store.db`: every operation, the current line of every bead as bytes, and indexes. A write
is one synced transaction there; `fold` brings the file up to date, `absorb` takes in what others
wrote to it.
"""

from __future__ import annotations

from gastown_tui.adapters.store.records import AbsorbResult, Applied, FoldResult
from gastown_tui.adapters.store.store import BeadStore, init_store, open_store

__all__ = ["AbsorbResult", "Applied", "BeadStore", "FoldResult", "init_store", "open_store"]
