"""Who is blocked, kept up to date: after a change only what it can reach is worked out again.

The answer is the one of `ready.blocked`. Blocked spreads from parents to children, and files of
others may hold circles of parents; therefore what might have lost its reason is released first,
with everything below it, and then blocked again from what still holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gastown_tui.domain.ready import holders, is_open, source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gastown_tui.domain.ready import Edge, Node, Rules


class Around(Protocol):
    """Look-ups in all beads of a directory, many at a time."""

    def nodes(self, ids: Collection[str], /) -> Mapping[str, Node]:
        """The beads of these ids that are there."""

    def edges_from(self, ids: Collection[str], /) -> list[Edge]:
        """The blocking edges of these beads."""

    def edges_to(self, ids: Collection[str], /) -> list[Edge]:
        """The blocking edges that have one of these as target or spawner."""

    def blocked(self, ids: Collection[str], /) -> set[str]:
        """Those of these that were blocked before the change."""


def settle(touched: Collection[str], around: Around, rules: Rules) -> dict[str, bool]:
    """The beads that are blocked now and were not, or the other way round.

    Args:
        touched: beads whose status, failure or blocking edges have changed, new and deleted ones
            included, and the parents that they have no more.
        around: the beads as they are after the change, with their former state of being blocked.
        rules: what version of `bd` is followed.
    """
    return _Settling(around, rules).run(set(touched))


class _Settling:
    def __init__(self, around: Around, rules: Rules) -> None:
        self._around = around
        self._rules = rules
        self._was: set[str] = set()
        """Seen, and blocked before."""
        self._seen: set[str] = set()
        self._open: set[str] = set()
        self._parents: dict[str, list[str]] = {}

    def run(self, touched: set[str]) -> dict[str, bool]:
        seeds = touched | self._waiting(touched)
        self._look(seeds)
        now = self._held(seeds)
        released = self._below((self._was & seeds) - now)
        scope = seeds | released
        now |= self._held(released)
        now |= (inherited := self._by_parents(scope - now, scope, now))
        self._spread(inherited | (now - self._was), now, scope)
        return {one: one in now for one in scope | now if (one in now) != (one in self._was)}

    def _look(self, ids: Iterable[str]) -> None:
        """Find out which of these were blocked."""
        fresh = set(ids) - self._seen
        self._seen |= fresh
        self._was |= self._around.blocked(fresh)

    def _waiting(self, touched: set[str]) -> set[str]:
        """The beads that wait for one that was touched, or for the children of its parents."""
        parents = {e.target for e in self._around.edges_from(touched) if e.type == "parent-child"}
        edges = self._around.edges_to(touched | parents)
        return {edge.bead for edge in edges if edge.type != "parent-child"}

    def _children(self, ids: Collection[str]) -> set[str]:
        edges = self._around.edges_to(ids)
        return {e.bead for e in edges if e.type == "parent-child" and e.target in ids}

    def _held(self, ids: set[str]) -> set[str]:
        """Those that their own edges hold; remembers which are open, and their parents."""
        edges = self._around.edges_from(ids)
        sources = {source(e, self._rules) for e in edges if e.type == "waits-for"}
        below: dict[str, list[str]] = {}
        for edge in self._around.edges_to(sources):
            if edge.type == "parent-child":
                below.setdefault(edge.target, []).append(edge.bead)
        asked = {child for children in below.values() for child in children}
        asked |= {edge.target for edge in edges}
        nodes = self._around.nodes(ids | asked)
        self._open |= {one for one in ids if is_open(nodes.get(one))}
        for edge in edges:
            if edge.type == "parent-child":
                self._parents.setdefault(edge.bead, []).append(edge.target)
        return {
            edge.bead
            for edge in edges
            if edge.bead in self._open
            and holders(edge, nodes.get, lambda one: below.get(one, ()), self._rules)
        }

    def _below(self, released: set[str]) -> set[str]:
        """Everything that may have been blocked only through one of these."""
        found: set[str] = set()
        frontier = released
        while frontier:
            fresh = self._children(frontier) - found - released
            self._look(fresh)
            frontier = fresh & self._was
            found |= frontier
        return found

    def _by_parents(self, ids: set[str], scope: set[str], now: set[str]) -> set[str]:
        """The open ones of these with a parent that is blocked for certain."""
        parents = {p for one in ids for p in self._parents.get(one, ())}
        self._look(parents)
        certain = (parents & now) | ((parents & self._was) - scope)
        return {
            one for one in ids & self._open if not certain.isdisjoint(self._parents.get(one, ()))
        }

    def _spread(self, frontier: set[str], now: set[str], scope: set[str]) -> None:
        """Block the open children of what is blocked anew, at any depth; adds them to `now`."""
        while frontier:
            fresh = self._children(frontier) - now
            self._look(fresh)
            fresh = {one for one in fresh if one in scope or one not in self._was}
            nodes = self._around.nodes(fresh)
            frontier = {one for one in fresh if is_open(nodes.get(one))}
            now |= frontier
