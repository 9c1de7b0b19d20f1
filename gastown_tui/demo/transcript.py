"""What the agent says: bullets, tool calls, diffs, kept to be shown again after a resize."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from gastown_tui.demo.text import Line, clean, clip_line, flow, width

KEPT = 300
"""Blocks kept for a redraw; older ones are in the terminal's scrollback alone."""
SHOWN_OUTPUT = 6
"""Lines of a program's output that are shown."""
SHOWN_DIFF = 16
"""Lines of a diff that are shown."""
DIM, BOLD = "38;5;245", "1"
OK, BAD, WORK = "38;5;78", "38;5;203", "38;5;252"
ADDED, REMOVED = "38;5;151;48;2;20;46;28", "38;5;217;48;2;58;24;28"
USER = "38;5;252;48;5;237"


class Block(NamedTuple):
    """One paragraph: wrapped with a hanging indent, or (`indent` -1) cut at the right edge."""

    pieces: Line
    indent: int = 2
    fill: str = ""
    """Style of the blanks up to the right edge, or empty."""


class Transcript:
    """Collects blocks; `take` gives those that are not on the screen yet."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque(maxlen=KEPT)
        self._fresh: list[Block] = []

    def add(self, *blocks: Block) -> None:
        """Puts blocks at the end."""
        self._blocks.extend(blocks)
        self._fresh.extend(blocks)

    def take(self, columns: int) -> list[Line]:
        """The new lines for a screen of `columns`."""
        fresh, self._fresh = self._fresh, []
        return [line for block in fresh for line in layout(block, columns)]

    def all(self, columns: int) -> list[Line]:
        """Every line that is still kept; nothing is new any more."""
        self._fresh = []
        return [line for block in self._blocks for line in layout(block, columns)]

    def gap(self) -> None:
        """One empty line."""
        self.add(Block((("", ""),)))

    def say(self, text: str) -> None:
        """A paragraph of the agent's."""
        self.add(Block((("● ", WORK), (clean(text), ""))))
        self.gap()

    def note(self, text: str, sgr: str = DIM) -> None:
        """A line below what came before."""
        self.add(Block((("  ⎿  ", DIM), (clean(text), sgr)), 5))
        self.gap()

    def user(self, text: str) -> None:
        """What was typed or pasted to the agent."""
        self.add(Block(((" > ", USER), (clean(text), USER)), 3, USER))
        self.gap()

    def tool(self, name: str, subject: str, *, good: bool = True) -> None:
        """The head of a tool call."""
        call = f"({clean(subject)})" if subject else ""
        self.add(Block((("● ", OK if good else BAD), (name, BOLD), (call, ""))))

    def output(self, text: str, code: int = 0) -> None:
        """The tail of a program's output, below its tool call."""
        lines = [line for line in clean(text).rstrip("\n").split("\n") if line.strip()]
        hidden = max(len(lines) - SHOWN_OUTPUT, 0)
        above = f"… {hidden} line{'s' if hidden > 1 else ''} above"
        rows: list[tuple[str, str]] = [(above, DIM)] if hidden else []
        rows += [(line, DIM if code == 0 else BAD) for line in lines[hidden:]]
        if not rows:
            rows = [("(no output)", DIM)]
        if code:
            rows.append((f"exit code {code}", BAD))
        self._hang(rows)

    def diff(self, before: str, after: str) -> None:
        """What an edit changed, with line numbers and two lines of context."""
        old, new = before.split("\n"), after.split("\n")
        start = 0
        while start < min(len(old), len(new)) and old[start] == new[start]:
            start += 1
        tail = 0
        while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        removed, added = old[start : len(old) - tail], new[start : len(new) - tail]
        counts = (f"{len(added)} added, {len(removed)} removed", DIM)
        self.add(Block((("  ⎿  ", DIM), counts), 5))
        rows = [(" ", n, new[n]) for n in range(max(start - 2, 0), start)]
        rows += [("-", start + n, line) for n, line in enumerate(removed)]
        rows += [("+", start + n, line) for n, line in enumerate(added)]
        for sign, number, line in rows[:SHOWN_DIFF]:
            sgr = {"+": ADDED, "-": REMOVED}.get(sign, DIM)
            head = (f"     {number + 1:>4} ", DIM)
            self.add(Block((head, (f"{sign} {clean(line)}", sgr)), -1, sgr if sign != " " else ""))
        if len(rows) > SHOWN_DIFF:
            more = len(rows) - SHOWN_DIFF
            text = f"          … {more} more line{'s' if more > 1 else ''}"
            self.add(Block(((text, DIM),), -1))
        self.gap()

    def _hang(self, rows: list[tuple[str, str]]) -> None:
        for number, (text, sgr) in enumerate(rows):
            head = "  ⎿  " if number == 0 else "     "
            self.add(Block(((head, DIM), (text, sgr)), -1))
        self.gap()


def layout(block: Block, columns: int) -> list[Line]:
    """The block as lines of at most `columns` cells."""
    if block.indent < 0:
        lines = [clip_line(block.pieces, columns)]
    else:
        lines = flow(block.pieces, columns, block.indent)
    if not block.fill:
        return lines
    used = [sum(width(text) for text, _ in line) for line in lines]
    return [
        (*line, (" " * (columns - cells), block.fill))
        for line, cells in zip(lines, used, strict=True)
    ]
