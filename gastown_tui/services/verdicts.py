"""What a gate run means for a merge request, as operations on its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gastown_tui.domain import records
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import Request, RunFact
from gastown_tui.services.context import Context

ACTOR = "refinery"
OUT_OF_ROOM: Final = "its gates ran out of room on the disk; they run again later"
ELSEWHERE: Final = "its gates ended with another commit checked out; they run again"
_NO_ROOM: Final = ("no space left on device", "disk quota exceeded", "enospc")
_BELIEVED: Final = 3
"""Runs in a row without a verdict up to which the words of the output are enough."""


def write(context: Context, operations: Sequence[Operation]) -> None:
    """Write to the town's directory and take it into the books."""
    context.books.write_town(operations, actor=ACTOR)
    context.sync()


def has_verdict(run: RunFact | None) -> bool:
    """Whether a gate run says something of the change: it ended by itself, or took too long.

    A run that somebody ended, that died by a signal, or that went with its host says nothing.
    """
    if run is None or run.alive:
        return False
    return run.why == "exit" or "time limit" in run.why


def is_green(run: RunFact) -> bool:
    """Whether the gates passed; one that was ended and then said 0 has not."""
    return run.why == "exit" and run.code == 0


def not_clean(stray: str) -> str:
    """One line on a work tree that is not as it was after green gates."""
    return f"the gates passed, but left changes in the work tree (ignore or undo them): {stray}"


def how_red(run: RunFact, gates: Sequence[str]) -> str:
    """One line on why a run is red."""
    if run.why == "exit" and run.code in {126, 127}:
        fault = "was not found" if run.code == 127 else "cannot be executed"
        return f"a command of the gates {fault} (exit {run.code}): {'; '.join(gates)[:200]}"
    if run.why == "exit":
        named = "; ".join(map(_without_folder, gates))
        return f"the gates failed (exit {run.code}): {named[:200]}"
    return f"the gates did not end ({run.why.removeprefix('ended: ')})"


def _without_folder(gate: str) -> str:
    """A command as one reads it in a narrow column: its program by name."""
    program, space, rest = gate.partition(" ")
    return f"{program.rpartition('/')[2]}{space}{rest}"


def passed(context: Context, request: Request, where: str = "on the branch") -> list[Operation]:
    """The gates passed on the branch: to the reviewer, or on its way."""
    is_approved = request.approved == request.submitted  # the same diff was, before a rebase
    is_wanted = context.rig(request.rig).review == "required" or bool(request.flagged)
    needs_review = is_wanted and not is_approved
    text = f"{request.id} ({request.bead}): gates passed {where}"
    return [
        *records.change_request(
            request,
            state="review" if needs_review else "approved",
            evidence=request.submitted,
            approved="" if needs_review else request.submitted,
            approved_by="" if needs_review else request.approved_by if is_approved else "policy",
            why="",
            log="",
            lost=0,
        ),
        records.event("evidence", request.id, text, ACTOR, request.rig),
    ]


def no_room(context: Context, requests: Sequence[Request], log: str) -> bool:
    """Whether gates are red for want of room on the disk, which is no change's fault.

    What the output alone says is believed three times in a row: a change's own tests may say it.
    """
    if context.shortage():
        return True
    is_said = any(words in log.lower() for words in _NO_ROOM)
    return is_said and all(request.lost < _BELIEVED for request in requests)


def without_verdict(
    context: Context, request: Request, state: str, why: str = ""
) -> list[Operation]:
    """Nothing is known of the change: it goes back to where it was, and is tried again later.

    Args:
        context: the town.
        request: what was tested.
        state: where it goes.
        why: told to the overseer; empty for what is ordinary, such as a host that died.
    """
    changes = records.change_request(
        request, state=state, gate_run="", lost=request.lost + 1, why=why
    )
    if not why:
        return changes
    text = f"{request.id} ({request.bead}): {why}"
    return [*changes, records.event("gates-again", request.id, text, ACTOR, request.rig)]


def sent_back(context: Context, request: Request, kind: str, why: str, log: str) -> list[Operation]:
    """Back to the agent, or to the overseer when the attempts are used up.

    Args:
        context: the town.
        request: what comes back.
        kind: conflict or gate; conflicts use up no attempt.
        why: one line for a person.
        log: the end of the output, or the files in conflict.
    """
    limit = context.config.limits.attempts
    reds = request.reds + (kind != "conflict")
    is_last = reds >= limit or request.is_own
    changes = records.change_request(
        request,
        state="rejected" if is_last else "rework",
        rework=kind,
        why=why,
        log=log,
        approved="",
        approved_by="",
        suspect=0,
        lost=0,
        reds=reds,
        attempt=request.attempt + (not is_last),
    )
    if request.is_own:
        text = f"{request.id} ({request.bead}) is rejected: {why}; mend {request.source} and submit"
        text += " it again"
    elif is_last:
        text = f"{request.id} ({request.bead}) is rejected after {reds} attempts: {why}"
    else:
        text = f"{request.id} ({request.bead}) goes back: {why}"
    event = "rejected" if is_last else f"rework-{kind}"
    return [*changes, records.event(event, request.id, text, ACTOR, request.rig)]
