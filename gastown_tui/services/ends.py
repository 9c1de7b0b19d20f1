"""How the bead of a merge request ends: closed for what landed, or for what was dropped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gastown_tui.domain import records
from gastown_tui.domain.formula.progress import SKIPPED
from gastown_tui.domain.operations import Close, Operation, SetState
from gastown_tui.domain.ready import is_failure
from gastown_tui.domain.town import Request
from gastown_tui.services import verdicts
from gastown_tui.services.context import Context
from gastown_tui.services.molecule_ends import close_work, store_of

_DROPPED = f"{SKIPPED}: its change was dropped"


def landed(
    context: Context,
    rig: str,
    commits: dict[str, str],
    tip: str,
    also: Sequence[Operation] = (),
) -> None:
    """Record that requests have landed, and close their beads.

    Args:
        context: the town.
        rig: its name.
        commits: request to its commit on the target; one without adds nothing to it.
        tip: of the target then.
        also: what is recorded with it.
    """
    requests = [context.books.requests[one] for one in commits]
    operations: list[Operation] = list(also)
    for one in requests:
        commit = commits[one.id] or tip
        operations += records.change_request(
            one, state="landed", landed=commit, suspect=0, lost=0, why=""
        )
        text = f"{one.bead} landed on {where(context, rig)} at {commit[:10]}"
        if one.pull:
            text += f" by pull request {one.pull}"
        operations.append(records.event("landed", one.bead, text, verdicts.ACTOR, rig))
    verdicts.write(context, operations)
    for one in requests:
        close_bead(context, one, merged(context, one, commits[one.id] or tip), "landed")


def where(context: Context, rig: str) -> str:
    """The branch that a rig's changes land on, and whose it is."""
    config = context.rig(rig)
    if config.land == "local":
        return f"gastown/{config.default_branch} in {rig}/repo"
    return f"origin/{config.default_branch}"


def merged(context: Context, request: Request, commit: str) -> str:
    """Why the bead of a landed request is closed: what landed where, and how to get it."""
    text = f"Merged in {request.id} as {commit[:12]}"
    books = context.books.rigs.get(request.rig)  # none while the rig is left out
    if books is None or books.config.land != "local":
        return text
    rig = books.config
    branch, hub = f"gastown/{rig.default_branch}", context.paths.town / rig.name / "repo"
    fetch = shlex.join(["git", "fetch", str(hub), branch])
    where = f", on {branch} in {rig.name}/repo; fetch it: {fetch}"
    # A path with a word such as "error" would make other programs read a failure out of it.
    return text if is_failure(where) else text + where


def close_bead(context: Context, request: Request, reason: str, steps: str = _DROPPED) -> None:
    """Close the bead of a request that has come to its end, and its molecule, if it is still open.

    Args:
        context: of the controller.
        request: the request.
        reason: of the bead.
        steps: why what is left of its molecule is closed.
    """
    bead = context.books.bead(request.bead)
    if not bead.is_closed:
        close_work(
            store_of(context.books, request.rig),
            bead.id,
            steps,
            [SetState(bead=bead.id, dimension="done"), Close(bead=bead.id, reason=reason)],
            actor="refinery",
        )
        context.sync()
