"""Reads an agent's terminal: its prompt box, and the regions that rules look at.

The rows are what is on the screen now, never scrollback, so what an agent printed earlier cannot
pass for a prompt box or a dialog unless it is the last thing shown.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

import msgspec

from gastown_tui.domain.agents.catalogue import Region, Rule, Typing
from gastown_tui.protocol import Signals

MAX_BOX: Final = 20
"""Rows of the tallest prompt box that is recognised."""
_LINE: Final = re.compile(r"[╭╰┌└]?[─━]{10,}.*|[▔▁]{10,}.*")
_FRAME: Final = " \u00a0│┃|"
_SPACE: Final = " \u00a0\t"


class PromptBox(msgspec.Struct, frozen=True, kw_only=True):
    """Where the agent takes text, and what stands in it."""

    top: int
    """Index of the first row that belongs to the box, its upper rule included."""
    bottom: int
    """Index of the last one."""
    text: str
    """What is typed or suggested there, without the glyph; rows joined by newlines."""
    suggested: bool = False
    """The text is the program's own example: nobody typed it."""

    @property
    def draft(self) -> str:
        """Text that somebody or something has typed; empty when there is none."""
        return "" if self.suggested else self.text


def is_line(row: str) -> bool:
    """Whether a row is a horizontal rule or the edge of a frame."""
    return _LINE.match(row.strip(_SPACE)) is not None


def prompt_box(signals: Signals, typing: Typing) -> PromptBox | None:
    """The prompt box on the screen, or None when there is none (a dialog, a pager, a start)."""
    if not typing.submits:
        return None
    rows = signals.bottom
    bounds = _ruled_box(rows, typing) if typing.ruled else _plain_box(rows, typing)
    if bounds is None:
        return None
    top, first, bottom = bounds
    last = bottom - 1 if typing.ruled else bottom
    lines = [_inner(row) for row in rows[first : last + 1]]
    glyph = _glyph(rows[first], typing)
    lines[0] = lines[0][len(glyph) :].strip(_SPACE)
    text = "\n".join(line.rstrip(_SPACE) for line in lines).strip("\n")
    typed, suggested = _without_faint(signals, first, text, typing)
    return PromptBox(top=top, bottom=bottom, text=typed, suggested=suggested)


def _ruled_box(rows: list[str], typing: Typing) -> tuple[int, int, int] | None:
    lines = [index for index, row in enumerate(rows) if is_line(row)]
    for upper, lower in reversed(list(itertools.pairwise(lines))):
        if 2 <= lower - upper <= MAX_BOX and _glyph(rows[upper + 1], typing):
            return upper, upper + 1, lower
    return None


def _plain_box(rows: list[str], typing: Typing) -> tuple[int, int, int] | None:
    for index in range(len(rows) - 1, max(-1, len(rows) - 1 - MAX_BOX), -1):
        if _glyph(rows[index], typing):
            return index, index, index
    return None


def _inner(row: str) -> str:
    return row.strip(_FRAME)


def _glyph(row: str, typing: Typing) -> str:
    inner = _inner(row)
    for glyph in typing.glyphs:
        if inner == glyph or (inner.startswith(glyph) and inner[len(glyph)] in _SPACE):
            return glyph
    return ""


def _without_faint(signals: Signals, first: int, text: str, typing: Typing) -> tuple[str, bool]:
    """What was typed, and whether all of the text is the program's suggestion."""
    if not text:
        return "", False
    if typing.suggestion and re.match(typing.suggestion, text):
        return text, True
    faint = signals.faint_from[first] if first < len(signals.faint_from) else -1
    if faint < 0:
        return text, False
    row = signals.bottom[first]
    start = len(row) - len(row.lstrip(_FRAME + "".join(typing.glyphs)))
    if faint <= start + 1:  # the first cell of a suggestion may be drawn as the cursor
        return text, True
    typed = row[start:faint].rstrip(_SPACE)
    return typed, False


class Screen:
    """The regions of one terminal, each read once and kept."""

    def __init__(self, signals: Signals, typing: Typing) -> None:
        self.signals = signals
        self.box = prompt_box(signals, typing)
        self._rows = [row.rstrip(_SPACE) for row in signals.bottom]

    def region(self, region: Region, lines: int) -> list[str]:
        """The rows of a region, at most `lines` with text, from the bottom."""
        rows = self._rows
        match region:
            case "title":
                return [self.signals.title] if self.signals.title else []
            case "progress":
                return [progress_text(self.signals.progress)]
            case "prompt":
                rows = self.box.text.split("\n") if self.box else []
            case "above_prompt":
                rows = rows[: self.box.top] if self.box else []
            case "footer":
                rows = rows[self.box.bottom + 1 :] if self.box else []
            case "screen":
                return [row for row in rows if row]
            case "bottom":
                pass
        return [row for row in rows if row][-lines:]

    def fits(self, rule: Rule) -> str:
        """The row that makes the rule fit, or an empty text."""
        rows = self.region(rule.region, rule.lines)
        lowered = [row.lower() for row in rows]
        if any(text.lower() in row for text in rule.without for row in lowered):
            return ""
        found = ""
        if rule.contains:
            hits = (
                row
                for row, low in zip(rows, lowered, strict=True)
                if any(text.lower() in low for text in rule.contains)
            )
            found = next(hits, "")
            if not found:
                return ""
        if rule.regex:
            return next((row for row in reversed(rows) if re.search(rule.regex, row)), "")
        return found


def progress_text(progress: int | None) -> str:
    """The progress of a terminal as rules see it: none, busy, error, or 0 to 100."""
    if progress is None:
        return "none"
    return {-1: "busy", -2: "error"}.get(progress, str(progress))
