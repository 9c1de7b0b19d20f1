"""The tree: order, folds, filter, and that news bead by bead end in the same tree."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.viewmodels.text import line_text
from gastown_tui.viewmodels.tree import Tree, tree_line

BEADS = {
    "e": {"title": "Epic", "status": "open", "type": "epic"},
    "e.1": {"title": "One", "status": "closed", "parent": "e"},
    "e.2": {"title": "Two", "status": "open", "parent": "e", "blocked_by": ["e.1"], "assignee": "r/polecats/nux"},
    "x": {"title": "Loose", "status": "open", "parent": "gone"},
}  # fmt: skip


def grown(beads):
    tree = Tree()
    tree.learn(beads)
    return tree


def nodes(tree, folded=(), wanted=""):
    return [tree.node(key) for key in tree.show(folded, wanted)]


def test_tree_indents_folds_and_filters():
    tree = grown(BEADS)
    found = nodes(tree)
    assert [(node.key, node.depth) for node in found] == [
        ("e", 0),
        ("e.2", 1),
        ("e.1", 1),
        ("x", 0),
    ]
    assert line_text(tree_line(found[0], BEADS["e"], 30)) == " ▾ ○ e Epic               1/2 "
    assert line_text(tree_line(found[1], BEADS["e.2"], 30)) == "     ◍ e.2 Two            nux "
    before = BEADS["e"] | {"parts_closed": 20}  # most of them closed before there was a feed
    assert line_text(tree_line(found[0], before, 30)) == " ▾ ○ e Epic             20/21 "
    assert tree.closed == 1
    assert tree.show({"e"}) == ("e", "x")
    assert tree.show({"e"}, "TWO") == ("e.2",)


def test_what_is_below_a_fold_is_hidden_at_any_depth_and_the_tenth_follows_the_ninth():
    beads = {"e": {}, "f": {}} | {f"e.{n}": {"parent": "e"} for n in (10, 9, 1)}
    beads |= {"e.9.1": {"parent": "e.9"}, "f.1": {"parent": "f"}}
    tree = grown(beads)
    whole = ("e", "e.1", "e.9", "e.9.1", "e.10", "f", "f.1")
    assert tree.show(()) == tree.show({"gone", "f.1"}) == whole
    assert tree.show({"e.9"}) == ("e", "e.1", "e.9", "e.10", "f", "f.1")
    assert tree.show({"e", "e.9", "f"}) == ("e", "f")
    assert tree.show({"e.9", "f"}, " ") == ("e", "e.1", "e.9", "e.10", "f")
    assert [tree.node(key).folded for key in ("e", "e.9", "f")] == [False, True, True]


def test_a_circle_of_parents_is_shown_once():
    ring = {"a": {"parent": "b"}, "b": {"parent": "a"}, "c": {"parent": "c"}}
    assert grown(ring).show(()) == ("c", "a", "b")
    assert set(grown(ring).show({"a", "b"})) <= {"a", "b", "c"}


def test_a_new_title_moves_nothing_but_answers_to_the_filter():
    beads = dict(BEADS)
    tree = grown(beads)
    before = tree.show(())
    beads["e.2"] = beads["e.2"] | {"title": "Second"}
    tree.learn(beads, ["e.2"])
    assert tree.show(()) is before
    assert tree.show((), "second") == ("e.2",)
    beads["e.2"] = beads["e.2"] | {"title": "Third"}
    tree.learn(beads, ["e.2"])
    assert tree.show((), "second") == ()


_KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
_ROW = st.fixed_dictionaries(
    {"status": st.sampled_from(["open", "closed"]), "title": st.sampled_from(["one", "two"])},
    optional={"parent": _KEYS | st.none() | st.just(3), "priority": st.integers(0, 3)},
)
_FILTER = st.sampled_from(["", "one", "two open"])


@given(
    st.lists(st.tuples(_KEYS, _ROW | st.none(), st.sets(_KEYS), _FILTER), min_size=1, max_size=12)
)
def test_news_bead_by_bead_end_in_the_same_tree(news):
    beads, tree = {}, Tree()
    tree.learn(beads)
    for key, row, folded, wanted in news:
        if row is None:
            beads.pop(key, None)
        else:
            beads[key] = row
        tree.learn(beads, [key])
        fresh = grown(dict(sorted(beads.items())))
        assert nodes(tree, folded, wanted) == nodes(fresh, folded, wanted)
        assert tree.closed == fresh.closed == sum(r["status"] == "closed" for r in beads.values())


def test_a_gate_says_what_it_waits_for_and_whose_it_is():
    rows = {
        "g": {"type": "gate", "status": "open", "title": "Release?", "why": "a person decides",
              "yours": True},
        "h": {"type": "gate", "status": "open", "title": "CI", "why": "the run 7 is queued"},
    }  # fmt: skip
    tree = Tree()
    tree.learn(rows)
    tree.show((), "")
    assert tree.yours == {"g"}
    line = tree_line(tree.node("g"), rows["g"], 60)
    assert line_text(line).startswith("   ◇ g Release?")
    assert line_text(line).endswith("a person decides ")
    assert "◇ h CI" in line_text(tree_line(tree.node("h"), rows["h"], 60))
    tree.learn({"h": rows["h"]}, ["g"])
    assert tree.yours == set()


def test_who_has_it_and_for_how_long():
    row = {"status": "hooked", "title": "T", "assignee": "r/polecats/nux",
           "updated_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    tree = Tree()
    tree.learn({"t": row})
    tree.show((), "")
    now = datetime(2026, 1, 1, 0, 5, tzinfo=UTC).timestamp()
    assert line_text(tree_line(tree.node("t"), row, 70, now)).endswith(" nux   5m ")
    assert line_text(tree_line(tree.node("t"), row, 40, now)).endswith(" nux ")
    assert line_text(tree_line(tree.node("t"), {"slung": True}, 40)).endswith(" slung ")
