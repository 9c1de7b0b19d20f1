"""Cuts rows to a width, in cells."""

from __future__ import annotations

import unicodedata

from gastown_tui.cells import Row, Run


def _width(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in {"Mn", "Me", "Cf"} else 1


def _cut_run(run: Run, cells: int) -> Run:
    """The first `cells` cells of a longer run; half a wide character becomes a blank."""
    text, style, width = run
    if len(text) == width:
        return text[:cells], style, cells
    used = end = 0
    for end, character in enumerate(text):  # noqa: B007 - where it stopped
        step = _width(character)
        if used + step > cells:
            break
        used += step
    else:
        end = len(text)
    return text[:end] + " " * (cells - used), style, cells


def cut_row(row: Row, cells: int) -> Row:
    """The first `cells` cells of `row`."""
    x = 0
    for index, run in enumerate(row):
        if x + run[2] > cells:
            kept = row[:index]
            return (*kept, _cut_run(run, cells - x)) if cells > x else kept
        x += run[2]
    return row
