"""Comments of a bead that is merged: in order, told apart, and each with an id of its own.

A merge keeps in comments what it cannot keep in fields, as comments survive every tool.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from gastown_tui.domain.bead import instant
from gastown_tui.domain.bead_line import Line, Style

AUTHOR: Final = "gastown"
"""Of the comments that a merge writes."""
NO_TIME: Final = "1970-01-01T00:00:00Z"


def whole(value: Any) -> str:
    """Equal for two JSON values that are the same."""
    return json.dumps(value, sort_keys=True)


def identity(comment: Any) -> str:
    """Equal for two comments that are the same, whatever numbers they have."""
    if not isinstance(comment, dict):
        return whole(comment)
    made = comment.get("created_at")
    moment = instant(made) if isinstance(made, str) else 0.0
    return whole([comment.get("author"), comment.get("text"), moment or made])


def note(bead: Any, text: str, when: Any, style: Style) -> str:
    """The JSON text of a comment of ours, whose id is still to be made.

    Args:
        bead: the id of the bead.
        text: what it says.
        when: the time of the edit that it tells of, so that it is the same on every clone.
        style: of the line.
    """
    made = when if isinstance(when, str) and instant(when) else NO_TIME
    row = {"id": None, "issue_id": bead, "author": AUTHOR, "text": text, "created_at": made}
    return style.text(row)


def add(line: Line, fresh: list[str], *, text_ids: bool) -> bool:
    """Add comments to a line, those excepted that it has.

    Args:
        line: it is changed.
        fresh: JSON texts of comments.
        text_ids: whether ids are texts where the line has none to tell.

    Returns:
        Whether there was one to add.

    Raises:
        ValueError: what the line holds as its comments is no list, and would be lost.
    """
    if fresh and not isinstance(line.get("comments") or [], list):
        raise ValueError("its comments are no list")
    elements = line.elements("comments")
    there = {identity(json.loads(element)) for element in elements}
    new = {identity(json.loads(element)): element for element in fresh}
    added = [element for name, element in new.items() if name not in there]
    if added:
        put(line, by_time([*elements, *added], elements), text_ids=text_ids)
    return bool(added)


def put(line: Line, elements: list[str], *, text_ids: bool) -> None:
    """Give a line its comments, of which no two get the same id."""
    ids = [found.get("id") for e in elements if isinstance(found := json.loads(e), dict)]
    known = [one for one in ids if one is not None]
    as_texts = isinstance(known[0], str) if known else text_ids
    line.set_elements("comments", own_ids(elements, text_ids=as_texts))
    if isinstance(line.get("comment_count"), int):
        line.set("comment_count", len(elements))


def by_time(elements: list[str], order: list[str]) -> list[str]:
    """Comments by time, if `order` is; as they are otherwise."""
    known = [_moment(json.loads(element)) for element in order]
    if known != sorted(known):
        return elements
    return sorted(elements, key=lambda element: _moment(json.loads(element)))


def _moment(comment: Any) -> float:
    made = comment.get("created_at") if isinstance(comment, dict) else None
    return instant(made) if isinstance(made, str) else 0.0


def own_ids(elements: list[str], *, text_ids: bool) -> list[str]:
    """Comments of which no two have the same id: the later one gets another.

    Args:
        elements: JSON texts of comments; an id of null is to be made.
        text_ids: whether ids that are made are texts; numbers otherwise.
    """
    decoded = [json.loads(element) for element in elements]
    order = sorted(range(len(elements)), key=lambda n: (_moment(decoded[n]), whole(decoded[n])))
    numbers = [c["id"] for c in decoded if isinstance(c, dict) and _is_number(c.get("id"))]
    free = max(numbers, default=0)
    seen: set[int | str] = set()
    result = list(elements)
    for n in order:
        comment = decoded[n]
        number = comment.get("id", ()) if isinstance(comment, dict) else ()
        if number is None or (isinstance(number, int | str) and number in seen):
            if isinstance(number, str) or (number is None and text_ids):
                number = uuid_of(comment)
            else:
                free += 1
                number = free
            result[n] = with_id(elements[n], number)
        if isinstance(number, int | str):
            seen.add(number)
    return result


def with_id(element: str, number: int | str) -> str:
    """A comment's JSON text with another id."""
    edited = Line(element.encode())
    edited.set("id", number)
    return edited.encode().decode()


def uuid_of(comment: dict[str, Any]) -> str:
    """An id made of what a comment says, in the form of a UUID of version 5."""
    text = whole([comment.get("issue_id"), identity(comment)])
    digits = list(hashlib.sha256(text.encode()).hexdigest()[:32])
    digits[12], digits[16] = "5", "89ab"[int(digits[16], 16) % 4]
    hexes = "".join(digits)
    return "-".join((hexes[:8], hexes[8:12], hexes[12:16], hexes[16:20], hexes[20:]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
