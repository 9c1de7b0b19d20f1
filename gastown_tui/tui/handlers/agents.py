"""Actions on agents: nudge, answer, interrupt, stop, restart, mark."""

from __future__ import annotations

from functools import partial
from typing import Final

from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice
from gastown_tui.viewmodels.agents import asks
from gastown_tui.viewmodels.text import Line, clean, crop, plural, string

_SETTLED_S: Final = 0.25
"""A screen that changed less than this ago was not yet read by anybody."""
_SHOWN: Final = 8
"""Agents that a confirmation names one by one."""
INTERRUPT: Final = "interrupt"
MODES: Final = (
    Choice(id="wait-idle", title="when its turn is over", key="w", hint="the usual way"),
    Choice(id="now", title="now, even in the middle of a turn", key="n"),
    Choice(id=INTERRUPT, title="interrupt the turn, then write", key="i"),
)


def _names(desk: Desk, agents: tuple[str, ...]) -> str:
    named = ", ".join(desk.name(key) for key in agents[:_SHOWN])
    more = len(agents) - _SHOWN
    return f"{named} and {more} more" if more > 0 else named


async def write_to(desk: Desk, agents: tuple[str, ...], mode: str, text: str = "") -> None:
    """Have a text written, and nudge these agents with it."""
    if not agents:
        desk.toast("there is no agent to write to", bad=True)
        return
    written = await desk.write(Draft(title=f"Nudge {_names(desk, agents)}", text=text))
    if not written:
        return
    if mode == INTERRUPT:
        if not await desk.send("interrupt", *agents):
            return
        mode = MODES[0].id
    await desk.send("nudge", *agents, text=written, mode=mode)


async def nudge(desk: Desk) -> None:
    """Write to the marked agents, else to the one; it is delivered when the turn is over."""
    await write_to(desk, desk.agents(), MODES[0].id)


async def nudge_mode(desk: Desk) -> None:
    """Write, and choose when it is delivered."""
    agents = desk.agents()
    if mode := await desk.pick("When should it arrive?", MODES, typing=False):
        await write_to(desk, agents, mode)


async def broadcast(desk: Desk) -> None:
    """Write to all marked agents, else to all that the filter shows."""
    marked = tuple(key for key in desk.store.rows("agents") if key in desk.panels.marks)
    await write_to(desk, marked or desk.panels.listed_agents(), MODES[0].id)


def _dialog(desk: Desk) -> tuple[str, str] | None:
    """The agent that asks and the hash of the screen that was read; None, and said why."""
    agent = desk.agent()
    if not agent:
        return None
    row = desk.store.row("agents", agent)
    if not asks(row):
        desk.toast(f"{desk.name(agent)} does not ask anything", bad=True)
        return None
    rows, settled = desk.screen.hub.seen(agent)
    if not rows:
        desk.toast(f"{desk.name(agent)}: its screen is not known, look first", bad=True)
        return None
    if settled < _SETTLED_S:
        desk.toast(f"{desk.name(agent)}: its screen has just changed, look again", bad=True)
        return None
    return agent, rows


async def approve(desk: Desk) -> None:
    """Approve the dialog that was seen, this once; in the tree, open the gate under the cursor."""
    if desk.panels.active == "tree" and desk.row().get("yours"):
        await _open_gate(desk, desk.panels.cursor("tree"))
    elif found := _dialog(desk):
        await desk.send("approve_dialog", found[0], if_rows=found[1])


async def _open_gate(desk: Desk, gate: str) -> None:
    title = string(desk.store.row("beads", gate), "title")
    asked: Line = ((crop(f"{clean(gate)} {title}", 64), "text"),)
    what: Line = (("What waits for it goes on.", "muted"),)
    if await desk.confirm("Open the gate?", asked, what):
        await desk.send("gate_open", gate)


async def approve_always(desk: Desk) -> None:
    """Approve the dialog that was seen and have it never asked again, after a question."""
    if not (found := _dialog(desk)):
        return
    agent, rows = found
    question = string(desk.store.row("agents", agent), "question")
    asked: Line = ((crop(question, 64), "text"),)
    if await desk.confirm(f"{desk.name(agent)}: approve, and never ask again?", asked):
        await desk.send("approve_always", agent, if_rows=rows)


