"""Actions on panes: focus, zoom, history, who needs me."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from gastown_tui.tui.desk import Desk
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.viewmodels.layout import DENSITIES
from gastown_tui.viewmodels.waiting import all_waiting, next_waiting, proposed

_TWICE_S: Final = 0.4
_LOOKS, _LOOK_S = 20, 0.1
"""How long the mayor's row is waited for: the receipt may be faster than the feed."""


def focus_pane(desk: Desk) -> None:
    """Type into the agent; on a row of another panel, into the agent it stands for."""
    agent = desk.agent()
    if not agent:
        desk.toast("there is no agent to type to", bad=True)
        return
    desk.screen.select(agent)
    desk.screen.focus_pane()


def literal(desk: Desk) -> None:
    """The leave key again within a moment is meant for the agent."""
    if desk.clocks.steady() - desk.left_at <= _TWICE_S and desk.stage.selected:
        desk.port.key(desk.stage.selected, desk.stage.pane.leave_keys[0], "")
        desk.screen.focus_pane()


def zoom(desk: Desk) -> None:
    """The pane over the whole screen, or back."""
    desk.stage.zoomed = not desk.stage.zoomed
    desk.screen.relayout()


def density(desk: Desk) -> None:
    """The next density."""
    at = DENSITIES.index(desk.density)
    desk.density = DENSITIES[(at + 1) % len(DENSITIES)]
    desk.toast({  # gone soon: the screen shows it, and the next press says something else
        "auto": "density: by size",
        "tiles": "density: a wall of tiles",
        "cards": "density: a wall of cards",
        "rows": "density: lists and one pane",
    }[desk.density], seconds=1.5)  # fmt: skip
    desk.screen.relayout()


def last_agent(desk: Desk) -> None:
    """The agent that was selected before."""
    if desk.stage.before in desk.store.rows("agents"):
        desk.screen.reveal("agents", desk.stage.before)


async def mayor(desk: Desk) -> None:
    """Talk to the mayor, who is called to the desk first if need be."""
    row = desk.store.rows("agents").get("mayor")
    if (row is None or not row.get("alive")) and not await desk.send("mayor", ""):
        return
    for _ in range(_LOOKS):
        if "mayor" in desk.store.rows("agents"):
            break
        await asyncio.sleep(_LOOK_S)
    if "mayor" in desk.store.rows("agents"):
        desk.screen.reveal("agents", "mayor")
        desk.screen.focus_pane()


def _needs(step: int, desk: Desk) -> None:
    panel = desk.panels.active if desk.panels.active in {"queue", "tree", "convoys"} else "agents"
    here = desk.stage.selected if panel == "agents" else desk.panels.cursor(panel)
    queue = desk.store.rows("mq")
    waiting = all_waiting(
        desk.store.rows("agents"), queue, desk.panels.yours, proposed(desk.store.rows("convoys"))
    )
    found = next_waiting(waiting, (panel, here), step)
    if found:
        desk.screen.reveal(*found)
    else:
        desk.toast("nobody needs you")


def needy_only(desk: Desk) -> None:
    """Only those who need the overseer, or all again."""
    desk.panels.needy_only = not desk.panels.needy_only
    desk.screen.use_panel("agents")
    desk.screen.panels_changed()


async def _history(way: int, desk: Desk) -> None:
    await desk.stage.pane.scroll_history(way * max(1, desk.stage.pane.size.height - 3))


def back(desk: Desk) -> None:
    """One step back: history, filter, who needs me, zoom, density, the agents."""
    panels = desk.panels
    if desk.stage.pane.back:
        desk.stage.pane.live()
    elif desk.stage.watched:
        desk.screen.show_gates("")
    elif panels.filters.pop(panels.active, ""):
        desk.screen.panels_changed()
    elif panels.needy_only:
        needy_only(desk)
    elif panels.marks:
        panels.marks.clear()
        desk.screen.panels_changed()
    elif desk.stage.zoomed:
        zoom(desk)
    elif desk.density != DENSITIES[0]:
        desk.density = DENSITIES[0]
        desk.screen.relayout()
    else:
        desk.screen.use_panel("agents")


HANDLERS: Final[dict[str, Handler]] = {
    "pane.focus": focus_pane,
    "pane.literal": literal,
    "pane.leave": lambda desk: desk.screen.leave_pane(),
    "pane.zoom": zoom,
    "pane.last": last_agent,
    "pane.mayor": mayor,
    "pane.history_up": partial(_history, 1),
    "pane.history_down": partial(_history, -1),
    "view.density": density,
    "needs.next": partial(_needs, 1),
    "needs.previous": partial(_needs, -1),
    "needs.only": needy_only,
    "back": back,
}
