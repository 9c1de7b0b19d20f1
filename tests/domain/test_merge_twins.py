"""Whether two lines under one id are one bead: one rule, for files that meet and for one file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead import decode
from gastown_tui.domain.bead_file import scan
from gastown_tui.domain.merge_fields import Rules
from gastown_tui.domain.merge_files import merge_files
from gastown_tui.domain.merge_object import is_one_bead

TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.7Z", "2026-01-02T00:00:00Z"]
rows = st.fixed_dictionaries(
    {"id": st.just("x-a"), "title": st.sampled_from(["one", "two"])},
    optional={
        "created_at": st.sampled_from(TIMES),
        "created_by": st.sampled_from(["al", "bo"]),
        "notes": st.sampled_from(["n", "m"]),
    },
)


def line(row):
    return json.dumps(row).encode()


def one(*two):
    return is_one_bead(*(decode(line(row)) for row in two))


@given(rows, rows)
def test_one_file_and_two_that_meet_are_judged_alike(mine, other):
    as_one = one(mine, other)
    assert as_one == one(other, mine)
    met = merge_files(b"", line(mine) + b"\n", line(other) + b"\n", Rules()).data
    alone = scan(line(mine) + b"\n" + line(other) + b"\n", "f").beads
    titles = sorted(json.loads(text)["title"] for text in met.splitlines())
    assert sorted(found.bead().title for found in alone.values()) == titles
    assert len(titles) == (1 if as_one or mine == other else 2)


@given(rows, st.sampled_from(["notes", "created_by", "created_at"]), st.sampled_from(TIMES))
def test_what_tools_do_to_a_bead_leaves_it_one(row, dropped, time):
    assert one(row, row)
    assert one(row, {key: value for key, value in row.items() if key != dropped})
    assert one(row, row | {"created_at": time})
    assert one(row, row | {"title": "renamed"})


@pytest.mark.parametrize(
    "difference",
    [{"created_by": "bo"}, {"title": "two", "created_at": TIMES[2]}],
)
def test_two_pieces_of_work_are_two(difference):
    row = {"id": "x-a", "title": "one", "created_at": TIMES[0], "created_by": "al"}
    assert not one(row, row | difference)
