"""Folders in which the overseer tries a change by hand: detached, apart from all sandboxes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.git.hub import HubInfo, identity
from gastown_tui.adapters.git.names import check_key, check_sha
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.sandbox import create_detached, reset_worktree
from gastown_tui.adapters.git.status import common_dir, git_dir_of, sandbox_state
from gastown_tui.domain.errors import Conflict

_RECORD: Final = "gastown-checkout.json"
"""In the worktree's own git folder: whose it is, and where it began."""


class _Checkout(msgspec.Struct, frozen=True, kw_only=True):
    request: str
    commit: str


def checkouts(hub: HubInfo, request: str = "") -> dict[Path, str]:
    """Return the folders made for a request, or for any, each with the commit put there."""
    found = {}
    for record in sorted((common_dir(git_dir_of(hub.path)) / "worktrees").glob(f"*/{_RECORD}")):
        with contextlib.suppress(OSError, msgspec.DecodeError):  # half made, or half removed
            one = msgspec.json.decode(record.read_bytes(), type=_Checkout)
            text = (record.parent / "gitdir").read_text("utf-8", "surrogateescape")
            if request in {"", one.request}:
                found[Path(text.strip()).parent] = one.commit
    return found


def make_checkout(hub: HubInfo, path: Path, commit: str, request: str) -> None:
    """Put a commit into a folder of its own, or take the folder made for the request on to it.

    Raises:
        Conflict: the folder is something else, or holds work of the overseer's.
        GitFailed: git could not.
    """
    check_sha(commit)
    record = _Checkout(request=check_key(request), commit=commit)
    known = checkouts(hub, request)
    if path in known and path.exists():
        if own := own_work(hub, path, known[path]):
            raise Conflict(f"{path} holds {own}", hint="put it on a branch, or use another folder")
        reset_worktree(path, commit)
    else:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise Conflict(f"{path} is there already", hint="name a folder that is not, or empty")
        create_detached(hub, path, commit)
    (git_dir_of(path) / _RECORD).write_bytes(msgspec.json.encode(record))


def own_work(hub: HubInfo, path: Path, commit: str) -> str:
    """Return what a folder holds that exists nowhere else, in a few words; else nothing."""
    state = sandbox_state(path)
    changed = [*state.dirty, *state.untracked, *state.submodules]
    if changed:
        more = " ..." if changed[3:] else ""
        return f"changes in {', '.join(changed[:3])}{more}"
    if state.operation:
        return f"a {state.operation} under way"
    if any(f": {commit[:7]}" in stash for stash in state.stashes):
        return "a stash, which `git stash pop` brings back"
    git = Git(hub.path)
    refs = ("refs/heads", "refs/remotes", "refs/tags", "refs/gastown")
    kept = git.call("for-each-ref", "--count=1", f"--contains={state.head}", *refs).out
    if kept or git.succeeds("merge-base", "--is-ancestor", state.head, commit):
        return ""
    return f"commits that are on no branch, up to {state.head[:12]}"


def must_hold_nothing(hub: HubInfo, path: Path, commit: str) -> None:
    """Refuse when such a folder holds what exists nowhere else; gone already is fine.

    Raises:
        Conflict: it does; says what.
    """
    if path.exists() and (own := own_work(hub, path, commit)):
        hint = "`git switch -c NAME` there keeps commits; --discard gives it up"
        raise Conflict(f"{path} holds {own}", hint=hint)


def end_checkout(hub: HubInfo, path: Path) -> None:
    """Take such a folder away, whatever it holds; gone already is fine."""
    git = Git(hub.path, env=identity(author=True))
    git.call("worktree", "unlock", str(path), ok=None)
    git.call("worktree", "remove", "--force", "--force", "--", str(path))
