"""What has landed in the hub and not upstream: kept on top of an upstream that moves, published.

Three refs say what the town knows of the upstream: ``refs/gastown/upstream`` is the value that the
local target is built on, ``refs/gastown/upstream-accepted`` one whose rewritten history the
overseer has accepted, ``refs/gastown/published`` the last value of the target that was published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.git.hub import UPSTREAM, HubInfo, identity
from gastown_tui.adapters.git.landing import (
    Push,
    PushResult,
    land_push,
    push_ref,
    remote_tip,
    replace_tail,
    upstream_state,
)
from gastown_tui.adapters.git.names import check_branch, check_sha, shown
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.sandbox import create_detached, reset_worktree
from gastown_tui.adapters.git.signing import Signing
from gastown_tui.adapters.git.stack import Clash, committing, replay
from gastown_tui.domain.errors import Conflict

ACCEPTED: Final = "refs/gastown/upstream-accepted"
PUBLISHED: Final = "refs/gastown/published"
PUSHED: Final = "refs/gastown/pushed"
"""Below it, for each branch that the town has pushed, the value it gave it."""
REPLACED: Final = "refs/gastown/replaced"
"""Below it, tips of the local target whose commits were put on top of a newer upstream."""
_LISTED: Final = 200
"""Unpublished commits that are named one by one."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit, fit for a line of text."""

    sha: str
    author: str
    subject: str


class Rebased(msgspec.Struct, frozen=True, kw_only=True):
    """The unpublished commits on top of the upstream as it is now."""

    old: str
    """The target's tip that they come from."""
    upstream: str
    tip: str
    count: int
    conflicts: tuple[str, ...] = ()
    """Files both sides changed; then `tip` is worth nothing."""


def moved(hub: HubInfo) -> str:
    """The upstream's tip as fetched last, if the local target is not built on it; else empty."""
    out = Git(hub.path).call("rev-parse", "-q", "--verify", UPSTREAM, ok=(0, 1)).out
    now = Git(hub.path).call("rev-parse", "-q", "--verify", hub.upstream_ref, ok=(0, 1)).out
    return "" if out == now else now.decode().strip()


def is_rewritten(hub: HubInfo) -> bool:
    """Whether the upstream's history was replaced, and the overseer has not accepted that."""
    state = upstream_state(hub)
    return state.rewritten and state.tip != Git(hub.path).commit(ACCEPTED)


def accept_rewritten(hub: HubInfo) -> None:
    """Record that the upstream's history as it is now is meant to be so."""
    git = Git(hub.path, env=identity(author=True))
    git.call("update-ref", "-m", "gastown: upstream accepted", ACCEPTED, hub.upstream_ref)


def unpublished(hub: HubInfo) -> tuple[Commit, ...]:
    """The first 200 commits of the local target that the upstream lacks, the oldest first."""
    out = Git(hub.path).text(
        "log", "--reverse", f"--max-count={_LISTED}", "--format=%H%x00%an%x00%s",
        f"{hub.upstream_ref}..{hub.local_ref}", "--",
    )  # fmt: skip
    found = []
    for line in out.split("\n") if out else []:
        sha, author, subject = line.split("\0", 2)
        found.append(Commit(sha=sha, author=shown(author)[:80], subject=shown(subject)[:120]))
    return tuple(found)


def rebase_tail(hub: HubInfo, worktree: Path, *, by: Signing | None = None) -> Rebased:
    """Put the unpublished commits on top of the upstream, in a worktree of the refinery.

    What was published and has come back in another form (squashed, rebased, merged) is left out.
    The town is their committer; `by` says as whom, None is its own name, unsigned.

    Raises:
        GitFailed: git could not.
    """
    git = Git(hub.path)
    upstream, old, seen = (
        git.text("rev-parse", "--verify", f"{ref}^{{commit}}")
        for ref in (hub.upstream_ref, hub.local_ref, UPSTREAM)
    )
    create_detached(hub, worktree, upstream)
    who = by or Signing()
    inside = committing(worktree, who)
    start = _start(inside, upstream, old, seen)
    if start == old:
        return Rebased(old=old, upstream=upstream, tip=upstream, count=0)
    try:
        tip = replay(inside, upstream, old, after=start, sign=who.sign)
    except Clash as clash:
        reset_worktree(worktree, upstream)
        return Rebased(old=old, upstream=upstream, tip="", count=0, conflicts=clash.files)
    count = int(git.text("rev-list", "--count", f"{upstream}..{tip}"))
    return Rebased(old=old, upstream=upstream, tip=tip, count=count)


