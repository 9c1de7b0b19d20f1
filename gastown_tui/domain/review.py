"""What a review says of a change: its attempts, comments on its lines, and what was seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

LONGEST_PROMPT: Final = 15_000
"""Characters of a review that goes to an agent; the controller takes no longer text."""
_QUOTED: Final = 200
"""Characters of a line of code that are quoted."""


def attempt_words(reds: int, limit: int) -> str:
    """Which of its attempts a change is at: `2 of 3`; what a conflict sent back counts for none."""
    return f"{min(reds + 1, max(1, limit))} of {max(1, limit)}"


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What the overseer says of a line of a diff; it knows the line again after the next commit."""

    path: str
    side: str = "new"
    """`new` or `old`; empty for the file as a whole."""
    line: int = 0
    """On that side, from 1; 0 for the file as a whole."""
    code: str = ""
    """The line itself, as it was."""
    text: str
    tip: str = ""
    """The commit that was looked at."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the overseer has seen of a change, and has not said yet."""

    base: str = ""
    tip: str = ""
    """The commit that was seen last; empty when none was."""
    at: float = 0.0
    """When, in seconds since the epoch."""
    seen: dict[str, str] = {}
    """Path to the fingerprint of its diff that was marked as seen."""
    comments: tuple[Comment, ...] = ()
    """Written, not sent."""
    sent: tuple[Comment, ...] = ()
    """What was asked for last."""


def review_prompt(comments: Sequence[Comment], words: str = "") -> str:
    """One prompt of everything that a review says, its first line fit for a list.

    Args:
        comments: in any order; they are put in the order of the files.
        words: what is said of the change as a whole.
    """
    ordered = sorted(comments, key=lambda one: (one.path, one.line, one.side))
    lines = [words.strip()] if words.strip() else []
    if ordered:
        many, files = len(ordered), len({one.path for one in ordered})
        count = f"{many} comment{'s' * (many > 1)} on {files} file{'s' * (files > 1)}"
        first = " ".join(ordered[0].text.split())
        lines.append(f"{count}:" if lines else f"{count}, the first: {first}")
    for one in ordered:
        place = one.path + (f":{one.line}" if one.line else "")
        if one.side == "old":
            place += " (a line that was removed)"
        lines += ["", place]
        if one.code.strip():
            lines.append(f"> {one.code.rstrip()[:_QUOTED]}")
        lines.append(one.text.strip())
    return "\n".join(lines)


def without(look: Look, comment: Comment) -> Look:
    """The look without a comment."""
    kept = tuple(one for one in look.comments if one != comment)
    return msgspec.structs.replace(look, comments=kept)
