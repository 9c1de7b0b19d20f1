"""Finding things by a few typed letters."""

from __future__ import annotations


def score(wanted: str, text: str) -> float:
    """How well `text` answers to `wanted`: 0 not at all, more is better.

    Each word of `wanted` has to occur as a whole (best at the start of a word) or, failing that,
    letter by letter in order.
    """
    low = text.lower()
    total = 0.0
    for word in wanted.lower().split():
        found = _word(word, low)
        if not found:
            return 0.0
        total += found
    return total or 1.0


def _word(word: str, text: str) -> float:
    at = text.find(word)
    if at >= 0:
        start = at == 0 or not text[at - 1].isalnum()
        return 20.0 + 10.0 * start + 5.0 * (at == 0) - min(at, 40) / 10
    place, gaps = -1, 0
    for mark in word:
        found = text.find(mark, place + 1)
        if found < 0:
            return 0.0
        gaps += found - place - 1
        place = found
    return max(0.1, 8.0 - gaps / 4)
