from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.formula.runtime import Facts, Outside, holds, read, renamed

FACTS = Facts(
    states={"build": "done", "l.iter1.test": "failed", "lint": "skipped", "next": "ready"},
    outputs={"build": {"size": 12, "ok": True, "files": ["a", "b"], "deep": {"x": "y"}}},
    children={"fan": ["done", "done", "ready"], "none": []},
    outside=Outside(exists=lambda path: path == "go.mod", env={"CI": "true", "N": "7"}),
)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("build.status == 'complete'", True),
        ("build.status != done", False),
        ("next.status == 'complete'", False),
        ("missing.status == 'complete'", False),
        ("l.iter1.test.status == 'failed'", True),
        ("lint.status == 'closed'", True),
        ("! lint.status == 'done'", True),
        ("build.output.ok == true", True),
        ("build.output.size >= 9", True),
        ("build.output.size < 9", False),
        ('build.output.deep.x == "y"', True),
        ("build.output.files.1 == b", True),
        ("build.output.gone == x", False),
        ("build.output.gone != x", True),
        ("children(fan).all(status == 'complete')", False),
        ("children(fan).any(status == 'complete')", True),
        ("children(fan).count(status == 'complete') >= 2", True),
        ("children(none).all(status == 'complete')", False),
        ("file.exists('go.mod')", True),
        ("!file.exists('go.sum')", True),
        ("env.CI == 'true'", True),
        ("env.N > 10", False),
        ("env.GONE == ''", True),
    ],
)
def test_what_holds(text, held):
    assert holds(read(text), FACTS) is held


@pytest.mark.parametrize(
    "text",
    ["no_response_1", "the tests pass", "", "file.exists('/etc/passwd')", "file.exists('../x')",
     "file.exists('a/../../b')", "children(x).count(status == done)", "a.status", "x" * 501,
     "children(x).all(status == done) > 1"],
)  # fmt: skip
def test_prose_is_left_to_whoever_reads_it(text):
    assert read(text) is None


def test_without_a_place_files_and_environment_are_not_decided():
    for text in ("file.exists('a')", "!env.CI == 'x'"):
        assert holds(read(text), FACTS._replace(outside=None)) is None


def test_a_condition_follows_its_step_to_another_name():
    names = {"test": "l.iter2.test"}
    for text, after in (
        ("test.status == 'test'", "l.iter2.test.status == 'test'"),
        ("test.output.test.status == 1", "l.iter2.test.output.test.status == 1"),
        (
            "children( test ).any(status == 'done')",
            "children( l.iter2.test ).any(status == 'done')",
        ),
        ("file.exists('test')", "file.exists('test')"),
        ("test it", "test it"),
    ):
        assert renamed(text, lambda name: names.get(name, name)) == after


@given(st.text("ab.!=<>'()0 \"output.statuschildrenfile", max_size=60))
def test_no_text_does_more_than_be_prose(text):
    found = read(text)
    assert found is None or holds(found, FACTS) in {True, False}
