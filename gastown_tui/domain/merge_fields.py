"""Two edits of one line become one: three-way, field by field, keys that we do not know included.

A field that one side changed takes that side's text. Where both changed it: labels and waiters are
merged as sets, edges and comments by what identifies them, metadata by key, texts that were only
added to keep both additions; status, assignee and the times of closing belong together and come,
like everything else, from the side that was updated later. A deleted bead stays deleted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gastown_tui.domain.bead import TOMBSTONE, instant
from gastown_tui.domain.bead_line import Line, Style

if TYPE_CHECKING:
    from collections.abc import Callable

_STATE: Final = (
    "status", "assignee", "started_at", "closed_at", "close_reason", "closed_by_session",
    "deleted_at", "deleted_by", "delete_reason", "original_type",
)  # fmt: skip
_PROSE: Final = frozenset({"description", "design", "acceptance_criteria", "notes"})
_ABSENT: Final = object()


def merge(base: bytes | None, ours: bytes, theirs: bytes, style: Style) -> bytes:
    """The line that holds both edits.

    Args:
        base: what both sides started from; None when each made the bead by itself.
        ours: our line; its order of keys is kept.
        theirs: the other line.
        style: of the file.

    Returns:
        One of the lines itself, byte for byte, when it already says all that the other does.

    Raises:
        ValueError: one of them is not a JSON object.
    """
    if ours == theirs or (base is not None and theirs == base):
        return ours
    if base is not None and ours == base and b'"tombstone"' not in ours:
        return theirs
    start = Line(base if base is not None else b"{}", style)
    mine, other = Line(ours, style), Line(theirs, style)
    first = _wins(mine, other)
    state_of = _state_winner(start, mine, other, first=first)
    for key in dict.fromkeys((*mine.keys(), *other.keys())):
        if key in {"id", "_type"}:
            continue
        winner = state_of if key in _STATE else first
        _merge_key(key, start, mine, other, mine_wins=winner)
    return theirs if _same(mine, other) else mine.encode()


def changed_fields(before: bytes | None, after: bytes) -> tuple[str, ...]:
    """The keys whose values differ."""
    old, new = Line(before if before is not None else b"{}"), Line(after)
    return tuple(
        key
        for key in dict.fromkeys((*old.keys(), *new.keys()))
        if _value(old, key) != _value(new, key)
    )


def _value(line: Line, key: str) -> Any:
    raw = line.raw(key)
    return _ABSENT if raw is None else json.loads(raw)


def _same(one: Line, two: Line) -> bool:
    return all(_value(one, key) == _value(two, key) for key in {*one.keys(), *two.keys()})


def _wins(mine: Line, other: Line) -> bool:
    """Whether ours is the later edit; of equal times the greater text, so both clones agree."""
    times = [_time(line) for line in (mine, other)]
    if times[0] != times[1]:
        return times[0] > times[1]
    return mine.encode() >= other.encode()


def _time(line: Line) -> float:
    value = line.get("updated_at")
    return instant(value) if isinstance(value, str) else 0.0


def _state_winner(base: Line, mine: Line, other: Line, *, first: bool) -> bool:
    """Whether status and what goes with it is ours."""
    dead = mine.get("status") == TOMBSTONE, other.get("status") == TOMBSTONE
    if dead[0] != dead[1]:
        return bool(dead[0])
    changed = [any(_value(x, k) != _value(base, k) for k in _STATE) for x in (mine, other)]
    return changed[0] if changed[0] != changed[1] else first


def _merge_key(key: str, base: Line, mine: Line, other: Line, *, mine_wins: bool) -> None:
    """Settle one key in `mine`."""
    before, ours, theirs = (_value(line, key) for line in (base, mine, other))
    if key in _STATE or key == "updated_at":
        if not mine_wins and ours != theirs:
            _take(key, mine, other)
    elif theirs not in (ours, before):
        if ours == before:
            _take(key, mine, other)
        else:
            _merge_both(key, base, mine, other, mine_wins=mine_wins)


def _merge_both(key: str, base: Line, mine: Line, other: Line, *, mine_wins: bool) -> None:
    """Settle a key that both sides changed."""
    before, ours, theirs = (_value(line, key) for line in (base, mine, other))
    if isinstance(ours, list) or isinstance(theirs, list):
        identify = _IDENTITY.get(key, _whole)
        merged = _merge_lists(key, (base, mine, other), identify, mine_wins=mine_wins)
        mine.set_elements(key, merged)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        known = before if isinstance(before, dict) else {}
        mine.set(key, _merge_maps(known, ours, theirs, mine_wins=mine_wins))
    elif key in _PROSE and (both := _both_added((before, ours, theirs), mine_first=not mine_wins)):
        mine.set(key, both)
    elif not mine_wins:
        _take(key, mine, other)


def _take(key: str, mine: Line, other: Line) -> None:
    raw = other.raw(key)
    if raw is None:
        mine.remove(key)
    else:
        mine.set_raw(key, raw)


def _both_added(texts: tuple[Any, Any, Any], *, mine_first: bool) -> str:
    """Both texts' additions to a common beginning, the earlier edit first; empty if they are none.

    Args:
        texts: the common text, ours, theirs.
        mine_first: whose addition comes first.
    """
    start, *sides = (text if isinstance(text, str) else "" for text in texts)
    additions = [side[len(start) :] for side in sides if side.startswith(start)]
    if len(additions) < len(sides) or not all(additions):
        return ""
    if not mine_first:
        additions.reverse()
    joined = "\n".join(addition.strip("\n") for addition in additions)
    return f"{start}\n{joined}" if start else joined


def _merge_maps(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], *, mine_wins: bool
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in dict.fromkeys((*ours, *theirs)):
        before, mine, other = (side.get(key, _ABSENT) for side in (base, ours, theirs))
        take_mine = other == before or (mine != before and mine_wins)
        value = mine if take_mine else other
        if value is not _ABSENT:
            merged[key] = value
    return merged


def _merge_lists(
    key: str, lines: tuple[Line, Line, Line], identify: Callable[[Any], str], *, mine_wins: bool
) -> list[str]:
    """Elements of both sides by identity: an element is gone when a side took it out."""
    base, ours, theirs = (
        {identify(json.loads(element)): element for element in line.elements(key)} for line in lines
    )
    merged: dict[str, str] = {}
    for name in (*ours, *(name for name in theirs if name not in ours)):
        before, mine, other = base.get(name), ours.get(name), theirs.get(name)
        if mine is None or other is None:
            kept = mine if mine is not None else other
            if kept is not None and kept != before:
                merged[name] = kept
        elif other == before or (mine != before and mine_wins):
            merged[name] = mine
        else:
            merged[name] = other
    if key == "labels":
        return sorted(merged.values(), key=json.loads) if _plain(merged) else list(merged.values())
    return (
        _renumbered(list(merged.values()), lines[1]) if key == "comments" else list(merged.values())
    )


def _plain(merged: dict[str, str]) -> bool:
    return all(isinstance(json.loads(element), str) for element in merged.values())


def _renumbered(elements: list[str], line: Line) -> list[str]:
    """Comments by time, and no number twice: the later of two gets the next free one."""
    decoded = [json.loads(element) for element in elements]
    order = sorted(range(len(elements)), key=lambda i: _comment_time(decoded[i]))
    numbers = [c["id"] for c in decoded if isinstance(c, dict) and isinstance(c.get("id"), int)]
    free = max(numbers, default=0) + 1
    seen: set[Any] = set()
    result: list[str] = []
    for index in order:
        comment, text = decoded[index], elements[index]
        number = comment.get("id") if isinstance(comment, dict) else None
        if isinstance(number, int) and number in seen:
            edited = Line(text.encode(), line.style)
            edited.set("id", free)
            text, number, free = edited.encode().decode(), free, free + 1
        seen.add(number)
        result.append(text)
    return result


def _comment_time(comment: Any) -> tuple[float, str]:
    created = comment.get("created_at") if isinstance(comment, dict) else None
    return instant(created) if isinstance(created, str) else 0.0, _comment(comment)


def _whole(element: Any) -> str:
    return json.dumps(element, sort_keys=True)


def _edge(element: Any) -> str:
    return _whole(element.get("depends_on_id") if isinstance(element, dict) else element)


def _comment(element: Any) -> str:
    if not isinstance(element, dict):
        return _whole(element)
    return _whole([element.get("author"), element.get("text"), element.get("created_at")])


_IDENTITY: Final[dict[str, Callable[[Any], str]]] = {"dependencies": _edge, "comments": _comment}
