"""What a rig's git holds that is nowhere else: looked at before it is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gastown_tui.adapters.beads_git import BRANCH
from gastown_tui.adapters.git.hub import HubInfo
from gastown_tui.adapters.git.names import shown
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.adapters.git.sandbox import LANDED
from gastown_tui.adapters.git.status import sandbox_state
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.leaving import Unlanded

_FEW = 5


def survey(
    hub: HubInfo, land: str, worktrees: Iterable[Path], source: str, landed: Iterable[str] = ()
) -> list[Unlanded]:
    """Look for commits and files that only the rig has; nothing is changed.

    Args:
        hub: the rig's hub.
        land: where its work lands: only `local` keeps what has landed in the hub.
        worktrees: its sandboxes.
        source: the path that the rig was added from, or empty: what was fetched there is safe.
        landed: commits that have landed under another name, and are not cleaned up yet.

    Raises:
        GitFailed: the hub cannot be read.
    """
    git = Git(hub.path)
    found = _branches(hub, [one for one in landed if git.commit(one) == one])
    if land == "local":
        found += _unpublished(hub, source)
    for path in (hub.path, *worktrees):
        found += _files(hub, path)
    return found


def pushed_branches(hub: HubInfo) -> list[str]:
    """Branches of the town's that origin had when it was last looked at."""
    out = Git(hub.path).text("for-each-ref", "--format=%(refname)", "refs/remotes/origin")
    names = [ref.removeprefix("refs/remotes/origin/") for ref in out.splitlines()]
    return [shown(name) for name in names if name.startswith(("polecat/", "gastown/"))]


def _branches(hub: HubInfo, landed: list[str]) -> list[Unlanded]:
    git = Git(hub.path)
    refs = git.text("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    own = {hub.local_ref, f"refs/heads/{BRANCH}"}
    found = []
    for ref in [ref for ref in refs if ref not in own]:
        kept = [hub.local_ref, *landed, "--remotes", f"--glob={LANDED}*"]
        commits = int(git.text("rev-list", "--count", ref, "--not", *kept))
        if commits:
            why = f"{_commits(commits)} that neither the target nor origin has"
            name = shown(ref.removeprefix("refs/heads/"))
            found.append(Unlanded(kind="branch", what=name, why=why))
    return found


def _unpublished(hub: HubInfo, source: str) -> list[Unlanded]:
    git = Git(hub.path)
    count = int(git.text("rev-list", "--count", hub.local_ref, "--not", "--remotes"))
    if not count or _has(source, git.text("rev-parse", hub.local_ref)):
        return []
    why = f"{_commits(count)} landed here only; git fetch {hub.path} gastown/{hub.default}"
    return [Unlanded(kind="unpublished", what=f"gastown/{hub.default}", why=why)]


def _has(source: str, tip: str) -> bool:
    """Whether a ref of the person's own repository holds a commit."""
    if not source or not Path(source).is_dir():
        return False
    found = Git(Path(source)).call("for-each-ref", "--count=1", f"--contains={tip}", ok=None)
    return found.code == 0 and bool(found.out)


def _files(hub: HubInfo, path: Path) -> list[Unlanded]:
    """What a worktree holds besides its commit."""
    if not (path / ".git").exists():
        return []
    try:
        state = sandbox_state(path)
        held = [*state.dirty, *state.untracked, *state.submodules, *state.stashes]
        if state.operation:
            held.insert(0, f"a {state.operation} under way")
        on_branch = state.tip is not None and state.head == state.tip
        if not on_branch and (count := _alone_at(hub, state.head)):
            held.insert(0, f"{_commits(count)} on no branch")
    except (GastownError, OSError) as error:
        return [Unlanded(kind="unknown", what=str(path), why=str(error))]
    if not held:
        return []
    more = f" and {len(held) - _FEW} more" if held[_FEW:] else ""
    return [Unlanded(kind="sandbox", what=str(path), why=", ".join(held[:_FEW]) + more)]


def _alone_at(hub: HubInfo, commit: str) -> int:
    git = Git(hub.path)
    try:
        return int(
            git.text("rev-list", "--count", commit, "--not", "--branches", "--remotes",
                     "--glob=refs/gastown/*")
        )  # fmt: skip
    except GitFailed:
        return 1  # the commit cannot be read: it is not known to be anywhere else


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"
