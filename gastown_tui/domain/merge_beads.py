"""Two edits of many beads become one: each bead by itself, then what concerns them together.

The one merge there is: of what other programs wrote into a live file, and of files in git.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain import merge_comments
from gastown_tui.domain.bead import TOMBSTONE, instant
from gastown_tui.domain.bead_line import Line
from gastown_tui.domain.merge_fields import later, merge
from gastown_tui.domain.merge_object import updated
from gastown_tui.domain.merge_twins import separate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_tui.domain.merge_fields import Rules
    from gastown_tui.domain.merge_object import Dispute

_COMMENTS: Final = b'"comments"'


class MergedBeads(msgspec.Struct, frozen=True, kw_only=True):
    """Merged beads, and what a person may want to know of it."""

    lines: dict[str, bytes]
    """Every bead that is left."""
    disputes: tuple[tuple[str, Dispute], ...] = ()
    """Beads, and values that gave way; each is kept in a comment."""
    moved: tuple[tuple[str, str], ...] = ()
    """Old and new ids of beads that shared an id with another one."""
    kept: tuple[str, ...] = ()
    """Beads that one side deleted and the other edited: they are kept."""
    failed: tuple[tuple[str, str], ...] = ()
    """Beads that could not be merged, and why; our line stands."""


def merge_beads(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], rules: Rules
) -> MergedBeads:
    """Merge lines by id; the same whichever side is called ours, except in a live file.

    Args:
        base: what both sides started from.
        ours: our lines.
        theirs: the other side's.
        rules: of the file; in a live one a missing bead is no deletion.
    """
    apart = separate(base, ours, theirs, rules)
    sides = (ours, theirs)
    ours, theirs = apart.ours, apart.theirs
    lines: dict[str, bytes] = {}
    disputes: list[tuple[str, Dispute]] = []
    kept: list[str] = []
    failed: list[tuple[str, str]] = []
    for bead in (*ours, *(bead for bead in theirs if bead not in ours)):
        before, mine, other = base.get(bead), ours.get(bead), theirs.get(bead)
        if mine is None or other is None:
            left = mine if mine is not None else other
            if left is None or (left == before and not rules.live):
                continue
            if before is not None and not rules.live:
                left = _undeleted(before, left, rules)
                kept.append(bead)
            lines[bead] = left
        elif other in (mine, before):
            lines[bead] = mine
        else:
            try:
                merged = merge(before, mine, other, rules)
                lines[bead] = merged.line
                disputes += [(bead, dispute) for dispute in merged.disputes]
            except ValueError as error:
                lines[bead] = mine
                failed.append((bead, str(error)))
    _renumber(base, sides, lines)
    return MergedBeads(
        lines=lines,
        disputes=tuple(sorted(disputes, key=_place)),
        moved=apart.moved,
        kept=tuple(sorted(kept)),
        failed=tuple(sorted(failed)),
    )


def _place(entry: tuple[str, Dispute]) -> tuple[str, str, str]:
    return entry[0], entry[1].key, entry[1].value


def _undeleted(before: bytes, line: bytes, rules: Rules) -> bytes:
    """The line of a bead that the other side deleted, with a comment that says so."""
    edited = Line(line, rules.style)
    if edited.get("status") == TOMBSTONE:
        return line
    text = "Merged: this was deleted elsewhere, and is kept because it was edited."
    when = updated(Line(before, rules.style))
    told = merge_comments.note(edited.get("id"), text, when, edited.style)
    if merge_comments.add(edited, [told], text_ids=rules.text_ids) and updated(edited):
        edited.set("updated_at", later(updated(edited)))
    return edited.encode()


def _renumber(
    base: Mapping[str, bytes],
    sides: tuple[Mapping[str, bytes], Mapping[str, bytes]],
    lines: dict[str, bytes],
) -> None:
    """Where comments are numbered through the file, give those that collide numbers of their own.

    Importers that keep the numbers refuse a file in which two beads' comments share one.
    """
    changed = [
        bead
        for bead, line in lines.items()
        if _COMMENTS in line and any(side.get(bead) != line for side in sides)
    ]
    fresh = _numbers(base, lines, changed)
    if not fresh:
        return
    used = Counter[int]()
    for line in lines.values():
        if _COMMENTS in line:
            used.update(_ids(line))
    doubled = [entry for entry in fresh if used[entry[-1]] > 1]
    if not doubled or any(_repeats(side) for side in sides):
        return
    free = max(used)
    edits: dict[str, dict[int, int]] = {}
    for _, _, bead, number in sorted(doubled):
        if used[number] > 1:
            used[number] -= 1
            free += 1
            edits.setdefault(bead, {})[number] = free
    for bead, numbers in edits.items():
        lines[bead] = _with_numbers(lines[bead], numbers)


def _numbers(
    base: Mapping[str, bytes], lines: Mapping[str, bytes], changed: Iterable[str]
) -> list[tuple[float, str, str, int]]:
    """Time, text, bead and number of the comments that are new in the changed lines."""
    found: list[tuple[float, str, str, int]] = []
    for bead in changed:
        known = {merge_comments.identity(c) for c in _comments(base.get(bead, b"{}"))}
        for one in _comments(lines[bead]):
            name = merge_comments.identity(one)
            if name not in known and _is_number(one.get("id")):
                made = one.get("created_at")
                moment = instant(made) if isinstance(made, str) else 0.0
                found.append((-moment, name, bead, one["id"]))
    return found


def _repeats(side: Mapping[str, bytes]) -> bool:
    """Whether numbers of comments are not unique in a side as it is: then they need not be."""
    used = Counter[int]()
    for line in side.values():
        if _COMMENTS in line:
            used.update(_ids(line))
    return any(count > 1 for count in used.values())


def _ids(line: bytes) -> list[int]:
    return [one["id"] for one in _comments(line) if _is_number(one.get("id"))]


def _comments(line: bytes) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return []
    comments = found.get("comments") if isinstance(found, dict) else None
    return [c for c in comments if isinstance(c, dict)] if isinstance(comments, list) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _with_numbers(line: bytes, numbers: dict[int, int]) -> bytes:
    edited = Line(line)
    elements = []
    for element in edited.elements("comments"):
        number = json.loads(element).get("id")
        fresh = numbers.get(number) if isinstance(number, int) else None
        elements.append(element if fresh is None else merge_comments.with_id(element, fresh))
    edited.set_elements("comments", elements)
    if updated(edited):
        edited.set("updated_at", later(updated(edited)))
    return edited.encode()
