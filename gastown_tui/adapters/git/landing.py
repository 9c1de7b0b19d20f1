"""Landing: refs that move by compare-and-set only, and what is read back to be sure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import RECORD, UPSTREAM, HubInfo, identity
from gastown_tui.adapters.git.names import check_branch, check_ref, check_sha, shown
from gastown_tui.adapters.git.run import Git, GitFailed, last_words
from gastown_tui.adapters.git.submodules import send
from gastown_tui.domain.errors import Conflict, NotFound

_WORDS = 2000
"""Characters of a remote's own words that are kept."""


class TargetMoved(Conflict):
    """Somebody else moved the target: the queue stops until a person has looked."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream's branch before and after a fetch."""

    old: str
    new: str
    rewritten: bool
    """True when `new` does not descend from `old`: history was replaced upstream."""


class UpstreamState(msgspec.Struct, frozen=True, kw_only=True):
    """How the local target stands to the upstream's branch."""

    tip: str
    behind: int
    """Commits of the upstream that the target does not have."""
    unpublished: int
    """Commits of the target that the upstream does not have."""
    rewritten: bool
    """True when the upstream no longer has the value the town saw last."""


class Push(enum.Enum):
    """How a push ended."""

    LANDED = "landed"
    MOVED = "moved"
    """The remote's branch was not at the expected value: fetch, rebase, try again."""
    REFUSED = "refused"
    """The remote said no: a protected branch, a hook, no right to push."""
    UNREACHABLE = "unreachable"
    """No answer; whether it arrived is not known until the remote answers again."""


class PushResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a push ended, what the remote has now, and in whose words."""

    outcome: Push
    tip: str | None
    """What the remote's branch was when read back; None if it could not be read."""
    words: str
    """Git's and the remote's own words, empty when it landed."""


class ReflogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One value a ref has taken."""

    sha: str
    message: str
    time: int
    """Seconds since the epoch."""


def fetch(hub: HubInfo) -> Fetched:
    """Fetch the upstream, and say whether its branch moved on or was rewritten.

    Raises:
        GitFailed: the upstream cannot be reached or read.
        NotFound: the branch is gone upstream.
    """
    git = Git(hub.path, env=identity(author=True)).online()
    old = git.commit(UPSTREAM) or _need(git, hub.upstream_ref)
    # By address, not by name: an agent may have changed what `origin` means.
    git.call(
        "fetch", "-q", "--prune", "--no-write-fetch-head", "--", hub.origin,
        "+refs/heads/*:refs/remotes/origin/*",
    )  # fmt: skip
    new = git.commit(hub.upstream_ref)
    if new is None:
        git.call("update-ref", "-m", "gastown: gone upstream", hub.upstream_ref, old)
        raise NotFound(f"{shown(hub.origin)} has no branch {shown(hub.default)} any more")
    return Fetched(old=old, new=new, rewritten=not _descends(git, new, old))


def accept_upstream(hub: HubInfo, tip: str) -> None:
    """Record `tip` as the upstream the town has dealt with: later fetches compare with it."""
    Git(hub.path, env=identity(author=True)).call(
        "update-ref", "-m", "gastown: upstream seen", UPSTREAM, check_sha(tip)
    )


def target_tip(hub: HubInfo, ref: str) -> str:
    """Return the commit a target ref stands at.

    Raises:
        NotFound: there is no such ref.
    """
    return _need(Git(hub.path), check_ref(ref))


def verify_target(hub: HubInfo, ref: str, expected: str | None = None) -> str:
    """Return the target's tip if it is what the town last set.

    Args:
        hub: the rig's hub.
        ref: the target, see `HubInfo.target_ref`.
        expected: the value to compare with; None takes the hub's own record.

    Raises:
        TargetMoved: a local target is anywhere else; an upstream one does not descend from it.
    """
    git = Git(hub.path)
    tip = _need(git, check_ref(ref))
    wanted = expected or _need(git, RECORD)
    if tip == wanted or (ref == hub.upstream_ref and _descends(git, tip, wanted)):
        return tip
    raise TargetMoved(
        f"{ref} is at {tip[:12]}, the town left it at {wanted[:12]}",
        hint="look who moved it: nothing lands until then",
    )


def upstream_state(hub: HubInfo) -> UpstreamState:
    """Compare the local target with the upstream's branch as it was fetched last."""
    git = Git(hub.path)
    tip = _need(git, hub.upstream_ref)
    counts = git.text("rev-list", "--left-right", "--count", f"{tip}...{hub.local_ref}")
    behind, ahead = (int(part) for part in counts.split())
    seen = git.commit(UPSTREAM)
    return UpstreamState(
        tip=tip,
        behind=behind,
        unpublished=ahead,
        rewritten=seen is not None and not _descends(git, tip, seen),
    )


