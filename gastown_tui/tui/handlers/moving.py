"""Actions that move about: cursor, panels, filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from gastown_tui.tui.desk import Desk, Draft
from gastown_tui.tui.handlers import beads
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.tui.widgets.line_list import LineList
from gastown_tui.viewmodels.layout import PANELS

_ID: Final = re.compile(r"[A-Za-z0-9_]+(?:[-.][A-Za-z0-9_]+)+")
"""What may be the id of a bead: `led-4kt.2`; the target of an event can be many other things."""


def _list(desk: Desk) -> LineList:
    return desk.panels.lists[desk.panels.active]


def _move(step: Callable[[LineList], int], desk: Desk) -> None:
    found = _list(desk)
    found.move(step(found))


def _end(last: bool, desk: Desk) -> None:  # noqa: FBT001
    _list(desk).end(last=last)


def _panel(step: int, desk: Desk) -> None:
    at = PANELS.index(desk.panels.active)
    desk.screen.use_panel(PANELS[(at + step) % len(PANELS)])


def _use(name: str, desk: Desk) -> None:
    desk.screen.use_panel(name)


def _fold(close: bool, desk: Desk) -> None:  # noqa: FBT001
    if desk.panels.active == "tree":
        desk.panels.fold(close=close)
    else:
        _panel(-1 if close else 1, desk)


def _convoy(desk: Desk, convoy: str) -> None:
    desk.panels.filters["tree"] = convoy
    desk.screen.use_panel("tree")


async def open_row(desk: Desk) -> None:
    """To what a row stands for: an agent, a request, a convoy's beads, else the bead's own view."""
    panel, key = desk.panels.active, desk.panels.cursor(desk.panels.active)
    row = desk.row()
    if panel == "convoys" and key:
        _convoy(desk, key)
        return
    for column in ("agent", "assignee", "target", "actor"):
        named = row.get(column)
        if not isinstance(named, str):
            continue
        for table, other in (("agents", "agents"), ("mq", "queue"), ("beads", "tree")):
            if named in desk.store.rows(table) and other != panel:
                desk.screen.reveal(other, named)
                return
    bead, target = row.get("bead"), row.get("target")
    if isinstance(bead, str) and bead in desk.store.rows("beads"):
        desk.screen.reveal("tree", bead)
    elif isinstance(target, str) and target in desk.store.rows("convoys"):
        _convoy(desk, target)
    elif panel == "tree" and key:
        await beads.show_bead(desk)
    elif panel == "events" and isinstance(target, str) and _ID.fullmatch(target):
        await beads.show_bead(desk, target)
    elif panel != "agents":
        desk.toast("that row stands for nothing else")


async def filter_list(desk: Desk) -> None:
    """Keep only the rows in which every word occurs."""
    panel = desk.panels.active
    before = desk.panels.filters.get(panel, "")
    text = await desk.write(Draft(title=f"Filter {panel}", text=before, optional=True, brief=True))
    if text is not None:
        desk.panels.filters[panel] = text
        desk.screen.panels_changed()


def _half(way: int) -> Callable[[LineList], int]:
    return lambda found: way * max(1, found.page // 2)


HANDLERS: Final[dict[str, Handler]] = {
    "cursor.down": partial(_move, lambda _: 1),
    "cursor.up": partial(_move, lambda _: -1),
    "cursor.first": partial(_end, False),
    "cursor.last": partial(_end, True),
    "cursor.half_down": partial(_move, _half(1)),
    "cursor.half_up": partial(_move, _half(-1)),
    "cursor.page_down": partial(_move, lambda found: found.page),
    "cursor.page_up": partial(_move, lambda found: -found.page),
    "fold.close": partial(_fold, True),
    "fold.open": partial(_fold, False),
    "open": open_row,
    "panel.next": partial(_panel, 1),
    "panel.previous": partial(_panel, -1),
    "filter": filter_list,
    **{f"panel.{name}": partial(_use, name) for name in PANELS},
}
