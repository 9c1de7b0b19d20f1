"""How many agents work at once, with what that takes."""

from __future__ import annotations

from typing import Final

from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.viewmodels.capacity import sums
from gastown_tui.viewmodels.text import number

_MOST: Final = 100


def _check(text: str) -> str:
    fits = text.strip().isdecimal() and 1 <= int(text) <= _MOST
    return "" if fits else f"a number from 1 to {_MOST}"


async def change(desk: Desk) -> None:
    """Ask for a number, show the arithmetic, and have it so if that is wanted."""
    limit = int(number(desk.store.town(), "max_working"))
    title = f"How many agents work at once? {limit} now"
    text = await desk.write(Draft(title=title, text=str(limit), check=_check))
    if text is None or _check(text) or int(text) == limit:
        return
    wanted, agents = int(text), desk.store.rows("agents").values()
    found = sums(desk.store.town(), agents, wanted, desk.clocks.wall())
    lines = tuple(((line, "warn" if "NOT fit" in line else "muted"),) for line in found)
    if await desk.confirm(f"Have {wanted} agents work at once?", *lines):
        await desk.send("max_working", str(wanted))


HANDLERS: Final[dict[str, Handler]] = {"town.capacity": change}