def land_local(hub: HubInfo, new: str, old: str, *, message: str) -> None:
    """Move the hub's own target from `old` to `new`, which must descend from it.

    The record of what the town set, and the plain branch name, move in the same transaction.

    Raises:
        TargetMoved: the target is not at `old`.
        Conflict: `new` does not descend from `old`, or its history is not linear.
    """
    git = Git(hub.path, env=identity(author=True))
    if not is_linear(hub, old, new):
        raise Conflict(f"{new[:12]} is not a straight line from {old[:12]}")
    _move_local(git, hub, new, old, message)


def replace_tail(hub: HubInfo, new: str, old: str, *, upstream: str, message: str) -> None:
    """Move the hub's own target to the same work rebased onto a newer upstream.

    The replaced tip is kept under ``refs/gastown/replaced/``.

    Raises:
        TargetMoved: the target is not at `old`.
        Conflict: `new` is not a straight line from `upstream`.
    """
    git = Git(hub.path, env=identity(author=True))
    if not is_linear(hub, upstream, new):
        raise Conflict(f"{new[:12]} is not a straight line from the upstream {upstream[:12]}")
    git.call("update-ref", "-m", "gastown: replaced", f"refs/gastown/replaced/{old}", old)
    _move_local(git, hub, new, old, message)
    accept_upstream(hub, upstream)


def land_push(hub: HubInfo, new: str, old: str, *, branch: str | None = None) -> PushResult:
    """Push `new` over `old` onto the upstream's branch, and read back what it has then.

    Args:
        hub: the rig's hub.
        new: a commit in a straight line from `old`.
        old: what the remote's branch must be at.
        branch: the remote's branch; None takes the default one.

    Raises:
        Conflict: `new` does not descend from `old`, or origin is a folder somebody works in.
    """
    name = check_branch(branch or hub.default)
    if not hub.pushable:
        raise Conflict(
            f"{shown(hub.origin)} is a folder somebody works in and is only read",
            hint='use land = "local" and fetch from the hub',
        )
    if not is_linear(hub, old, new):
        raise Conflict(f"{new[:12]} is not a straight line from {old[:12]}")
    result = push_ref(hub, new, name, old)
    if result.outcome is Push.LANDED:
        _note_pushed(Git(hub.path, env=identity(author=True)), hub, name, new)
    return result


def push_ref(hub: HubInfo, new: str, branch: str, old: str) -> PushResult:
    """Push `new` to a branch of the upstream that is at `old`, and read back what it has then.

    Args:
        hub: the rig's hub.
        new: a commit.
        branch: the remote's branch.
        old: what it must be at; empty when there must be none yet.
    """
    name = check_branch(branch)
    git = Git(hub.path, env=identity(author=True)).online()
    ref = f"refs/heads/{name}"
    _push_large_files(git, hub, new)
    send(hub.path, new)
    pushed = git.call(
        "push", "--porcelain", "--no-verify", f"--force-with-lease={ref}:{old}", "--",
        hub.origin, f"{check_sha(new)}:{ref}", ok=None,
    )  # fmt: skip
    try:
        tip = remote_tip(hub, name)
    except GitFailed as error:
        return PushResult(outcome=Push.UNREACHABLE, tip=None, words=_words(pushed.err, error))
    if tip == new:
        return PushResult(outcome=Push.LANDED, tip=tip, words="")
    words = _words(pushed.err, _reason(pushed.out))
    is_same = (tip or "") == old
    return PushResult(outcome=Push.REFUSED if is_same else Push.MOVED, tip=tip, words=words)


def remote_tip(hub: HubInfo, branch: str) -> str | None:
    """Ask the remote where its branch is; None when it has none.

    Raises:
        GitFailed: it does not answer.
    """
    ref = f"refs/heads/{check_branch(branch)}"
    found = (
        Git(hub.path).online().call("ls-remote", "--exit-code", "--", hub.origin, ref, ok=(0, 2))
    )
    for line in found.out.decode("utf-8", "surrogateescape").splitlines():
        sha, _, name = line.partition("\t")
        if name == ref:
            return check_sha(sha)
    return None


def reflog_values(hub: HubInfo, ref: str) -> list[ReflogEntry]:
    """Return every value a ref has taken, newest first."""
    out = Git(hub.path).text(
        "log", "--walk-reflogs", "--date=unix", "--format=%H%x00%gd%x00%gs", check_ref(ref), "--"
    )
    entries = []
    for line in out.splitlines():
        sha, when, message = line.split("\0", 2)
        time = int(when.rsplit("@{", 1)[1].rstrip("}"))
        entries.append(ReflogEntry(sha=sha, message=shown(message), time=time))
    return entries


