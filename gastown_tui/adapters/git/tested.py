"""Which trees have passed a rig's gates: refs of ours, that no agent's git may write.

``refs/gastown/green/<gates>/<tree>`` names a commit with that tree; `<gates>` is a digest of the
commands, so that other gates know nothing of what these said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gastown_tui.adapters.git.hub import identity
from gastown_tui.adapters.git.names import check_sha
from gastown_tui.adapters.git.run import Git

GREEN: Final = "refs/gastown/green"
_KEPT: Final = 200
"""Trees that are remembered, the newest commits first."""


class GreenTrees:
    """The trees of one repository that these commands have passed on."""

    def __init__(self, repository: Path, commands: Sequence[str]) -> None:
        self._path = repository
        digest = hashlib.sha256("\0".join(commands).encode("utf-8", "surrogatepass"))
        self._place = f"{GREEN}/{digest.hexdigest()[:12]}"

    def is_green(self, commit: str) -> bool:
        """Whether the gates have passed on the tree of a commit."""
        git = Git(self._path)
        return git.commit(self._ref(git, commit)) is not None

    def note_green(self, commit: str) -> None:
        """Remember that they have."""
        git = Git(self._path, env=identity(author=True))
        git.call("update-ref", self._ref(git, commit), check_sha(commit))
        known = git.text(
            "for-each-ref", "--sort=-committerdate", "--format=%(refname)", GREEN
        ).splitlines()
        for ref in known[_KEPT:]:
            git.call("update-ref", "-d", ref)

    def forget(self, commit: str) -> None:
        """Let the gates run again on the tree of a commit."""
        git = Git(self._path, env=identity(author=True))
        git.call("update-ref", "-d", self._ref(git, commit))

    def _ref(self, git: Git, commit: str) -> str:
        tree = git.text("rev-parse", "--verify", f"{check_sha(commit)}^{{tree}}")
        return f"{self._place}/{tree}"
