"""Figures of a benchmark: percentiles, verdicts, and the table they are printed in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec


class Limit(NamedTuple):
    """What a figure should be: at most or at least `value`."""

    value: float
    least: bool = False

    def holds(self, found: float) -> bool:
        """Whether a figure meets it."""
        return found >= self.value if self.least else found <= self.value

    def text(self, unit: str) -> str:
        """As the table writes it."""
        return f"{'>=' if self.least else '<='} {number(self.value)}{unit}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of ours, and the same of others where it makes sense."""

    group: str
    what: str
    unit: str = ""
    """Stands behind every number: ` ms`, `%` ..."""
    ours: float | None = None
    tmux: float | None = None
    mprocs: float | None = None
    limit: Limit | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`; empty when there is nothing to meet."""
        if self.limit is None or self.ours is None:
            return ""
        return "met" if self.limit.holds(self.ours) else "MISSED"


HEADER: Final = ("", "what", "ours", "tmux", "mprocs", "target", "", "note")


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest-rank percentile: the smallest value that `part` (0 to 1) of all do not exceed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value, the mean of two if their number is even."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def number(value: float | None) -> str:
    """A figure with three digits that count; nothing for None."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def table(rows: Iterable[Row]) -> str:
    """All rows as text; the name of a group stands in its first row only."""
    cells, group = [HEADER], ""
    for row in rows:
        cells.append(
            (
                row.group if row.group != group else "",
                row.what,
                *_figures(row),
                row.limit.text(row.unit) if row.limit else "",
                row.verdict,
                row.note,
            )
        )
        group = row.group
    widths = [max(len(line[at]) for line in cells) for at in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if 2 <= at <= 5 else text.ljust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _figures(row: Row) -> tuple[str, str, str]:
    ours, tmux, mprocs = (
        number(each) + row.unit if each is not None else "-"
        for each in (row.ours, row.tmux, row.mprocs)
    )
    return ours, tmux, mprocs
