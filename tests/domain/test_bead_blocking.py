"""Blocked, kept up to date change by change, is what working it all out anew says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain.blocking import settle
from gastown_tui.domain.ready import CLASSIC, CURRENT, GASTOWN, Edge, Node, blocked

NAMES = "abcdef"
name = st.sampled_from(NAMES)
kind = st.sampled_from(["blocks", "parent-child", "conditional-blocks", "waits-for"])
status = st.sampled_from(["open", "open", "open", "closed", "pinned", "tombstone", "hooked", "qa"])
step = st.one_of(
    st.tuples(st.just("bead"), name, status, st.booleans()),
    st.tuples(st.just("gone"), name),
    st.tuples(
        st.just("edge"), st.builds(Edge, name, name, kind, st.booleans(), st.just("") | name)
    ),
    st.tuples(
        st.just("edge"), st.builds(Edge, name, name, st.just("parent-child"), st.just(False))
    ),
    st.tuples(st.just("cut"), st.integers(0, 30)),
)


class World:
    """All beads and edges in memory, and who was found blocked so far."""

    def __init__(self):
        self.all, self.edges, self.held = {}, [], set()
        for bead in NAMES:
            self.do("bead", bead, "open", False)

    def nodes(self, ids):
        return {one: self.all[one] for one in ids if one in self.all}

    def edges_from(self, ids):
        return [edge for edge in self.edges if edge.bead in ids and edge.bead in self.all]

    def edges_to(self, ids):
        return [
            e for e in self.edges if (e.target in ids or e.spawner in ids) and e.bead in self.all
        ]

    def blocked(self, ids):
        return self.held & set(ids)

    def do(self, what, *rest):
        """Change something; the ids that it touches."""
        if what == "bead":
            bead, state, failed = rest
            self.all[bead] = Node(bead, state, "task", 2, 0.0, 0.0, False, failed)
            return {bead}
        if what == "gone":
            parents = {e.target for e in self.edges if e.bead == rest[0]}
            self.edges = [edge for edge in self.edges if edge.bead != rest[0]]
            self.all.pop(rest[0], None)
            return {rest[0], *parents}
        if what == "edge":
            self.edges.append(rest[0])
            return {rest[0].bead}
        if not self.edges:
            return set()
        edge = self.edges.pop(rest[0] % len(self.edges))
        return {edge.bead, edge.target}


@pytest.mark.parametrize("rules", [GASTOWN, CLASSIC, CURRENT], ids=lambda one: one.name)
@settings(max_examples=120, deadline=None)
@given(st.lists(st.lists(step, min_size=1, max_size=3), min_size=10, max_size=30))
def test_settled_is_what_working_it_all_out_says(rules, history):
    world = World()
    for steps in history:
        touched = set()
        for one in steps:
            touched |= world.do(*one)
        found = settle(touched, world, rules)
        assert all(now != (bead in world.held) for bead, now in found.items())
        world.held = {b for b in world.held if found.get(b, True)} | {b for b in found if found[b]}
        edges = [edge for edge in world.edges if edge.bead in world.all]
        assert world.held == set(blocked(world.all, edges, rules))


def test_only_what_can_change_is_looked_at():
    world = World()
    for number in range(50):
        world.do("bead", f"c{number}", "open", False)
        world.do("edge", Edge(f"c{number}", "root", "parent-child", False))
    world.do("bead", "root", "open", False)
    asked = []
    look = world.nodes
    world.nodes = lambda ids: asked.extend(ids) or look(ids)
    assert settle({"c7"}, world, GASTOWN) == {}
    assert set(asked) <= {"c7", "root"}
