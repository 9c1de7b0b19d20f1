"""What the mayor proposes: looked at, changed, accepted or dropped."""

from __future__ import annotations

from typing import Final

from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers import beads
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice, Finder
from gastown_tui.viewmodels.text import Line, clean, string
from gastown_tui.viewmodels.waiting import proposed

_SHOWN: Final = 16
_CHOICES: Final = (
    Choice(id="accept", key="a", title="Accept: launch it"),
    Choice(id="bead", key="e", title="Look at one of its beads, and edit it"),
    Choice(id="remove", key="r", title="Take a bead out"),
    Choice(id="title", key="t", title="Another title"),
    Choice(id="drop", key="x", title="Drop it; the mayor is told why"),
)


async def _meant(desk: Desk) -> str:
    """The proposal under the cursor, else the only one, else one that is picked."""
    found = proposed(desk.store.rows("convoys"))
    here = desk.panels.cursor("convoys") if desk.panels.active == "convoys" else ""
    if here in found:
        return here
    if len(found) > 1:
        titles = [
            Choice(id=key, title=string(desk.store.row("convoys", key), "title") or clean(key))
            for key in found
        ]
        return await desk.pick("Which proposal?", titles) or ""
    if not found:
        desk.toast("the mayor proposes nothing")
    return found[0] if found else ""


def _line(text: str) -> Line:
    word = text.partition(":")[0]
    role = {"error": "error", "warning": "warn"}.get(word, "text" if text[:1] == " " else "strong")
    return ((f" {clean(text)}", role),)


async def show(desk: Desk) -> None:
    """Its beads in waves, their rigs, what staging warns of; and what to do with it."""
    if not (name := await _meant(desk)):
        return
    receipt = await desk.town.ask("proposal_show", name)
    told = receipt.text.splitlines()
    if not receipt.ok:
        desk.toast(receipt.text, bad=True)
        return
    notes = [_line(text) for text in told[:_SHOWN]]
    if told[_SHOWN:]:
        notes.append(((f" and {len(told) - _SHOWN} lines more: gastown proposal show", "faint"),))
    chosen = await desk.show(Finder("Proposed", _CHOICES, typing=False, notes=notes))
    if chosen == "accept":
        await desk.send("proposal_accept", name, force="yes")
    elif chosen == "drop":
        reason = await desk.write(Draft(title="Drop the proposal: why?"))
        if reason:
            await desk.send("proposal_drop", name, reason=reason)
    elif chosen == "title":
        title = string(desk.store.row("convoys", name), "title")
        text = await desk.write(Draft(title="Title of the proposal", text=title))
        if text:
            await desk.send("proposal_edit", name, title=text)
    elif chosen in {"bead", "remove"}:
        await _one_bead(desk, name, remove=chosen == "remove")


async def _one_bead(desk: Desk, name: str, *, remove: bool) -> None:
    listed = desk.store.row("convoys", name).get("beads")
    choices = [
        Choice(id=bead, title=f"{bead}  {string(desk.store.row('beads', bead), 'title')}")
        for bead in (listed if isinstance(listed, list) else [])
    ]
    bead = await desk.pick("Which bead?", choices)
    if bead and remove:
        await desk.send("proposal_edit", name, remove=bead)
    elif bead:
        await beads.show_bead(desk, bead)


HANDLERS: Final[dict[str, Handler]] = {"proposal.show": show}
