"""Actions on the town: palette, help, emergency stop, quit."""

from __future__ import annotations

from functools import partial
from typing import Final

from gastown_tui.tui.actions import ACTIONS, BY_ID
from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.finder import Choice, Finder
from gastown_tui.viewmodels.states import agent_mark, bead_mark, legend, queue_mark
from gastown_tui.viewmodels.text import clean, plural, string

_MOST: Final = 3000
"""Beads that the palette offers."""
_STOP: Final = "STOP"


def action_choices(desk: Desk, *, all_contexts: bool) -> list[Choice]:
    """The registry as choices: title, keys, group."""
    return [
        Choice(
            id=f"action:{action.id}",
            title=action.title,
            hint=desk.keymap.labels(action.id),
            group=f"{action.group} ({action.context})" if action.context != "nav" else action.group,
        )
        for action in sorted(ACTIONS, key=lambda each: each.context != "nav")
        if all_contexts or action.context == "nav"
    ]


def _objects(desk: Desk) -> list[Choice]:
    store = desk.store
    found = [
        Choice(id=f"agents:{key}", title=desk.name(key), hint=agent_mark(row).word, group="Agents")
        for key, row in store.rows("agents").items()
    ]
    found += [
        Choice(
            id=f"queue:{key}", title=desk.title_of(key), hint=queue_mark(row).word, group="Queue"
        )
        for key, row in store.rows("mq").items()
    ]
    found += [
        Choice(id=f"convoys:{key}", title=string(row, "title") or clean(key), group="Convoys")
        for key, row in store.rows("convoys").items()
    ]
    found += [
        Choice(
            id=f"tree:{key}",
            title=f"{clean(key)} {string(row, 'title')}",
            hint=bead_mark(row).word,
            group="Beads",
        )
        for key, row in list(store.rows("beads").items())[:_MOST]
    ]
    return found


async def _chosen(desk: Desk, found: str | None) -> None:
    kind, _, key = (found or "").partition(":")
    if kind == "action" and BY_ID[key].context == "nav":
        await desk.screen.perform(key)
    elif kind == "action":
        desk.toast(f"that works in the {BY_ID[key].context} view")
    elif kind:
        desk.screen.reveal(kind, key)


async def palette(desk: Desk) -> None:
    """Every action and every object, by a few letters."""
    choices = [*action_choices(desk, all_contexts=False), *_objects(desk)]
    await _chosen(desk, await desk.pick("Palette", choices))


async def show_help(desk: Desk) -> None:
    """Every action with its keys; choosing one runs it."""
    choices = action_choices(desk, all_contexts=True)
    finder = Finder("Help: choose an action to run it", choices, notes=legend())
    found = await desk.show(finder)
    await _chosen(desk, found)


async def start(desk: Desk) -> None:
    """Start what is not running."""
    desk.toast(await desk.town.start_host())


async def estop(desk: Desk) -> None:
    """Freeze every agent at once, after a word was typed."""
    agents = len(desk.store.rows("agents"))

    def check(text: str) -> str:
        return "" if text == _STOP else f"type {_STOP} in capitals"

    title = f"Freeze {plural(agents, 'agent')} at once; nothing starts or lands. Type {_STOP}"
    if await desk.write(Draft(title=title, check=check, brief=True)) == _STOP:
        await desk.send("estop")


async def thaw(desk: Desk) -> None:
    """Let a frozen town go on."""
    if await desk.confirm("Thaw the town?", (("All agents go on where they were.", "muted"),)):
        await desk.send("thaw")


async def release(desk: Desk) -> None:
    """Let the merge queue of a held rig go on."""
    held = [
        Choice(id=key, title=key, hint=string(row, "held"))
        for key, row in desk.store.rows("rigs").items()
        if row.get("held")
    ]
    if not held:
        desk.toast("no rig's queue is held")
    elif rig := await desk.pick("Let whose queue go on?", held):
        await desk.send("release", rig)


async def _ask(verb: str, desk: Desk) -> None:
    await desk.send(verb)


def leave(desk: Desk) -> None:
    """Close the screen; nothing else ends."""
    alive = sum(row.get("alive") is True for row in desk.store.rows("agents").values())
    there = f"{plural(alive, 'agent is', 'agents are')} running" if alive else "no agent is running"
    text = f"The town goes on: {there}. `gastown` brings the screen back,"
    desk.screen.app.exit(message=f"{text} `gastown down` stops the town.")


HANDLERS: Final[dict[str, Handler]] = {
    "palette": palette,
    "help": show_help,
    "town.start": start,
    "town.estop": estop,
    "town.thaw": thaw,
    "town.pause": partial(_ask, "pause_town"),
    "town.up": partial(_ask, "up"),
    "queue.release": release,
    "quit": leave,
}
