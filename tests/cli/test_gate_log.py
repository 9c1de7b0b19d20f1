"""What gates print, carried on without a line lost or told twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.cli.gate_log import fresh


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_lines_are_told_once_however_far_the_first_ones_have_scrolled_away(before, after, gone):
    lines = [f"line {number}" for number in range(before + after)]
    printed, now = lines[:before], lines[min(gone, before) :]
    assert printed + fresh(printed, now) == lines


def test_another_run_in_the_same_session_begins_anew():
    assert fresh(["$ make", "red"], ["$ make test", "green"]) == ["$ make test", "green"]
    assert fresh([], ["one"]) == ["one"]
