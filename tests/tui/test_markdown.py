"""Markdown of beads on the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.tui.markdown import LONGEST, flow, markdown
from gastown_tui.viewmodels.text import ROLES, line_cells, line_text


def shown(text: str, width: int = 40) -> list[str]:
    return [line_text(line).rstrip() for line in markdown(text, width)]


def test_headings_paragraphs_and_emphasis() -> None:
    lines = markdown("# Goal\n\nMake **it** `fast`,\nplease.", 40)
    assert [line_text(line) for line in lines] == ["# Goal", "", "Make it fast, please."]
    assert [role for text, role in lines[2] if text.strip() in {"it", "fast"}] == [
        "strong",
        "accent",
    ]


def test_lists_keep_their_depth_and_fold_under_their_text() -> None:
    text = "1. one\n2. two is quite long\n   - deep\n- [x] bullet"
    assert shown(text, 14) == [
        "1. one",
        "2. two is",
        "   quite long",
        "   • deep",
        "",
        "• [x] bullet",
    ]


def test_code_keeps_its_lines_and_blanks() -> None:
    assert shown("```python\ndef f():\n\treturn 1\n```") == ["│ def f():", "│     return 1"]


def test_quotes_rules_and_tables() -> None:
    assert shown("> said\n> so") == ["▏ said so"]
    assert shown("---", 10) == ["──────────"]
    assert shown("| a | b |\n|---|---|\n| one | 2 |") == ["a   │ b", "one │ 2"]


def test_links_tell_where_they_go_and_html_is_text() -> None:
    assert shown("[here](http://x.y) <b>no</b>") == ["here (http://x.y) <b>no</b>"]


def test_nothing_that_steers_a_terminal_gets_through() -> None:
    assert shown("a\x1b[31mb\u202ec `\x07`\n\n    \x9bx") == ["a [31mb c", "", "│ x"]


def test_a_text_that_is_too_long_is_said_to_be_cut() -> None:
    assert shown("x " * LONGEST)[-1] == "too long: the rest is not shown"


def test_words_that_do_not_fit_are_broken() -> None:
    assert [line_text(one) for one in flow([("abcdefghij kl", "text")], 4)] == [
        "abcd", "efgh", "ij", "kl",
    ]  # fmt: skip
    assert [line_text(one) for one in flow([("漢字漢", "text")], 4)] == ["漢字", "漢"]


@given(st.text(max_size=300), st.integers(1, 90))
def test_any_text_gives_lines_that_fit(text: str, width: int) -> None:
    for line in markdown(text, width):
        assert line_cells(line) <= max(8, width)
        for part, role in line:
            assert role in ROLES
            assert part.isprintable()


@given(
    st.lists(
        st.sampled_from(["> ", "- ", "1. ", "# ", "```\n", "| a |", "\n", "**", "x"]), max_size=40
    )
)
def test_any_nesting_gives_lines_that_fit(parts: list[str]) -> None:
    assert all(line_cells(line) <= 24 for line in markdown("".join(parts), 24))
