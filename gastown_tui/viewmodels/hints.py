"""The line of hints: the mode, then the keys that work now."""

from __future__ import annotations

from collections.abc import Sequence

from gastown_tui.viewmodels.text import Line, cells, spread


def hint_line(mode: str, hints: Sequence[tuple[str, str]], width: int, right: Line = ()) -> Line:
    """`mode` as a chip, then `key word` pairs, as many as fit."""
    parts: list[tuple[str, str]] = [(f" {mode} ", "chip"), (" ", "text")]
    used = cells(mode) + 3 + sum(cells(text) for text, _ in right)
    for key, word in hints:
        size = cells(key) + cells(word) + 4
        if used + size > width:
            break
        parts += [(f" {key} ", "accent"), (f"{word}  ", "muted")]
        used += size
    return spread(tuple(parts), right, width)
