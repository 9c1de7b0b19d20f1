"""Builds what would land: candidates put on top of one another in a worktree of the refinery."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import identity
from gastown_tui.adapters.git.landing import tree_of
from gastown_tui.adapters.git.names import check_sha, shown
from gastown_tui.adapters.git.run import NETWORK_LIMIT, Git, GitFailed, GitTimeout, last_words
from gastown_tui.adapters.git.sandbox import reset_worktree
from gastown_tui.adapters.git.signing import Signing
from gastown_tui.adapters.git.submodules import fill
from gastown_tui.domain.errors import NotFound


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One request to be put on the stack."""

    request: str
    tip: str
    """The submitted commit."""
    mode: str = "rebase"
    """``rebase`` keeps its commits, ``squash`` makes one of them."""
    message: str = ""
    """The squashed commit's message; empty takes the tip's own."""
    base: str = ""
    """The commit it was handed in on: what is below that is not its own. Empty asks git alone."""


class Outcome(enum.Enum):
    """What became of a candidate."""

    STACKED = "stacked"
    CONFLICT = "conflict"
    EMPTY = "empty"
    """Nothing is left of it: the base has the same changes already."""
    FAILED = "failed"
    """Git could not build it for another reason, such as a missing signing key."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate's place, or why it has none."""

    request: str
    outcome: Outcome
    tip: str
    """The stack's tip after it: the same as before unless it was stacked."""
    conflicts: tuple[str, ...] = ()
    """Files both sides changed, fit for a line of text."""
    squashed: bool = False
    """Made one commit, as asked or because its history had merges."""
    why: str = ""
    """Git's words when it failed."""


class StackResult(msgspec.Struct, frozen=True, kw_only=True):
    """The stack: its tip, checked out in the worktree, and each candidate's place."""

    base: str
    tip: str
    tree: str
    placed: tuple[Placed, ...]


def prepare_stack(
    worktree: Path, base: str, candidates: Sequence[Candidate], *, by: Signing | None = None
) -> StackResult:
    """Put each candidate on top of the ones before it; a conflicting one is left out.

    History stays linear, authors are kept, the town is the committer, no hook runs. The worktree is
    reset first, so it must be one that nobody works in, and that no gate is running in.

    Args:
        worktree: a detached worktree of the hub.
        base: the commit to start from.
        candidates: in the order they should land.
        by: the town's identity; None takes the default, unsigned.

    Raises:
        NotFound: a commit is not in the hub.
        GitFailed: the worktree cannot be used.
    """
    check_sha(base)
    who = by or Signing()
    git = committing(worktree, who)
    reset_worktree(worktree, base)
    tip, placed = base, []
    for candidate in candidates:
        if git.commit(check_sha(candidate.tip)) is None:
            raise NotFound(f"{candidate.tip[:12]} of {shown(candidate.request)} is not in the hub")
        found = _place(git, tip, candidate, sign=who.sign)
        placed.append(found)
        tip = found.tip
    fill(worktree)
    return StackResult(
        base=base, tip=tip, tree=git.text("rev-parse", f"{tip}^{{tree}}"), placed=tuple(placed)
    )


def committing(worktree: Path, by: Signing) -> Git:
    """Git in a worktree of the refinery, as the committer of what lands."""
    return Git(
        worktree,
        env=identity(by.name, by.email, author=False),
        config=[*by.settings, ("commit.gpgSign", "true" if by.sign else "false")],
    ).where(limit=NETWORK_LIMIT)


def _place(git: Git, base: str, candidate: Candidate, *, sign: bool) -> Placed:
    below = _cut_off(git, base, candidate)
    known = f"^{below or base}"
    merges = git.call("rev-list", "--merges", "--max-count=1", candidate.tip, known).out
    # A merge's own resolution would be lost if its commits were replayed one by one.
    squash = candidate.mode == "squash" or bool(merges)
    build = _squash if squash else _rebase
    tip, outcome, why = base, Outcome.EMPTY, ""
    files: tuple[str, ...] = ()
    try:
        built = build(git, base, candidate, below, sign=sign)
        if tree_of(git.path, built) != tree_of(git.path, base):
            tip, outcome = built, Outcome.STACKED
    except Clash as clash:
        outcome, files = Outcome.CONFLICT, clash.files
    except GitTimeout:
        raise
    except GitFailed as error:
        outcome, why = Outcome.FAILED, error.message
    if outcome is not Outcome.STACKED:
        reset_worktree(git.path, base)
    return Placed(
        request=candidate.request,
        outcome=outcome,
        tip=tip,
        conflicts=files,
        squashed=squash,
        why=why,
    )


