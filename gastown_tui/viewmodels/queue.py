"""The merge queue, convoys and events as lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gastown_tui.viewmodels.states import queue_mark
from gastown_tui.viewmodels.text import (
    Line,
    Record,
    age,
    attempt_short,
    cells,
    clean,
    crop,
    fit,
    number,
    plural,
    since,
    spread,
    string,
)

_OVER: Final = frozenset(("landed", "rejected", "dropped"))


def request_order(queue: Mapping[str, Record]) -> tuple[str, ...]:
    """Requests as they will land; behind them what is over, the latest first."""

    def place(key: str) -> tuple[int, float, float, str]:
        row = queue[key]
        over = string(row, "state") in _OVER
        return (
            int(over),
            0.0 if over else number(row, "position"),
            -number(row, "since") if over else number(row, "since"),
            key,
        )

    return tuple(sorted(queue, key=place))


_VERBS: Final = ("approve", "reject", "hold", "retry", "drop", "cancel")
_OFFERED: Final = {
    "submitted": ("approve", "reject", "hold", "drop"),
    "testing": ("approve", "reject", "hold", "drop", "cancel"),
    "approved": ("reject", "hold", "retry", "drop"),
    "rework": ("hold", "retry", "drop"),
    "rejected": ("reject", "retry", "drop"),
    "held": ("approve", "reject", "retry", "drop"),
    "landing": ("cancel",),
    "pull": ("reject", "hold", "retry", "drop"),
    "landed": (),
    "dropped": (),
}


def offered(row: Record) -> tuple[str, ...]:
    """What can be asked about a request in its state; everything in one that is not known."""
    return _OFFERED.get(string(row, "state"), _VERBS)


def request_why(row: Record) -> str:
    """The reason of a request's state: its own words, else those of a gate that has not passed.

    Behind it stands what its commits hold that should be seen, and what was not committed.
    """
    gate = string(row, "gate")
    why = string(row, "why") or (f"gate {gate}" if gate and gate != "passed" else "")
    if gate == "running" and (limit := number(row, "gate_limit_s")):
        why = f"{why}, {age(limit)} at most"
    parts = [why, _files(row, "flagged", "it holds"), _files(row, "left_out", "not committed:")]
    return "; ".join(filter(None, parts))


def _files(row: Record, column: str, words: str) -> str:
    """The first of some files, with its reason, and how many more there are."""
    found = row.get(column)
    if not isinstance(found, list) or not found:
        return ""
    more = f" and {len(found) - 1} more" if found[1:] else ""
    return f"{words} {clean(str(found[0]))}{more}"


def gates_line(key: str, row: Record, width: int, now: float, note: str = "") -> Line:
    """The title of a pane that shows the gates of a request: of which, in which state, how long."""
    mark = queue_mark(row)
    right: tuple[tuple[str, str], ...] = ((f" {note} ", "chip"),) if note else ()
    if string(row, "gate") == "running":
        limit = number(row, "gate_limit_s")
        spent = f"{request_age(row, now)} of {age(limit)}" if limit else request_age(row, now)
        right = ((f"{spent} ", "muted"), *right)
    name = string(row, "title") or string(row, "bead") or clean(key)
    left = ((f" {mark.glyph} ", mark.role), (f"gates of {name}", "strong"),
            (f"  {clean(key)} ", "accent"), (mark.word, mark.role))  # fmt: skip
    return spread(left, right, width)


def request_age(row: Record, now: float) -> str:
    """How long a request has been in its state."""
    if number(row, "since"):
        return since(row, "since", now)
    return age(number(row, "age")) if number(row, "age") else ""


def request_line(key: str, row: Record, width: int, now: float) -> Line:
    """One line of the merge queue: place, phase, what, who, reason, size, age."""
    mark = queue_mark(row)
    over = string(row, "state") in _OVER
    place = "" if over else str(int(number(row, "position")) or "")
    head: Line = (
        (fit(place, 3, "right"), "faint"),
        (f" {mark.glyph} ", mark.role),
        (fit(mark.word, 10), mark.role),
    )
    room = width - 16 - 5
    title = string(row, "title") or string(row, "bead") or clean(key)
    who = string(row, "agent").rsplit("/", 1)[-1]
    size: Line = ()
    if width >= 64:
        plus, minus = f"+{int(number(row, 'plus'))}", f"-{int(number(row, 'minus'))}"
        size = ((fit(plus, 6, "right"), "added"), (fit(minus, 6, "right") + " ", "removed"))
        room -= 13
    why = " ".join(filter(None, (attempt_short(row), request_why(row))))
    if width < 64:
        short = min(cells(title), max(8, room * 2 // 5)) + 1 if why else room
        return (
            *head,
            (fit(title, short - 1) + " " if why else fit(title, room), "faint" if over else "text"),
            (fit(why, room - short) if why else "", "muted"),
            (fit(request_age(row, now), 4, "right") + " ", "faint"),
        )
    who_width = 9
    room -= who_width
    title_width = min(cells(title) + 2, max(24, room * 3 // 5)) if why else room
    return (
        *head,
        (fit(title, title_width - 1) + " ", "faint" if over else "text"),
        (fit(why, room - title_width - 1) + " " if why else "", "faint" if over else "muted"),
        (fit(who, who_width), "muted"),
        *size,
        (fit(request_age(row, now), 4, "right") + " ", "faint"),
    )


def bar(done: int, total: int, width: int) -> Line:
    """A progress bar: full blocks of what is done, light ones of what is left."""
    full = 0 if total <= 0 else max(0, min(width, round(width * done / total)))
    if full == width and done < total:
        full = width - 1
    return (("━" * full, "ok"), ("╌" * (width - full), "faint"))


def convoy_order(convoys: Mapping[str, Record]) -> tuple[str, ...]:
    """Convoys that still travel first, then by name."""

    def place(key: str) -> tuple[bool, str]:
        row = convoys[key]
        total = number(row, "total")
        return (total > 0 and number(row, "closed") >= total, key)

    return tuple(sorted(convoys, key=place))


def convoy_line(key: str, row: Record, width: int, now: float) -> Line:
    """One line of the convoys list: bar, count, title, what is working, what is stuck."""
    done, total = int(number(row, "closed")), int(number(row, "total"))
    oldest = number(row, "oldest")
    waited = age(now - oldest if oldest > 1e8 else oldest) if oldest else ""
    working, stuck = int(number(row, "working")), int(number(row, "stuck"))
    bar_width = 6 if width < 50 else 10
    parts: list[tuple[str, str]] = []
    if working and width >= 40:
        parts.append((f" {working} working", "muted"))
    if stuck:
        parts.append((f" {stuck} stuck", "warn"))
    state = string(row, "state")
    if state == "stranded" and not stuck:
        why = string(row, "why")
        text = f"stranded: {why}" if why and width >= 64 else "stranded"
        parts.append((f" {crop(text, max(9, width // 2))}", "warn"))
    elif state in ("staged", "waiting", "proposed", "dropped"):
        parts.append((f" {state}", "ask" if state in ("staged", "proposed") else "muted"))
    if waited and width >= 64 and done < total:
        parts.append((f" oldest {waited}", "faint"))
    return spread(
        (
            (" ", "text"),
            *bar(done, total, bar_width),
            (fit(f"{done}/{total}", 6, "right") + "  ", "muted"),
            (string(row, "title") or clean(key), "faint" if 0 < total <= done else "text"),
        ),
        (*parts, (" ", "text")),
        width,
    )


def event_order(events: Mapping[str, Record]) -> tuple[str, ...]:
    """Events, the latest first."""
    return tuple(sorted(events, key=lambda key: (-number(events[key], "at"), key)))


def event_line(key: str, row: Record, width: int, now: float) -> Line:
    """One line of the event list: when, who, what, to whom, in which words."""
    moment = number(row, "at")
    when = "        "
    if moment > 0:
        try:
            shape = "%H:%M:%S" if width >= 44 else "%H:%M"
            when = datetime.fromtimestamp(moment).astimezone().strftime(shape)
        except (OverflowError, OSError, ValueError):
            when = "--:--"
    kind = string(row, "kind").replace("_", " ")
    text = string(row, "text") or clean(key)
    who = string(row, "actor").rsplit("/", 1)[-1]
    subject = string(row, "target").rsplit("/", 1)[-1]
    if subject and subject not in text:
        text = f"{subject}  {text}"
    kind_width = 12
    room = width - cells(when) - kind_width - 14
    return (
        (f" {when} ", "faint"),
        (fit(who, 10) + " ", "muted"),
        (fit(kind, kind_width) + " ", _event_role(kind)),
        (crop(text, max(0, room)), "text"),
    )


def _event_role(kind: str) -> str:
    if any(word in kind for word in ("fail", "reject", "crash", "die", "kill", "error")):
        return "error"
    if any(word in kind for word in ("land", "close", "done", "approve")):
        return "ok"
    if any(word in kind for word in ("conflict", "stall", "held", "escalat", "refus")):
        return "warn"
    return "accent"


def request_summary(row: Record) -> str:
    """A request in one sentence, for a confirmation."""
    files = int(number(row, "files"))
    size = f", {plural(files, 'file')}" if files else ""
    return (
        f"{string(row, 'title') or string(row, 'bead')}"
        f" (+{int(number(row, 'plus'))} -{int(number(row, 'minus'))}{size})"
    )
