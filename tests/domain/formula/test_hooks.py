from __future__ import annotations

import pytest

from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.hooks import Subject, fires

EXTRA = 'formula = "extra"\nvars = {who = "x"}\nsteps = [{id = "look", title = "{{who}} looks"}, {id = "say", needs = ["look"]}]'
FLOW = """
    formula = "flow"
    vars = {name = "nobody"}
    steps = [{id = "a"}, {id = "b", needs = ["a"]}, {id = "c", needs = ["b"]}]
    [compose]
    bond_points = [{id = "early", after_step = "a"}, {id = "late", before_step = "c"},
                   {id = "side", after_step = "a", parallel = true}]
    hooks = [{trigger = "label:security", attach = "extra", at = "%s", vars = {who = "{{name}}"}}]
"""


def needs(book, at, subject):
    book.add(EXTRA)
    found = cook(book.add(FLOW % at), book, Request(values={"name": "nux"}, subject=subject))
    return {step.id: list(step.needs) for step in found.steps}, found


@pytest.mark.parametrize(
    ("at", "where"),
    [
        ("early", {"extra.look": ["a"], "b": ["extra.say"]}),
        ("late", {"extra.look": ["b"], "c": ["extra.say"]}),
        ("side", {"extra.look": ["a"], "b": ["a"]}),
        ("", {"extra.look": ["c"], "b": ["a"]}),
    ],
)
def test_a_formula_comes_along_at_its_bond_point(book, at, where):
    found, proto = needs(book, at, Subject(labels=("security",)))
    assert found == {"a": [], "b": ["a"], "c": ["b"], "extra.say": ["extra.look"], **where}
    assert next(s.title for s in proto.steps if s.id == "extra.look") == "nux looks"


def test_nothing_comes_along_for_other_work(book):
    assert set(needs(book, "early", Subject(labels=("docs",)))[0]) == {"a", "b", "c"}
    assert set(needs(book, "early", None)[0]) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("trigger", "fits"),
    [("type:bug", True), ("type: task", False), ("priority:1", True), ("priority:0-1", True),
     ("priority:2-4", False), ("label:a b", True)],
)  # fmt: skip
def test_triggers(trigger, fits):
    assert fires(trigger, Subject(issue_type="bug", priority=1, labels=("a b",))) is fits


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            'trigger = "when it rains", attach = "extra"',
            r"compose.hooks\[0\].trigger: .*is no trigger",
        ),
        (
            'trigger = "type:bug", attach = "gone"',
            r"compose.hooks\[0\].attach: there is no formula",
        ),
        (
            'trigger = "type:bug", attach = "extra", at = "x"',
            r"hooks\[0\].at: there is no bond point",
        ),
    ],
)
def test_hooks_that_are_refused(book, hook, said):
    book.add(EXTRA)
    with pytest.raises(FormulaError, match=said):
        book.cook(f'formula = "f"\nsteps = [{{id = "a"}}]\ncompose = {{hooks = [{{{hook}}}]}}')


def test_a_formula_that_brings_itself_along_is_refused(book):
    mine = book.add(
        'formula = "f"\nsteps = [{id = "a"}]\n'
        'compose = {hooks = [{trigger = "type:bug", attach = "f"}]}'
    )
    with pytest.raises(FormulaError, match="5 deep at most"):
        cook(mine, book, Request(subject=Subject(issue_type="bug")))
