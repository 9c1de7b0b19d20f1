"""Changes that land by pull request: the branch pushed, the request made, its state followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from gastown_tui.domain import pulls, records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import FollowPulls
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import Conflict, GastownError, NotFound, Unavailable
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.pulls import Pull, Standing
from gastown_tui.domain.rules_queue import is_followed
from gastown_tui.domain.town import Request
from gastown_tui.services import verdicts
from gastown_tui.services.context import Context
from gastown_tui.services.ends import landed
from gastown_tui.services.ports_upstream import Forge

_PATIENCE_S: Final = 120.0
"""Between two questions to a forge that has not answered."""
_AUTO_S: Final = 600.0
"""Between two wishes that the forge merge by itself what it has refused."""

log = logging.getLogger("gastown.pulls")


class Pulls:
    """Opens pull requests for tested changes, and records what becomes of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._again: dict[str, float] = {}
        self._refusals: dict[str, tuple[float, str]] = {}
        """By request, what the forge does not merge by itself: when to ask again, and its words."""

    async def open(self, rig: str, request: Request, tip: str) -> None:
        """Push a tested change to its own branch, and make its pull request if it has none.

        Raises:
            Unavailable: the remote or the forge does not answer; nothing is lost by a repetition.
        """
        context = self._context
        config, branch = context.rig(rig), pulls.branch_of(request.bead)
        try:
            await context.in_git(rig, lambda git: git.upstream.push_branch(branch, tip))
        except Conflict as error:
            self._hold(request, error.message, records.change_rig(rig, landing=""))
            return
        title, body = _described(request, self._bead(request))
        pull = await asyncio.to_thread(
            self._forge().open, config.upstream, branch, config.default_branch, title, body
        )
        why = f"pull request {pull.number}" + await self._merge_by_itself(config, request, pull)
        text = f"{request.id} ({request.bead}): {why} {pull.url}".rstrip()
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        operations += records.change_request(
            request, state="pull", pull=pull.number, pull_url=pull.url, pushed=tip, why=why,
            gate_run="", lost=0, suspect=0,
        )  # fmt: skip
        operations.append(records.event("pull", request.id, text, verdicts.ACTOR, rig))
        verdicts.write(context, operations)

    async def follow(self, command: FollowPulls) -> None:
        """Ask how a rig's pull requests stand, all at once, and record what has changed."""
        context = self._context
        config = context.rig(command.rig)
        if context.clock.now().awake < self._again.get(config.name, 0.0):
            return
        mine = self._followed(config.name)
        numbers = tuple(sorted({one.pull for one in mine}))
        try:
            found = await asyncio.to_thread(self._forge().pulls, config.upstream, numbers)
            for request in self._followed(config.name):
                if request.pull in found:
                    await self._take(config, request, found[request.pull])
        except Unavailable as error:
            self._again[config.name] = context.clock.now().awake + _PATIENCE_S
            self._tell(config.name, f"pull requests of {config.name}: {error}")
        else:
            self._tell(config.name, "")

    def _followed(self, rig: str) -> list[Request]:
        known = self._context.books.requests.values()
        return [one for one in known if one.rig == rig and is_followed(one)]

    def _tell(self, rig: str, problem: str) -> None:
        key = f"{rig}/pulls"
        if problem:
            self._context.problems[key] = problem
            log.warning("%s", problem)
        else:
            self._context.problems.pop(key, None)

    def _forge(self) -> Forge:
        if self._context.forge is None:
            raise Unavailable("nothing here can make pull requests")
        return self._context.forge

    def _bead(self, request: Request) -> Bead | None:
        try:
            return self._context.books.bead(request.bead)
        except NotFound:
            return None

    async def _take(self, config: RigConfig, request: Request, pull: Pull) -> None:
        """Record what a pull request's state means for its request."""
        if request.state != "pull":
            if pull.state == "MERGED":  # by somebody, over what the town was about to do
                await self._merged(config, request, pull)
            return
        standing = pulls.judge(pull, request)
        if standing.word == "failed" and any(one.is_required is None for one in pull.checks):
            required = await asyncio.to_thread(self._forge().required, config.upstream, pull.number)
            standing = pulls.judge(pull, request, required)
        if standing.word == "merged":
            await self._merged(config, request, pull)
        elif standing.word == "failed":
            operations = verdicts.sent_back(
                self._context, request, "gate", standing.why[:300], standing.log
            )
            verdicts.write(self._context, operations)
        elif standing.word == "closed":
            self._closed(request, standing)
        elif standing.word == "moved":
            await self._moved(config, request, pull, standing)
        elif standing.word == "asked":
            await self._asked(config, request, pull, standing)
        elif standing.word in {"conflict", "behind"} and await self._is_old(config, request):
            self._set(request, state="approved", why=f"{standing.why}: it is stacked anew")
        else:
            but = await self._merge_by_itself(config, request, pull)
            self._set(request, why=standing.why + but)

    async def _merge_by_itself(self, config: RigConfig, request: Request, pull: Pull) -> str:
        """Have the forge merge it as soon as it may, where the rig says so; what it refuses."""
        if not config.auto_merge or pull.auto or pull.status == "DRAFT":
            return ""
        now = self._context.clock.now().awake
        again, words = self._refusals.pop(request.id, (0.0, ""))
        if now >= again:
            again, words = now + _AUTO_S, ""
            try:
                await asyncio.to_thread(
                    self._forge().merge_when_ready, config.upstream, pull, config.auto_merge
                )
            except Unavailable as error:
                words = str(error)
        if not words:
            return ""
        self._refusals[request.id] = again, words
        return f": not merged by itself: {words}"

    async def _moved(
        self, config: RigConfig, request: Request, pull: Pull, standing: Standing
    ) -> None:
        """The forge shows another head than the one pushed: it is late, or somebody pushed too."""
        branch = pulls.branch_of(request.bead)
        there = await self._context.in_git(config.name, lambda git: git.upstream.tip_there(branch))
        if there in {"", request.pushed}:
            self._set(request, why=standing.why)
            return
        why = (
            f"somebody else has pushed {there[:10]} to {branch}: merge or close pull request"
            f" {pull.number} there"
        )
        if request.why != why:
            text = f"{request.id} ({request.bead}): {why}"
            event = records.event("escalated", request.id, text, verdicts.ACTOR, request.rig)
            changes = records.change_request(request, why=why)
            verdicts.write(self._context, [*changes, event])

    async def _asked(
        self, config: RigConfig, request: Request, pull: Pull, standing: Standing
    ) -> None:
        """Changes are requested of this head: they go to the agent; of an older one: it waits."""
        found = await asyncio.to_thread(
            self._forge().requested, config.upstream, pull.number, pull.head
        )
        if not found:
            self._set(request, why=standing.why)
            return
        why, said = pulls.asked_for(pull, found)
        verdicts.write(
            self._context, verdicts.sent_back(self._context, request, "review", why[:300], said)
        )

    async def _is_old(self, config: RigConfig, request: Request) -> bool:
        """Whether the target has moved on since the change was pushed."""
        return not await self._context.in_git(
            config.name, lambda git: git.upstream.is_on_top(request.pushed)
        )

    async def _merged(self, config: RigConfig, request: Request, pull: Pull) -> None:
        """Record a merge, once its commit is seen in the target."""
        context = self._context
        name = f"pull request {pull.number}"
        if pull.base and pull.base != config.default_branch:
            self._hold(request, f"{name} was merged into {pull.base}, not the target")
            return
        try:
            is_there = bool(pull.merged) and await context.in_git(
                config.name, lambda git: git.upstream.has_merged(pull.merged)
            )
        except GastownError as error:
            raise Unavailable(error.message) from error
        if not is_there:
            where = f"origin/{config.default_branch}"
            self._set(request, why=f"{name} is merged, but not to be seen in {where} yet")
            return
        context.tips[config.name] = await context.in_git(
            config.name, lambda git: git.refresh(fetch=False)
        )
        landed(context, config.name, {request.id: pull.merged}, pull.merged)
        if pull.head and pull.head != request.pushed:
            text = (
                f"{request.id} ({request.bead}): {name} was merged at {pull.head[:10]}, not at"
                f" {request.pushed[:10]} as it was handed in: look at it"
            )
            event = records.event("escalated", request.id, text, verdicts.ACTOR, config.name)
            verdicts.write(context, [event])

    def _closed(self, request: Request, standing: Standing) -> None:
        why = f"{standing.why}: {request.pull_url}".rstrip(": ")
        text = f"{request.id} ({request.bead}): {why}"
        operations: list[Operation] = [
            *records.change_request(request, state="rejected", why=why[:300], pull=0),
            records.event("escalated", request.id, text, verdicts.ACTOR, request.rig),
        ]
        verdicts.write(self._context, operations)

    def _hold(self, request: Request, why: str, also: Sequence[Operation] = ()) -> None:
        text = f"{request.id} ({request.bead}): {why}"
        operations: list[Operation] = list(also)
        operations += records.change_request(request, state="held", why=why[:300], gate_run="")
        operations.append(records.event("escalated", request.id, text, verdicts.ACTOR, request.rig))
        verdicts.write(self._context, operations)

    def _set(self, request: Request, **values: str) -> None:
        """Write what differs, so that a look without news changes nothing."""
        values = {key: text[:300] for key, text in values.items()}
        if any(getattr(request, key) != text for key, text in values.items()):
            verdicts.write(self._context, records.change_request(request, **values))


def _described(request: Request, bead: Bead | None) -> tuple[str, str]:
    """Title and text of a pull request."""
    title = pulls.text(request.title or request.bead, 200)
    parts = [bead.description if bead else "", bead.acceptance_criteria if bead else ""]
    body = "\n\n".join(part.strip() for part in parts if part.strip())
    return title, pulls.quoted(f"{body}\n\nWork item {request.bead}".strip())
