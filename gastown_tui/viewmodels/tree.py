"""Epics, molecules and their beads as an indented list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from gastown_tui.domain.bead import instant
from gastown_tui.viewmodels.states import bead_mark, gate_mark
from gastown_tui.viewmodels.text import (
    Line,
    Record,
    age,
    clean,
    crop,
    fit,
    number,
    spread,
    string,
)

Beads = Mapping[str, Record]
"""The feed's table: bead id to row."""
_Place: TypeAlias = tuple[bool, float, str]
"""Where a bead stands among its siblings: open ones first, by priority, by id."""
_PART: Final = re.compile(r"\.(\d+)")


class Node(msgspec.Struct, frozen=True):
    """A bead of the tree."""

    key: str
    depth: int
    children: int
    """Direct children, shown or not; those closed long ago have no row."""
    closed: int
    """How many of them are closed."""
    folded: bool


class Tree:
    """The beads of a town as a tree, kept up to date bead by bead.

    What a bead is worth to the tree (its parent, its place) is kept apart from its row, so that a
    new title or assignee among ten thousand beads costs nothing; only a bead that comes, goes or
    moves has them put in order again, and what is folded or filtered is left out of that order. A
    parent that is missing makes a root; a circle of parents is entered once, at its first bead.
    """

    def __init__(self) -> None:
        self._beads: Beads = {}
        self._places: dict[str, _Place] = {}
        self._parents: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        """What a filter looks at, of the beads that one has looked at."""
        self._wanted: tuple[frozenset[str], str] = (frozenset(), "")
        self._children: dict[str, list[str]] = {}
        self._order: tuple[str, ...] | None = None
        """All beads from the roots down; None when it has to be made again."""
        self._depths: list[int] = []
        self._ends: list[int] = []
        """Of each in that order, where what is below it ends."""
        self._at: dict[str, int] = {}
        self._keys: tuple[str, ...] | None = None
        self.closed = 0
        """How many beads are closed."""
        self.yours: set[str] = set()
        """Gates that the overseer has to open."""

    def learn(self, beads: Beads, changed: Iterable[str] | None = None) -> None:
        """Take over the table; `changed` are the beads that came, went or read differently.

        Without `changed` any of them may have.
        """
        self._beads = beads
        if changed is None:
            self._places.clear()
            self._parents.clear()
            self._texts.clear()
            self.yours.clear()
            self._order, self.closed, changed = None, 0, beads
        for key in changed:
            self._learn(key)

    def _learn(self, key: str) -> None:
        row = self._beads.get(key)
        known = self._places.get(key)
        (self.yours.add if row and row.get("yours") else self.yours.discard)(key)
        if self._texts.pop(key, None) is not None and self._wanted[1]:
            self._keys = None
        if row is None:
            if known is not None:
                self._order = None
                del self._places[key]
                self._parents.pop(key, None)
        else:
            above = row.get("parent")
            parent = above if isinstance(above, str) and above != key else ""
            place = (string(row, "status") == "closed", number(row, "priority"), _counted(key))
            if place == known and parent == self._parents.get(key, ""):
                return
            self._order = None
            self._places[key] = place
            self._parents[key] = parent
            self.closed += place[0]
        self.closed -= bool(known and known[0])

    def show(self, folded: Collection[str], wanted: str = "") -> tuple[str, ...]:
        """The keys from the roots down, without what is folded or does not match `wanted`.

        The same tuple as before as long as nothing has moved.
        """
        asked = (frozenset(folded), wanted.lower())
        if self._order is None:
            self._put_in_order()
            self._keys = None
        if self._keys is None or asked != self._wanted:
            self._wanted = asked
            self._keys = self._left()
        return self._keys

    def node(self, key: str) -> Node | None:
        """A bead of the tree, as it was last shown."""
        at = self._at.get(key)
        if at is None:
            return None
        folded, wanted = self._wanted
        below = self._children.get(key, ())
        closed = sum(self._places[each][0] for each in below if each in self._places)
        depth = 0 if wanted.split() else self._depths[at]
        return Node(key, depth, len(below), closed, key in folded)

    def _put_in_order(self) -> None:
        parents = self._parents
        # Kept in order: sorting what is nearly sorted takes one look at each.
        places = dict(sorted(self._places.items(), key=lambda item: item[1]))
        self._places = places
        children: dict[str, list[str]] = {}
        self._children = children
        for key in places:
            parent = parents[key]
            children.setdefault(parent if parent in places else "", []).append(key)
        order: list[str] = []
        depths: list[int] = []
        ends: list[int] = []
        at: dict[str, int] = {}
        self._depths, self._ends, self._at = depths, ends, at

        def walk(start: Iterable[str]) -> None:
            stack = [(key, 0) for key in start]
            while stack:
                key, depth = stack.pop()
                if depth < 0:
                    ends[at[key]] = len(order)
                    continue
                if key in at:
                    continue
                at[key] = len(order)
                order.append(key)
                depths.append(depth)
                ends.append(len(order))
                if below := children.get(key):
                    stack.append((key, -1))
                    stack.extend((each, depth + 1) for each in reversed(below))

        walk(reversed(children.get("", ())))
        walk([key for key in reversed(places) if key not in at])
        self._order = tuple(order)

    def _left(self) -> tuple[str, ...]:
        """What the filter leaves of all beads, else what the folds do."""
        folded, wanted = self._wanted
        order, ends = self._order or (), self._ends
        if words := wanted.split():
            text = self._text
            return tuple(key for key in order if all(word in text(key) for word in words))
        shut = sorted(at for key in folded if (at := self._at.get(key)) is not None)
        left: list[str] = []
        start = 0
        for at in shut:
            if at >= start:
                left += order[start : at + 1]
                start = ends[at]
        return (*left, *order[start:]) if shut else order

    def _text(self, key: str) -> str:
        text = self._texts.get(key)
        if text is None:
            row = self._beads[key]
            columns = ("title", "status", "assignee", "convoy", "rig")
            text = " ".join((key, *(string(row, column) for column in columns))).lower()
            self._texts[key] = text
        return text


