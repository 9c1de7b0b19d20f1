"""Three versions of one JSON object become one, key by key, without knowing what a bead is.

What one side changed is taken over as it is written. What both changed differently is merged as
far as its kind allows, and is a dispute otherwise: the later edit's value stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain import merge_lists
from gastown_tui.domain.bead import FIELD_RANK, Bead, instant, is_empty
from gastown_tui.domain.bead_line import Line
from gastown_tui.domain.merge_text import merge_text

if TYPE_CHECKING:
    from collections.abc import Callable

_PROSE: Final = frozenset({"description", "design", "acceptance_criteria", "notes"})
_SILENT: Final = frozenset(
    {"closed_at", "deleted_at", "deleted_by", "original_type", "content_hash", "original_size"}
    | {"compaction_level", "compacted_at_commit", "dependency_count", "dependent_count"}
    | {"comment_count", "lease_granted_node"}
)
"""Made by programs from the rest: the later edit's stand without a word."""
_TIMES: Final = frozenset(
    {key for key in FIELD_RANK if key.endswith("_at")} | {"defer_until", "last_activity"}
)


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A value that had to give way to the later edit's."""

    key: str
    """With a dot before each key inside a map."""
    value: str
    """As a person reads it; empty when the field was cleared."""
    when: str = ""
    """`updated_at` of the edit that wrote it."""

    def told(self) -> str:
        """The text of the comment that keeps it."""
        if not self.value:
            return f"Merged: {self.key} was also cleared."
        gap = "\n" if "\n" in self.value else " "
        return f"Merged: {self.key} was also set to:{gap}{self.value}"


def strict(raw: str | None) -> str:
    """Equal for two JSON texts of the same value; empty for none."""
    return "" if raw is None else json.dumps(json.loads(raw), sort_keys=True)


def _loose(key: str, raw: str | None) -> str:
    """Equal for two texts of a bead's field that say the same: empty, or at one instant."""
    if raw is None:
        return ""
    value = json.loads(raw)
    if key in FIELD_RANK and key != "priority" and is_empty(value):
        return ""
    if key in _TIMES and isinstance(value, str) and (moment := instant(value)):
        return f"@{moment!r}"
    return json.dumps(value, sort_keys=True)


def updated(line: Line) -> str:
    """When an edit was made, as it says itself; empty when it does not."""
    value = line.get("updated_at")
    return value if isinstance(value, str) else ""


def is_one_bead(one: Bead, two: Bead) -> bool:
    """Whether two lines under one id tell of one bead, when no line that both come from is known.

    They do unless both name whom they were made by, and differ in it, or were made in different
    seconds and bear different titles. Tools cut fractions of seconds and drop the creator; one that
    reads its own file anew gives beads other times of creation, but neither titles nor creators.
    """
    if one.created_by and two.created_by and one.created_by != two.created_by:
        return False
    times = int(instant(one.created_at)), int(instant(two.created_at))
    return times[0] == times[1] or not all(times) or one.title == two.title


class Object:
    """Three versions of an object; `result` begins as the later one."""

    def __init__(self, base: Line, first: Line, second: Line, within: str = "") -> None:
        """Compare three versions.

        Args:
            base: what both edits started from.
            first: the earlier edit.
            second: the later one.
            within: the bead's key that holds the object, and a dot; empty for the bead itself.
        """
        self.base = base
        self.first = first
        self.second = second
        self.result = Line(second.encode(), second.style)
        self.disputes: list[Dispute] = []
        self._path = within
        self._when = updated(first), updated(second)
        self._meaning: Callable[[str, str | None], str] = (
            (lambda _, raw: strict(raw)) if within else _loose
        )

    def order(self) -> list[str]:
        """The later edit's keys in their order, then what only the earlier one has."""
        own = dict.fromkeys(self.second.keys())
        more = set(self.first.keys()) - own.keys()
        rank = len(FIELD_RANK)
        return [*own, *sorted(more, key=lambda key: (FIELD_RANK.get(key, rank), key))]

    def changed(self, key: str) -> tuple[bool, bool, bool]:
        """Whether the earlier edit changed a key, whether the later did, whether they differ."""
        before, one, two = (
            self._meaning(key, line.raw(key)) for line in (self.base, self.first, self.second)
        )
        return one != before, two != before, one != two

    def take_first(self, key: str) -> None:
        """The earlier edit's text of a key."""
        raw = self.first.raw(key)
        if raw is None:
            self.result.remove(key)
        else:
            self.result.set_raw(key, raw)

    def settle(self, key: str) -> None:
        """Merge one key."""
        by_first, by_second, differ = self.changed(key)
        if not differ or not by_first:
            return
        if by_second:
            self.both(key)
        else:
            self.take_first(key)

    def both(self, key: str) -> None:
        """Merge a key that both changed."""
        lines = (self.base, self.first, self.second)
        before, one, two = (line.get(key) for line in lines)
        if _are(dict, one, two):
            self._both_maps(key)
        elif _are(list, one, two):
            self._both_lists(key)
        elif not self._path and key in _PROSE and _are(str, one, two, before):
            text = merge_text(before or "", one or "", two or "")
            if text.text != two:
                self.result.set(key, text.text)
            if text.lost:
                self.dispute(key)
        else:
            self.dispute(key)

    def _both_maps(self, key: str) -> None:
        base, first, second = (
            Line((raw if raw[:1] == "{" else "{}").encode(), self.result.style)
            for raw in (line.raw(key) or "" for line in (self.base, self.first, self.second))
        )
        inner = Object(base, first, second, within=f"{self._path}{key}.")
        inner._when = self._when
        for name in inner.order():
            inner.settle(name)
        self.disputes += inner.disputes
        if inner.result.keys() or self.second.raw(key) is not None:
            self.result.set_raw(key, inner.result.encode().decode())

    def _both_lists(self, key: str) -> None:
        lines = (self.base, self.first, self.second)
        base, first, second = (line.elements(key) for line in lines)
        found = merge_lists.merge_list(key, base, first, second)
        if found.elements != second:
            self.result.set_elements(key, found.elements)
        for lost in found.lost:
            self.dispute(key, lost.words, of_first=lost.of_first)

    def dispute(self, key: str, value: Any = None, *, of_first: bool = True) -> None:
        """Note that a value of one side gives way; the earlier edit's of a key if none is given."""
        if key in _SILENT and not self._path:
            return
        side = self.first if of_first else self.second
        told = side.get(key) if value is None else value
        told = "" if told is None else told
        text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        when = self._when[0 if of_first else 1]
        self.disputes.append(Dispute(key=f"{self._path}{key}", value=text, when=when))


def _are(kind: type, one: Any, two: Any, *more: Any) -> bool:
    """Whether all values are of a kind, as far as they are there."""
    values = [value for value in (one, two, *more) if value is not None]
    return any(value is not None for value in (one, two)) and all(
        isinstance(value, kind) for value in values
    )