def _start(git: Git, upstream: str, old: str, seen: str) -> str:
    """The last commit of the target that the upstream holds; empty when git tells best."""
    published = git.commit(PUBLISHED)
    for commit in (old, published):
        if commit is None or not git.succeeds("merge-base", "--is-ancestor", commit, old):
            continue
        if git.succeeds("merge-base", "--is-ancestor", commit, upstream):
            return commit
        if commit != seen and _is_absorbed(git, commit, upstream):
            return commit
    # git itself leaves out what an upstream that only moved on has taken commit by commit
    is_straight = git.succeeds("merge-base", "--is-ancestor", seen, upstream)
    return "" if is_straight else seen


def _is_absorbed(git: Git, commit: str, upstream: str) -> bool:
    """Whether merging a commit into the upstream would change nothing."""
    try:
        done = git.call("merge", "-q", "--squash", "--no-commit", commit, ok=None)
        return done.code == 0 and git.succeeds(
            "diff", "--cached", "--quiet", "--ignore-submodules=none", upstream
        )
    finally:
        reset_worktree(git.path, upstream)


def take_tail(hub: HubInfo, new: str, old: str, upstream: str) -> None:
    """Make the rebased commits the local target.

    Raises:
        TargetMoved: the target is not at `old` any more.
        Conflict: the upstream has moved on again meanwhile.
    """
    if Git(hub.path).commit(hub.upstream_ref) != check_sha(upstream):
        raise Conflict("the upstream has moved on once more")
    replace_tail(hub, new, old, upstream=upstream, message=f"onto upstream {upstream[:12]}")


def has_landed(hub: HubInfo, landed: str, tip: str) -> bool:
    """Whether a commit is in the target, or was until a newer upstream went below it."""
    git = Git(hub.path)
    if git.succeeds("merge-base", "--is-ancestor", check_sha(landed), tip):
        return True
    return bool(git.text("for-each-ref", "--count=1", f"--contains={landed}", REPLACED))


def publish(hub: HubInfo, tip: str, branch: str = "") -> PushResult:
    """Push the local target at `tip` to the upstream's default branch, or to a branch of ours.

    Raises:
        Conflict: the target is elsewhere, or `tip` is not ahead of the upstream in a straight line.
    """
    git = Git(hub.path, env=identity(author=True))
    if git.commit(hub.local_ref) != check_sha(tip):
        raise Conflict("more has landed since you looked", hint="look again")
    if branch:
        result = push_branch(hub, branch, tip)
    else:
        result = land_push(hub, tip, git.text("rev-parse", "--verify", hub.upstream_ref))
    if result.outcome is Push.LANDED:
        git.call("update-ref", "-m", "gastown: published", PUBLISHED, tip)
    return result


def push_branch(hub: HubInfo, branch: str, new: str) -> PushResult:
    """Push to a branch that is the town's own: made by it, and nobody else has moved it since.

    Raises:
        Conflict: origin is a folder somebody works in.
    """
    name = check_branch(branch)
    if not hub.pushable:
        raise Conflict(
            f"{shown(hub.origin)} is a folder somebody works in and is only read",
            hint='use land = "local" and fetch from the hub',
        )
    git = Git(hub.path, env=identity(author=True))
    ref = f"{PUSHED}/{name}"
    known = git.commit(ref) or ""
    if known and remote_tip(hub, name) is None:  # merged there and deleted: it begins anew
        known = ""
    result = push_ref(hub, new, name, known)
    if result.outcome is Push.LANDED:
        git.call("update-ref", "-m", "gastown: pushed", ref, new)
    return result
