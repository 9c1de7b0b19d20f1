from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.merge_text import merge_text

lines = st.lists(st.sampled_from(["", "a", "b", "c", "k: 1", "k: 2", "kk: x"]), max_size=6)
texts = lines.map("\n".join)


@pytest.mark.parametrize(
    ("base", "first", "second", "merged"),
    [
        ("", "a", "b", "a\nb"),
        ("n", "n\na", "n\nb", "n\na\nb"),
        ("n\n", "n\na\n", "n\nb\n", "n\na\nb\n"),
        ("1\n2\n3", "1!\n2\n3", "1\n2\n3!", "1!\n2\n3!"),
        ("1\n2\n3", "2\n3", "1\n2\n4\n3", "2\n4\n3"),
        ("", "a", "a\nb", "a\nb"),
        ("p\nstate: x\nhook: -", "p\nstate: y\nhook: -", "p!\nstate: x\nhook: b", "p!\nstate: y\nhook: b"),
        ("p", "p\nstate: a", "p\nhook: b", "p\nstate: a\nhook: b"),
        ("p\nstate: a\nz", "p\nz", "p\nstate: a\nz\nq", "p\nz\nq"),
    ],
)  # fmt: skip
def test_both_edits(base, first, second, merged):
    assert merge_text(base, first, second) == (merged, False)


@pytest.mark.parametrize(
    ("base", "first", "second", "merged"),
    [
        ("a", "b", "c", "c"),
        ("s: a\nt: a", "s: b\nt: b", "t: a\ns: c", "t: b\ns: c"),
        ("k: 1", "k: 2", "", ""),
        ("x: 1", "x: 2\nx: 3", "x: 4", "x: 4"),
    ],
)
def test_later_edit_stands_and_the_loss_is_told(base, first, second, merged):
    assert merge_text(base, first, second) == (merged, True)


@given(texts, texts)
def test_an_edit_against_none(base, edit):
    assert merge_text(base, edit, base) == (edit, False)
    assert merge_text(base, base, edit) == (edit, False)


@given(texts, texts, texts)
def test_no_new_line_is_lost_without_a_word(base, first, second):
    merged, lost = merge_text(base, first, second)
    there = set(merged.split("\n"))
    assert lost or {*first.split("\n")} - {*base.split("\n")} <= there | {""}
    assert {*second.split("\n")} - {*base.split("\n")} <= there | {""} | {
        line for line in second.split("\n") if line.startswith("k")
    }


def test_long_texts_take_bounded_time():
    base = "a\nb\n" * 50_000
    start = time.process_time()
    _, lost = merge_text(base, base.replace("a", "c"), base.replace("b", "d"))
    assert lost
    assert time.process_time() - start < 5
