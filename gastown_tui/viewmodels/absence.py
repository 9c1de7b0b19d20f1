"""Who could go on after an absence: on what, since when, and what it costs to read it all again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gastown_tui.viewmodels.text import Record, clean, count, money, number, string, strings


class Waiter(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that waits for the overseer's word."""

    session: str
    bead: str
    title: str
    since: float
    """When it was last at work, seconds since the epoch."""
    tokens: int
    """That its conversation holds, all of which is sent again."""
    cost: float
    """US dollars for that; 0 where no price is known, or nothing is paid by the token."""


def waiters(town: Record, agents: Mapping[str, Record]) -> tuple[Waiter, ...]:
    """Everybody who waits, by session."""
    found = []
    for session in sorted(strings(town, "resume_held")):
        row = agents.get(session, {})
        is_paid = string(row, "money") != "subscription"
        found.append(
            Waiter(
                session=session,
                bead=string(row, "bead"),
                title=string(row, "bead_title"),
                since=number(row, "since"),
                tokens=int(number(row, "context")),
                cost=number(row, "resume_cost") if is_paid else 0.0,
            )
        )
    return tuple(found)


def price_of(tokens: int, cost: float) -> str:
    """`48k tok · $0.30`; empty where nothing is known."""
    parts = (f"{count(tokens)} tok" if tokens else "", money(cost) if cost else "")
    return " · ".join(filter(None, parts))


def summary(found: tuple[Waiter, ...], moment: str) -> str:
    """One line for all of them; `moment` is since when, as the overseer's clock tells it."""
    who = "1 agent could go on" if len(found) == 1 else f"{len(found)} agents could go on"
    price = price_of(sum(one.tokens for one in found), sum(one.cost for one in found))
    again = f", about {price} to read its conversation again" if price else ""
    if len(found) > 1:
        again = again.replace("its conversation", "their conversations")
    return f"{who}; the town was away since {clean(moment)}{again}"
