from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain import merge_comments, merge_lists
from gastown_tui.domain.bead import decode, instant
from gastown_tui.domain.merge_fields import Rules, changed_fields, merge

OLD, MID, NEW = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
KEYS = ["title", "assignee", "priority", "external_ref", "zz", "due_at", "await_id"]
fields = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3).map(str), max_size=5)
labels = st.sets(st.sampled_from("abcd"), max_size=4)


def line(**row):
    return json.dumps({"id": "x-1", **row}, separators=(",", ":")).encode()


def merged(base, ours, theirs, **rules):
    """The merged bead; the other order must give the same bytes."""
    one = merge(base, ours, theirs, Rules(**rules)).line
    if not rules.get("live"):
        assert one == merge(base, theirs, ours, Rules(**rules)).line, "either order"
    return json.loads(one)


def notes(row):
    return [c["text"] for c in row.get("comments", ()) if c["author"] == "gastown"]


sides = st.tuples(*[st.tuples(fields, labels)] * 3)


@settings(deadline=None)
@given(sides)
def test_what_one_side_wrote_survives_and_what_gives_way_is_kept(sides):
    sets = [several for _, several in sides]
    rows = [
        {**row, **({"labels": sorted(several)} if several else {}), "updated_at": when}
        for (row, several), when in zip(sides, (OLD, MID, NEW), strict=True)
    ]
    base, ours, theirs = (line(**row) for row in rows)
    found = merged(base, ours, theirs)
    for key in KEYS:
        before, mine, other = (row.get(key) for row in rows)
        assert found.get(key) == (mine if other == before else other)
        if mine not in (before, other) and other != before:
            kept = f"also set to: {mine}" if mine else "also cleared."
            assert f"Merged: {key} was {kept}" in notes(found)
    before, mine, other = sets
    kept = (before & mine & other) | (mine - before) | (other - before)
    assert set(found.get("labels", [])) == kept
    final = json.dumps(found).encode()
    assert merged(base, final, ours) == found == merged(base, final, theirs), "merged once more"


def test_untouched_lines_stay_byte_for_byte():
    base, other = b'{"id": "x-1", "n": 1.0}', b'{"id":"x-1","n":1.00,"k":2}'
    for rules in (Rules(), Rules(live=True)):
        assert merge(base, base, other, rules).line == other
        assert merge(base, other, base, rules).line == other
        assert merge(None, other, other, rules).line == other


def test_untouched_values_keep_their_text():
    base = b'{"id":"x-1","n":1.50,"t":"<a>","updated_at":"2026-01-01T00:00:00-08:00"}'
    ours = base.replace(b'"<a>"', b'"<b>"')
    theirs = base.replace(b"1.50", b"2.50").replace(b"01-01", b"01-02")
    found = merge(base, ours, theirs, Rules()).line
    assert found == theirs.replace(b"<a>", b"<b>").replace(
        b"2026-01-02T00:00:00-08:00", b"2026-01-02T08:00:00.000001Z"
    ), "and readers see that it is newer than both"


def test_status_brings_its_times_along():
    base = line(status="open", updated_at=OLD)
    closed = line(status="closed", updated_at=MID, closed_at=MID, close_reason="done")
    retitled = line(title="new", status="open", updated_at=NEW)
    found = merged(base, retitled, closed)
    assert (found["status"], found["closed_at"], found["close_reason"]) == ("closed", MID, "done")
    assert found["title"] == "new"
    assert instant(found["updated_at"]) > instant(NEW)
    assert notes(found) == []


@pytest.mark.parametrize("when", [OLD, NEW])
def test_closed_stands_against_work_going_on(when):
    base = line(status="open", updated_at=OLD)
    closed = line(status="closed", updated_at=MID, closed_at=MID, close_reason="done")
    busy = line(status="in_progress", assignee="a", updated_at=when)
    found = merged(base, closed, busy)
    assert (found["status"], found["closed_at"], found["assignee"]) == ("closed", MID, "a")
    assert notes(found) == ["Merged: status was also set to: in_progress"]


def test_reopening_takes_the_closing_along():
    base = line(status="closed", closed_at=OLD, close_reason="done", updated_at=OLD)
    open_again = line(status="open", updated_at=MID)
    edited = line(status="closed", closed_at=OLD, close_reason="done, see b", updated_at=NEW)
    found = merged(base, open_again, edited)
    assert found["status"] == "open"
    assert not {"closed_at", "close_reason"} & found.keys()
    assert notes(found) == ["Merged: close_reason was also set to: done, see b"]


