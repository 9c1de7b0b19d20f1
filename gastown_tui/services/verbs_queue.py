"""What the overseer may ask about merge requests and a rig's queue."""

from __future__ import annotations

from gastown_tui.domain import records
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.merge_queue import RED_TARGET
from gastown_tui.services.baseline import released
from gastown_tui.services.context import Context
from gastown_tui.services.ends import close_bead
from gastown_tui.services.rejection import Rejection
from gastown_tui.services.requests import Arguments


class QueueVerbs:
    """Reviews and the overseer's words on the queue."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table = {
            "approve": self._approve, "reject": Rejection(context).reject, "hold": self._hold,
            "retry": self._retry, "drop": self._drop, "release": self._release,
        }  # fmt: skip

    def _set(self, target: str, kind: str, text: str, actor: str, **values: str | int) -> str:
        request = self._context.request(target)
        self._context.books.write_town(
            [
                *records.change_request(request, **values),
                records.event(kind, request.id, f"{request.id} ({request.bead}): {text}", actor,
                              request.rig),
            ],
            actor=actor,
        )  # fmt: skip
        self._context.sync()
        return f"{request.id} ({request.bead}): {text}"

    async def _approve(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        tip = arguments.get("tip", "") or request.submitted
        if not request.submitted.startswith(tip) or len(tip) < 7:
            raise Conflict(f"{request.id} has a new commit since you looked: look again")
        if request.state not in {"review", "submitted", "testing", "held"}:
            raise Conflict(f"{request.id} is {request.state}: there is nothing to approve")
        if request.evidence != request.submitted:
            raise Conflict(f"the gates have not passed on {request.id} yet")
        return self._set(
            request.id, "approved", f"approved at {request.submitted[:10]}", actor,
            state="approved", approved=request.submitted, approved_by=actor,
        )  # fmt: skip

    async def _hold(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed", "dropped"}:
            raise Conflict(f"{request.id} is {request.state}")
        why = arguments.get("reason") or "held by you"
        return self._set(request.id, "held", why, actor, state="held", why=why)

    async def _retry(self, target: str, _arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed", "testing"}:
            raise Conflict(f"{request.id} is {request.state}")
        await self._context.in_git(request.rig, lambda git: git.tested.forget(request.submitted))
        return self._set(
            request.id, "retry", "its gates run again", actor, state="submitted", evidence="",
            approved="", approved_by="", rework="", why="", log="", suspect=0, gate_run="", reds=0,
            lost=0,
        )  # fmt: skip

    async def _drop(self, target: str, arguments: Arguments, actor: str) -> str:
        request = self._context.request(target)
        if request.state in {"landing", "landed"}:
            raise Conflict(f"{request.id} is {request.state}")
        why = arguments.get("reason") or "dropped by you"
        text = self._set(
            request.id, "dropped", f"{why}; the branch {request.branch} is kept", actor,
            state="dropped", why=why,
        )  # fmt: skip
        close_bead(self._context, request, f"Dropped: {why}")
        return text

    async def _release(self, target: str, _arguments: Arguments, actor: str) -> str:
        rig = self._context.rig(target)
        view = self._context.books.rig_views({})[rig.name]
        tip = await self._context.in_git(rig.name, lambda git: git.upstream.accept())
        if view.held.startswith(RED_TARGET):  # known, and accepted: red is a change's own from now
            await self._context.in_git(rig.name, lambda git: git.tested.note_green(tip))
        self._context.tips[rig.name] = tip
        self._context.books.write_town(
            released(self._context, rig.name, f"the queue of {rig.name} goes on", actor),
            actor=actor,
        )
        self._context.sync()
        return f"the queue of {rig.name} goes on from {tip[:10]}"
