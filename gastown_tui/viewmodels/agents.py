"""The list of agents, who needs the overseer, and the words on a pane's title line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from gastown_tui.viewmodels.states import NEED, Mark, agent_mark, need_of
from gastown_tui.viewmodels.text import (
    Line,
    Record,
    age,
    attempt,
    attempt_short,
    cells,
    clean,
    count,
    fit,
    money,
    number,
    since,
    spread,
    string,
)

_RANK: Final = {
    "mayor": 0,
    "deacon": 1,
    "dog": 2,
    "crew": 3,
    "polecat": 4,
    "witness": 5,
    "refinery": 6,
}
_URGENCY: Final = {name: rank for rank, name in enumerate(NEED)}

_HANDED: Final = re.compile(r"^(handed in: |\S+ is (?=rejected\b))")
"""What stands before the phase of a request in the evidence: `hq-mr-o39 is rejected: ...`."""

Agents = Mapping[str, Record]
"""The feed's table: session name to row."""


def agent_name(key: str, row: Record) -> str:
    """The short name of an agent."""
    return string(row, "name") or clean(key).rsplit("/", 1)[-1]


def agent_order(agents: Agents) -> tuple[str, ...]:
    """Session names: the town's own first, then by rig, role and name; never by state."""

    def place(key: str) -> tuple[str, int, str, str]:
        row = agents[key]
        role = string(row, "role")
        return (string(row, "rig"), _RANK.get(role, 9), agent_name(key, row), key)

    return tuple(sorted(agents, key=place))


def needy(agents: Agents) -> tuple[str, ...]:
    """Who needs the overseer, in the order of `NEED`; among equals the longest wait first."""

    def place(key: str) -> tuple[int, float, str]:
        row = agents[key]
        return (_URGENCY[need_of(row)], number(row, "needs_since"), key)

    return tuple(sorted((key for key in agents if is_needy(agents[key])), key=place))


def is_needy(row: Record) -> bool:
    """Does this agent need the overseer."""
    return bool(need_of(row))


def asks(row: Record) -> bool:
    """Does a dialog stand on the agent's screen that can be answered."""
    return need_of(row) in ("permission", "question", "dialog")


def matches(key: str, row: Record, wanted: str) -> bool:
    """Does every word of a filter occur in what is known of the agent."""
    columns = ("rig", "role", "state", "needs", "bead", "bead_title", "branch", "entry")
    text = " ".join((clean(key), *(string(row, column) for column in columns))).lower()
    return all(word in text for word in wanted.lower().split())


def agent_why(row: Record) -> str:
    """Why an agent is in its state, in a few words."""
    state = string(row, "state")
    if asks(row) and string(row, "question"):
        return string(row, "question")
    if state in ("stopped", "paused"):
        by = string(row, "wanted_by")
        who = "you" if by in ("overseer", "you") else by
        text = f"{state} by {who}" if who else state
        reason = string(row, "wanted_why")
        return f"{text}: {reason}" if reason else text
    evidence = string(row, "evidence")
    if state == "handed-in":  # the letter of the state says it already; news is how far it is
        return _HANDED.sub("", evidence) or state
    if state in ("error", "stalled", "exited", "parked"):
        return evidence or state
    if evidence.startswith("title:"):  # how the state was seen, no reason for it
        evidence = ""
    return string(row, "bead_title") or evidence or state


def agent_age(row: Record, now: float) -> str:
    """How long an agent has been waiting, or in its state."""
    if is_needy(row) and number(row, "needs_since"):
        return since(row, "needs_since", now)
    return since(row, "since", now)


def agent_line(key: str, row: Record, width: int, now: float, *, marked: bool = False) -> Line:
    """One line of the agents list: mark, name, why, age."""
    mark = agent_mark(row)
    head = f"{mark.glyph} {mark.letter} "
    name_width = 9 if width < 60 else 16
    room = max(0, width - 1 - cells(head) - name_width - 1 - 5)
    urgent = is_needy(row)
    quiet = mark.role == "faint"
    return (
        ("▪" if marked else " ", "accent"),
        (head, mark.role),
        (fit(agent_name(key, row), name_width) + " ", "faint" if quiet else "strong"),
        (fit(agent_why(row), room), "text" if urgent else "muted"),
        (fit(agent_age(row, now), 4, "right") + " ", mark.role if urgent else "faint"),
    )


def rig_line(rig: str, members: Iterable[Record], width: int) -> Line:
    """The heading above the agents of a rig."""
    rows = tuple(members)
    working = sum(string(row, "state") == "working" for row in rows)
    return spread(
        ((f" {fit(rig or 'town', min(width - 2, cells(clean(rig or 'town'))))}", "faint"),),
        ((f"{working}/{len(rows)} ", "faint"),),
        width,
    )


def title_line(
    key: str, row: Record, width: int, now: float, note: str = "", *, brief: bool = False
) -> Line:
    """The title of a pane: who, on what (not if `brief`), in which state, for how long.

    `note` stands at the right instead of the state: the leave key, or how far back in history.
    """
    mark = agent_mark(row)
    state = mark.word if is_needy(row) or mark.word else "?"
    tried = f"{attempt_short(row)} " if attempt_short(row) else ""
    right: Line = (
        (tried, "warn"),
        (f"{state} ", mark.role),
        (f"{agent_age(row, now)} ", "muted"),
    )
    if note:
        right = ((f" {note} ", "chip"),)
    elif width >= 70:
        right = (*extras(row), *right)
    bead, title = ("", "") if brief else (string(row, "bead"), string(row, "bead_title"))
    left: Line = (
        (f" {mark.glyph} {mark.letter} ", mark.role),
        (agent_name(key, row), "strong"),
        (f"  {bead}" if bead else "", "accent"),
        (f" {title}" if title else "", "muted"),
    )
    return spread(left, right, width)


def extras(row: Record) -> Line:
    """Permissions, tokens and cost of an agent, as far as they are known."""
    parts = []
    if permissions := string(row, "permissions"):
        parts.append(fit(permissions, min(10, cells(permissions))))
    if tokens := number(row, "tokens"):
        parts.append(f"{count(tokens)} tok")
    if cost := number(row, "cost"):
        parts.append(money(cost))
    return ((f"{' · '.join(parts)}  ", "faint"),) if parts else ()


def card_lines(key: str, row: Record, width: int, now: float, last: str) -> tuple[Line, ...]:
    """An agent as a card of three lines under its title: the bead, the last words, the numbers."""
    why = agent_why(row)
    at, limit = attempt(row)
    numbers = [
        string(row, "rig") or "town",
        string(row, "entry"),
        f"attempt {at} of {limit}" if at else "",
        f"{count(number(row, 'tokens'))} tok" if number(row, "tokens") else "",
        money(number(row, "cost")) if number(row, "cost") else "",
    ]
    return (
        ((fit(f"   {string(row, 'bead')} {string(row, 'bead_title')}", width), "text"),),
        ((fit(f"   {why if is_needy(row) else last}", width), "muted"),),
        ((fit(f"   {' · '.join(filter(None, numbers))}", width), "faint"),),
    )


def short_need(key: str, row: Record, now: float) -> tuple[Mark, str]:
    """One entry of the attention strip: its mark and `nux 4m`."""
    mark = NEED[need_of(row)]
    waited = age(now - number(row, "needs_since")) if number(row, "needs_since") else ""
    return mark, f"{fit(agent_name(key, row), min(12, cells(agent_name(key, row))))} {waited}"
