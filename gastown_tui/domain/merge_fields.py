"""Two edits of one line become one: three-way, field by field, keys that we do not know included.

A field that one side changed takes that side's text. Where both changed it, lists are merged by
element, texts by line, maps by key. What is left is a dispute: the later edit's value stands, and
the other one is kept in a comment on the bead, as comments survive every tool.

Which edit is the later one is told by `updated_at`, and of equal times by the bytes of the line, so
both clones of a repository come to the same line.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from gastown_tui.domain import merge_comments, merge_lists
from gastown_tui.domain.bead import (
    CLOSED,
    FIELD_RANK,
    TOMBSTONE,
    decode,
    instant,
    is_empty,
    timestamp,
)
from gastown_tui.domain.bead_line import Line, Style
from gastown_tui.domain.merge_object import Dispute, Object, is_one_bead, strict, updated

_CLOSING: Final = ("closed_at", "close_reason", "closed_by_session")
_STATE: Final = (*_CLOSING, "deleted_at", "deleted_by", "delete_reason", "original_type")
"""Go with the status."""
_LEASE: Final = ("lease_expires_at", "heartbeat_at", "lease_granted_node")
"""Go with the assignee."""
_GOES_WITH_US: Final = ("id", "status", *_STATE, "assignee", *_LEASE)
"""What an old line never sets back."""
_EARLIEST: Final = frozenset({"created_at", "started_at"})
_LATEST: Final = frozenset({"heartbeat_at", "lease_expires_at", "last_activity", "compacted_at"})
_FOREIGN: Final = frozenset({"metadata"})
"""Known keys that a rewrite by `br` drops all the same."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How lines are merged."""

    style: Style = Style()
    """Of the file."""
    text_ids: bool = False
    """Ids of comments are texts in this file."""
    live: bool = False
    """The file is in use: whatever is missing in it has been dropped, not deleted."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A merged line."""

    line: bytes
    disputes: tuple[Dispute, ...] = ()


def merge(base: bytes | None, ours: bytes, theirs: bytes, rules: Rules) -> Merged:
    """The line that holds both edits; the same whichever side is called ours, except live.

    Args:
        base: what both sides started from; None when each made the bead by itself.
        ours: our line.
        theirs: the other line.
        rules: of the file.

    Returns:
        One of the lines itself, byte for byte, when it already says all that the other does.

    Raises:
        ValueError: one of them is not a JSON object, or is nested too deep.
    """
    if ours == theirs or (rules.live and theirs == base):
        return Merged(line=ours)
    try:
        start = Line(base if base is not None else b"{}", rules.style)
        if rules.live and base is not None and _goes_back(start, Line(theirs, rules.style)):
            return _with_what_is_new(ours, theirs, rules)
        if start.get("status") != TOMBSTONE:
            if theirs == base:
                return Merged(line=ours)
            if ours == base and not rules.live:
                return Merged(line=theirs)
        mine, other = Line(ours, rules.style), Line(theirs, rules.style)
        if rules.live:
            _put_back(start, mine, other)
            if ours == base and start.get("status") != TOMBSTONE:
                return Merged(line=other.encode())
        return _Merge(start, *_in_order(mine, other), rules).run()
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def changed_fields(before: bytes | None, after: bytes) -> tuple[str, ...]:
    """The keys whose values differ."""
    old, new = Line(before if before is not None else b"{}"), Line(after)
    return tuple(
        key
        for key in dict.fromkeys((*old.keys(), *new.keys()))
        if strict(old.raw(key)) != strict(new.raw(key))
    )


def updated_of(line: bytes) -> float:
    """When a line was edited, as it says itself, in seconds since the epoch; 0 when it does not."""
    return instant(updated(Line(line)))


