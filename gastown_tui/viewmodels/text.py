"""Text as the screen shows it: cleaned, measured in cells, cut into spans that have a role.

A `Line` is a tuple of `(text, role)` pairs. A role says what a piece of text means ("muted",
"warn"); the painter decides how that looks, so nothing in this package knows a colour.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

Span: TypeAlias = tuple[str, str]
"""Text and role."""
Line: TypeAlias = tuple[Span, ...]
"""One line of the screen, from the left."""
Cell: TypeAlias = str | int | float | bool | list[str] | dict[str, str] | None
Record: TypeAlias = Mapping[str, Cell]
"""A row of a feed table; any column may be missing."""

ROLES: Final = (
    "text",
    "strong",
    "muted",
    "faint",
    "accent",
    "ok",
    "warn",
    "error",
    "ask",
    "chip",
    "alert",
    "added",
    "removed",
)
"""Every role that a painter must know."""

LONGEST: Final = 2_000
"""Characters of one foreign text that are looked at; the rest can never fit a line."""


def clean(text: object, limit: int = LONGEST) -> str:
    """Foreign text as one printable line.

    Control and format characters (escape sequences, newlines, direction overrides, zero-width
    marks) become a blank; runs of blanks become one.
    """
    if not isinstance(text, str):
        return "" if text is None else str(text)[:limit]
    text = text[:limit]
    if text.isascii() and text.isprintable():
        return text.strip()
    marks = (" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text)
    return " ".join("".join(marks).split())


def cells(text: str) -> int:
    """The number of terminal cells that printable text fills."""
    if text.isascii():
        return len(text)
    return sum(_mark_cells(mark) for mark in text)


def _mark_cells(mark: str) -> int:
    if mark < "\u0300":
        return 1
    if unicodedata.combining(mark) or unicodedata.category(mark) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def crop(text: str, width: int) -> str:
    """Clean text cut to `width` cells, with an ellipsis where something is missing."""
    if width <= 0:
        return ""
    if cells(text) <= width:
        return text
    used, kept = 0, []
    for mark in text:
        used += _mark_cells(mark)
        if used > width - 1:
            break
        kept.append(mark)
    return "".join(kept).rstrip() + "…"


def fit(text: object, width: int, align: Literal["left", "right"] = "left") -> str:
    """Foreign text cleaned, cut and padded to exactly `width` cells."""
    short = crop(clean(text), width)
    blank = " " * max(0, width - cells(short))
    return blank + short if align == "right" else short + blank


def line_cells(line: Line) -> int:
    """The number of cells that a line fills."""
    return sum(cells(text) for text, _ in line)


def line_text(line: Line) -> str:
    """The line without its roles."""
    return "".join(text for text, _ in line)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at the two ends of `width` cells; `left` gives way where they meet."""
    room = width - line_cells(right)
    if room < 0:
        kept = crop_line(right, width)
        return (*kept, (" " * (width - line_cells(kept)), "text"))
    gap = 1 if right else 0
    kept = crop_line(left, max(0, room - gap)) if line_cells(left) > room - gap else left
    return (*kept, (" " * (room - line_cells(kept)), "text"), *right)


def crop_line(line: Line, width: int) -> Line:
    """The line cut to `width` cells."""
    kept: list[Span] = []
    for text, role in line:
        if width <= 0:
            break
        short = crop(text, width)
        kept.append((short, role))
        width -= cells(short)
        if short != text:
            break
    return tuple(kept)


def wrap(line: Line, width: int) -> tuple[Line, ...]:
    """A line of one role cut at blanks into lines of at most `width` cells; others are cropped."""
    if line_cells(line) <= width or len(line) != 1:
        return (crop_line(line, width),)
    ((text, role),) = line
    found, now = [], ""
    for word in text.split():
        longer = f"{now} {word}" if now else word
        if now and cells(longer) > width:
            found.append(now)
            longer = word
        now = crop(longer, width)
    return tuple(((each, role),) for each in (*found, now))


def age(seconds: float) -> str:
    """A duration in at most four cells: `12s`, `4m`, `3h`, `2d`."""
    if not seconds > 0:
        return "0s"
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "m"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{min(999, int(seconds // 86_400))}d"


def money(amount: float) -> str:
    """A sum in US dollars: `$0.42`, `$12`."""
    return f"${amount:.2f}" if amount < 10 else f"${amount:.0f}"


def count(number: float) -> str:
    """A number in at most five cells: `950`, `12k`, `3.4M`."""
    if number < 1000:
        return str(int(number))
    if number < 1_000_000:
        return f"{number / 1000:.0f}k"
    return f"{number / 1_000_000:.1f}M"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 bead`, `2 beads`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def attempt(row: Record) -> tuple[int, int]:
    """Which attempt a change is at, and of how many; 0 of 0 while it has never come back."""
    if string(row, "source"):  # a person's own branch: nobody attempts anything
        return (0, 0)
    reds, limit = int(number(row, "reds")), int(number(row, "attempts"))
    return (min(reds + 1, limit), limit) if reds > 0 and limit > 0 else (0, 0)


def attempt_short(row: Record) -> str:
    """The attempt of a change that has come back: `2/3`; else empty."""
    at, limit = attempt(row)
    return f"{at}/{limit}" if at else ""


def string(row: Record, column: str) -> str:
    """A column as clean text; empty when it is missing or no text."""
    value = row.get(column)
    return clean(value) if isinstance(value, str) else ""


def number(row: Record, column: str) -> float:
    """A column as a number; 0 when it is missing or no number."""
    value = row.get(column)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if abs(value) < 1e15 else 0.0


def strings(row: Record, column: str) -> tuple[str, ...]:
    """A column as clean texts; empty when it is missing or no list."""
    value = row.get(column)
    return tuple(clean(each) for each in value) if isinstance(value, list) else ()


def since(row: Record, column: str, now: float) -> str:
    """How long ago the moment in a column was; empty when it is missing."""
    moment = number(row, column)
    return age(now - moment) if moment > 0 else ""


def keep_order(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    """`after` in the order of `before`; what is new comes at the end."""
    wanted = tuple(after)
    there = set(wanted)
    kept = [key for key in before if key in there]
    known = set(kept)
    return (*kept, *(key for key in wanted if key not in known))
