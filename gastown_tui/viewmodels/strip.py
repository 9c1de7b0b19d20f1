"""The top line: the town, its numbers, and who needs the overseer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from gastown_tui.viewmodels.agents import Agents, needy, short_need
from gastown_tui.viewmodels.states import AGENT, GATE, QUEUE, Mark
from gastown_tui.viewmodels.text import (
    Line,
    Record,
    Span,
    attempt_short,
    cells,
    clean,
    crop,
    fit,
    line_cells,
    money,
    number,
    plural,
    spread,
    string,
)
from gastown_tui.viewmodels.waiting import VERDICT, in_state

_WAITS = frozenset(
    ("submitted", "testing", "review", "approved", "landing", "pull", "held", "conflict")
)
_STUCK = frozenset(("held", "conflict", "failed"))


class TownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the top line tells of."""

    town: Record
    agents: Agents
    queue: Mapping[str, Record]
    gates: int = 0
    """Gates that the overseer has to open."""
    proposals: int = 0
    """Convoys that the mayor proposes."""
    down: Sequence[str] = ()
    """What is not there, as it is to be read: `as of 14:02, controller down`."""
    problems: int = 0
    """What is wrong and has no line of its own below."""


def clock_text(moment: float) -> str:
    """A moment as the overseer's wall clock tells it: `14:02`."""
    try:
        return datetime.fromtimestamp(moment).astimezone().strftime("%H:%M")
    except (OverflowError, OSError, ValueError):
        return "--:--"


def strip_line(facts: TownFacts, width: int, now: float) -> Line:
    """The whole top line; on the left the town, in the middle the alarm, on the right the queue."""
    if string(facts.town, "wanted") == "estop":
        return _frozen(facts, width)
    right = _right(facts, width)
    left = [*_town(facts, width)]
    for text in facts.down:
        left.append((f" {crop(clean(text), 60)} ", "alert"))
        left.append(("  ", "text"))
    if facts.town.get("waiting") and "memory" in string(facts.town, "waiting_why"):
        text = f" {int(number(facts.town, 'waiting'))} wait for memory "
        left.append((text, "warn"))
        left.append(("  ", "text"))
    if facts.problems:
        left.append((f" ‼ {plural(facts.problems, 'problem')} ", "alert"))
        left.append(("  ", "text"))
    room = width - line_cells(tuple(left)) - line_cells(right) - 1
    verdicts = _verdicts(facts, room)
    left.extend(_attention(facts, room - line_cells(verdicts), now))
    left.extend(verdicts)
    return spread(tuple(left), right, width)


def _frozen(facts: TownFacts, width: int) -> Line:
    """The whole line as one alarm: nobody takes a town that stands still for one that hangs."""
    name = crop(string(facts.town, "name") or "gastown", 20)
    said = "nothing runs, starts, is typed or lands" if width >= 100 else "nothing runs or lands"
    down = "  ".join(crop(clean(text), 60) for text in facts.down)
    return ((fit(f" {name}  ‖ FROZEN: U thaws  {said}  {down}", width), "alert"),)


def problem_lines(problems: Sequence[str], room: int, width: int) -> tuple[Line, ...]:
    """What is wrong with the town, a line each; the last of `room` lines says how many more."""
    shown = problems if len(problems) <= room else problems[: max(0, room - 1)]
    lines = [((" ‼ ", "alert"), (f" {crop(clean(each), width - 5)}", "error")) for each in shown]
    if room and (more := len(problems) - len(shown)):
        text = f" and {plural(more, 'problem')} more: gastown status tells all"
        lines.append(((" ‼ ", "alert"), (crop(text, width - 4), "error")))
    return tuple(lines)


def _town(facts: TownFacts, width: int) -> Line:
    name = string(facts.town, "name") or "gastown"
    wanted = string(facts.town, "wanted")
    parts: list[tuple[str, str]] = [(f" {crop(name, 20)} ", "strong")]
    if wanted in ("paused", "down"):
        parts.append((f" {wanted} ", "chip"))
    counted: dict[str, int] = {}
    for row in facts.agents.values():
        state = string(row, "state")
        counted[state] = counted.get(state, 0) + 1
    parts.append((f" {plural(len(facts.agents), 'agent')}" if width >= 100 else "", "muted"))
    for state in ("working", "waiting", "idle") if width >= 100 else ("working", "idle"):
        if number_of := counted.get(state, 0):
            mark = AGENT[state]
            tail = f" {mark.word}" if width >= 100 else mark.letter
            parts.append((f"  {mark.glyph} {number_of}{tail}", mark.role))
    parts.append(("   ", "text"))
    return tuple(parts)


def _attention(facts: TownFacts, room: int, now: float) -> Line:
    waiting = needy(facts.agents)
    if not waiting:
        return ()
    text = f" ⚠ {len(waiting)} need you " if len(waiting) > 1 else " ⚠ 1 needs you "
    if cells(text) + 20 > room:
        text = f" ⚠ {len(waiting)} "
    parts: list[tuple[str, str]] = [(text, "alert"), (" ", "text")]
    used = cells(text) + 1
    for at, key in enumerate(waiting):
        mark, who = short_need(key, facts.agents[key], now)
        rest = f" +{len(waiting) - at} "
        size = cells(mark.word) + cells(who) + 3
        if used + size + (cells(rest) if at + 1 < len(waiting) else 0) > room:
            parts.append((rest, "muted"))
            break
        parts += [(f" {mark.word} ", mark.role), (f"{who} ", "text")]
        used += size
    return tuple(parts)


def _verdicts(facts: TownFacts, room: int) -> Line:
    """The changes that wait for a verdict: `REVIEW 3  REJECTED 1`, `◆3 ✗1` in a narrow line."""
    wide = room >= 60
    parts = [
        _verdict(
            QUEUE[state], [facts.queue[key] for key in in_state(facts.queue, state)], wide=wide
        )
        for state in VERDICT
    ]
    if facts.gates:
        mark = GATE["yours"]
        text = f" {mark.word.upper()} {facts.gates} " if wide else f"{mark.glyph}{facts.gates} "
        parts.append((text, mark.role))
    if facts.proposals:
        parts.append((f" PROPOSED {facts.proposals} " if wide else f"?{facts.proposals} ", "ask"))
    return tuple(part for part in parts if part[0])


def _verdict(mark: Mark, rows: Sequence[Record], *, wide: bool) -> Span:
    if not rows:
        return ("", mark.role)
    if not wide:
        return (f"{mark.glyph}{len(rows)} ", mark.role)
    tried = attempt_short(rows[0]) if len(rows) == 1 else ""
    return (f" {mark.word.upper()} {len(rows)}{tried and f' attempt {tried}'} ", mark.role)


def _right(facts: TownFacts, width: int) -> Line:
    rows = facts.queue.values()
    waiting = sum(string(row, "state") in _WAITS for row in rows)
    stuck = sum(string(row, "state") in _STUCK for row in rows)
    cost = sum(number(row, "cost") for row in facts.agents.values())
    parts: list[tuple[str, str]] = []
    if cost and width >= 100:
        parts.append((f"{money(cost)}   ", "faint"))
    wide = width >= 100
    parts.append((f"{'queue' if wide else 'mq'} {waiting}", "muted"))
    if stuck:
        parts.append((f" ({stuck} stuck)" if wide else f" ({stuck}!)", "warn"))
    parts.append((" ", "text"))
    return tuple(parts)
