"""Sandboxes: worktrees of the hub, one branch each, made, reused and removed without loss."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import HubInfo, identity, leave_out, sparse_rules
from gastown_tui.adapters.git.names import check_branch, check_key, check_sha, shown
from gastown_tui.adapters.git.run import NETWORK_LIMIT, Git
from gastown_tui.adapters.git.status import SandboxState, common_dir, git_dir_of, sandbox_state
from gastown_tui.adapters.git.submodules import fill
from gastown_tui.domain.errors import BadInput, Conflict, NotFound

LANDED = "refs/gastown/landed/"
"""Where a request's submitted tip is kept after its branch has gone."""
_GONE = ".gone-"
_LOCK_REASON = "in use by gastown"


class SandboxInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worktree ready for a session."""

    path: Path
    branch: str | None
    """Its branch; None for a detached one of the refinery."""
    base: str
    """The commit it starts from."""
    reused: bool
    """Whether the folder was there before, with its ignored files."""


def create_sandbox(
    hub: HubInfo, path: Path, branch: str, base: str, *, redirect: Path | None = None
) -> SandboxInfo:
    """Make a worktree on a new branch at `base`, or take an existing clean one to it.

    The worktree is locked, so that nobody's ``git worktree prune`` unregisters it. A tracked
    ``.beads/`` is left out of its files: one live copy, never two.

    Args:
        hub: the rig's hub.
        path: where; its parents are made.
        branch: a branch that does not exist yet.
        base: a commit id or full ref.
        redirect: the rig's live ``.beads``, named in ``.beads/redirect`` for tools that look there.

    Raises:
        Conflict: the branch exists, or the folder holds something that could be lost.
        NotFound: no such base.
        GitFailed: git could not.
    """
    check_branch(branch)
    git = Git(hub.path, env=identity(author=True))
    start = _start(git, base)
    if git.succeeds("show-ref", "--verify", "-q", f"refs/heads/{branch}"):
        raise Conflict(f"branch {shown(branch)} exists already", hint="sling with a new token")
    reused = _occupied(hub, path)
    if reused:
        state = sandbox_state(path)
        _must_be_clean(state)
        _must_be_kept(hub, state)
        Git(path, env=identity(author=True)).where(limit=NETWORK_LIMIT).call(
            "checkout", "-q", "-b", branch, "--no-track", start
        )
    else:
        _add(hub, path, ("--no-track", "-b", branch), start)
    _leave_out(hub, path, start)
    fill(path)
    if redirect is not None:
        (path / ".beads").mkdir(exist_ok=True)
        (path / ".beads" / "redirect").write_text(f"{redirect}\n", encoding="utf-8")
    return SandboxInfo(path=path, branch=branch, base=start, reused=reused)


def create_detached(hub: HubInfo, path: Path, base: str) -> SandboxInfo:
    """Make the refinery's worktree at `base`, or reset an existing one: nobody works in it.

    Raises:
        NotFound: no such base.
        GitFailed: git could not.
    """
    git = Git(hub.path, env=identity(author=True))
    start = _start(git, base)
    reused = _occupied(hub, path)
    if reused:
        reset_worktree(path, start)
    else:
        _add(hub, path, ("--detach",), start)
    _leave_out(hub, path, start)
    if not reused:
        fill(path)
    return SandboxInfo(path=path, branch=None, base=start, reused=reused)


def reset_worktree(path: Path, commit: str) -> None:
    """Make a refinery worktree exactly `commit`, detached; ignored files stay, all else goes.

    Raises:
        GitFailed: git could not.
    """
    check_sha(commit)
    own = git_dir_of(path)
    git = Git(path, env=identity(author=True)).where(limit=NETWORK_LIMIT)
    if (own / "rebase-merge").exists() or (own / "rebase-apply").exists():
        git.call("rebase", "--quit", ok=None)
    git.call("checkout", "-q", "-f", "--detach", commit)
    git.call("reset", "-q", "--hard", commit)
    git.call("clean", "-q", "-ffd")
    fill(path)


def remove_sandbox(
    hub: HubInfo, path: Path, branch: str, *, submitted: str, request: str, base: str | None = None
) -> list[Path]:
    """Remove a sandbox and its branch once nothing in them could be lost; may be repeated.

    ``refs/gastown/landed/REQUEST`` keeps `submitted` before the branch goes.

    Args:
        hub: the rig's hub.
        path: the sandbox; gone already is fine.
        branch: its branch.
        submitted: the tip that was submitted, and has landed (the caller has checked that).
        request: the merge request's id.
        base: a commit or ref that the sandbox may also stand at without holding work.

    Returns:
        Folders that could not be deleted (files of another user), moved out of the way.

    Raises:
        Conflict: changes, untracked files, a stash, submodule changes, an unfinished operation,
            or commits after `submitted`: named, and nothing is removed.
    """
    check_branch(branch)
    check_sha(submitted)
    check_key(request)
    git = Git(hub.path, env=identity(author=True))
    if path.exists():
        state = sandbox_state(path)
        _must_be_clean(state)
        _must_be_kept(hub, state, submitted, *([] if base is None else [_start(git, base)]))
    tip = git.commit(f"refs/heads/{branch}")
    if tip is not None and tip != submitted:
        raise Conflict(
            f"branch {shown(branch)} is at {tip[:12]}, not at the submitted {submitted[:12]}",
            hint="submit it again, or drop it by name",
        )
    keep_landed(hub, request, submitted)
    with _alone(hub):
        if path.exists():
            # Gone at one stroke: a kill in the middle of deleting must not look like a change.
            path.rename(Path(tempfile.mkdtemp(prefix=_GONE, dir=path.parent)) / path.name)
        _forget(git, path)
        gone = list(path.parent.glob(f"{_GONE}*"))
    delete_branch(hub, branch, submitted)
    return delete_trees(gone)


def keep_landed(hub: HubInfo, request: str, submitted: str) -> None:
    """Keep a submitted tip under ``refs/gastown/landed/``, so that it outlives its branch."""
    ref = f"{LANDED}{check_key(request)}"
    Git(hub.path, env=identity(author=True)).call(
        "update-ref", "--create-reflog", "-m", "gastown: landed", ref, check_sha(submitted)
    )


def delete_branch(hub: HubInfo, branch: str, expected: str) -> None:
    """Delete a branch that is still at `expected`; gone already is fine.

    Raises:
        Conflict: it has moved on.
    """
    ref = f"refs/heads/{check_branch(branch)}"
    git = Git(hub.path, env=identity(author=True))
    if git.commit(ref) is None:
        return
    if git.call("update-ref", "-d", ref, check_sha(expected), ok=None).code != 0:
        raise Conflict(f"branch {shown(branch)} has moved on from {expected[:12]}")


def clear_stale_locks(worktree: Path, *, branch: str | None = None) -> list[Path]:
    """Remove the lock files a killed git left in one worktree; returns what was removed.

    Only for a caller whose fence has shown that no process of the worktree's session is left.

    Args:
        worktree: the worktree; only its own locks are touched, never the shared ones.
        branch: its branch, whose ref lock goes too.
    """
    own = git_dir_of(worktree)
    found = [path for path in own.glob("*.lock") if path.is_file()]
    if branch is not None:
        common = common_dir(own)
        found.append(common / "refs" / "heads" / f"{check_branch(branch)}.lock")
        found.append(common / "logs" / "refs" / "heads" / f"{branch}.lock")
    removed = []
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            removed.append(path)
    return removed


def differs(path: Path, commit: str) -> str:
    """How a worktree differs from a commit, in a few words: the last look after a gate's run.

    Stash entries do not count: they lie in the hub, and somebody else may have made them.
    """
    if not path.exists():
        return "its folder has gone"
    state = sandbox_state(path)
    if state.head != commit:
        return f"it is at {state.head[:12]}"
    files = [*state.dirty, *state.untracked, *state.submodules]
    if files:
        more = f" and {len(files) - 5} more" if files[5:] else ""
        return f"{', '.join(files[:5])}{more}"
    if state.operation:
        return f"a {state.operation} is under way"
    return "its index is locked" if state.locked else ""


def repair_moved(hub: HubInfo, worktrees: Sequence[Path]) -> None:
    """Join the hub and its worktrees again after their folders were moved (a moved town).

    As gitrepository-layout(5) says, and not by `git worktree repair`: where the town was copied,
    that one follows the old paths and joins the original's worktrees to the copy's hub.

    Raises:
        NotFound: the hub does not know one of them.
    """
    for path in worktrees:
        text = (path / ".git").read_text(encoding="utf-8", errors="surrogateescape")
        own = hub.git_dir / "worktrees" / Path(text.removeprefix("gitdir:").strip()).name
        if not (own / "HEAD").is_file():
            raise NotFound(
                f"{path} is no worktree of {hub.path} any more", hint="move it away and sling anew"
            )
        for file, line in (
            (own / "gitdir", f"{path.absolute() / '.git'}\n"),
            (path / ".git", f"gitdir: {own.absolute()}\n"),
        ):
            file.write_text(line, encoding="utf-8", errors="surrogateescape")


def _start(git: Git, base: str) -> str:
    found = None if base.startswith("-") else git.commit(base)
    if found is None:
        raise NotFound(f"there is no commit {shown(base)!r} in the hub")
    return found


def _occupied(hub: HubInfo, path: Path) -> bool:
    """Whether `path` is a worktree of this hub; anything else there is refused."""
    if path.is_symlink():
        raise BadInput(f"{path} is a link", hint="remove it")
    if not path.exists():
        return False
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
        return False
    try:
        own = git_dir_of(path)
    except NotFound:
        raise Conflict(
            f"{path} exists and is no worktree", hint="look at it, then move it away"
        ) from None
    if common_dir(own).resolve() != hub.git_dir.resolve():
        raise Conflict(f"{path} belongs to another repository", hint="move it away")
    if not (own / "index").exists() and [entry.name for entry in path.iterdir()] == [".git"]:
        # Made and killed before its files came: nothing of anybody's is in it.
        with _alone(hub):
            shutil.rmtree(path)
            _forget(Git(hub.path), path)
        return False
    return True


@contextlib.contextmanager
def _alone(hub: HubInfo) -> Iterator[None]:
    """Change git's list of worktrees alone: it fails on another's entry that is half written."""
    with (hub.git_dir / "gastown-worktrees.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _add(hub: HubInfo, path: Path, options: tuple[str, ...], start: str) -> None:
    git = Git(hub.path, env=identity(author=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(hub):
        _forget(git, path)
        git.call(
            "worktree", "add", "-q", "--no-checkout", "--lock", "--reason", _LOCK_REASON,
            *options, "--", str(path), start,
        )  # fmt: skip


def _forget(git: Git, path: Path) -> None:
    """Unregister a worktree whose folder is gone: its lock kept it on git's list."""
    wanted = f"worktree {path}".encode("utf-8", "surrogateescape")
    if wanted in git.call("worktree", "list", "--porcelain").out.splitlines():
        git.call("worktree", "unlock", str(path), ok=None)
        git.call("worktree", "remove", "--force", "--", str(path))


