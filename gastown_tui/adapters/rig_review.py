"""A rig's git behind the port that reviews use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gastown_tui.adapters.git import checkouts, diff, rebased
from gastown_tui.adapters.git.hub import HubInfo
from gastown_tui.services.ports_review import Ends


class RigReview:
    """Diffs and checkouts of one rig; calls block."""

    def __init__(self, hub: Callable[[], HubInfo]) -> None:
        self._hub = hub

    def diff(self, base: str, tip: str) -> str:
        """Unified diff of two commits."""
        return diff.diff_text(self._hub().path, base, tip).text

    def diff_since(self, old: Ends, new: Ends) -> str:
        """Unified diff from one state of a change to another."""
        return rebased.diff_since(self._hub().path, old, new).text

    def is_same_change(self, old: Ends, new: Ends) -> bool:
        """Whether two states of a change hold the same diff."""
        return rebased.is_same_change(self._hub().path, old, new)

    def checkout(self, path: Path, commit: str, request: str) -> None:
        """Put a commit into a folder of the overseer's."""
        checkouts.make_checkout(self._hub(), path, commit, request)

    def checked_out(self, request: str, *, discard: bool) -> list[Path]:
        """The folders of a request; none of them holds anything that is to be kept."""
        hub = self._hub()
        found = checkouts.checkouts(hub, request)
        if not discard:
            for path, commit in found.items():
                checkouts.must_hold_nothing(hub, path, commit)
        return list(found)

    def end_checkouts(self, request: str, *, discard: bool) -> list[Path]:
        """Take the folders of a request away, all or none."""
        found = self.checked_out(request, discard=discard)
        for path in found:
            checkouts.end_checkout(self._hub(), path)
        return found

    def sandbox_diff(self, sandbox: Path, base: str) -> str:
        """Unified diff of a sandbox, with what is not committed."""
        return diff.sandbox_diff(sandbox, base).text