def test_closed_twice():
    base = line(status="open", updated_at=OLD)
    one = line(status="closed", closed_at=MID, close_reason="a", updated_at=MID)
    two = line(status="closed", closed_at=NEW, close_reason="b", updated_at=NEW)
    found = merged(base, one, two)
    assert (found["closed_at"], found["close_reason"]) == (NEW, "b")
    assert notes(found) == ["Merged: close_reason was also set to: a"]


def test_a_deleted_bead_stays_deleted_with_what_was_written_on_it():
    base = line(description="d", status="open", updated_at=OLD)
    dead = line(status="tombstone", updated_at=NEW, deleted_at=NEW)
    alive = line(description="more", status="in_progress", updated_at=MID)
    found = merged(base, dead, alive)
    assert (found["status"], found["deleted_at"], found["description"]) == (
        "tombstone",
        NEW,
        "more",
    )
    assert notes(found) == ["Merged: status was also set to: in_progress"]
    assert merged(dead, dead, alive)["status"] == "tombstone"
    assert merged(dead, dead, alive, live=True)["status"] == "tombstone"


def test_a_hook_is_one_sides_whole():
    base = line(status="open", updated_at=OLD)
    one = line(
        status="hooked", assignee="r/polecats/a", labels=["area:x", "town:one"], updated_at=MID
    )
    two = line(
        status="hooked", assignee="r/polecats/b", labels=["area:y", "town:two"], updated_at=NEW
    )
    found = merged(base, one, two)
    assert (found["assignee"], found["labels"]) == (
        "r/polecats/b",
        ["area:x", "area:y", "town:two"],
    )
    assert sorted(notes(found)) == [
        "Merged: assignee was also set to: r/polecats/a",
        "Merged: labels was also set to: town:one",
    ]


def test_a_state_label_has_one_value():
    base = line(labels=["gt:agent", "state:a"], updated_at=OLD)
    one = line(labels=["gt:agent", "gt:x", "state:b"], updated_at=MID)
    two = line(labels=["gt:agent", "gt:y", "state:c"], updated_at=NEW)
    found = merged(base, one, two)
    assert found["labels"] == ["gt:agent", "gt:x", "gt:y", "state:c"]
    assert notes(found) == ["Merged: labels was also set to: state:b"]


def test_texts_comments_metadata_and_edges_of_both_sides():
    edge = {"depends_on_id": "x-2", "type": "blocks"}
    base = line(notes="n", dependencies=[edge], metadata={"a": 1, "b": 1}, updated_at=OLD)
    ours = line(
        notes="n\nours",
        metadata={"a": 2, "b": 1},
        comments=[{"id": 1, "author": "o", "text": "o"}],
        updated_at=NEW,
    )
    theirs = line(
        notes="n\ntheirs", dependencies=[edge, {"depends_on_id": "x-3", "type": "blocks"}],
        metadata={"a": 1, "b": 2}, comments=[{"id": 1, "author": "t", "text": "t"}], updated_at=MID,
    )  # fmt: skip
    found = merged(base, ours, theirs)
    assert found["notes"] == "n\ntheirs\nours"
    assert [e["depends_on_id"] for e in found["dependencies"]] == ["x-3"]
    assert found["metadata"] == {"a": 2, "b": 2}
    assert sorted((c["text"], c["id"]) for c in found["comments"]) == [("o", 1), ("t", 2)]


def test_a_key_inside_metadata_that_both_changed():
    base = line(metadata={"a": {"n": 1, "big": 1e3}}, updated_at=OLD)
    ours = line(metadata={"a": {"n": 2}}, updated_at=MID)
    theirs = line(metadata={"a": {"n": 3, "big": 1e3}, "z": None}, updated_at=NEW)
    found = merged(base, ours, theirs)
    assert found["metadata"] == {"a": {"n": 3}, "z": None}
    assert notes(found) == ["Merged: metadata.a.n was also set to: 2"]