def delete_trees(gone: Sequence[Path]) -> list[Path]:
    """Delete folders, read-only ones in them too; returns what would not go."""

    def insist(function: Callable[[str], object], name: str, _: object) -> None:
        with contextlib.suppress(OSError):
            Path(name).parent.chmod(0o700)
            if not Path(name).is_symlink():  # it may lead to a person's own files
                Path(name).chmod(0o700)
            function(name)

    for path in gone:
        shutil.rmtree(path, onerror=insist)
    return [path for path in gone if path.exists()]


def _leave_out(hub: HubInfo, path: Path, commit: str) -> None:
    """Fill a worktree's files, without a tracked ``.beads/`` and what the rig leaves out."""
    git = Git(path, env=identity(author=True)).where(limit=NETWORK_LIMIT)
    own = git_dir_of(path)
    has_beads = bool(git.call("ls-tree", "-z", commit, "--", ".beads").out)
    rules = own / "info" / "sparse-checkout"
    if has_beads or hub.sparse:
        leave_out(git, own, sparse_rules(hub.sparse, has_beads=has_beads))
        git.call("read-tree", "-mu", "HEAD")
    elif rules.exists():
        git.call("sparse-checkout", "disable")
    elif not (own / "index").exists():
        git.call("reset", "-q", "--hard", commit)


def _must_be_clean(state: SandboxState) -> None:
    """Refuse, naming what would be lost."""
    held = [
        ("changes in", state.dirty),
        ("untracked", state.untracked),
        ("submodule changes in", state.submodules),
        ("stash", state.stashes),
    ]
    lost = [
        f"{what} {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
        for what, names in held
        if names
    ]
    if state.operation:
        lost.insert(0, f"a {state.operation} under way")
    if lost:
        raise Conflict(
            f"{state.path} still holds {'; '.join(lost)}", hint="commit or discard it first"
        )
    if state.locked:
        raise Conflict(
            f"{state.path} has an index.lock", hint="git is at work there, or was killed"
        )


def _must_be_kept(hub: HubInfo, state: SandboxState, *holders: str) -> None:
    """Refuse when the commit checked out is on no branch, remote or kept ref."""
    if state.head in holders or state.head == state.tip:
        return
    git = Git(hub.path)
    found = git.call(
        "for-each-ref", "--count=1", f"--contains={state.head}", "refs/heads", "refs/remotes",
        "refs/gastown",
    )  # fmt: skip
    if not found.out:
        raise Conflict(
            f"{state.path} is detached at {state.head[:12]}, which is on no branch",
            hint="put a branch there first",
        )
