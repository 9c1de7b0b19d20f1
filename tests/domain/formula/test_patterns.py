from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.lint import lint
from gastown_tui.domain.formula.patterns import LONGEST, LONGEST_VALUE, Pattern
from gastown_tui.domain.formula.prompts import render

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        r"\d",
        r"\w",
        r"\S",
        "^",
        "$",
        r"\b",
        r"\.",
        "-",
        "[]a]",
        "[a-c]",
    ]
)


@st.composite
def patterns(draw, depth=3):
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        atom = draw(ATOMS)
        if depth and draw(st.integers(0, 3)) == 0:
            atom = f"({draw(st.sampled_from(['', '?:']))}{draw(patterns(depth - 1))})"
        if atom not in {"^", "$", r"\b"}:
            atom += draw(
                st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?"])
            )
        parts.append(atom)
    text = "".join(parts)
    return f"{text}|{draw(patterns(depth - 1))}" if depth and draw(st.booleans()) else text


@given(patterns(), st.text("ab1 .\n-", max_size=6))
@settings(max_examples=600, deadline=None)
def test_it_fits_what_the_engine_of_python_fits(pattern, value):
    # `{,2}` means 0 to 2 here and in Python
    assert Pattern(pattern).search(value) == bool(re.search(pattern, value)), pattern


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "(a|a)*$", "(a|aa)+$", "^(.*a){20}$", "a*a*a*a*a*a*b", "([a-z]+)*=", "(.*)*x"],
)
def test_no_pattern_hangs(pattern):
    start = time.process_time()
    Pattern(pattern).search("a" * (LONGEST_VALUE - 1) + "!")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "not closed"), (")", "not opened"), ("[a", "not closed"), ("*a", "repeats nothing"),
        ("a**", "second quantifier"), ("a*+", "second quantifier"), ("(?=a)", r"\(\?= is not allowed"),
        ("(?<!a)b", "not allowed"), (r"(a)\1", "not allowed"), ("a{3,2}", "counts down"),
        ("(a{99}){99}", "repeats too much"), ("\\", "not allowed"), ("a" * (LONGEST + 1), "at most"),
        ("(" * 40 + ")" * 40, "deep"), ("[z-a]", "bad character range"),
    ],
)  # fmt: skip
def test_what_is_refused(pattern, said):
    with pytest.raises(ValueError, match=said):
        Pattern(pattern)


def test_case_may_be_left_out_and_values_are_bounded():
    assert Pattern("(?i)^yes$").search("YES")
    assert not Pattern("^yes$").search("YES")
    with pytest.raises(ValueError, match="at most"):
        Pattern("a").search("a" * (LONGEST_VALUE + 1))


def test_a_named_group_and_a_lone_brace():
    assert Pattern(r"^(?P<major>\d+)\.\d+$").search("1.2")
    assert Pattern("a{b}").search("a{b}")


def test_a_files_pattern_is_looked_at_before_it_is_used(book):
    text = 'formula = "a"\nsteps = [{id = "s", title = "{{v}}"}]\n[vars.v]\npattern = "%s"\n'
    with pytest.raises(
        FormulaError, match=r"vars\.v: the pattern .* cannot be used: .*not allowed"
    ):
        book.cook(text % "(?=x)", v="x")
    found = lint(book.add(text % "(?=x)"), book)[0]
    assert (found.level, found.key) == ("error", "vars.v.pattern")
    with pytest.raises(FormulaError, match=r"vars\.v: 'aaa!' does not fit"):
        book.cook(text % "^(a+)+$", v="aaa!")


@pytest.mark.parametrize(
    "text",
    ["{{" * 200_000, " " * 400_000 + "{{", "{{-" + " " * 400_000],
    ids=["braces", "blanks", "mark"],
)
def test_templates_of_nothing_but_braces_are_read_in_no_time(text):
    start = time.process_time()
    assert render(text, {}) == text, "changed"
    assert time.process_time() - start < 5
