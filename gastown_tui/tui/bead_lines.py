"""A bead as lines: what it is, what it says, what it is tied to, what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from gastown_tui.domain.bead import instant
from gastown_tui.protocol import BeadEntry, BeadLink, BeadText
from gastown_tui.tui.markdown import flow, markdown
from gastown_tui.viewmodels.states import BEAD, bead_mark
from gastown_tui.viewmodels.text import Line, age, clean, crop_line, fit, plural, spread

_TEXTS: Final = (
    ("description", "Description"),
    ("design", "Design"),
    ("acceptance_criteria", "Acceptance"),
    ("notes", "Notes"),
)
_WAYS: Final = (
    ("parent", "Part of"),
    ("needs", "Waits for"),
    ("holds", "Holds back"),
    ("child", "Parts"),
)
_INDENT: Final = "  "
_WIDEST: Final = 110
"""Columns of running text; longer lines are hard to read."""


class BeadLine(msgspec.Struct, frozen=True):
    """A line, and the bead that it stands for, if any."""

    line: Line
    bead: str = ""


def bead_lines(found: BeadText, width: int, now: float) -> list[BeadLine]:
    """All lines of a bead, each exactly as wide as it needs to be, at most `width` cells."""
    lines = [BeadLine(line) for line in _head(found, width, now)]
    for field, title in _TEXTS:
        text = found.bead.get(field)
        if isinstance(text, str) and text.strip():
            lines += _section(title)
            shown = markdown(text, min(width - 4, _WIDEST))
            lines += [BeadLine(((_INDENT, "text"), *line)) for line in shown]
    for way, title in _WAYS:
        mine = [link for link in found.links if link.way == way]
        if mine:
            lines += _section(_counted(title, way, mine))
            lines += [BeadLine(_link_line(link, width), link.id) for link in mine]
    lines += _comments(found.bead.get("comments"), width, now)
    if found.history:
        lines += _section("History")
        lines += [BeadLine(_entry_line(entry, width, now)) for entry in reversed(found.history)]
    return [BeadLine(crop_line(one.line, width), one.bead) for one in lines]


def _counted(title: str, way: str, links: Sequence[BeadLink]) -> str:
    if way != "child":
        return title
    closed = sum(link.status == "closed" for link in links)
    return f"{title}: {closed} of {len(links)} closed"


def _section(title: str) -> list[BeadLine]:
    return [BeadLine(()), BeadLine(((title, "accent"),))]


def _head(found: BeadText, width: int, now: float) -> list[Line]:
    row = found.bead
    waits = any(link.way == "needs" and link.status not in _DONE for link in found.links)
    mark = bead_mark({"status": _text(row, "status"), "ready": found.ready,
                      "blocked_by": ["?"] if waits and not found.ready else []})  # fmt: skip
    state: Line = (
        (f"{mark.glyph} {mark.word}", mark.role),
        (f"  P{row.get('priority', 2)} {_text(row, 'issue_type')}", "muted"),
        (f"  {clean(found.rig)}", "muted"),
    )
    if found.ready and mark is BEAD["open"]:
        state = (*state, ("  ready", "ok"))
    if who := _text(row, "assignee"):
        state = (*state, (f"  {who}", "text"))
    lines: list[Line] = [*flow([(_text(row, "title"), "strong")], max(8, width)), state]
    times = [
        f"{name} {age(now - moment)} ago"
        for name, key in (
            ("made", "created_at"),
            ("changed", "updated_at"),
            ("closed", "closed_at"),
        )
        if (moment := instant(_text(row, key)))
    ]
    by = _text(row, "created_by")
    lines.append(((", ".join(times) + (f" · by {by}" if by else ""), "faint"),))
    labels = row.get("labels")
    if isinstance(labels, list) and labels:
        lines += flow([(" ".join(clean(label) for label in labels), "muted")], max(8, width))
    for key, word in (("close_reason", "because"), ("defer_until", "put off until"),
                      ("due_at", "due"), ("external_ref", "elsewhere")):  # fmt: skip
        if text := _text(row, key):
            lines += flow([(f"{word}: ", "faint"), (text, "muted")], max(8, width))
    return lines


_DONE: Final = frozenset({"closed", "pinned", "tombstone", ""})


def _text(row: dict[str, Any], key: str) -> str:
    return clean(row.get(key, ""))


def _link_line(link: BeadLink, width: int) -> Line:
    mark = bead_mark({"status": link.status})
    kind = "" if link.type in {"blocks", "parent-child"} else f" {clean(link.type)}"
    if not link.status:
        return ((f"{_INDENT}? {clean(link.id)}", "faint"), (f" not here{kind}", "faint"))
    left: Line = (
        (f"{_INDENT}{mark.glyph} ", mark.role),
        (f"{clean(link.id, 60)} ", "accent"),
        (clean(link.title), "faint" if link.status == "closed" else "text"),
    )
    return spread(left, ((f"{kind} {mark.word} ", "faint"),), width)


def _comments(comments: Any, width: int, now: float) -> list[BeadLine]:
    if not isinstance(comments, list) or not comments:
        return []
    lines = _section(plural(len(comments), "comment").capitalize())
    for one in comments:
        if not isinstance(one, dict):
            continue
        said = instant(str(one.get("created_at", "")))
        when = f"  {age(now - said)} ago" if said else ""
        head: Line = ((f"{_INDENT}{clean(one.get('author', ''))}", "strong"), (when, "faint"))
        lines.append(BeadLine(head))
        text = str(one.get("text", ""))
        lines += [BeadLine(((_INDENT * 2, "text"), *line))
                  for line in markdown(text, min(width - 6, _WIDEST))]  # fmt: skip
    return lines


def _entry_line(entry: BeadEntry, width: int, now: float) -> Line:
    when = datetime.fromtimestamp(entry.at).strftime("%Y-%m-%d %H:%M") if entry.at else ""
    return spread(
        (
            (f"{_INDENT}{fit(when, 16)}  ", "faint"),
            (fit(entry.actor.rsplit("/", 1)[-1], 12) + " ", "muted"),
            (clean(entry.text), "text"),
        ),
        ((f"{age(now - entry.at)} ", "faint"),) if entry.at else (),
        width,
    )


def linked(lines: Sequence[BeadLine], at: int, step: int) -> int:
    """The next line from `at` that stands for a bead, looking up or down; `at` when none does."""
    each = at + step
    while 0 <= each < len(lines):
        if lines[each].bead:
            return each
        each += step
    return at