def test_one_edge_to_a_target_and_the_one_that_blocks():
    base = line(updated_at=OLD)
    blocks = line(dependencies=[{"depends_on_id": "x-2", "type": "blocks"}], updated_at=MID)
    related = line(dependencies=[{"depends_on_id": "x-2", "type": "related"}], updated_at=NEW)
    found = merged(base, blocks, related)
    assert found["dependencies"] == [{"depends_on_id": "x-2", "type": "blocks"}]
    assert notes(found) == ["Merged: dependencies was also set to: related x-2"]
    assert merged(base, json.dumps(found).encode(), related) == found


def test_rewriting_by_another_tool_is_no_edit():
    base = line(created_at="2026-01-01T00:00:00.5-08:00", due_at=OLD, design="", updated_at=OLD)
    rewritten = line(created_at="2026-01-01T08:00:00.500000000Z", due_at=OLD, updated_at=NEW)
    edited = line(created_at="2026-01-01T00:00:00.5-08:00", due_at=MID, design="d", updated_at=MID)
    found = merged(base, rewritten, edited)
    assert (found["due_at"], found["design"]) == (MID, "d")
    assert notes(found) == []


def test_a_live_file_does_not_lose_what_a_tool_does_not_know():
    base = line(title="a", zz=[1], metadata={"k": 1}, updated_at=OLD)
    by_br = line(title="b", updated_at=NEW)
    assert merged(base, base, by_br, live=True) == json.loads(
        line(title="b", zz=[1], metadata={"k": 1}, updated_at=NEW)
    )
    assert "zz" not in merged(base, base, by_br)


def test_comment_ids_follow_the_file():
    base = line(title="a", updated_at=OLD)
    ours, theirs = line(title="b", updated_at=MID), line(title="c", updated_at=NEW)
    [number] = [c["id"] for c in merged(base, ours, theirs)["comments"]]
    [text] = [c["id"] for c in merged(base, ours, theirs, text_ids=True)["comments"]]
    assert number == 1
    assert len(text) == 36
    found = decode(merge(base, ours, theirs, Rules()).line).comments[0]
    assert (found.issue_id, found.author, found.created_at) == ("x-1", "gastown", MID)


def test_times_of_programs_make_no_words():
    base = line(started_at=None, updated_at=OLD)
    one = line(started_at=NEW, last_activity=MID, updated_at=NEW)
    two = line(started_at=MID, last_activity=OLD, updated_at=MID)
    found = merged(base, one, two)
    assert (found["started_at"], found["last_activity"]) == (MID, MID)
    assert notes(found) == []


def test_what_cannot_be_merged_says_so():
    deep = b'{"id":"x-1","a":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with pytest.raises(ValueError, match="expected"):
        merge(line(a=1), line(a=2), deep, Rules())


def test_comments_that_are_no_list_are_not_overwritten():
    base = line(comments=1.5, title="a")
    with pytest.raises(ValueError, match="no list"):
        merge(base, line(comments=1.5, title="b"), line(comments=1.5, title="c"), Rules())


def test_changed_fields():
    assert changed_fields(line(a=1, b=2), line(b=3, c=4)) == ("a", "b", "c")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "k: 1", "t:u", OLD, "{}"]) | st.just(1.5),
    lambda inner: st.lists(inner, max_size=3, unique_by=json.dumps)
    | st.dictionaries(st.sampled_from(["id", "text", "author", "created_at", "depends_on_id", "type", "metadata"]), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
odd = st.builds(
    lambda row, said: row | said,
    st.dictionaries(
        st.sampled_from(["status", "labels", "metadata", "notes", "created_at",
                         "started_at", "assignee", "closed_at", "comment_count", "priority", "zz"]),
        json_values, max_size=6,
    ),
    st.fixed_dictionaries({}, optional={
        "comments": st.lists(json_values, max_size=3, unique_by=merge_comments.identity),
        "dependencies": st.lists(json_values, max_size=3, unique_by=merge_lists._edge),
    }),
)  # fmt: skip


@settings(deadline=None)
@given(st.tuples(odd, odd, odd))
def test_whatever_lines_hold_both_orders_agree_and_once_is_enough(three):
    base, ours, theirs = (
        line(**row, updated_at=when) for row, when in zip(three, (OLD, MID, NEW), strict=True)
    )
    merged(base, ours, theirs, live=True)
    for start in (base, None):
        merged(start, ours, theirs)
        found = merge(start, ours, theirs, Rules()).line
        for side in (ours, theirs):
            assert merge(start, found, side, Rules()).line == found
