"""What a review needs of a rig's git."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

Ends = tuple[str, str]
"""Base and tip of a change."""


class Reviewing(Protocol):
    """Diffs and checkouts of one rig; calls block, and are made one at a time for a rig."""

    def diff(self, base: str, tip: str) -> str:
        """Unified diff of two commits."""

    def diff_since(self, old: Ends, new: Ends) -> str:
        """Unified diff from one state of a change to another, without what the base brings.

        Raises:
            NotFound: the old one is no longer there.
        """

    def is_same_change(self, old: Ends, new: Ends) -> bool:
        """Whether two states of a change hold the same diff, though on different bases."""

    def checkout(self, path: Path, commit: str, request: str) -> None:
        """Put a commit into a folder of the overseer's, or take the one of the request on to it.

        Raises:
            Conflict: the folder is something else, or holds work of the overseer's.
        """

    def checked_out(self, request: str, *, discard: bool) -> list[Path]:
        """The folders of a request.

        Raises:
            Conflict: one holds what exists nowhere else, and that is not to be discarded.
        """

    def end_checkouts(self, request: str, *, discard: bool) -> list[Path]:
        """Take the folders of a request away; returns them.

        Raises:
            Conflict: one holds what exists nowhere else, and that is not to be discarded.
        """

    def sandbox_diff(self, sandbox: Path, base: str) -> str:
        """Unified diff of a sandbox, uncommitted changes included."""