def is_linear(hub: HubInfo, base: str, tip: str) -> bool:
    """Whether `tip` is `base` or a line of commits on top of it, without a merge."""
    git = Git(hub.path)
    if not _descends(git, check_sha(tip), check_sha(base)):
        return False
    return not git.call("rev-list", "--merges", "--max-count=1", f"{base}..{tip}").out


def tree_of(path: Path, commit: str) -> str:
    """Return a commit's tree: equal trees are equal files, whatever the history."""
    return Git(path).text("rev-parse", "--verify", f"{check_sha(commit)}^{{tree}}")


def changed_paths(hub: HubInfo, base: str, tip: str) -> list[str]:
    """Return the paths that differ between two commits, fit for a line of text."""
    out = Git(hub.path).call(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", check_sha(base), check_sha(tip)
    )
    return [shown(path) for path in out.out.split(b"\0") if path]


def prune_landed(hub: HubInfo, before: int) -> list[str]:
    """Drop kept tips of requests that landed before a time (seconds since the epoch)."""
    git = Git(hub.path, env=identity(author=True))
    dropped = []
    for ref in git.text("for-each-ref", "--format=%(refname)", "refs/gastown/landed").splitlines():
        entries = reflog_values(hub, ref)
        if entries and entries[0].time < before:
            git.call("update-ref", "-d", ref, entries[0].sha)
            dropped.append(ref.removeprefix("refs/gastown/landed/"))
    return dropped


def _need(git: Git, ref: str) -> str:
    found = git.commit(ref)
    if found is None:
        raise NotFound(f"there is no {shown(ref)} in {git.path}", hint="run `gastown doctor`")
    return found


def _descends(git: Git, tip: str, base: str) -> bool:
    return git.succeeds("merge-base", "--is-ancestor", base, tip)


def _move_local(git: Git, hub: HubInfo, new: str, old: str, message: str) -> None:
    check_sha(new)
    check_sha(old)
    orders = [f"update {hub.local_ref} {new} {old}", f"update {RECORD} {new} {old}"]
    if _mirror_free(git, hub, new):
        orders.append(f"update {hub.mirror_ref} {new}")
    line = " ".join(message.split())[:200]
    done = git.call(
        "update-ref", "-m", f"gastown: {line}", "--stdin",
        stdin="".join(f"{order}\n" for order in orders).encode(), ok=None,
    )  # fmt: skip
    if done.code != 0:
        verify_target(hub, hub.local_ref, old)
        verify_target(hub, RECORD, old)
        raise GitFailed(f"git update-ref: {last_words(done.err)}", code=done.code, err=done.err)


def _mirror_free(git: Git, hub: HubInfo, new: str) -> bool:
    """Whether the plain branch name may follow: nobody has it out, nobody committed to it."""
    if hub.mirror_ref is None:
        return False
    heads = [hub.git_dir / "HEAD", *hub.git_dir.glob("worktrees/*/HEAD")]
    for head in heads:
        try:
            if head.read_text("utf-8", "surrogateescape").strip() == f"ref: {hub.mirror_ref}":
                return False
        except OSError:
            continue
    at = git.commit(hub.mirror_ref)
    return at is None or at == git.commit(RECORD) or _descends(git, new, at)


def _note_pushed(git: Git, hub: HubInfo, branch: str, new: str) -> None:
    orders = [f"update refs/remotes/origin/{branch} {new}"]
    if branch == hub.default:
        orders += [f"update {RECORD} {new}", f"update {UPSTREAM} {new}"]
        if _mirror_free(git, hub, new):
            orders.append(f"update {hub.mirror_ref} {new}")
    git.call(
        "update-ref", "-m", "gastown: pushed", "--stdin",
        stdin="".join(f"{order}\n" for order in orders).encode(),
    )  # fmt: skip


def _push_large_files(git: Git, hub: HubInfo, new: str) -> None:
    """Send the objects of git-lfs ahead: its own push hook does not run for the town's pushes."""
    found = git.call(
        "grep", "-q", "-F", "filter=lfs", new, "--", ":(top,glob)**/.gitattributes", ok=(0, 1)
    )
    if found.code == 0:
        # git-lfs takes a path for the name of a remote, and then finds no address.
        address = f"file://{hub.origin}" if hub.origin.startswith("/") else hub.origin
        git.call("lfs", "push", address, new)


def _reason(out: bytes) -> str:
    """Return the reason in git's porcelain push report: ``!<TAB>from:to<TAB>[reason]``."""
    for line in out.decode("utf-8", "replace").splitlines():
        if line.startswith("!"):
            return line.split("\t")[-1]
    return ""


def _words(err: str, first: object) -> str:
    lines: Sequence[str] = [line.rstrip() for line in err.splitlines()]
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    parts = [str(first), *said] if str(first) else said or [last_words(err)]
    return "\n".join(shown(part) for part in parts if part)[:_WORDS]