async def deny(desk: Desk) -> None:
    """Deny the dialog that was seen; what the agent is to do instead goes along."""
    if not (found := _dialog(desk)):
        return
    agent, rows = found
    reason = await desk.write(
        Draft(title=f"Deny {desk.name(agent)}; what should it do instead? (may be empty)",
              optional=True)
    )  # fmt: skip
    if reason is not None:
        more = {"reason": reason} if reason else {}
        await desk.send("deny_dialog", agent, if_rows=rows, **more)


async def interrupt(desk: Desk) -> None:
    """End the agent's turn with one escape."""
    if agent := desk.agent():
        await desk.send("interrupt", agent)


def _described(desk: Desk, agents: tuple[str, ...]) -> tuple[Line, ...]:
    lines: list[Line] = []
    for key in agents[:_SHOWN]:
        row = desk.store.row("agents", key)
        bead = string(row, "bead")
        title = f" {bead} {string(row, 'bead_title')}" if bead else " no bead"
        dirty = string(row, "dirty") or string(row, "branch")
        lines.append(((crop(desk.name(key), 16), "strong"), (crop(title, 44), "muted")))
        if dirty:
            lines.append(((crop(f"  {dirty}", 62), "faint"),))
    if len(agents) > _SHOWN:
        lines.append(((f"and {len(agents) - _SHOWN} more", "muted"),))
    return tuple(lines)


async def _end(verb: str, title: str, after: str, desk: Desk) -> None:
    agents = desk.agents()
    if not agents:
        desk.toast("there is no agent here", bad=True)
        return
    who = plural(len(agents), "agent") if len(agents) > 1 else desk.name(agents[0])
    lines = (*_described(desk, agents), (), ((after, "muted"),))
    if verb == "restart":
        lines = (*lines, *_handed_in(desk, agents))
    if await desk.confirm(f"{title} {who}?", *lines):
        arguments = {"fresh": "true" if "afresh" in title else "false"}
        await desk.send(verb, *agents, **(arguments if verb == "restart" else {}))


def _handed_in(desk: Desk, agents: tuple[str, ...]) -> tuple[Line, ...]:
    """Those for whom nothing is to be started."""
    lines: list[Line] = []
    for key in agents:
        request = string(desk.store.row("agents", key), "request")
        state = string(desk.store.row("mq", request), "state")
        if state and state not in ("rework", "dropped", "landed"):
            text = f"{desk.name(key)} has handed in ({state}): it starts only if that comes back."
            lines.append(((text, "warn"),))
    return tuple(lines[:_SHOWN])


_KEPT: Final = "The branch, the sandbox and the hook are kept."


async def pause(desk: Desk) -> None:
    """Let the agent finish its turn and rest; or go on."""
    for agent in desk.agents():
        row = desk.store.row("agents", agent)
        resting = "paused" in (string(row, "wanted"), string(row, "state"))
        await desk.send("resume" if resting else "pause", agent)


def mark(desk: Desk) -> None:
    """Mark the agent under the cursor, or take the mark away; then the next row."""
    agent = desk.agent()
    if not agent:
        return
    desk.panels.marks ^= {agent}
    if desk.panels.active == "agents":
        desk.panels.lists["agents"].move(1)
    desk.screen.panels_changed()


def mark_all(desk: Desk) -> None:
    """Mark all agents that the filter shows."""
    desk.panels.marks |= set(desk.panels.listed_agents())
    desk.screen.panels_changed()


def mark_clear(desk: Desk) -> None:
    """Take all marks away."""
    desk.panels.marks.clear()
    desk.screen.panels_changed()


HANDLERS: Final[dict[str, Handler]] = {
    "agent.nudge": nudge,
    "agent.nudge_mode": nudge_mode,
    "agent.broadcast": broadcast,
    "dialog.approve": approve,
    "dialog.always": approve_always,
    "dialog.deny": deny,
    "agent.interrupt": interrupt,
    "agent.stop": partial(_end, "stop", "Stop", f"It gets time to end. {_KEPT}"),
    "agent.kill": partial(_end, "kill", "Kill", f"What is not written is lost. {_KEPT}"),
    "agent.restart": partial(_end, "restart", "Restart", f"The conversation goes on. {_KEPT}"),
    "agent.fresh": partial(_end, "restart", "Restart afresh", f"A new conversation. {_KEPT}"),
    "agent.pause": pause,
    "mark.toggle": mark,
    "mark.all": mark_all,
    "mark.clear": mark_clear,
}