def later(text: str) -> str:
    """The time just after a timestamp: readers take a line only when it is newer than theirs."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return timestamp(moment + timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return text


def _put_back(base: Line, mine: Line, other: Line) -> None:
    """Give a line of the live file back what a tool dropped that does not know it."""
    for key in tuple(mine.keys()):
        foreign = key not in FIELD_RANK or key in _FOREIGN
        raw = mine.raw(key)
        if foreign and raw is not None and other.raw(key) is None and base.raw(key) is not None:
            other.set_raw(key, raw)


def _goes_back(base: Line, other: Line) -> bool:
    """Whether a line of the live file is of another time than its image: a checkout brought it."""
    if not updated(other) or instant(updated(other)) >= instant(updated(base)):
        return False
    return is_one_bead(decode(base.encode()), decode(other.encode()))


def _with_what_is_new(ours: bytes, theirs: bytes, rules: Rules) -> Merged:
    """Our line, with what an old line of unknown descent adds: elements, and texts in comments.

    Nothing is taken out or set back by it, as nobody can tell what its writer has changed.
    """
    mine, other = Line(ours, rules.style), Line(theirs, rules.style)
    start = Line(b"{}", rules.style)
    for key in _GOES_WITH_US:
        if (raw := other.raw(key)) is not None:
            start.set_raw(key, raw)
    start.set_elements("labels", merge_lists.state_labels(other.elements("labels")))
    return _Merge(start, *_in_order(mine, other), rules).run()


def _in_order(mine: Line, other: Line) -> tuple[Line, Line]:
    """The earlier edit and the later one."""
    first, second = sorted((mine, other), key=lambda line: (instant(updated(line)), line.encode()))
    return first, second


class _Merge:
    """The merging of one bead."""

    def __init__(self, base: Line, first: Line, second: Line, rules: Rules) -> None:
        self._three = Object(base, first, second)
        self._rules = rules
        self._dead = [line.get("status") == TOMBSTONE for line in (first, second)]

    def run(self) -> Merged:
        """Merge all fields, keep what was lost, and see whether it is a new line at all."""
        three = self._three
        settled = {"id", "updated_at", *self._status()}
        for key in three.order():
            if key in settled:
                continue
            by_first, by_second, differ = three.changed(key)
            if by_first and by_second and differ and self._decided(key):
                continue
            three.settle(key)
        self._assignee()
        self._comments()
        return self._ending()

    def _decided(self, key: str) -> bool:
        """Whether a key that both changed has a rule of its own, which is followed."""
        three = self._three
        one, two = three.first, three.second
        if key in _EARLIEST | _LATEST:
            times = [instant(v) if isinstance(v := x.get(key), str) else 0.0 for x in (one, two)]
            if times[0] and (not times[1] or (times[0] < times[1]) == (key in _EARLIEST)):
                three.take_first(key)
            return True
        if self._dead[0] != self._dead[1]:
            dead, alive = (one, two) if self._dead[0] else (two, one)
            if is_empty(dead.get(key)):  # blanked when it was deleted
                if alive is one:
                    three.take_first(key)
                return True
        return False

    def _status(self) -> tuple[str, ...]:
        """Settle the status and what goes with it; the keys that need no more."""
        three = self._three
        before, one, two = (
            line.get("status") or "open" for line in (three.base, three.first, three.second)
        )
        if one == two:
            return ()
        by_first, by_second = (
            three.base.raw("id") is None or status != before for status in (one, two)
        )
        if self._dead[0] != self._dead[1]:
            firsts = self._dead[0]
        elif by_first != by_second:
            firsts = by_first
        else:
            firsts = one == CLOSED and before != CLOSED
        if firsts:
            for key in ("status", *_STATE):
                three.take_first(key)
        loser = three.second if firsts else three.first
        if (by_second if firsts else by_first) and loser.raw("status") is not None:
            three.dispute("status", two if firsts else one, of_first=not firsts)
        for key in ("close_reason", "closed_by_session", "delete_reason"):
            value = loser.get(key)
            if isinstance(value, str) and value and value != three.base.get(key):
                three.dispute(key, value, of_first=not firsts)
        return ("status", *_STATE)

    def _assignee(self) -> None:
        """What goes with the assignee is the side's that set it; one value of a state label."""
        three = self._three
        by_first, by_second, differ = three.changed("assignee")
        of_first = by_first and differ and not by_second
        if differ:
            for key in _LEASE:
                if of_first:
                    three.take_first(key)
                elif (raw := three.second.raw(key)) is not None:
                    three.result.set_raw(key, raw)
                else:
                    three.result.remove(key)
        sides = [line.elements("labels") for line in (three.base, three.first, three.second)]
        found = merge_lists.one_state_each(
            three.result.elements("labels"), (sides[0], sides[1], sides[2]), hook_of_first=of_first
        )
        if found.lost:
            three.result.set_elements("labels", found.elements)
            for lost in found.lost:
                three.dispute("labels", lost.words, of_first=lost.of_first)

    def _comments(self) -> None:
        """Keep in comments what had to give way."""
        three = self._three
        sides = [line.elements("comments") for line in (three.first, three.second)]
        elements = three.result.elements("comments")
        if elements not in sides:
            merge_comments.put(three.result, elements, text_ids=self._rules.text_ids)
        style, bead = three.result.style, three.result.get("id")
        told = [merge_comments.note(bead, d.told(), d.when, style) for d in three.disputes]
        merge_comments.add(three.result, told, text_ids=self._rules.text_ids)

    def _ending(self) -> Merged:
        three = self._three
        disputes = tuple(three.disputes)
        if _says_all(three.second, three.result):
            return Merged(line=three.second.encode(), disputes=disputes)
        times = updated(three.first), updated(three.second)
        if _says_all(three.first, three.result) and instant(times[0]) == instant(times[1]):
            return Merged(line=three.first.encode(), disputes=disputes)
        if newest := max(times, key=instant):
            three.result.set("updated_at", later(newest))
        return Merged(line=three.result.encode(), disputes=disputes)


def _says_all(side: Line, result: Line) -> bool:
    keys = {*side.keys(), *result.keys()} - {"updated_at"}
    return all(strict(side.raw(key)) == strict(result.raw(key)) for key in keys)
