"""Looking at a bead, and what is done to it from there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from gastown_tui.protocol import BeadText
from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers import work
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice
from gastown_tui.viewmodels.text import clean, crop, string

_LONGEST: Final = 15_000
"""Characters of a text that are edited here; the controller takes no more at once."""
_TEXTS: Final = (
    Choice(id="description", title="Description", key="d"),
    Choice(id="design", title="Design", key="e"),
    Choice(id="acceptance_criteria", title="Acceptance", key="a"),
    Choice(id="notes", title="Notes", key="n"),
)
_WEIGHTS: Final = ("urgent", "high", "normal", "low", "someday")
_Do: TypeAlias = Callable[[Desk, str, dict[str, Any]], Awaitable[bool]]


def meant(desk: Desk) -> str:
    """The bead of the row in use, else of the selected agent; empty when there is none."""
    panel = desk.panels.active
    if panel == "tree":
        return desk.panels.cursor("tree")
    row = desk.row()
    named = row.get("bead") or row.get("target")
    if isinstance(named, str) and (row.get("bead") or named in desk.store.rows("beads")):
        return named
    bead = desk.store.row("agents", desk.stage.selected).get("bead")
    return bead if isinstance(bead, str) else ""


async def show_bead(desk: Desk, named: str = "") -> None:
    """The bead that is named or meant, until one goes back to the town; links lead on and back."""
    from gastown_tui.tui.screens.bead import BeadScreen  # with its parser: not before it is used

    trail = [(named or meant(desk), 0)]
    if not trail[0][0]:
        desk.toast("no bead belongs to this", bad=True)
        return
    while trail:
        bead, at = trail.pop()
        found = await desk.bead(bead)
        if found is None:
            continue
        screen = BeadScreen(found, keymap=desk.keymap, clock=desk.clocks.wall, at=at)
        verdict = await desk.screen.show_bead(screen)
        if verdict is None:
            return
        name, other = verdict
        if name == "bead.back":
            trail = trail or [(bead, screen.view.index)]
            continue
        trail.append((bead, screen.view.index))
        if name == "open":
            trail.append((other, 0))
        elif name == "bead.agent":
            if _to_agent(desk, found):
                return
        elif name == "bead.sling_it":
            await work.sling_bead(desk, bead)
        elif name in _DOINGS:
            await _DOINGS[name](desk, bead, found.bead)


def _to_agent(desk: Desk, found: BeadText) -> bool:
    who = found.bead.get("assignee")
    if isinstance(who, str) and who in desk.store.rows("agents"):
        desk.screen.reveal("agents", who)
        return True
    desk.toast("nobody has it", bad=True)
    return False


async def _edit(desk: Desk, bead: str, field: str, value: str, row: dict[str, Any]) -> bool:
    seen = {"seen": str(row.get("updated_at", ""))} if field != "label" else {}
    return await desk.send("bead_edit", bead, field=field, value=value, **seen)


async def _title(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    text = await desk.write(Draft(title=f"Title of {clean(bead)}", text=clean(row.get("title"))))
    return bool(text) and await _edit(desk, bead, "title", text or "", row)


async def _text(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    field = await desk.pick("Which text?", _TEXTS, typing=False)
    if not field:
        return False
    before = str(row.get(field, ""))
    if len(before) > _LONGEST:
        desk.toast(f"too long to edit here: gastown bead update {clean(bead)} --body-file FILE")
        return False
    title = f"{field.replace('_', ' ').capitalize()} of {clean(bead)}"
    text = await desk.write(Draft(title=title, text=before, optional=True))
    return text not in {None, before} and await _edit(desk, bead, field, text or "", row)


async def _comment(desk: Desk, bead: str, _row: dict[str, Any]) -> bool:
    text = await desk.write(Draft(title=f"Comment on {clean(bead)}"))
    return bool(text) and await desk.send("bead_comment", bead, text=text or "")


async def _priority(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    choices = [Choice(id=str(n), title=f"P{n}  {word}", key=str(n))
               for n, word in enumerate(_WEIGHTS)]  # fmt: skip
    found = await desk.pick(f"Priority of {clean(bead)}", choices, typing=False)
    return bool(found) and await _edit(desk, bead, "priority", found or "", row)


async def _kind(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    choices = [Choice(id=name, title=name, key=key) for name, key in work.TYPES]
    found = await desk.pick(f"Type of {clean(bead)}", choices, typing=False)
    return bool(found) and await _edit(desk, bead, "issue_type", found or "", row)


async def _label(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    labels = row.get("labels")
    there = " ".join(clean(one) for one in labels) if isinstance(labels, list) else ""
    title = f"+label adds, -label removes{f' ({crop(there, 60)})' if there else ''}"
    text = await desk.write(Draft(title=title, text="+"))
    return bool(text) and await _edit(desk, bead, "label", (text or "").strip(), row)


async def _pour(desk: Desk, bead: str, row: dict[str, Any]) -> bool:
    rig = desk.store.row("rigs", string(desk.store.row("beads", bead), "rig"))
    formulas, variables = rig.get("formulas"), rig.get("formula_vars")
    if not isinstance(formulas, dict) or not formulas or not isinstance(variables, dict):
        desk.toast("there is no formula for this rig", bad=True)
        return False
    choices = [Choice(id=name, title=f"{clean(name)}  {crop(clean(about), 70)}")
               for name, about in sorted(formulas.items())]  # fmt: skip
    name = await desk.pick(f"Which steps for {clean(bead)}?", choices)
    if not name:
        return False
    given: str | None = str(variables.get(name, ""))
    if given:
        title = f"Variables of {clean(name)}, NAME=VALUE a line"
        given = await desk.write(Draft(title=title, text=given, optional=True))
    return given is not None and await desk.send("pour", bead, formula=name, vars=given)


async def _claim(desk: Desk, bead: str, _row: dict[str, Any]) -> bool:
    return await desk.send("bead_claim", bead)


async def _close(desk: Desk, bead: str, _row: dict[str, Any]) -> bool:
    reason = await desk.write(Draft(title=f"Close {clean(bead)}: why?", text="Done"))
    return bool(reason) and await desk.send("bead_close", bead, reason=reason or "")


async def _reopen(desk: Desk, bead: str, _row: dict[str, Any]) -> bool:
    return await desk.send("bead_reopen", bead)


async def _defer(desk: Desk, bead: str, _row: dict[str, Any]) -> bool:
    title = "Put off until when? (as in 2026-12-24T09:00; empty: until somebody says so)"
    until = await desk.write(Draft(title=title, optional=True))
    return until is not None and await desk.send("bead_defer", bead, until=until.strip())


_DOINGS: Final[dict[str, _Do]] = {
    "bead.title": _title,
    "bead.text": _text,
    "bead.comment": _comment,
    "bead.priority": _priority,
    "bead.kind": _kind,
    "bead.label": _label,
    "bead.pour": _pour,
    "bead.claim": _claim,
    "bead.close": _close,
    "bead.reopen": _reopen,
    "bead.defer": _defer,
}


async def unhook(desk: Desk) -> None:
    """Take the bead that is meant from who has it, after a question; it is slung anew."""
    bead = meant(desk)
    row = desk.store.row("beads", bead)
    if string(row, "status") not in ("hooked", "in_progress"):
        desk.toast(f"{clean(bead)} is on no hook" if bead else "no bead belongs to this", bad=True)
        return
    title = (crop(f"{clean(bead)} {string(row, 'title')}", 64), "text")
    who = desk.name(string(row, "assignee")) or "whoever has it"
    what = f"{who} lets go of it, any polecat takes it up. What was done stays on its branch."
    if await desk.confirm("Take the bead off its hook?", (title,), ((what, "muted"),)):
        await desk.send("unhook", bead)


HANDLERS: Final[dict[str, Handler]] = {"bead.show": show_bead, "bead.unhook": unhook}
