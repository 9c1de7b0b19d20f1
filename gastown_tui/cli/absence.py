"""`gastown resume`, and what `gastown up` says after an absence."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gastown_tui.cli.common import age, ask, plain, show, table, tables, town_dir
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from gastown_tui.protocol import TableRow
    from gastown_tui.viewmodels.absence import Waiter

Tables = Mapping[str, Mapping[str, "TableRow"]]
_HOW = (
    "gastown resume --all, gastown resume NAME... (--fresh: with a new conversation), or leave them"
)


def _waiters(found: Tables) -> tuple[Waiter, ...]:
    from gastown_tui.viewmodels.absence import waiters

    return waiters(found["town"]["town"], found["agents"])


def waiting_lines(found: Tables) -> list[str]:
    """Who waits for the overseer's word, in a few lines; none when nobody does."""
    from gastown_tui.viewmodels.absence import summary

    mine = _waiters(found)
    if not mine:
        return []
    moment = time.strftime("%a %H:%M", time.localtime(min(one.since for one in mine)))
    names = ", ".join(plain(one.session) for one in mine[:5]) + (" ..." if mine[5:] else "")
    return [f"{summary(mine, moment)}.", f"  {names}", f"  {_HOW}"]


def resume_some(names: tuple[str, ...], *, everybody: bool, fresh: bool) -> None:
    """Let agents go on, or show who could.

    Raises:
        BadInput: `fresh` for nobody.
        GastownError: the controller refused it.
    """
    found = tables(town_dir())
    mine = _waiters(found)
    waiting = {one.session for one in mine}
    if everybody:
        show(ask("resume_all", fresh="yes" if fresh else ""))
        return
    if not names and fresh:
        raise BadInput("--fresh needs somebody", hint="name agents, or add --all")
    if not names:
        _list(found, mine)
        return
    for name in names:
        address = next((one for one in waiting if name in {one, one.rpartition("/")[2]}), name)
        if address in waiting:
            show(ask("resume_all", agents=address, fresh="yes" if fresh else ""))
        elif fresh:
            show(ask("restart", name, fresh="yes"))
        else:
            show(ask("resume", name))


def _list(found: Tables, mine: tuple[Waiter, ...]) -> None:
    if not mine:
        show("Nobody waits for your word.")
        return
    from gastown_tui.viewmodels.absence import price_of

    rows = [
        (one.session, one.bead, age(one.since), price_of(one.tokens, one.cost) or "-", one.title)
        for one in mine
    ]
    table(("AGENT", "BEAD", "AWAY", "TO READ AGAIN", "TITLE"), rows)
    first, *_, how = waiting_lines(found)
    show(first)
    show(how.strip())
