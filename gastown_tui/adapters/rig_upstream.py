"""A rig's upstream behind the port that the refinery uses."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gastown_tui.adapters.git import landing, names, sandbox, upstream
from gastown_tui.adapters.git.committed import worth_a_look
from gastown_tui.adapters.git.hub import RECORD, HubInfo, identity
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.adapters.git.signing import Signing
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import BadInput, Conflict, NotFound, Unavailable
from gastown_tui.services.ports import Handed, TargetMoved
from gastown_tui.services.ports_upstream import Commit, Tail, Unpublished

OWN: Final = "mq"
"""Branches of the hub below this name keep what people have submitted."""
_AGAIN_S: Final = 10.0
"""Between two fetches of an upstream that is only followed."""
_AFTER_FAILURE_S: Final = 60.0


class RigUpstream:
    """What is fetched from, published to and asked of one rig's upstream; calls block."""

    def __init__(
        self, config: RigConfig, hub: Callable[[], HubInfo], signing: Callable[[], Signing]
    ) -> None:
        """`signing` says how commits made here are signed; it raises when the key does not."""
        self._config = config
        self._hub = hub
        self._signing = signing
        self._next = 0.0
        self._problem = ""

    def look(self, *, always: bool = False) -> str:
        """Fetch, unless that was done a moment ago; the reason when the upstream cannot be read.

        What lands in the hub alone goes on without its upstream.
        """
        now = time.monotonic()
        if now < self._next and not always:
            return self._problem
        try:
            landing.fetch(self._hub())
        except (GitFailed, NotFound) as error:
            self._problem = error.message
        else:
            self._problem = ""
        self._next = time.monotonic() + (_AFTER_FAILURE_S if self._problem else _AGAIN_S)
        return self._problem

    def moved(self) -> str:
        """The upstream's tip if the local target is not built on it; else empty."""
        return upstream.moved(self._hub()) if self._config.land == "local" else ""

    def unpublished(self) -> Unpublished:
        """What a publishing would bring, after a fetch."""
        hub = self._hub()
        problem = self.look(always=True)
        state = landing.upstream_state(hub)
        commits = [
            Commit(sha=one.sha, author=one.author, subject=one.subject)
            for one in upstream.unpublished(hub)
        ]
        return Unpublished(
            tip=landing.target_tip(hub, hub.local_ref),
            upstream=state.tip,
            origin=hub.origin,
            pushable=hub.pushable,
            count=state.unpublished,
            commits=tuple(commits),
            behind=state.behind if upstream.moved(hub) else 0,
            rewritten=upstream.is_rewritten(hub),
            problem=problem,
        )

    def rebase_tail(self, worktree: Path) -> Tail:
        """Put the unpublished commits on top of the upstream, in a worktree of the refinery."""
        hub = self._hub()
        if upstream.is_rewritten(hub):
            raise TargetMoved(f"the history of {hub.default} was rewritten upstream")
        try:
            landing.verify_target(hub, hub.local_ref)
        except landing.TargetMoved as error:
            raise TargetMoved(error.message, hint=error.hint) from error
        made = upstream.rebase_tail(hub, worktree, by=self._signing())
        return Tail(
            old=made.old, upstream=made.upstream, tip=made.tip, count=made.count,
            conflicts=made.conflicts,
        )  # fmt: skip

    def take_tail(self, tail: Tail) -> None:
        """Make it the local target; done already is no error."""
        hub = self._hub()
        if landing.target_tip(hub, hub.local_ref) == tail.tip and not upstream.moved(hub):
            return
        try:
            upstream.take_tail(hub, tail.tip, tail.old, tail.upstream)
        except landing.TargetMoved as error:
            raise TargetMoved(error.message, hint=error.hint) from error

    def publish(self, tip: str, branch: str) -> None:
        """Push the target to the upstream's default branch, or to a branch of ours."""
        _must_have_landed(upstream.publish(self._hub(), tip, branch))

    def push_branch(self, branch: str, commit: str) -> None:
        """Give a branch of the town's own on the remote a new value."""
        _must_have_landed(upstream.push_branch(self._hub(), branch, commit))

    def tip_there(self, branch: str) -> str:
        """Where a branch is on the remote now; empty when it has none."""
        try:
            return landing.remote_tip(self._hub(), branch) or ""
        except GitFailed as error:
            raise Unavailable(f"the remote does not answer: {error.message}") from error

    def has_merged(self, commit: str) -> bool:
        """Whether a commit is in the upstream's branch, after a fetch."""
        hub = self._hub()
        landing.fetch(hub)
        git = Git(hub.path)
        found = git.commit(names.check_sha(commit))
        return found is not None and git.succeeds(
            "merge-base", "--is-ancestor", found, hub.upstream_ref
        )

    def is_on_top(self, commit: str) -> bool:
        """Whether a commit is built on the upstream's branch as it is, after a fetch."""
        hub = self._hub()
        landing.fetch(hub)
        return Git(hub.path).succeeds(
            "merge-base", "--is-ancestor", hub.upstream_ref, names.check_sha(commit)
        )

    def accept(self) -> str:
        """Record target and upstream as they stand as what the overseer wants."""
        hub = self._hub()
        if self._config.land == "local":
            self.look(always=True)
        else:
            landing.fetch(hub)
        tip = landing.target_tip(hub, hub.target_ref(self._config.land))
        git = Git(hub.path, env=identity(author=True))
        git.call("update-ref", "-m", "gastown: released", RECORD, tip)
        if self._config.land == "local":
            upstream.accept_rewritten(hub)
        else:
            landing.accept_upstream(hub, tip)
        return tip

    def let_go(self, branch: str, landed: str, submitted: str, request: str) -> None:
        """Take the branch of a landed request of somebody's own away; its tip is kept."""
        hub = self._hub()
        target = landing.target_tip(hub, hub.target_ref(self._config.land))
        if not upstream.has_landed(hub, landed, target):
            raise Conflict(f"{landed[:12]} is not in the target {target[:12]}")
        sandbox.keep_landed(hub, request, submitted)
        if branch.startswith(f"{OWN}/"):
            with contextlib.suppress(Conflict):  # submitted anew meanwhile: that stays
                sandbox.delete_branch(hub, branch, submitted)

    def adopt(self, branch: str, key: str) -> tuple[str, str, Handed]:
        """Take a branch of somebody's own into the hub: from there, the source, or the remote."""
        hub = self._hub()
        names.check_branch(branch)
        if f"refs/heads/{branch}" in {hub.local_ref, hub.mirror_ref}:
            raise BadInput(f"{branch} is where changes land", hint="name the branch of a change")
        own = f"{OWN}/{names.check_key(key)}"
        where, tip = self._found(hub, branch)
        git = Git(hub.path, env=identity(author=True))
        target = landing.target_tip(hub, hub.target_ref(self._config.land))
        base = git.call("merge-base", tip, target, ok=(0, 1)).out.decode().strip()
        if not base:
            raise Conflict(f"{branch} has no history in common with the target")
        commits = int(git.text("rev-list", "--count", f"{base}..{tip}"))
        if not commits:
            raise Conflict(f"the target holds all of {branch} already")
        if stray := outside(self._config, git, base, tip):
            some = ", ".join(stray[:5]) + (f" and {len(stray) - 5} more" if stray[5:] else "")
            raise Conflict(f"{branch} changes {some}: {taken(self._config)}")
        git.call("update-ref", "-m", "gastown: submitted", f"refs/heads/{own}", tip)
        plus, minus = size(git.text("diff", "--numstat", base, tip))
        handed = Handed(
            tip=tip, base=base, commits=commits, plus=plus, minus=minus,
            flagged=flagged(git, base, tip),
        )  # fmt: skip
        return where, own, handed

    def _found(self, hub: HubInfo, branch: str) -> tuple[str, str]:
        """Where a branch is, and its tip, which the hub has then."""
        git = Git(hub.path, env=identity(author=True))
        if tip := git.commit(f"refs/heads/{branch}"):
            return "the hub", tip
        source = Path(self._config.source) if self._config.source else None
        if source is not None and source.exists():
            found = Git(source).commit(f"refs/heads/{branch}")
            if found:
                git.online().call(
                    "fetch", "-q", "--no-write-fetch-head", "--no-tags", "--", str(source), found
                )
                return str(source), found
        problem = self.look(always=True)
        if tip := git.commit(f"refs/remotes/origin/{branch}"):
            return hub.origin, tip
        places = dict.fromkeys(["the hub", *([str(source)] if source else []), hub.origin])
        raise NotFound(
            f"there is no branch {branch} in {', '.join(places)}",
            hint=problem or "commit it there, or push it",
        )


