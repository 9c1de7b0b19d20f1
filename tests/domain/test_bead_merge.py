from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead_line import Style
from gastown_tui.domain.merge_fields import changed_fields, merge

OLD, MID, NEW = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
KEYS = ["title", "status", "assignee", "priority", "external_ref", "zz", "close_reason"]
fields = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3).map(str), max_size=5)
labels = st.sets(st.sampled_from("abcd"), max_size=4)


def line(**row):
    return json.dumps({"id": "x-1", **row}, separators=(",", ":")).encode()


def merged(base, ours, theirs):
    return json.loads(merge(base, ours, theirs, Style()))


sides = st.tuples(*[st.tuples(fields, labels)] * 3)


@given(sides)
def test_what_one_side_wrote_and_the_other_left_survives(sides):
    sets = [several for _, several in sides]
    rows = [
        {**row, **({"labels": sorted(several)} if several else {}), "updated_at": when}
        for (row, several), when in zip(sides, (OLD, MID, NEW), strict=True)
    ]
    encoded = [line(**row) for row in rows]
    found = merged(*encoded)
    for key in set(KEYS) - {"status", "assignee", "close_reason"}:
        before, mine, other = (row.get(key) for row in rows)
        assert found.get(key) == (mine if other == before else other)
    before, mine, other = sets
    kept = (before & mine & other) | (mine - before) | (other - before)
    assert set(found.get("labels", [])) == kept
    assert found == merged(encoded[0], encoded[2], encoded[1]), "either order"


def test_untouched_lines_stay_byte_for_byte():
    base, other = b'{"id": "x-1", "n": 1.0}', b'{"id":"x-1","n":1.00,"k":2}'
    assert merge(base, base, other, Style()) == other
    assert merge(base, other, base, Style()) == other
    assert merge(None, other, other, Style()) == other


def test_status_brings_its_times_along():
    base = line(status="open", updated_at=OLD)
    closed = line(status="closed", updated_at=MID, closed_at=MID, close_reason="done")
    retitled = line(title="new", status="open", updated_at=NEW)
    found = merged(base, retitled, closed)
    assert (found["status"], found["closed_at"], found["close_reason"]) == ("closed", MID, "done")
    assert (found["title"], found["updated_at"]) == ("new", NEW)


def test_a_deleted_bead_stays_deleted():
    base = line(status="open", updated_at=OLD)
    dead = line(status="tombstone", updated_at=MID, deleted_at=MID)
    alive = line(status="in_progress", updated_at=NEW)
    assert merged(base, dead, alive)["status"] == "tombstone"
    assert merged(base, alive, dead)["status"] == "tombstone"
    assert merged(dead, dead, alive)["status"] == "tombstone"


def test_notes_comments_metadata_and_edges_of_both_sides():
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
    for found in (merged(base, ours, theirs), merged(base, theirs, ours)):
        assert found["notes"] == "n\ntheirs\nours"
        assert [e["depends_on_id"] for e in found["dependencies"]] == ["x-3"]
        assert found["metadata"] == {"a": 2, "b": 2}
        assert sorted((c["text"], c["id"]) for c in found["comments"]) == [("o", 1), ("t", 2)]


def test_changed_fields():
    assert changed_fields(line(a=1, b=2), line(b=3, c=4)) == ("a", "b", "c")
