"""What a worktree holds: branch, changes, and what git was in the middle of."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gastown_tui.adapters.git.names import shown
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.domain.errors import NotFound

KEPT = "refs/gastown/kept/"
"""In a submodule: commits that the hub's mirror of it holds too."""
_UNDER_WAY = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs from HEAD, as git names it (bytes that are no UTF-8 as surrogates)."""

    path: str
    kind: str
    """``changed``, ``deleted``, ``untracked``, ``unmerged``, or ``vanished``: staged as new, then
    deleted from the files."""
    submodule: bool = False
    new: bool = False
    """Whether HEAD does not have it."""


class SandboxState(msgspec.Struct, frozen=True, kw_only=True):
    """A worktree as it stands; all names are fit for a line of text."""

    path: Path
    branch: str | None
    """The branch it works on, also while a rebase has it detached; None when truly detached."""
    head: str
    """The commit checked out."""
    tip: str | None
    """The branch's own tip; differs from `head` while detached or rebasing."""
    dirty: tuple[str, ...]
    untracked: tuple[str, ...]
    """Untracked files, ignored ones not counted; a folder of only such files ends with ``/``."""
    submodules: tuple[str, ...]
    """Submodules with changes, or with commits that no remote of theirs has."""
    stashes: tuple[str, ...]
    """Subjects of stash entries made on this branch; without one, those made on no branch."""
    ahead: int
    """Commits of `head` that `base` does not have; 0 without a base."""
    operation: str | None
    """``rebase``, ``merge``, ``cherry-pick``, ``revert``, ``bisect``, or None."""
    locked: bool
    """Whether an ``index.lock`` lies there: git is at work, or was killed."""

    @property
    def clean(self) -> bool:
        """Whether nothing would be lost with the files: ignored ones do not count."""
        busy = self.operation is not None
        return not (self.dirty or self.untracked or self.submodules or self.stashes or busy)


def git_dir_of(worktree: Path) -> Path:
    """Return a worktree's own git folder, read from its ``.git`` without starting git.

    Raises:
        NotFound: it is no worktree, or its ``.git`` is damaged.
    """
    link = worktree / ".git"
    if link.is_dir():
        return link
    try:
        said = link.read_text("utf-8", "surrogateescape").strip()
    except OSError:
        said = ""
    found = worktree / said.removeprefix("gitdir: ")
    if not said.startswith("gitdir: ") or not found.is_dir():
        raise NotFound(f"{worktree} is not a worktree any more", hint="run `gastown doctor`")
    return found


def common_dir(git_dir: Path) -> Path:
    """Return the repository a worktree's git folder belongs to (its ``commondir`` file)."""
    link = git_dir / "commondir"
    if not link.exists():
        return git_dir
    return (git_dir / link.read_text("utf-8", "surrogateescape").strip()).resolve()


def operation_in(git_dir: Path) -> str | None:
    """Return what git was in the middle of, or None."""
    return next((name for mark, name in _UNDER_WAY if (git_dir / mark).exists()), None)


def branch_in(git_dir: Path) -> str | None:
    """Return the branch checked out, or the one being rebased; None when detached."""
    for name in ("rebase-merge/head-name", "rebase-apply/head-name", "HEAD"):
        try:
            said = (git_dir / name).read_text("utf-8", "surrogateescape").strip()
        except OSError:
            continue
        said = said.removeprefix("ref: ")
        if said.startswith("refs/heads/"):
            return said.removeprefix("refs/heads/")
    return None


def changes(git: Git, *, whole: bool) -> list[Change]:
    """Return every path that differs from HEAD, submodules looked into, ignored files left out.

    Args:
        git: the worktree.
        whole: name each untracked file, also in folders that are all untracked.
    """
    out = git.call(
        "status", "--porcelain=v2", "-z", "--no-renames", "--ignore-submodules=none",
        f"--untracked-files={'all' if whole else 'normal'}",
    ).out  # fmt: skip
    return [found for record in out.split(b"\0") if (found := _change(record)) is not None]


def _change(record: bytes) -> Change | None:
    text = record.decode("utf-8", "surrogateescape")
    if text.startswith("? "):
        return Change(path=text[2:], kind="untracked", new=True)
    if text.startswith("1 "):
        _, states, sub, before, _, _, _, _, path = text.split(" ", 8)
        # Gone from the files: deleted there, or staged as deleted and not there again.
        gone = states[1] == "D" or states == "D."
        kind = "vanished" if states == "AD" else "deleted" if gone else "changed"
        new = before == "000000"
        return Change(path=path, kind=kind, submodule=sub[0] == "S", new=new)
    if text.startswith("u "):
        return Change(path=text.split(" ", 10)[10], kind="unmerged")
    return None


def unpushed_submodules(git: Git) -> list[str]:
    """Return the submodules whose clone holds commits that no remote branch of theirs has."""
    if not (git.path / ".gitmodules").exists():
        return []
    found = []
    for entry in git.call("ls-files", "-s", "-z").out.split(b"\0"):
        if not entry.startswith(b"160000 "):
            continue
        path = entry.split(b"\t", 1)[1].decode("utf-8", "surrogateescape")
        inside = Git(git.path / path)
        if not (inside.path / ".git").exists():
            continue
        own = ("rev-list", "--max-count=1", "HEAD", "--branches", "--not", "--remotes", "--tags",
               f"--glob={KEPT}*")  # fmt: skip
        if inside.call(*own).out:
            found.append(path)
    return found


def _stashes(git: Git, branch: str | None) -> list[str]:
    if git.call("rev-parse", "-q", "--verify", "refs/stash", ok=(0, 1)).code:
        return []
    # Git before 2.36 names but the last part of the branch.
    marks = (branch, branch.rpartition("/")[2]) if branch else ("(no branch)",)
    found = []
    for line in git.text("log", "-g", "--format=%gs", "refs/stash").splitlines():
        where = line.removeprefix("WIP on ").removeprefix("On ").removeprefix("on ")
        if any(mark and where.startswith(f"{mark}:") for mark in marks):
            found.append(shown(line))
    return found


def sandbox_state(path: Path, base: str | None = None) -> SandboxState:
    """Look at a worktree without changing a byte of it.

    Args:
        path: the worktree.
        base: commit or full ref to count from.

    Raises:
        NotFound: it is no worktree.
        GitFailed: git cannot read it.
    """
    own = git_dir_of(path)
    git = Git(path)
    branch = branch_in(own)
    head = git.commit("HEAD")
    if head is None:
        raise GitFailed(f"{path} has no commit checked out", hint="run `gastown doctor`")
    found = changes(git, whole=False)
    ahead = 0
    if base is not None:
        ahead = int(git.text("rev-list", "--count", head, f"^{base}"))
    subs = [item.path for item in found if item.submodule] + unpushed_submodules(git)
    return SandboxState(
        path=path,
        branch=None if branch is None else shown(branch),
        head=head,
        tip=None if branch is None else git.commit(f"refs/heads/{branch}"),
        dirty=tuple(
            shown(item.path) for item in found if item.kind != "untracked" and not item.submodule
        ),
        untracked=tuple(shown(item.path) for item in found if item.kind == "untracked"),
        submodules=tuple(dict.fromkeys(shown(name) for name in subs)),
        stashes=tuple(_stashes(git, branch)),
        ahead=ahead,
        operation=operation_in(own),
        locked=(own / "index.lock").exists(),
    )
