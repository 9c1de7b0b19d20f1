"""After an absence: who goes on, said by the overseer before anybody does."""

from __future__ import annotations

from typing import Final

from gastown_tui.tui.desk import Desk
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice, Finder
from gastown_tui.viewmodels.absence import Waiter, price_of, summary, waiters
from gastown_tui.viewmodels.strip import clock_text
from gastown_tui.viewmodels.text import Line, age, clean, fit

_SHOWN: Final = 8


def _note(desk: Desk, one: Waiter) -> Line:
    away = age(desk.clocks.wall() - one.since)
    return (
        (f"  {fit(desk.name(one.session), 14)} ", "strong"),
        (f"{fit(one.bead, 10)} ", "accent"),
        (f"{fit(clean(one.title), 34)} ", "muted"),
        (f"{fit(away, 5, 'right')}  {price_of(one.tokens, one.cost)}", "faint"),
    )


def _waiters(desk: Desk) -> tuple[Waiter, ...]:
    return waiters(desk.store.town(), desk.store.rows("agents"))


async def ask_who(desk: Desk) -> None:
    """All, some of them, all with a fresh conversation, or nobody for now."""
    found = _waiters(desk)
    if not found:
        desk.toast("nobody waits for your word")
        return
    since = clock_text(min(one.since for one in found))
    notes: list[Line] = [((f"  {summary(found, since)}", "text"),)]
    notes += [_note(desk, one) for one in found[:_SHOWN]]
    if found[_SHOWN:]:
        notes.append(((f"  and {len(found) - _SHOWN} more", "faint"),))
    choices = (
        Choice(id="all", key="a", title="All go on where they were"),
        Choice(id="pick", key="p", title="Choose who goes on"),
        Choice(id="fresh", key="f", title="All, each with a fresh conversation"),
        Choice(id="leave", key="l", title="Leave them: R lets one go on later"),
    )
    chosen = await desk.show(Finder("Who goes on?", choices, typing=False, notes=notes))
    if chosen == "all":
        await desk.send("resume_all")
    elif chosen == "fresh":
        await desk.send("resume_all", fresh="yes")
    elif chosen == "pick":
        await _pick(desk)


async def _pick(desk: Desk) -> None:
    """One after the other, until that is enough."""
    gone: set[str] = set()
    while left := [one for one in _waiters(desk) if one.session not in gone]:
        choices = [
            Choice(
                id=one.session,
                title=f"{desk.name(one.session)}  {one.bead} {one.title}",
                hint=price_of(one.tokens, one.cost),
            )
            for one in left
        ]
        found = await desk.pick("Who goes on? Escape when that is all", choices)
        if not found or not await desk.send("resume_all", agents=found):
            return
        gone.add(found)


HANDLERS: Final[dict[str, Handler]] = {"town.resume_all": ask_who}
