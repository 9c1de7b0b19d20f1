"""Git of one rig behind the port that the controller uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from gastown_tui.adapters.git import (
    guard,
    hub,
    landing,
    leftovers,
    names,
    sandbox,
    setup_copy,
    signing,
    stack,
    submodules,
    upstream,
)
from gastown_tui.adapters.git.aside import set_aside
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.stack import Candidate
from gastown_tui.adapters.git.status import sandbox_state
from gastown_tui.adapters.git.tested import GreenTrees
from gastown_tui.adapters.rig_review import RigReview
from gastown_tui.adapters.rig_upstream import RigUpstream, flagged, outside, size
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.workplaces import SetUp
from gastown_tui.services.ports import Handed, Left, Piece, Stacked, TargetMoved
from gastown_tui.services.ports_review import Reviewing
from gastown_tui.services.ports_upstream import Tested, Upstream

CONFLICTS = "refs/gastown/conflicts"
"""Below it, for each request and attempt, the tip that did not fit the target."""


class RigGit:
    """The rig's hub and worktrees; calls block and must not overlap."""

    def __init__(self, town: Path, config: RigConfig) -> None:
        self._town = town
        self._config = config
        self._hub_info: hub.HubInfo | None = None
        self._follows = RigUpstream(config, lambda: self.hub, self._signing)
        self.review: Reviewing = RigReview(lambda: self.hub)
        self.upstream: Upstream = self._follows
        place = [one for one in (config.folder, config.setup.environment) if one]
        commands = [*config.setup.run, *config.gates, *place]
        self.tested: Tested = GreenTrees(town / config.name / "repo", commands)

    @property
    def hub(self) -> hub.HubInfo:
        """The hub, opened when first needed."""
        if self._hub_info is None:
            found = hub.open_hub(self._town / self._config.name / "repo")
            self._hub_info = replace(found, sparse=tuple(self._config.sparse))
        return self._hub_info

    @property
    def _target(self) -> str:
        """The ref that changes land on."""
        return self.hub.target_ref(self._config.land)

    def refresh(self, *, fetch: bool) -> str:
        """The target's tip, after a fetch; a target in the hub does not need its upstream."""
        if fetch and self._config.land == "local":
            self._follows.look()
        elif fetch:
            landing.fetch(self.hub)
        return landing.target_tip(self.hub, self._target)

    def prepare(self, path: Path, branch: str, start: str = "") -> str:
        """A sandbox on a fresh branch; one left half made, in which nobody worked, is replaced."""
        target = self.refresh(fetch=True)
        self.undo(path, branch)
        sandbox.create_sandbox(self.hub, path, branch, start or target)
        if not start:
            return target
        return Git(self.hub.path).text("merge-base", start, target) or target

    def undo(self, path: Path, branch: str) -> None:
        """Take a sandbox and its branch away, set-up files and all, unless it holds commits."""
        git = Git(self.hub.path)
        ref = f"refs/heads/{branch}"
        tip = git.commit(ref)
        if tip is None:
            return
        holders = git.text("for-each-ref", "--count=2", f"--contains={tip}", "--format=%(refname)")
        if not set(holders.split()) - {ref}:
            raise Conflict(f"{branch} holds commits of its own", hint="look at it")
        if (path / ".git").exists() and sandbox_state(path).branch == branch:
            git.call("worktree", "remove", "--force", "--force", "--", str(path))
        sandbox.delete_branch(self.hub, branch, tip)

    def copy_in(self, worktree: Path) -> None:
        """Copy and link what `[setup]` names from where the rig was added; nothing for a URL."""
        source, setup = self._config.source, self._config.setup
        if source and (setup.copy or setup.link):
            setup_copy.copy_ignored(Path(source), setup.copy, worktree, setup.link)

    def set_up_of(self, worktree: Path) -> SetUp:
        """How far a worktree is set up."""
        config, setup = self._config, self._config.setup
        commands = [*setup.run, setup.environment]
        return setup_copy.how_set_up(worktree, config.folder, setup.inputs, commands)

    def branch_for(self, agent: str, bead: str, token: str) -> str:
        """`polecat/<agent>/<bead>@<token>`."""
        return names.branch_name(agent, bead, token)

    def agent_env(self, path: Path, branch: str) -> dict[str, str]:
        """The guard, and who commits: the agent's name, at the person's own address if known."""
        found = Git(self.hub.path).call("config", "--get", "user.email", ok=None)
        name = path.name
        email = found.out.decode("utf-8", "replace").strip() or f"{name}@gastown.invalid"
        who = {"NAME": f"{name} ({self._config.name})", "EMAIL": email}
        identity = {f"GIT_{side}_{key}": value for side in ("AUTHOR", "COMMITTER")
                    for key, value in who.items()}  # fmt: skip
        return guard.agent_git_env(self._town, self._config.name, path, branch) | identity

    def hand_in(self, path: Path, branch: str, base: str, agent: str) -> Handed:
        """Commit leftovers; refuse a branch in the middle of something, or not checked out."""
        state = sandbox_state(path)
        if state.operation:
            raise Conflict(f"a {state.operation} is under way in the sandbox of {agent}")
        if state.branch != branch:
            raise Conflict(
                f"the sandbox of {agent} is on {state.branch or 'no branch'}, not {branch}"
            )
        left = _leftovers(path, agent)
        git = Git(path)
        tip = git.commit(f"refs/heads/{branch}") or ""
        start = self._start(git, tip, base)
        commits = int(git.text("rev-list", "--count", f"{start}..{tip}"))
        plus, minus = size(git.text("diff", "--numstat", start, tip))
        submodules.keep(path, start, tip)
        return Handed(
            tip=tip,
            base=start,
            plus=plus,
            minus=minus,
            commits=commits,
            leftovers=left.commit or "",
            left_out=tuple(f"{one.path} ({one.why})" for one in left.left_out),
            flagged=flagged(git, start, tip),
            outside=outside(self._config, git, start, tip),
        )

    def _start(self, git: Git, tip: str, base: str) -> str:
        """Where a branch begins: at the target, or where it was begun if that was taken out of it.

        A target whose history was rewritten no longer holds what the branch was built on.
        """
        start = git.text("merge-base", tip, self.refresh(fetch=False)) or base
        ancestor = ("merge-base", "--is-ancestor")
        is_further = git.commit(base) is not None and git.succeeds(*ancestor, start, base)
        return base if is_further and git.succeeds(*ancestor, base, tip) else start

    def commit_left(self, path: Path, branch: str, agent: str) -> Left:
        """Commit what an agent left when its session was ended, on the branch checked out there."""
        if not path.exists():
            return Left()
        sandbox.clear_stale_locks(path, branch=branch)
        left = _leftovers(path, agent)
        return Left(
            commit=left.commit or "",
            left_out=tuple(f"{one.path} ({one.why})" for one in left.left_out),
            held=left.held,
        )

    def evidence_tree(self, worktree: Path, commit: str) -> None:
        """A clean, detached checkout of a commit."""
        sandbox.create_detached(self.hub, worktree, commit)

    def stack(self, worktree: Path, base: str, requests: Sequence[Piece]) -> Stacked:
        """Rebase or squash each request onto what is below it."""
        try:
            landing.verify_target(self.hub, self._target)
        except landing.TargetMoved as error:
            raise TargetMoved(error.message, hint=error.hint) from error
        sandbox.create_detached(self.hub, worktree, base)
        mode = self._config.merge
        candidates = [
            Candidate(request=one.request, tip=one.tip, mode=mode, message=one.title, base=one.base)
            for one in requests
        ]
        by = self._signing()
        result = stack.prepare_stack(worktree, base, candidates, by=by)
        commits: dict[str, str] = {}
        conflicts: dict[str, tuple[str, ...]] = {}
        for placed in result.placed:
            if placed.outcome in {stack.Outcome.STACKED, stack.Outcome.EMPTY}:
                commits[placed.request] = placed.tip
            else:
                conflicts[placed.request] = placed.conflicts or (placed.why,)
        if commits:
            alone = [one for one in candidates if one.request in conflicts]
            for one in alone:
                if self._fits_alone(worktree, base, one, by):
                    del conflicts[one.request]
            sandbox.reset_worktree(worktree, result.tip)
        return Stacked(base=base, tip=result.tip, commits=commits, conflicts=conflicts)

    def _signing(self) -> signing.Signing:
        """How what lands is signed; a key that does not sign holds the queue."""
        try:
            return signing.signing_of(self.hub.path, self._config.source, self._town / ".gastown")
        except signing.CannotSign as error:
            raise TargetMoved(error.message, hint=error.hint) from error

    @staticmethod
    def _fits_alone(worktree: Path, base: str, candidate: Candidate, by: signing.Signing) -> bool:
        """Whether only others of its batch are in its way: what they hold has not landed yet."""
        placed = stack.prepare_stack(worktree, base, [candidate], by=by).placed[0]
        return placed.outcome in {stack.Outcome.STACKED, stack.Outcome.EMPTY}

    def is_elsewhere(self, worktree: Path, commit: str) -> bool:
        """Whether a worktree stands at a commit that is not built on this one, or has gone."""
        git = Git(worktree) if worktree.exists() else None
        head = git.commit("HEAD") if git else None
        if git is None or head is None:
            return True
        return not git.succeeds("merge-base", "--is-ancestor", commit, head)

    def differs(self, worktree: Path, commit: str) -> str:
        """How a worktree differs from a commit, in words; empty when it does not."""
        return sandbox.differs(worktree, commit)

    def land(self, new: str, old: str, message: str) -> None:
        """Move the target by compare-and-set; landing again what has landed is no error."""
        if landing.target_tip(self.hub, self._target) == new:
            return
        try:
            if self._config.land == "local":
                landing.land_local(self.hub, new, old, message=message)
                return
            result = landing.land_push(self.hub, new, old)
        except Conflict as error:
            raise TargetMoved(error.message, hint=error.hint) from error
        words = f"the push was {result.outcome.value}: {' '.join(result.words.split())}"[:500]
        if result.outcome is landing.Push.MOVED:
            raise Conflict(words)
        if result.outcome is landing.Push.REFUSED:
            raise TargetMoved(words)
        if result.outcome is landing.Push.UNREACHABLE:
            raise Unavailable(words)

    def note_conflict(self, request: str, attempt: int, tip: str) -> None:
        """Keep the tip that did not fit."""
        ref = f"{CONFLICTS}/{names.check_key(request)}/{attempt}"
        Git(self.hub.path).call("update-ref", ref, names.check_sha(tip))

    def clean(self, path: Path, branch: str, submitted: str, landed: str, request: str) -> str:
        """Take a sandbox and its branch away, once its change is in the target for certain."""
        tip = self.refresh(fetch=self._config.land != "local")
        if not upstream.has_landed(self.hub, landed, tip):
            raise Conflict(f"{landed[:12]} is not in the target {tip[:12]}")
        aside = ""
        if path.exists():
            sandbox.clear_stale_locks(path, branch=branch)
            aside = self._aside(path, _leftovers(path, path.name))
        try:
            sandbox.remove_sandbox(
                self.hub, path, branch, submitted=submitted, request=request, base=tip
            )
        except Conflict:
            sandbox.keep_landed(self.hub, request, submitted)
            return _and(self.put_away(path, branch, path.name), aside)
        return aside

    def _aside(self, path: Path, left: leftovers.Leftovers) -> str:
        """Move what may not be committed out of a sandbox; where it is now, in words."""
        if left.held:
            return ""
        place = self._town / self._config.name / "kept" / path.name
        try:
            folder = set_aside(path, left.stays, place)
        except OSError as error:
            raise Conflict(f"{error.filename} cannot be moved to {place}: {error}") from error
        return "" if folder is None else f"{folder} (never committed)"

    def put_away(self, path: Path, branch: str, agent: str) -> str:
        """Commit what is left in a sandbox; its branch stays unless nothing is on it."""
        git, aside = Git(self.hub.path), ""
        if path.exists():
            sandbox.clear_stale_locks(path, branch=branch)
            left = _leftovers(path, agent)
            aside = self._aside(path, left)
            self._keep_submodules(path)
            state = sandbox_state(path)
            if left.held or not state.clean:
                some = ", ".join([*state.dirty, *state.untracked, *state.stashes][:5])
                why = left.held or f"it holds {some or state.operation or 'something'}"
                raise Conflict(f"the sandbox of {agent} cannot be put away: {why}")
        tip = git.commit(f"refs/heads/{branch}") if branch else None
        if tip is None:
            return aside
        if not git.succeeds("merge-base", "--is-ancestor", tip, self.refresh(fetch=False)):
            return _and(branch, aside)
        if path.exists() and sandbox_state(path).branch == branch:
            Git(path, env=hub.identity(author=True)).call("checkout", "-q", "--detach")
        sandbox.delete_branch(self.hub, branch, tip)
        return aside

    def _keep_submodules(self, path: Path) -> None:
        """Take what a sandbox's commits name in submodules into the hub."""
        git = Git(path)
        head = git.commit("HEAD")
        if head is not None:
            submodules.keep(path, self.refresh(fetch=False), head)


def _and(*parts: str) -> str:
    return " and ".join(part for part in parts if part)


def _leftovers(path: Path, agent: str) -> leftovers.Leftovers:
    """Commit what an agent left, without what set-up put there."""
    put = setup_copy.put_there(path)
    return leftovers.commit_leftovers(path, agent, f"{agent}@gastown.invalid", exclude=put)
