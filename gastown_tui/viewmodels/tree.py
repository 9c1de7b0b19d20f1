"""Epics, molecules and their beads as an indented list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

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


class Node(msgspec.Struct, frozen=True):
    """A visible bead of the tree."""

    key: str
    depth: int
    children: int
    """Direct children, shown or not."""
    closed: int
    """How many of them are closed."""
    folded: bool


class Tree:
    """The beads of a town as a tree, kept up to date bead by bead.

    What a bead is worth to the tree (its parent, its place) is kept apart from its row, so that a
    new title or assignee among ten thousand beads costs nothing; only a bead that comes, goes or
    moves has the list made again. A parent that is missing makes a root; a circle of parents is
    entered once, at its first bead.
    """

    def __init__(self) -> None:
        self._beads: Beads = {}
        self._places: dict[str, _Place] = {}
        self._parents: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        """What a filter looks at, of the beads that one has looked at."""
        self._wanted: tuple[frozenset[str], str] = (frozenset(), "")
        self._nodes: dict[str, Node] | None = None
        self._keys: tuple[str, ...] = ()
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
            self._nodes, self.closed, changed = None, 0, beads
        for key in changed:
            self._learn(key)

    def _learn(self, key: str) -> None:
        row = self._beads.get(key)
        known = self._places.get(key)
        (self.yours.add if row and row.get("yours") else self.yours.discard)(key)
        if self._texts.pop(key, None) is not None and self._wanted[1]:
            self._nodes = None
        if row is None:
            if known is not None:
                self._nodes = None
                del self._places[key]
                self._parents.pop(key, None)
        else:
            above = row.get("parent")
            parent = above if isinstance(above, str) and above != key else ""
            place = (string(row, "status") == "closed", number(row, "priority"), key)
            if place == known and parent == self._parents.get(key, ""):
                return
            self._nodes = None
            self._places[key] = place
            self._parents[key] = parent
            self.closed += place[0]
        self.closed -= bool(known and known[0])

    def show(self, folded: Collection[str], wanted: str = "") -> tuple[str, ...]:
        """The keys from the roots down, without what is folded or does not match `wanted`.

        The same tuple as before as long as nothing has moved.
        """
        asked = (frozenset(folded), wanted.lower())
        if self._nodes is None or asked != self._wanted:
            self._wanted = asked
            self._nodes = {node.key: node for node in self._walk()}
            self._keys = tuple(self._nodes)
        return self._keys

    def node(self, key: str) -> Node | None:
        """A bead that is shown."""
        return self._nodes.get(key) if self._nodes else None

    def _children(self) -> dict[str, list[str]]:
        """By parent, each in order; the roots are children of the empty key."""
        places, parents = self._places, self._parents
        # Kept in order: sorting what is nearly sorted takes one look at each.
        self._places = places = dict(sorted(places.items(), key=lambda item: item[1]))
        children: dict[str, list[str]] = {}
        for key in places:
            parent = parents[key]
            children.setdefault(parent if parent in places else "", []).append(key)
        return children

    def _matches(self, key: str, words: list[str]) -> bool:
        text = self._texts.get(key)
        if text is None:
            row = self._beads[key]
            columns = ("title", "status", "assignee", "convoy", "rig")
            text = " ".join((key, *(string(row, column) for column in columns))).lower()
            self._texts[key] = text
        return all(word in text for word in words)

    def _walk(self) -> list[Node]:
        folded, wanted = self._wanted
        words, children, places = wanted.split(), self._children(), self._places
        shown: list[Node] = []
        seen: set[str] = set()

        def walk(start: Iterable[str]) -> None:
            stack = [(key, 0) for key in start]
            while stack:
                key, depth = stack.pop()
                if key in seen:
                    continue
                seen.add(key)
                below = children.get(key, ())
                if not words or self._matches(key, words):
                    closed = sum(places[each][0] for each in below)
                    at = 0 if words else depth
                    shown.append(Node(key, at, len(below), closed, key in folded))
                if below and (words or key not in folded):
                    stack.extend((each, depth + 1) for each in reversed(below))
                else:
                    hidden = list(below)
                    while hidden:
                        each = hidden.pop()
                        if each not in seen:
                            seen.add(each)
                            hidden.extend(children.get(each, ()))

        walk(reversed(children.get("", ())))
        walk([key for key in reversed(self._places) if key not in seen])
        return shown


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
    if node.children:
        return fit(f"{node.closed}/{node.children}", 7, "right").strip()
    if not closed and (why := string(row, "why")):
        return crop(why, most)
    who = string(row, "assignee").rsplit("/", 1)[-1]
    if not who:
        return "slung" if row.get("slung") and not closed else ""
    who = crop(who, 12)
    moment = instant(string(row, "updated_at")) if now and not closed and width >= 60 else 0.0
    return f"{who} {fit(age(now - moment), 4, 'right')}" if moment else who
