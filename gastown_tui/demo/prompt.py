"""The draft in the prompt box, and the numbered dialog that takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gastown_tui.demo.text import Line, clean, clip, width, wrap
from gastown_tui.demo.transcript import BOLD, DIM

if TYPE_CHECKING:
    from gastown_tui.demo.effects import Question
    from gastown_tui.demo.keys import Key

MAX_ROWS = 6
"""Rows of the draft that are shown, around the cursor."""
MAX_DRAFT = 100_000
"""Characters of a draft; what goes beyond is not taken."""
ACCENT = "38;5;111"


class Draft:
    """A text being written, with a cursor."""

    def __init__(self) -> None:
        self.text = ""
        self.cursor = 0

    def clear(self) -> str:
        """Empties the draft and returns what it was."""
        text, self.text, self.cursor = self.text, "", 0
        return text

    def press(self, key: Key) -> None:
        """Edits by one key; keys that mean nothing here change nothing."""
        if key.name in {"text", "paste", "newline"}:
            self._insert("\n" if key.name == "newline" else clean(key.text))
        elif key.name in {"backspace", "delete"}:
            at = self.cursor - (key.name == "backspace")
            if 0 <= at < len(self.text):
                self._cut(at, at + 1)
        elif key.name == "ctrl+u":
            self._cut(self._line_start(), self.cursor)
        elif key.name == "ctrl+k":
            end = self.text.find("\n", self.cursor)
            self._cut(self.cursor, end if end >= 0 else len(self.text))
        elif key.name == "ctrl+w":
            left = self.text[: self.cursor].rstrip()
            self._cut(max(left.rfind(" "), left.rfind("\n")) + 1, self.cursor)
        elif key.name in {"left", "right"}:
            step = 1 if key.name == "right" else -1
            self.cursor = min(max(self.cursor + step, 0), len(self.text))
        elif key.name == "home":
            self.cursor = self._line_start()
        elif key.name == "end":
            end = self.text.find("\n", self.cursor)
            self.cursor = end if end >= 0 else len(self.text)

    def rows(self, columns: int) -> tuple[list[Line], tuple[int, int]]:
        """The rows of the box and the cursor's (row, column) in them."""
        room = max(columns - 3, 2)
        before = _cells(self.text[: self.cursor], room)
        rows = _cells(self.text, room)
        row, column = len(before) - 1, width(before[-1])
        top = max(0, min(row - MAX_ROWS + 1, len(rows) - MAX_ROWS))
        shown = rows[top : top + MAX_ROWS]
        lines: list[Line] = [
            (("> " if top + number == 0 else "  ", ""), (text, ""))
            for number, text in enumerate(shown)
        ]
        return lines, (row - top, column + 2)

    def _insert(self, text: str) -> None:
        text = text[: max(MAX_DRAFT - len(self.text), 0)]
        self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
        self.cursor += len(text)

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.cursor) + 1


def _cells(text: str, columns: int) -> list[str]:
    """The text in rows of at most `columns` cells, broken anywhere: a draft keeps its blanks."""
    rows = []
    for line in text.split("\n"):
        row, used = "", 0
        for char in line:
            cells = width(char)
            if used + cells > columns:
                rows.append(row)
                row, used = "", 0
            row += char
            used += cells
        rows.append(row)
    return rows


class Dialog:
    """A permission question: the highlighted answer is chosen by Enter, any by its number."""

    OPTIONS = (
        "Yes",
        "Yes, and don't ask again in this session",
        "No, and go on without it (esc)",
    )

    def __init__(self, question: Question) -> None:
        self._question = question
        self._at = 0

    def press(self, key: Key) -> int | None:
        """The chosen option (0, 1, 2), or None while nothing is chosen."""
        if key.name in {"escape", "ctrl+c"}:
            return 2
        if key.name == "enter":
            return self._at
        if key.name in {"up", "down"}:
            self._at = (self._at + (1 if key.name == "down" else -1)) % len(self.OPTIONS)
        if key.name == "text" and key.text[:1] in {"1", "2", "3"}:
            return int(key.text[0]) - 1
        return None

    def rows(self, columns: int) -> tuple[list[Line], tuple[int, int]]:
        """The rows of the dialog and the cursor's place at the highlighted option."""
        rule: Line = (("─" * columns, ACCENT),)
        rows: list[Line] = [rule, ((" " + clip(clean(self._question.title), columns - 1), BOLD),)]
        rows.append((("", ""),))
        commands = wrap(clean(self._question.command), columns - 4)
        rows += [(("   " + row, ""),) for row in commands[:MAX_ROWS]]
        rows.append((("", ""),))
        rows += [((" " + row, ""),) for row in wrap(clean(self._question.question), columns - 2)]
        rows += [(("", ""),), ((clip(" Do you want to proceed?", columns), ""),)]
        first = len(rows)
        for number, option in enumerate(self.OPTIONS):
            chosen = number == self._at
            text = clip(f" {'❯' if chosen else ' '} {number + 1}. {option}", columns)
            rows.append(((text, ACCENT if chosen else ""),))
        rows += [
            (("", ""),),
            ((clip(" Enter to select · ↑/↓ to move · Esc to cancel", columns), DIM),),
        ]
        return rows, (first + self._at, 1)
