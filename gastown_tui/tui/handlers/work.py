"""Actions on work: the merge queue, beads."""

from __future__ import annotations

from functools import partial
from typing import Final

from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice
from gastown_tui.viewmodels.queue import offered, request_summary
from gastown_tui.viewmodels.states import bead_mark, queue_mark
from gastown_tui.viewmodels.text import clean, crop, string

TYPES: Final = (("task", "t"), ("bug", "b"), ("feature", "f"), ("epic", "e"), ("chore", "c"))


def _meant(desk: Desk) -> str:
    request = desk.request()
    if not request:
        desk.toast("no merge request belongs to this", bad=True)
    return request


async def approve(desk: Desk) -> None:
    """Approve the commit that was submitted."""
    if not (request := _meant(desk)):
        return
    row = desk.store.row("mq", request)
    tip = string(row, "submitted")
    summary = ((crop(request_summary(row), 64), "text"),)
    what = ((f"the commit {tip[:12]}" if tip else "its present tip", "muted"),)
    if await desk.confirm("Approve for merge?", summary, what):
        await desk.send("approve", request, tip=tip)


async def reject(desk: Desk) -> None:
    """Send the request back with a reason."""
    if not (request := _meant(desk)):
        return
    reason = await desk.write(Draft(title=f"Reject {desk.title_of(request)}: why?"))
    if reason:
        await desk.send("reject", request, reason=reason)


async def drop(desk: Desk) -> None:
    """Take the request out of the queue for good."""
    if request := _meant(desk):
        await _drop(desk, request)


async def _drop(desk: Desk, request: str) -> None:
    row = desk.store.row("mq", request)
    lines = (((crop(request_summary(row), 64), "text"),), (("Its branch is kept.", "muted"),))
    if await desk.confirm("Drop the request?", *lines):
        await desk.send("drop", request)


async def _plain(verb: str, desk: Desk) -> None:
    if request := _meant(desk):
        await desk.send(verb, request)


def gates(desk: Desk) -> None:
    """Look at the gates of the request as they run, or at what they said last."""
    if request := _meant(desk):
        desk.screen.show_gates(request)


_MENU: Final = (
    Choice(id="queue.approve", title="Approve", key="a"),
    Choice(id="queue.reject", title="Reject, with a reason", key="r"),
    Choice(id="queue.hold", title="Hold", key="h"),
    Choice(id="queue.retry", title="Try again", key="t"),
    Choice(id="queue.drop", title="Drop", key="d"),
    Choice(id="queue.cancel", title="End its gates now; it waits for you then", key="c"),
    Choice(id="queue.gates", title="Look at its gates", key="l"),
    Choice(id="diff.show", title="Look at the diff", key="v"),
)


async def menu(desk: Desk) -> None:
    """What can be done with the request."""
    if not (request := _meant(desk)):
        return
    row = desk.store.row("mq", request)
    possible = {f"queue.{verb}" for verb in offered(row)} | {"diff.show", "queue.gates"}
    choices = [each for each in _MENU if each.id in possible]
    title = f"{queue_mark(row).word or 'Merge request'}: {desk.title_of(request)}"
    if found := await desk.pick(title, choices, typing=False):
        await desk.screen.perform(found)


async def create_bead(desk: Desk) -> None:
    """Create a bead: rig, type, then its title; further lines are its description."""
    rigs = tuple(desk.store.rows("rigs"))
    if not rigs:
        desk.toast("there is no rig yet: `gastown rig add NAME PATH` in a shell", bad=True)
        return
    rig: str | None = rigs[0]
    if len(rigs) > 1:
        rig = await desk.pick("Which rig?", [Choice(id=each, title=each) for each in rigs])
    if not rig:
        return
    choices = [Choice(id=name, title=name, key=key) for name, key in TYPES]
    kind = await desk.pick("What is it?", choices, typing=False)
    if not kind:
        return
    text = await desk.write(Draft(title=f"New {kind}: title, then its description on more lines"))
    if text:
        title, _, description = text.partition("\n")
        await desk.send(
            "create_bead",
            rig,
            title=title.strip(),
            description=description.strip(),
            type=kind,
            priority="2",
        )


def _ready(desk: Desk, rig: str) -> list[Choice]:
    beads = desk.store.rows("beads")
    return [
        Choice(id=key, title=f"{clean(key)}  {string(row, 'title')}", hint=string(row, "rig"))
        for key, row in sorted(beads.items())
        if bead_mark(row).word == "open"
        and not string(row, "assignee")
        and string(row, "type") not in ("epic", "convoy")
        and (not rig or string(row, "rig") in ("", rig))
    ]


async def sling(desk: Desk) -> None:
    """Give a bead to an agent: the bead under the cursor, or one that is asked for."""
    bead: str | None = desk.panels.cursor("tree") if desk.panels.active == "tree" else ""
    agent = "" if bead else desk.agent()
    row = desk.store.row("agents", agent)
    worker = agent if string(row, "role") in ("polecat", "crew") else ""
    if not bead:
        choices = _ready(desk, string(row, "rig") if worker else "")
        if not choices:
            desk.toast("no bead is ready: B creates one", bad=True)
            return
        who = f" to {desk.name(worker)}" if worker else ""
        bead = await desk.pick(f"Sling which bead{who}?", choices)
    if bead:
        await sling_bead(desk, bead, worker, string(row, "rig"))


async def sling_bead(desk: Desk, bead: str, worker: str = "", rig: str = "") -> None:
    """Give a bead to a worker, or to one that is asked for; `rig` where the bead's is not known."""
    rig = string(desk.store.row("beads", bead), "rig") or rig
    if not worker:
        found = await _worker(desk, rig, bead)
        if found is None:
            return
        worker = found
    more = {"agent": worker} if worker else {}
    await desk.send("sling", bead, rig=rig, **more)


async def _worker(desk: Desk, rig: str, bead: str) -> str | None:
    free = [Choice(id="any", title="any free polecat", key="a")]
    free += [
        Choice(id=key, title=desk.name(key), hint=string(row, "state"))
        for key, row in desk.store.rows("agents").items()
        if string(row, "role") in ("polecat", "crew")
        and string(row, "rig") == rig
        and not string(row, "bead")
    ]
    found = await desk.pick(f"Sling {clean(bead)} to whom?", free)
    return "" if found == "any" else found


def copy_id(desk: Desk) -> None:
    """Put the id of the row in use on the clipboard."""
    key = desk.panels.cursor(desk.panels.active)
    if key:
        desk.screen.app.copy_to_clipboard(clean(key))
        desk.toast(f"copied {clean(key)}")


HANDLERS: Final[dict[str, Handler]] = {
    "queue.menu": menu,
    "queue.approve": approve,
    "queue.reject": reject,
    "queue.hold": partial(_plain, "hold"),
    "queue.retry": partial(_plain, "retry"),
    "queue.drop": drop,
    "queue.cancel": partial(_plain, "cancel"),
    "queue.gates": gates,
    "bead.create": create_bead,
    "bead.sling": sling,
    "copy.id": copy_id,
}
