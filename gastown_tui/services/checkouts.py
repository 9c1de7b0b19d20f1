"""Folders in which the overseer tries a change by hand: made, brought up to date, taken away."""

from __future__ import annotations

import logging
from pathlib import Path

from gastown_tui.domain.errors import BadInput, CannotStart, Conflict, GastownError, NotFound
from gastown_tui.domain.town import Request
from gastown_tui.services.context import Context
from gastown_tui.services.gates import run_setup, tear_down
from gastown_tui.services.requests import Arguments

log = logging.getLogger("gastown.checkouts")


class Checkouts:
    """The verbs about them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table = {"checkout": self._make, "checkout_done": self._done}

    async def _make(self, target: str, arguments: Arguments, _actor: str) -> str:
        context, request = self._context, self._context.request(target)
        path = self._place(request, arguments.get("to", ""))
        await context.in_git(
            request.rig, lambda git: git.review.checkout(path, request.submitted, request.id)
        )
        await context.in_git(request.rig, lambda git: git.copy_in(path))
        text = f"{request.id} is at {request.submitted[:10]} in {path}"
        rig = context.rig(request.rig)
        if not rig.setup.run and not rig.setup.environment:
            return text
        if arguments.get("setup") != "yes":
            return f"{text}; its set-up was not run (--setup runs it): {'; '.join(rig.setup.run)}"
        try:
            await run_setup(context, rig.name, path, name=f"setup/{rig.name}/{request.id}")
        except CannotStart as error:
            raise Conflict(f"{text}, but {error.message}", hint=error.hint) from error
        return f"{text}, set up"

    def _place(self, request: Request, wanted: str) -> Path:
        """Where it goes: below the rig, or where the overseer says, but in nobody's folder.

        Raises:
            BadInput: the folder is not absolute, or the town's.
        """
        town = self._context.paths.town
        if not wanted:
            return town / request.rig / "checkouts" / request.id
        path = Path(wanted)
        if not path.is_absolute():
            raise BadInput(f"{wanted} is no absolute path")
        if path.resolve().is_relative_to(town.resolve()):
            raise BadInput(f"{path} lies in the town", hint="name a folder outside, or none")
        return path.resolve()

    async def _done(self, target: str, arguments: Arguments, _actor: str) -> str:
        request = self._context.request(target)
        discard = arguments.get("discard") == "yes"
        gone = await _end(self._context, request, discard=discard)
        if not gone:
            raise NotFound(f"{request.id} is checked out nowhere")
        return f"taken away: {', '.join(map(str, gone))}"


async def _end(context: Context, request: Request, *, discard: bool) -> list[Path]:
    """Take the folders of a change away, what set-up made of them first."""
    name = f"teardown/{request.rig}/{request.id}"
    found = await context.in_git(
        request.rig, lambda git: git.review.checked_out(request.id, discard=discard)
    )
    for path in found:
        if context.paths.tmp(request.rig, path).exists():  # made by the set-up
            await tear_down(context, request.rig, path, name=name)
    return await context.in_git(
        request.rig, lambda git: git.review.end_checkouts(request.id, discard=discard)
    )


async def tidy_checkouts(context: Context, request: Request) -> None:
    """Take the folders of a change that has come to its end away; one with own work is kept."""
    try:
        await _end(context, request, discard=False)
    except Conflict as error:
        context.note("kept", request.id, f"{request.id}: {error.message}", rig=request.rig)
    except GastownError as error:
        log.warning("a checkout of %s stays: %s", request.id, error)
