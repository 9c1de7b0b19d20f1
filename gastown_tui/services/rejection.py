"""A review that sends a change back: to its agent, and when its attempts are used up, to nobody."""

from __future__ import annotations

from gastown_tui.domain import records
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.review import attempt_words
from gastown_tui.domain.town import Request
from gastown_tui.services.context import Context
from gastown_tui.services.requests import Arguments

_ONE_LINE = 300
"""Characters of a reason that stand in lists; the agent gets all of it."""


class Rejection:
    """The overseer's `reject`: the reason is the agent's next prompt, in the same conversation."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def reject(self, target: str, arguments: Arguments, actor: str) -> str:
        """Send a request back with a reason; one whose attempts are used up gets one more.

        Raises:
            BadInput: there is no reason.
            Conflict: its state allows it no more.
        """
        request = self._context.request(target)
        reason = arguments.get("reason", "").strip()
        if request.state in {"landing", "landed", "dropped"}:
            raise Conflict(f"{request.id} is {request.state}")
        if request.state == "rejected" and request.is_own:
            raise Conflict(
                f"{request.id} is rejected",
                hint=f"mend {request.source}, then `gastown mq submit` it again",
            )
        if request.state == "rejected":
            return self._write(request, "rework-review", *self._once_more(request, reason), actor)
        if not reason:
            raise BadInput("a rejection needs a reason", hint="the agent gets it as its next task")
        return self._write(request, *self._sent_back(request, reason), actor)

    def _sent_back(self, request: Request, reason: str) -> tuple[str, list[Operation], str]:
        """The event, the changes and the words of a rejection."""
        limit = self._context.config.limits.attempts
        is_known = request.state == "rework"  # it has come back already, and counts once
        reds = request.reds if is_known else request.reds + 1
        is_last = (reds >= limit and not is_known) or request.is_own
        changes = records.change_request(
            request, state="rejected" if is_last else "rework", rework="review",
            why=_line(reason), log=reason, approved="", approved_by="", suspect=0, reds=reds,
            attempt=request.attempt + (not is_last),
        )  # fmt: skip
        if not is_last:
            words = f"back to {request.agent}, attempt {attempt_words(reds, limit)}: {reason}"
            return "rework-review", changes, words
        if request.is_own:
            return "rejected", changes, f"rejected: {reason}; mend {request.source} and submit it"
        words = (
            f"rejected, and not sent to {request.agent}: its {limit} attempts are used up."
            " You decide: reject it again for one attempt more, retry its gates, or drop it."
        )
        return "rejected", changes, f"{words} It was said: {reason}"

    def _once_more(self, request: Request, reason: str) -> tuple[list[Operation], str]:
        """One attempt more on the overseer's word; without a reason, with the last one."""
        values: dict[str, str | int] = {
            "state": "rework", "attempt": request.attempt + 1,
            "reds": max(0, self._context.config.limits.attempts - 1),
        }  # fmt: skip
        if reason:
            values |= {"rework": "review", "why": _line(reason), "log": reason}
        text = f"back to {request.agent} for one attempt more: {reason or request.why}"
        return records.change_request(request, **values), text

    def _write(
        self, request: Request, kind: str, changes: list[Operation], words: str, actor: str
    ) -> str:
        context, text = self._context, f"{request.id} ({request.bead}): {words}"
        event = records.event(kind, request.id, text, actor, request.rig)
        context.books.write_town([*changes, event], actor=actor)
        context.sync()
        return text


def _line(reason: str) -> str:
    return reason.splitlines()[0][:_ONE_LINE]
