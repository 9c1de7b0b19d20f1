"""Trees and circles of beads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.bead_tree import Link, beads_in_circles, circles, depends_on, walk

_GRAPHS = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefg"), max_size=4), max_size=7
)


def links(graph):
    return lambda bead: [Link(target, "blocks") for target in graph.get(bead, ())]


def test_a_diamond_is_followed_once():
    graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"]}
    told = [(node.bead, node.depth, node.parent, node.again) for node in walk("a", links(graph))]
    assert told == [
        ("a", 0, "", False), ("b", 1, "a", False), ("d", 2, "b", False), ("e", 3, "d", False),
        ("c", 1, "a", False), ("d", 2, "c", True),
    ]  # fmt: skip


def test_depth_is_kept_and_what_is_left_out_is_marked():
    graph = {"a": ["b"], "b": ["c"]}
    assert [(n.bead, n.cut) for n in walk("a", links(graph), depth=1)] == [
        ("a", False),
        ("b", True),
    ]


@given(_GRAPHS)
def test_every_walk_ends_and_reaches_what_can_be_reached(graph):
    nodes = walk("a", links(graph))
    reached, queue = {"a"}, ["a"]
    for bead in queue:
        new = [target for target in graph.get(bead, ()) if target not in reached]
        reached.update(new)
        queue += new
    assert {node.bead for node in nodes} == reached
    whole = [node.bead for node in nodes if not node.again and graph.get(node.bead)]
    assert len(whole) == len(set(whole)), "what hangs on a bead is drawn once"


def _reaches(graph, start, goal):
    seen, queue = set(), list(graph.get(start, ()))
    for bead in queue:
        if bead not in seen:
            seen.add(bead)
            queue += graph.get(bead, ())
    return goal in seen


@given(_GRAPHS)
def test_circles_are_the_beads_that_lead_back_to_themselves(graph):
    found = circles(graph)
    members = [bead for group in found for bead in group]
    assert len(members) == len(set(members))
    assert set(members) == {bead for bead in graph if _reaches(graph, bead, bead)}
    for group in found:
        assert all(_reaches(graph, one, other) for one in group for other in group)


def test_long_chains_are_no_trouble():
    graph = {str(n): [str(n + 1)] for n in range(20_000)}
    assert circles(graph) == []
    graph["20000"] = ["0"]
    assert len(circles(graph)[0]) == 20_001


def test_only_edges_that_order_make_circles():
    def bead(name, target, kind):
        return Bead(id=name, dependencies=(Dependency(depends_on_id=target, type=kind),))

    mixed = [bead("a", "b", "blocks"), bead("b", "a", "conditional-blocks")]
    loose = [bead("c", "d", "related"), bead("d", "c", "related")]
    waits = [bead("e", "f", "waits-for"), bead("f", "e", "waits-for")]
    parents = [bead("g", "h", "parent-child"), bead("h", "g", "parent-child")]
    assert beads_in_circles([*mixed, *loose, *waits, *parents]) == [["a", "b"], ["g", "h"]]
    assert depends_on(mixed[0], {"related"}) == []
