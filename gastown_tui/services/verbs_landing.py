"""What the overseer may ask about landing: publish, a branch of one's own, an end of gates."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from typing import Final

import msgspec

from gastown_tui.domain import pulls, records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import BadInput, Conflict, GastownError, Unavailable
from gastown_tui.domain.operations import Create, Operation
from gastown_tui.domain.town import Request
from gastown_tui.services.context import Context
from gastown_tui.services.hooks import request_of
from gastown_tui.services.ports import Handed
from gastown_tui.services.ports_upstream import Unpublished
from gastown_tui.services.requests import Arguments

_CANCELLED: Final = "its gates were ended by you"
_OPEN: Final = frozenset({"open", "in_progress", "deferred", "blocked"})


class LandingVerbs:
    """Publishing, submitting and cancelling."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table = {
            "unpublished": self._unpublished, "publish": self._publish,
            "submit_branch": self._submit, "cancel": self._cancel,
        }  # fmt: skip

    async def _unpublished(self, target: str, _arguments: Arguments, _actor: str) -> str:
        """What a publishing would bring, as JSON of `Unpublished`."""
        rig, there = await self._there(target)
        self._must_be_even(rig, there)
        return msgspec.json.encode(there).decode()

    async def _there(self, target: str) -> tuple[RigConfig, Unpublished]:
        rig = self._context.rig(target)
        if rig.land != "local":
            raise BadInput(f"{rig.name} lands upstream by itself: there is nothing to publish")
        there = await self._context.in_git(rig.name, lambda git: git.upstream.unpublished())
        if not there.pushable:
            raise Conflict(
                f"{there.origin} is a folder somebody works in: nothing is pushed into it",
                hint=f"fetch gastown/{rig.default_branch} from {rig.name}/repo there",
            )
        if there.problem:
            raise Unavailable(f"the upstream of {rig.name} cannot be read: {there.problem}")
        return rig, there

    def _must_be_even(self, rig: RigConfig, there: Unpublished) -> None:
        """Refuse while the target is not built on the upstream as it is.

        Raises:
            Conflict: with what happens now, and what to do.
        """
        if there.rewritten:
            raise Conflict(
                f"the history of {rig.default_branch} was rewritten upstream",
                hint=f"look at it, then `gastown rig release {rig.name}`",
            )
        if there.behind:
            self._context.upstreams[rig.name] = there.upstream  # the queue puts it on top
            raise Conflict(
                f"the upstream has {there.behind} newer commits: what has landed is put on top of"
                " them and tested first",
                hint="publish again when `gastown events` says so",
            )

    async def _publish(self, target: str, arguments: Arguments, actor: str) -> str:
        context = self._context
        rig, there = await self._there(target)
        self._must_be_even(rig, there)
        if arguments.get("tip") != there.tip:
            raise Conflict("more has landed since you looked", hint="look again")
        if not there.count:
            return f"everything that has landed in {rig.name} is upstream already"
        what = f"{there.count} commit{'s' if there.count > 1 else ''} of {rig.name}"
        if arguments.get("pr"):
            text = await self._by_pull(rig, there, what)
        else:
            await context.in_git(rig.name, lambda git: git.upstream.publish(there.tip, ""))
            text = f"{what} pushed to {rig.default_branch} of {there.origin} at {there.tip[:10]}"
        context.note("published", rig.name, text, actor=actor, rig=rig.name)
        context.sync()
        return text

    async def _by_pull(self, rig: RigConfig, there: Unpublished, what: str) -> str:
        """Push the target to a branch of the town's, and open its one pull request."""
        context, forge = self._context, self._context.forge
        if forge is None:
            raise Unavailable("nothing here can make pull requests")
        branch = pulls.branch_of(rig.default_branch)
        await context.in_git(rig.name, lambda git: git.upstream.publish(there.tip, branch))
        title = there.commits[0].subject if there.count == 1 else what
        lines = [f"- {one.subject} ({one.author})" for one in there.commits]
        if there.count > len(lines):
            lines.append(f"- and {there.count - len(lines)} more")
        pull = await asyncio.to_thread(
            forge.open, rig.upstream, branch, rig.default_branch, pulls.text(title, 200),
            pulls.quoted("\n".join(lines)),
        )  # fmt: skip
        return f"{what} in pull request {pull.number} {pull.url}".rstrip()

    async def _submit(self, target: str, arguments: Arguments, actor: str) -> str:
        context = self._context
        rig = self._rig_for(arguments)
        known = self._known(rig.name, target, arguments.get("bead", ""))
        if known is not None and known.state == "landing":
            raise Conflict(f"{known.id} is landing now")
        bead = self._bead(arguments.get("bead", "") or (known.bead if known else ""))
        where, branch, handed = await context.in_git(
            rig.name, lambda git: git.upstream.adopt(target, _key(target))
        )
        if known is not None:
            if known.submitted == handed.tip and known.state not in {"rejected", "held"}:
                return f"{known.id} ({known.bead}) is at {handed.tip[:10]} already: {known.state}"
            operations = _anew(known, handed, branch, target)
            name = known.bead
        else:
            name, title, priority = self._work(rig, bead, arguments, target, actor)
            operations = [records.create_request(_fresh(
                rig, handed, source=target, branch=branch, bead=name, title=title,
                priority=priority, agent=actor,
            ))]  # fmt: skip
        text = f"{target} of {where} is handed in for {name} at {handed.tip[:10]}"
        operations.append(records.event("handed-in", name, text, actor, rig.name))
        context.books.write_town(operations, actor=actor)
        context.sync()
        made = request_of(context, name)
        return f"{made.id if made else ''} {text}".strip()

    def _rig_for(self, arguments: Arguments) -> RigConfig:
        """The rig that is named, that the bead is of, or that is the only one."""
        context, bead = self._context, arguments.get("bead", "")
        own = context.books.rig_of(bead) if bead else ""
        name = arguments.get("rig", "") or own
        if own and name != own:
            raise BadInput(f"{bead} is a bead of {own}, not of {name}")
        if not name and len(context.books.rigs) == 1:
            name = next(iter(context.books.rigs))
        if not name:
            raise BadInput("which rig?", hint="name it with --rig")
        return context.rig(name)

    def _known(self, rig: str, source: str, bead: str) -> Request | None:
        """The open request of the bead, or the one that this branch was submitted for before.

        Raises:
            Conflict: the bead is an agent's.
        """
        for request in self._context.books.requests.values():
            is_open = request.rig == rig and request.state not in {"landed", "dropped"}
            if not is_open:
                continue
            if bead and request.bead == bead and not request.is_own:
                raise Conflict(f"{request.agent} has handed in {bead} already: {request.id}")
            if request.is_own and (request.bead == bead if bead else request.source == source):
                return request
        return None

    def _bead(self, name: str) -> Bead | None:
        """The bead that is named, if nobody else works on it.

        Raises:
            Conflict: somebody does, or it is closed.
        """
        if not name:
            return None
        bead = self._context.books.bead(name)
        if bead.status not in _OPEN or bead.assignee in self._context.books.agents:
            by = f" on the hook of {bead.assignee}" if bead.assignee else ""
            raise Conflict(f"{bead.id} is {bead.status}{by}")
        return bead

    def _work(
        self, rig: RigConfig, bead: Bead | None, arguments: Arguments, branch: str, actor: str
    ) -> tuple[str, str, int]:
        """Id, title and priority of the work item; made when none was named."""
        if bead is not None:
            return bead.id, bead.title, bead.priority
        title = records.one_line(arguments.get("title", ""), f"Land {branch}")
        done = self._context.books.write_rig(
            rig.name,
            [Create(bead={"title": title, "status": "in_progress", "assignee": actor})],
            actor=actor,
        )
        return done.ids[0], title, 2

    async def _cancel(self, target: str, _arguments: Arguments, actor: str) -> str:
        context = self._context
        if target in context.books.rigs:
            return await self._cancel_landing(target, "", actor)
        request = context.request(target)
        if request.state == "landing":
            return await self._cancel_landing(request.rig, request.id, actor)
        if request.state != "testing":
            raise Conflict(f"{request.id} is {request.state}: no gates run for it")
        text = f"{request.id} ({request.bead}): {_CANCELLED}; `gastown mq retry` runs them again"
        operations: list[Operation] = [
            *records.change_request(request, state="held", why=_CANCELLED, gate_run=""),
            records.event("cancelled", request.id, text, actor, request.rig),
        ]
        await self._end(operations, request.gate_run, actor)
        return text

    async def _cancel_landing(self, rig: str, request: str, actor: str) -> str:
        """End a landing run: its request is held, or without one the queue; the others wait."""
        context = self._context
        run = context.books.rig_views({})[rig].landing
        if not run:
            raise Conflict(f"nothing lands in {rig} now")
        why, held = "its landing run was ended by you", "" if request else rig
        operations: list[Operation] = list(records.change_rig(rig, landing=""))
        if held:
            operations += records.change_rig(rig, held=why)
        for one in context.books.requests.values():
            if one.rig == rig and one.state == "landing":
                is_it = one.id == request
                operations += records.change_request(
                    one, state="held" if is_it else "approved", gate_run="", lost=0,
                    why=why if is_it else "",
                )  # fmt: skip
        release = f"`gastown rig release {rig}` lets the queue go on"
        again = "`gastown mq retry` runs it again" if request else release
        text = f"{request or rig}: {why}; {again}"
        operations.append(records.event("cancelled", request or rig, text, actor, rig))
        await self._end(operations, run, actor)
        return text

    async def _end(self, operations: list[Operation], run: str, actor: str) -> None:
        """Write first that nobody waits for a run, then end it: nothing starts it again."""
        context = self._context
        context.books.write_town(operations, actor=actor)
        context.sync()
        with contextlib.suppress(GastownError):  # not begun yet: it is ended as soon as it is seen
            await context.host.end(run=run, reason="cancelled by the overseer")


def _key(branch: str) -> str:
    """A name for the branch that keeps what was submitted: one for each branch."""
    digest = hashlib.sha256(branch.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', branch).strip('-')[:60]}-{digest}"


def _fresh(rig: RigConfig, handed: Handed, **values: str | int) -> Request:
    row = {
        "id": "~request", "rig": rig.name, "target": rig.default_branch, "base": handed.base,
        "plus": handed.plus, "minus": handed.minus, "submitted": handed.tip,
        "flagged": "\n".join(handed.flagged),
    }  # fmt: skip
    return msgspec.convert(row | values, Request)


def _anew(request: Request, handed: Handed, branch: str, source: str) -> list[Operation]:
    return records.change_request(
        request, state="submitted", submitted=handed.tip, base=handed.base, plus=handed.plus,
        minus=handed.minus, evidence="", approved="", approved_by="", rework="", why="", log="",
        gate_run="", suspect=0, lost=0, reds=0, attempt=request.attempt + 1, branch=branch,
        source=source, flagged="\n".join(handed.flagged),
    )  # fmt: skip
