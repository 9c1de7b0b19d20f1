"""Text from outside becomes one harmless line of exactly the cells it is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.viewmodels.text import (
    age,
    cells,
    clean,
    count,
    fit,
    keep_order,
    line_cells,
    money,
    number,
    spread,
    string,
    strings,
    wrap,
)

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@given(any_text, st.integers(0, 40), st.sampled_from(("left", "right")))
def test_fit_is_always_exactly_as_wide_as_asked_and_printable(text, width, align):
    shown = fit(text, width, align)
    assert cells(shown) == width
    assert all(mark.isprintable() for mark in shown)


@given(any_text, any_text, st.integers(1, 60))
def test_spread_fills_the_width(left, right, width):
    line = spread(((clean(left), "text"),), ((clean(right), "muted"),), width)
    assert line_cells(line) == width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand tabs", "two lines and tabs"),
        ("\x1b[31mred\x1b]0;title\x07", "[31mred ]0;title"),
        ("a\u202eb\u200bc", "a b c"),
        (None, ""),
        (17, "17"),
    ],
)
def test_clean(raw, shown):
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("日本語テキスト", 7, "日本語…"),
        ("日本語", 6, "日本語"),
        ("long text", 5, "long…"),
        ("e\u0301a", 2, "e\u0301a"),
    ],
)
def test_fit_counts_wide_and_combining_marks(text, width, shown):
    assert fit(text, width) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (99, "99s"),
        (100, "1m"),
        (3600, "60m"),
        (7200, "2h"),
        (200_000, "2d"),
        (float("nan"), "0s"),
        (1e12, "999d"),
    ],
)
def test_age_is_never_longer_than_four_cells(seconds, shown):
    assert age(seconds) == shown


def test_small_words():
    assert [count(950), count(12_345), count(3_400_000)] == ["950", "12k", "3.4M"]
    assert [money(0.4211), money(12.3)] == ["$0.42", "$12"]


def test_columns_of_a_wrong_type_are_empty():
    row = {"a": ["x"], "b": 3, "c": "t", "d": float("nan"), "e": True, "f": 1e300}
    assert [string(row, "a"), string(row, "b"), string(row, "c")] == ["", "", "t"]
    assert [number(row, key) for key in "bcdef"] == [3, 0, 0, 0, 0]
    assert strings(row, "a") == ("x",)
    assert strings(row, "c") == ()


def test_order_is_kept_and_what_is_new_comes_last():
    assert keep_order("abc", "dcba") == ("a", "b", "c", "d")
    assert keep_order("abc", "ca") == ("a", "c")


def test_wrap_breaks_at_blanks():
    assert wrap((("one two three", "text"),), 8) == ((("one two", "text"),), (("three", "text"),))