def _counted(key: str) -> str:
    """An id so that its tenth child comes after its ninth."""
    return _PART.sub(lambda found: f".{found[1]:0>6}", key) if "." in key else key


def tree_line(node: Node, row: Record, width: int, now: float = 0.0) -> Line:
    """One line of the tree: fold mark, status, id, title; progress, or who has it and how long."""
    mark = gate_mark(row) or bead_mark(row)
    fold = " " if not node.children else "▸" if node.folded else "▾"
    depth = min(node.depth, 8)
    closed = mark.word == "closed"
    right = _right(node, row, width, now, closed=closed)
    return spread(
        (
            (f" {'  ' * depth}{fold} ", "faint"),
            (f"{mark.glyph} ", mark.role),
            (f"{clean(node.key, 40)} ", "faint" if closed else "accent"),
            (
                string(row, "title"),
                "faint" if closed else "strong" if node.children else "text",
            ),
        ),
        ((f"{right} ", mark.role if mark.role == "ask" else "faint" if closed else "muted"),),
        width,
    )


def _right(node: Node, row: Record, width: int, now: float, *, closed: bool) -> str:
    """What stands at the end of a line, as long as it leaves room for the title."""
    most = max(12, width // 3)
    over = max(node.closed, int(number(row, "parts_closed")))
    if node.children or over:
        return fit(f"{over}/{node.children - node.closed + over}", 9, "right").strip()
    if not closed and (why := string(row, "why")):
        return crop(why, most)
    who = string(row, "assignee").rsplit("/", 1)[-1]
    if not who:
        return "slung" if row.get("slung") and not closed else ""
    who = crop(who, 12)
    moment = instant(string(row, "updated_at")) if now and not closed and width >= 60 else 0.0
    return f"{who} {fit(age(now - moment), 4, 'right')}" if moment else who
