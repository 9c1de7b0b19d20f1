"""Which beads are asked for, and in what order: for `list`, `ready`, `search` and `count`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STEP: Final = re.compile(r"([+-]?)(\d{1,6})\s*(mo|min|[smhdwy])[a-z]*")
_SECONDS: Final = {
    "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400,
    "y": 365 * 86_400,
}  # fmt: skip
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_LONGEST_DAYS: Final = 365 * 200


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in seconds since the epoch, ends included; None is open."""

    after: float | None = None
    before: float | None = None

    def holds(self, text: str) -> bool:
        """Whether a timestamp lies in it; a missing one only in a span that asks nothing."""
        if self.after is None and self.before is None:
            return True
        at = instant(text)
        if not at:
            return False
        is_late = self.after is None or at >= self.after
        return is_late and (self.before is None or at <= self.before)


class BeadFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a bead must be; what is empty or None asks nothing."""

    ids: frozenset[str] | None = None
    status: tuple[str, ...] = ()
    """None of them asked for: all that are not closed, or with `closed_too` all."""
    closed_too: bool = False
    types: tuple[str, ...] = ()
    other_types: tuple[str, ...] = ()
    """Types that are left out."""
    labels: tuple[str, ...] = ()
    """All of them."""
    any_labels: tuple[str, ...] = ()
    """One of them."""
    other_labels: tuple[str, ...] = ()
    """None of them."""
    assignee: str | None = None
    """An empty text asks for nobody's."""
    priorities: frozenset[int] = frozenset()
    texts: tuple[str, ...] = ()
    """Words that all stand somewhere in it, in upper or lower case."""
    in_title: str = ""
    in_description: str = ""
    in_notes: str = ""
    created: Span = Span()
    updated: Span = Span()
    closed: Span = Span()
    deferred: Span = Span()
    due: Span = Span()
    is_top: bool = False
    """Part of no other bead."""
    mol_type: str = ""
    wisp_type: str = ""
    metadata: tuple[tuple[str, str | None], ...] = ()
    """Keys of the metadata with their value as text; None asks for the key alone."""

    def admits(self, bead: Bead) -> bool:
        """Whether a bead is asked for."""
        return (
            (self.ids is None or bead.id in self.ids)
            and self._status(bead)
            and not (self.types and bead.issue_type not in self.types)
            and bead.issue_type not in self.other_types
            and self._labels(bead)
            and (self.assignee is None or bead.assignee == self.assignee)
            and not (self.priorities and bead.priority not in self.priorities)
            and self._texts(bead)
            and self._times(bead)
            and not (self.is_top and parent_of(bead))
            and self._rest(bead)
        )

    def _status(self, bead: Bead) -> bool:
        if self.status:
            return bead.status in self.status
        return self.closed_too or not bead.is_closed

    def _labels(self, bead: Bead) -> bool:
        own = set(bead.labels)
        return (
            own.issuperset(self.labels)
            and not (self.any_labels and own.isdisjoint(self.any_labels))
            and own.isdisjoint(self.other_labels)
        )

    def _texts(self, bead: Bead) -> bool:
        parts = (
            (self.in_title, bead.title),
            (self.in_description, bead.description),
            (self.in_notes, bead.notes),
        )
        if any(word and word.lower() not in text.lower() for word, text in parts):
            return False
        if not self.texts:
            return True
        whole = whole_text(bead)
        return all(text.lower() in whole for text in self.texts)

    def _times(self, bead: Bead) -> bool:
        return (
            self.created.holds(bead.created_at)
            and self.updated.holds(bead.updated_at)
            and self.closed.holds(bead.closed_at)
            and self.deferred.holds(bead.defer_until)
            and self.due.holds(bead.due_at)
        )

    def _rest(self, bead: Bead) -> bool:
        if (self.mol_type or bead.mol_type) != bead.mol_type:
            return False
        if (self.wisp_type or bead.wisp_type) != bead.wisp_type:
            return False
        own = bead.metadata if isinstance(bead.metadata, dict) else {}
        return all(
            key in own and (value is None or _as_text(own[key]) == value)
            for key, value in self.metadata
        )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def parent_of(bead: Bead) -> str:
    """The id of the bead that one is part of; empty for none."""
    edges = bead.dependencies
    return next((edge.depends_on_id for edge in edges if edge.type == "parent-child"), "")


def whole_text(bead: Bead) -> str:
    """All that people have written into a bead, in lower case."""
    parts = [bead.id, bead.title, bead.description, bead.design, bead.acceptance_criteria]
    parts += [bead.notes, bead.external_ref, *(comment.text for comment in bead.comments)]
    return "\n".join(parts).lower()


_SORTS: Final[dict[str, Callable[[Bead], Any]]] = {
    "priority": lambda bead: (bead.priority, instant(bead.created_at)),
    "created": lambda bead: -instant(bead.created_at),
    "updated": lambda bead: -instant(bead.updated_at),
    "closed": lambda bead: -instant(bead.closed_at),
    "oldest": lambda bead: instant(bead.created_at),
    "status": lambda bead: bead.status,
    "id": lambda bead: 0,
    "title": lambda bead: bead.title.lower(),
    "type": lambda bead: bead.issue_type,
    "assignee": lambda bead: (not bead.assignee, bead.assignee),
}
SORTS: Final = tuple(_SORTS)
"""By what beads are sorted: times newest first, all else ascending."""


def ordered(beads: Iterable[Bead], sort: str = "priority", *, reverse: bool = False) -> list[Bead]:
    """Beads in an order, by natural order of ids within.

    Raises:
        BadInput: there is no such order.
    """
    from gastown_tui.domain.ids import natural_key

    key = _SORTS.get(sort)
    if key is None:
        raise BadInput(f"{sort!r} is no order", hint=f"one of: {', '.join(SORTS)}")
    found = sorted(beads, key=lambda bead: (key(bead), natural_key(bead.id)))
    return found[::-1] if reverse else found


def moment(text: str, now: datetime, *, ahead: bool = False) -> datetime:
    """The point in time that a text means.

    A date or an RFC 3339 time, `yesterday`, `today`, `tomorrow`, or a length as in `7d`, `2w`,
    `36h`: so long ago, or with `ahead` so long from now; `+` and `-` say which.

    Args:
        text: what was written.
        now: with the zone that dates are meant in.
        ahead: whether a bare length looks forward.

    Raises:
        BadInput: it means none.
    """
    bare = text.strip().lower()
    if bare in _DAYS:
        day = now + timedelta(days=_DAYS[bare])
        return day.replace(hour=0, minute=0, second=0, microsecond=0)
    if step := _STEP.fullmatch(bare):
        sign, number, unit = step.groups()
        length = timedelta(seconds=int(number) * _SECONDS[unit])
        if length.days > _LONGEST_DAYS:
            raise BadInput(f"{text!r} is too far away")
        forward = sign == "+" or (ahead and not sign)
        return now + length if forward else now - length
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(
            f"{text!r} is no time", hint="write 2026-01-31, an RFC 3339 time, or 7d, 12h, 2w"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)


def priorities(text: str) -> frozenset[int]:
    """The priorities that a text means: `1`, `P1`, `0,2` or the range `0-2`.

    Raises:
        BadInput: it means none.
    """
    found: set[int] = set()
    for part in text.upper().replace("P", "").split(","):
        ends = re.fullmatch(r"([0-4])(?:-([0-4]))?", part.strip())
        if ends is None or int(ends[2] or ends[1]) < int(ends[1]):
            raise BadInput(
                f"{text!r} is no priority", hint="P0 (critical) to P4 (backlog), or a range: 0-2"
            )
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return frozenset(found)
