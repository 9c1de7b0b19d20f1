"""The rows below the transcript: tool, spinner, queued texts, prompt box or dialog, footer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gastown_tui.demo.text import Line, clean, clip, clip_line, width
from gastown_tui.demo.transcript import BOLD, DIM, USER, WORK

if TYPE_CHECKING:
    from gastown_tui.demo.prompt import Dialog, Draft

GLYPHS = "·✢✳✶✻✽✻✶✳✢"
VERBS = (
    "Reconciling",
    "Tallying",
    "Balancing",
    "Untangling",
    "Pondering",
    "Sifting",
    "Cross-checking",
    "Posting",
    "Weighing",
    "Squaring up",
    "Carrying the one",
    "Reading between lines",
)
MAX_QUEUED = 3
"""Queued texts that are shown."""
ORANGE = "38;5;173"


class Busy(NamedTuple):
    """What the spinner line tells."""

    beat: int
    """Counts tenths of seconds; picks the glyph."""
    verb: str
    seconds: int
    tokens: int
    tool: str
    """The command of a running tool, or empty."""


class Scene(NamedTuple):
    """Everything that the live rows show."""

    draft: Draft
    queued: tuple[str, ...]
    footer: str
    hint: str
    busy: Busy | None
    dialog: Dialog | None


def rows(scene: Scene, columns: int) -> tuple[list[Line], tuple[int, int]]:
    """The live rows for a screen of `columns`, and the cursor's (row, column) in them."""
    lines: list[Line] = []
    if scene.busy and scene.busy.tool:
        tool = f"({clean(scene.busy.tool)})"
        lines.append((("● ", DIM), ("Bash", BOLD), (tool, "")))
        lines += [(("  ⎿  Running…", DIM),), (("", ""),)]
    if scene.dialog:
        dialog, (row, column) = scene.dialog.rows(columns)
        return _cut(lines + dialog, columns), (len(lines) + row, column)
    if scene.busy:
        lines.append(_spinner(scene.busy))
        lines.append((("", ""),))
    for text in scene.queued[:MAX_QUEUED]:
        first = clean(text).split("\n", 1)[0]
        lines.append(((f"  > {first}", USER), ("  queued", DIM)))
    if len(scene.queued) > MAX_QUEUED:
        lines.append(((f"  … {len(scene.queued) - MAX_QUEUED} more queued", DIM),))
    rule: Line = (("─" * columns, DIM),)
    box, (row, column) = scene.draft.rows(columns)
    cursor = (len(lines) + 1 + row, column)
    footer = scene.hint or scene.footer
    return _cut([*lines, rule, *box, rule, ((f"  {footer}", DIM),)], columns), cursor


def _cut(lines: list[Line], columns: int) -> list[Line]:
    return [clip_line(line, columns) for line in lines]


def _spinner(busy: Busy) -> Line:
    glyph = GLYPHS[busy.beat % len(GLYPHS)]
    elapsed = f"{busy.seconds}s"
    if busy.seconds >= 60:
        elapsed = f"{busy.seconds // 60}m {busy.seconds % 60}s"
    tokens = f"{busy.tokens / 1000:.1f}k" if busy.tokens >= 1000 else str(busy.tokens)
    return (
        (f"{glyph} {busy.verb}… ", ORANGE),
        (f"({elapsed} · ↓ {tokens} tokens · esc to interrupt)", DIM),
    )


def banner(name: str, rig: str, folder: str, version: str, columns: int) -> list[Line]:
    """The box that greets at start-up."""
    inner = max(min(columns - 4, 60), 10)
    texts: list[tuple[str, str]] = [
        (f"✻ gastown demo agent {version}", BOLD),
        ("a scripted agent: no account, no model", DIM),
        ("", ""),
        (f"{name or 'nobody'} on {rig or 'no rig'}", WORK),
        (folder, DIM),
    ]
    lines: list[Line] = [(("╭" + "─" * (inner + 2) + "╮", ORANGE),)]
    for text, sgr in texts:
        shown = clip(clean(text), inner)
        lines.append((("│ ", ORANGE), (_pad(shown, inner), sgr), (" │", ORANGE)))
    lines += [(("╰" + "─" * (inner + 2) + "╯", ORANGE),), (("", ""),)]
    return [clip_line(line, columns) for line in lines]


def _pad(text: str, columns: int) -> str:
    return text + " " * max(columns - width(text), 0)
