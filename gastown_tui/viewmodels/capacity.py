"""The arithmetic of how many agents work at once: memory, processors, money."""

from __future__ import annotations

from collections.abc import Iterable

from gastown_tui.viewmodels.text import Record, money, number, plural, string

_FEW_HOURS = 0.1
"""Agent-hours below which nothing is said of what one costs."""


def sums(town: Record, agents: Iterable[Record], wanted: int, now: float) -> tuple[str, ...]:
    """What it would mean that `wanted` agents work at once, a line each."""
    limit, working = int(number(town, "max_working")), int(number(town, "working"))
    waiting = int(number(town, "waiting"))
    more = f", {plural(waiting, 'bead waits', 'beads wait')}" if waiting else ""
    lines = [f"{working} of {limit} at work (max_working){more}"]
    return (
        *lines,
        *_memory(town, wanted, working),
        *_cores(town, wanted),
        _spent(agents, wanted, now),
    )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"


def _memory(town: Record, wanted: int, working: int) -> tuple[str, ...]:
    total = number(town, "memory_total")
    if not total:
        return ("memory: not known yet",)
    free, each, spare = (number(town, f"memory_{one}") for one in ("free", "agent", "spare"))
    measured = int(number(town, "measured"))
    how = f"measured on {measured}" if measured >= 3 else "assumed until three were measured"
    new = max(0, wanted - working)
    need, room = new * each, working + max(0, int((free - spare) // max(1.0, each)))
    fits = "fits" if wanted <= room else f"does NOT fit: room for {room}"
    return (
        f"memory: {_size(free)} of {_size(total)} free, {_size(spare)} stay yours; an agent takes"
        f" {_size(each)} ({how})",
        f"  {new} more x {_size(each)} = {_size(need)}: {fits}",
    )


def _cores(town: Record, wanted: int) -> tuple[str, ...]:
    cores = int(number(town, "cores"))
    if not cores or wanted <= cores * 2:
        return ()
    return (f"processors: {cores}; {wanted} agents whose tests run at once wait for each other",)


def _spent(agents: Iterable[Record], wanted: int, now: float) -> str:
    paid = [row for row in agents if row.get("alive") is True and number(row, "cost")]
    hours = sum(max(0.0, now - number(row, "started")) for row in paid) / 3600
    if hours < _FEW_HOURS:
        return "usage: nothing measured yet"
    each = sum(number(row, "cost") for row in paid) / hours
    plan = any(string(row, "money") == "subscription" for row in paid)
    what = " at list prices, paid by the subscription" if plan else ""
    return (
        f"usage: {money(each)} an agent-hour over {hours:.1f} h{what}:"
        f" {wanted} agents {money(each * wanted)} an hour"
    )
