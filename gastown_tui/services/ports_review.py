"""What a review needs of a rig's git."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

Ends = tuple[str, str]
"""Base and tip of a change."""


class Reviewing(Protocol):
    """Diffs of one rig; every call blocks, and is made in a thread, one at a time for a rig."""

    def diff(self, base: str, tip: str) -> str:
        """Unified diff of two commits."""

    def diff_since(self, old: Ends, new: Ends) -> str:
        """Unified diff from one state of a change to another, without what the base brings.

        Raises:
            NotFound: the old one is no longer there.
        """

    def is_same_change(self, old: Ends, new: Ends) -> bool:
        """Whether two states of a change hold the same diff, though on different bases."""

    def sandbox_diff(self, sandbox: Path, base: str) -> str:
        """Unified diff of a sandbox, uncommitted changes included."""
