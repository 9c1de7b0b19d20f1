"""What the refinery needs of a rig's upstream, and of the forge that guards it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from gastown_tui.domain.pulls import Pull
from gastown_tui.services.ports import Handed


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit, as a person reads it."""

    sha: str
    author: str
    subject: str


class Unpublished(msgspec.Struct, frozen=True, kw_only=True):
    """What has landed in the hub and not upstream."""

    tip: str
    """The local target."""
    upstream: str
    """The upstream's branch as fetched last."""
    origin: str
    """Where that is."""
    pushable: bool
    """False when origin is a folder somebody works in."""
    count: int = 0
    commits: tuple[Commit, ...] = ()
    """The first of them, the oldest first."""
    behind: int = 0
    """Commits of the upstream that the target is not built on yet."""
    rewritten: bool = False
    """The upstream's history was replaced, and nobody has accepted that."""
    problem: str = ""
    """Why the upstream could not be fetched just now."""


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The unpublished commits put on top of the upstream as it is now."""

    old: str
    """The target's tip that they were taken from."""
    upstream: str
    tip: str
    count: int
    conflicts: tuple[str, ...] = ()
    """Files both sides changed: then there is no tip."""


class Upstream(Protocol):
    """A rig's upstream as its hub knows it; every call blocks."""

    def moved(self) -> str:
        """The upstream's tip if the local target is not built on it; else empty. Quick."""

    def unpublished(self) -> Unpublished:
        """What a publishing would bring, after a fetch."""

    def rebase_tail(self, worktree: Path) -> Tail:
        """Put the unpublished commits on top of the upstream, in a worktree of the refinery.

        Raises:
            TargetMoved: the upstream was rewritten, or somebody else moved the local target.
        """

    def take_tail(self, tail: Tail) -> None:
        """Make it the local target.

        Raises:
            TargetMoved: somebody else moved the target.
            Conflict: the upstream has moved on again.
        """

    def publish(self, tip: str, branch: str) -> None:
        """Push the target to the upstream's default branch, or to `branch` if one is named.

        Raises:
            Conflict: it is not as it was shown, or the remote refuses, in its own words.
            Unavailable: the remote does not answer.
        """

    def push_branch(self, branch: str, commit: str) -> None:
        """Give a branch of the town's own on the remote a new value.

        Raises:
            Conflict: somebody else has moved it, or the remote refuses, in its own words.
            Unavailable: the remote does not answer.
        """

    def tip_there(self, branch: str) -> str:
        """Where a branch is on the remote now; empty when it has none.

        Raises:
            Unavailable: the remote does not answer.
        """

    def has_merged(self, commit: str) -> bool:
        """Whether a commit is in the upstream's branch, after a fetch."""

    def is_on_top(self, commit: str) -> bool:
        """Whether a commit is built on the upstream's branch as it is, after a fetch."""

    def accept(self) -> str:
        """Take target and upstream as they stand for what the overseer wants; the target's tip."""

    def let_go(self, branch: str, landed: str, submitted: str, request: str) -> None:
        """Take the branch of a landed request of somebody's own away; its tip is kept.

        Raises:
            Conflict: the change is not in the target.
        """

    def adopt(self, branch: str, key: str) -> tuple[str, str, Handed]:
        """Take a branch of somebody's own into the hub, from wherever it is found first.

        Args:
            branch: its name there.
            key: names the branch of ours that keeps it.

        Returns:
            Where it was found, the branch of ours that keeps it, and what it holds.

        Raises:
            NotFound: neither the hub, nor the rig's source, nor its remote has it.
        """


class Tested(Protocol):
    """Trees that have passed the rig's gates as they are now."""

    def is_green(self, commit: str) -> bool:
        """Whether the tree of a commit has."""

    def note_green(self, commit: str) -> None:
        """Remember that it has."""

    def forget(self, commit: str) -> None:
        """Let the gates run again on it."""


class Forge(Protocol):
    """Where pull requests are made; every call blocks, and raises Unavailable with its words."""

    def open(self, repository: str, branch: str, base: str, title: str, body: str) -> Pull:
        """The open pull request of a branch, made when there is none."""

    def pulls(self, repository: str, numbers: tuple[int, ...]) -> dict[int, Pull]:
        """How these stand; what cannot be found is left out."""

    def required(self, repository: str, number: int) -> frozenset[str]:
        """Names of the checks that must pass; empty when none must, or nobody can tell."""

    def requested(self, repository: str, number: int, head: str) -> tuple[tuple[str, str], ...]:
        """Who requests changes of this head, and in what words; empty when nobody can tell."""

    def merge_when_ready(self, repository: str, pull: Pull, method: str) -> None:
        """Let the forge merge it by itself as soon as it may."""
