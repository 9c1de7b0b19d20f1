from __future__ import annotations

import pytest

from gastown_tui.domain.ready import Edge, Node, blocked, ready


def node(name, status="open", **fields):
    usual = {
        "issue_type": "task",
        "priority": 2,
        "created": 0.0,
        "deferred_until": 0.0,
        "hidden": False,
        "failed": False,
    }
    return Node(name, status, **{**usual, **fields})


def told(nodes, *edges, now=100.0):
    known = {one.id: one for one in nodes}
    return ready(known, [Edge(b, t, k, bool(rest)) for b, t, k, *rest in edges], now)


@pytest.mark.parametrize(
    ("status", "failed", "kind", "is_ready"),
    [
        ("open", False, "blocks", False),
        ("blocked", False, "blocks", False),
        ("made-up", False, "blocks", False),
        ("closed", False, "blocks", True),
        ("pinned", False, "blocks", True),
        ("tombstone", False, "blocks", True),
        ("open", False, "conditional-blocks", False),
        ("closed", False, "conditional-blocks", False),
        ("closed", True, "conditional-blocks", True),
        ("open", False, "related", True),
        ("open", False, "parent-child", True),
    ],
)
def test_one_edge(status, failed, kind, is_ready):
    found = told([node("a"), node("b", status, failed=failed)], ("a", "b", kind))
    assert ("a" in found) == is_ready


def test_blocked_reaches_children_of_children_and_names_the_holder():
    nodes = [node(name) for name in "abcd"]
    edges = [
        Edge("b", "a", "blocks", False),
        Edge("c", "b", "parent-child", False),
        Edge("d", "c", "parent-child", False),
    ]
    assert blocked({n.id: n for n in nodes}, edges) == {"b": ["a"], "c": ["b"], "d": ["c"]}


@pytest.mark.parametrize(
    ("any_child", "children", "is_ready"),
    [
        (False, [], True),
        (False, ["closed", "open"], False),
        (False, ["closed", "closed"], True),
        (True, ["closed", "open"], True),
        (True, ["open", "open"], False),
    ],
)
def test_waiting_for_children(any_child, children, is_ready):
    nodes = [node("a"), node("s"), *(node(f"c{n}", status) for n, status in enumerate(children))]
    edges = [(f"c{n}", "s", "parent-child") for n in range(len(children))]
    wait = ("a", "s", "waits-for", True) if any_child else ("a", "s", "waits-for")
    assert ("a" in told(nodes, wait, *edges)) == is_ready


def test_deferred_hidden_and_other_types_are_left_out():
    nodes = [
        node("later", deferred_until=101.0), node("child"), node("now", deferred_until=99.0),
        node("hidden", hidden=True), node("gate", issue_type="gate"), node("mine", "in_progress"),
        node("stored", "blocked"),
    ]  # fmt: skip
    assert told(nodes, ("child", "later", "parent-child")) == ["now"]


def test_order_is_priority_then_newest_then_id():
    nodes = [
        node("b", created=1.0),
        node("a", created=1.0),
        node("new", created=2.0),
        node("urgent", priority=0),
    ]
    assert told(nodes) == ["urgent", "new", "a", "b"]


def test_circles_end():
    edges = [("a", "b", "parent-child"), ("b", "a", "parent-child"), ("a", "x", "blocks")]
    assert told([node("a"), node("b"), node("x")], *edges) == ["x"]