class Clash(Exception):  # noqa: N818 - an outcome, not an error
    """Both sides changed the same lines of these files."""

    def __init__(self, files: tuple[str, ...]) -> None:
        super().__init__(files)
        self.files = files


def _cut_off(git: Git, onto: str, candidate: Candidate) -> str:
    """The base of a change whose history was replaced since; empty where it was not.

    What was taken out of the target's history must not come back with the changes built on it.
    """
    base = candidate.base and check_sha(candidate.base)
    if not base or git.commit(base) is None:
        return ""
    is_own = git.succeeds("merge-base", "--is-ancestor", base, candidate.tip)
    is_below = git.succeeds("merge-base", "--is-ancestor", base, onto)
    return base if is_own and not is_below else ""


def _rebase(git: Git, base: str, candidate: Candidate, below: str, *, sign: bool) -> str:
    return replay(git, base, candidate.tip, after=below, sign=sign)


def replay(git: Git, onto: str, tip: str, *, after: str = "", sign: bool = False) -> str:
    """Put commits on top of `onto` in a worktree of the refinery; the new tip, checked out.

    Args:
        git: in that worktree.
        onto: where they go.
        tip: the last of them.
        after: the commit before the first of them; empty takes all that `onto` has not.
        sign: with the user's key.

    Raises:
        Clash: they conflict; the worktree is left in the middle of it.
        GitFailed: git could not.
    """
    where = ("--onto", onto, after) if after else (onto,)
    done = git.call(
        "rebase", "-q", "--merge", "--force-rebase", "--empty=drop", "--no-verify",
        "--no-autosquash", "--no-autostash", "--gpg-sign" if sign else "--no-gpg-sign",
        *where, tip, ok=None,
    )  # fmt: skip
    if done.code != 0:
        raise _trouble(git, "rebase", done.err)
    return git.text("rev-parse", "--verify", "HEAD")


def _squash(git: Git, base: str, candidate: Candidate, below: str, *, sign: bool) -> str:
    # The stack's tip is checked out already: the base at first, then what was put on it.
    if below:
        whole = git.text("commit-tree", f"{candidate.tip}^{{tree}}", "-p", below, "-m", "whole")
        done = git.call("cherry-pick", "--no-commit", whole, ok=None)
    else:
        done = git.call("merge", "-q", "--squash", "--no-commit", candidate.tip, ok=None)
    if done.code != 0:
        raise _trouble(git, "merge", done.err)
    if git.succeeds("diff", "--cached", "--quiet", "--ignore-submodules=none", base):
        return base
    raw = git.text("log", "-1", "--date=raw", "--format=%an%x00%ae%x00%ad%x00%B", candidate.tip)
    name, email, date, own = raw.split("\0", 3)
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    git.where(env=author).call(
        "commit", "-q", "--no-verify", "--cleanup=whitespace", "-F", "-",
        "--gpg-sign" if sign else "--no-gpg-sign",
        stdin=(candidate.message or own).encode("utf-8", "surrogateescape"),
    )  # fmt: skip
    return git.text("rev-parse", "--verify", "HEAD")


def _trouble(git: Git, verb: str, err: str) -> Exception:
    """Return the conflict with its files, or the failure in git's words if there is none."""
    out = git.call("diff", "--name-only", "-z", "--diff-filter=U", ok=None).out
    files = tuple(dict.fromkeys(shown(path) for path in out.split(b"\0") if path))
    if files:
        return Clash(files)
    return GitFailed(f"git {verb}: {last_words(err)}", err=err)
