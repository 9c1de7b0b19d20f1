"""Epics, molecules and their beads as an indented list."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from gastown_tui.viewmodels.states import bead_mark
from gastown_tui.viewmodels.text import Line, Record, cells, clean, fit, number, spread, string

Beads = Mapping[str, Record]
"""The feed's table: bead id to row."""


class Node(msgspec.Struct, frozen=True):
    """A visible bead of the tree."""

    key: str
    depth: int
    children: int
    """Direct children, shown or not."""
    closed: int
    """How many of them are closed."""
    folded: bool


def _place(beads: Beads, key: str) -> tuple[bool, float, str]:
    row = beads[key]
    return (string(row, "status") == "closed", number(row, "priority"), key)


def tree_nodes(beads: Beads, folded: Collection[str], wanted: str = "") -> tuple[Node, ...]:
    """The tree from its roots down, without what is folded or does not match `wanted`.

    A parent that is missing makes a root; a circle of parents is entered once, at its first bead.
    """
    words = wanted.lower().split()
    children: dict[str, list[str]] = {}
    roots: list[str] = []
    for key, row in beads.items():
        parent = row.get("parent")
        known = isinstance(parent, str) and parent in beads and parent != key
        children.setdefault(str(parent), []).append(key) if known else roots.append(key)
    shown: list[Node] = []
    seen: set[str] = set()

    def visible(key: str) -> bool:
        row = beads[key]
        text = f"{key} {string(row, 'title')} {string(row, 'status')} {string(row, 'assignee')}"
        text = f"{text} {string(row, 'convoy')} {string(row, 'rig')}".lower()
        return all(word in text for word in words)

    def walk(start: list[str]) -> None:
        stack = [(key, 0) for key in sorted(start, key=lambda key: _place(beads, key))[::-1]]
        while stack:
            key, depth = stack.pop()
            if key in seen:
                continue
            seen.add(key)
            below = children.get(key, [])
            closed = sum(string(beads[each], "status") == "closed" for each in below)
            if not words or visible(key):
                shown.append(Node(key, 0 if words else depth, len(below), closed, key in folded))
            if words or key not in folded:
                order = sorted(below, key=lambda each: _place(beads, each), reverse=True)
                stack.extend((each, depth + 1) for each in order)
            else:
                hidden = list(below)
                while hidden:
                    each = hidden.pop()
                    if each not in seen:
                        seen.add(each)
                        hidden.extend(children.get(each, []))

    walk(roots)
    walk([key for key in beads if key not in seen])
    return tuple(shown)


def tree_line(node: Node, row: Record, width: int) -> Line:
    """One line of the tree: fold mark, status, id, title, progress or assignee."""
    mark = bead_mark(row)
    fold = " " if not node.children else "▸" if node.folded else "▾"
    depth = min(node.depth, 8)
    right = ""
    if node.children:
        right = f"{node.closed}/{node.children}"
    elif assignee := string(row, "assignee"):
        right = assignee.rsplit("/", 1)[-1]
    right = fit(right, min(12, cells(right)))
    closed = mark.word == "closed"
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
        ((f"{right} ", "muted" if not closed else "faint"),),
        width,
    )