def outside(config: RigConfig, git: Git, base: str, tip: str) -> tuple[str, ...]:
    """What a branch changes and must not: `.beads`, and what `only_folder` leaves out."""
    out = git.call("diff-tree", "-r", "--name-only", "--no-renames", "-z", base, tip).out
    found = [one.decode("utf-8", "replace") for one in out.split(b"\0") if one]
    mine = f"{config.folder.strip('/')}/" if config.only_folder else ""
    return tuple(
        names.shown(one)
        for one in found
        if one.split("/", 1)[0] == ".beads" or not one.startswith(mine)
    )


def flagged(git: Git, base: str, tip: str) -> tuple[str, ...]:
    """What the commits of a branch hold that a person should see, each with why."""
    return tuple(f"{one.path} ({one.why})" for one in worth_a_look(git, base, tip))


def taken(config: RigConfig) -> str:
    """What a rig takes changes of, as a sentence without its end."""
    may = f"only {config.folder}" if config.only_folder else "anything but .beads/"
    return f"{config.name} takes changes of {may}"


def size(numstat: str) -> tuple[int, int]:
    """Lines added and removed, summed over the files of `git diff --numstat`."""
    plus = minus = 0
    for line in numstat.splitlines():
        added, removed, _ = line.split("\t", 2)
        if added.isdigit() and removed.isdigit():
            plus, minus = plus + int(added), minus + int(removed)
    return plus, minus


def _must_have_landed(result: landing.PushResult) -> None:
    """Raise what a push that did not arrive means, in the remote's own words."""
    if result.outcome is landing.Push.LANDED:
        return
    words = " ".join(result.words.split())[:500]
    if result.outcome is landing.Push.UNREACHABLE:
        raise Unavailable(f"the remote does not answer: {words}")
    if result.outcome is landing.Push.MOVED:
        raise Conflict(f"somebody else has moved it there meanwhile: {words}")
    raise Conflict(f"the remote refused the push: {words}")
