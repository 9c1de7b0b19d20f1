"""Findings on a terminal: one a line, its remedy below it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from gastown_tui.cli.common import plain

if TYPE_CHECKING:
    from gastown_tui.domain.doctor.finding import Finding

_COLORS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}
_WIDEST: Final = 110
_ABOUT: Final = 14


def finding_lines(findings: Sequence[Finding], columns: int) -> Iterator[str]:
    """Lines for a terminal so wide; what is to be typed or opened is never cut."""
    width = min(columns, _WIDEST)
    about = max([_ABOUT, *(len(plain(one.about)) for one in findings)]) + 1
    indent = " " * (7 + about)
    for one in findings:
        level = f"{one.level:<4}"
        shown = click.style(level, fg=_COLORS[one.level]) if is_colored() else level
        texts = _wrapped(plain(one.text), width - len(indent))
        if one.remedy:
            texts += _wrapped(f"-> {plain(one.remedy)}", width - len(indent))
        yield f"  {shown} {plain(one.about):<{about}}{texts[0]}"
        yield from (indent + text for text in texts[1:])


def is_colored() -> bool:
    """Whether colours are wanted where this is printed."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _wrapped(text: str, width: int) -> list[str]:
    found = textwrap.wrap(text, max(20, width), break_long_words=False, break_on_hyphens=False)
    return found or [""]
