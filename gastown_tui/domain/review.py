"""What a review says of a change: its attempts, comments on its lines, and what was seen of it."""

from __future__ import annotations


def attempt_words(reds: int, limit: int) -> str:
    """Which of its attempts a change is at: `2 of 3`; what a conflict sent back counts for none."""
    return f"{min(reds + 1, max(1, limit))} of {max(1, limit)}"
