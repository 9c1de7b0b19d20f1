from __future__ import annotations

import pytest

from gastown_tui.adapters.formulas import FormulaFiles
from gastown_tui.adapters.store import init_store
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.lint import lint
from gastown_tui.domain.formula.pour import pour, wisp
from gastown_tui.domain.formula.progress import closing, progress
from gastown_tui.domain.formula.schema import kind_of
from tests.domain.formula.conftest import Book

SHIPPED = {
    "bug-hunt": ("workflow", {"issue": "x-1"}, 9),
    "code-review": ("convoy", {"change": "feature"}, 7),
    "conflict-resolution": ("workflow", {"issue": "x-1", "target": "main"}, 6),
    "design": ("convoy", {"problem": "x-1"}, 6),
    "hanoi": ("workflow", {"disks": "4"}, 17),
    "polecat-work": ("workflow", {"issue": "x-1"}, 6),
    "red-green": ("expansion", {}, 4),
    "release": ("workflow", {"version": "1.4.0"}, 7),
    "rule-of-five": ("expansion", {}, 5),
    "security-pass": ("aspect", {}, 0),
    "test-first": ("workflow", {"issue": "x-1"}, 9),
}
"""Name to its type, values that it needs, and its number of steps."""
FILES = FormulaFiles([])


def test_this_is_all_that_is_shipped():
    assert {one.name for one in FILES.found()} == set(SHIPPED)


def cooked(name, **request):
    if name == "security-pass":  # woven into others
        book = Book()
        mine = book.add(
            'formula = "mine"\nextends = ["polecat-work"]\ncompose = {aspects = ["security-pass"]}'
        )
        return cook(mine, FILES, Request(values={"issue": "x-1"}))
    return cook(FILES.load(name), FILES, Request(values=SHIPPED[name][1], **request))


@pytest.mark.parametrize("name", SHIPPED)
def test_each_is_without_fault_and_is_worked_through_to_its_end(tmp_path, name):
    kind, _, count = SHIPPED[name]
    document = FILES.load(name)
    assert kind_of(document.formula) == kind
    assert lint(document, FILES) == []
    proto = cooked(name)
    assert proto.warnings == ()
    assert len(proto.steps) == (count or 9)
    for step in proto.steps:
        assert step.description or step.type == "epic", step.id
        assert not any(mark in step.title + step.description for mark in ("{{", "}}", "<no value>"))
    store = init_store(tmp_path / ".beads", "x")
    root = store.apply(pour(proto), actor="nux").ids[0]
    store.apply(wisp(proto), actor="nux")
    done = 0
    while not (found := progress(root, beads := store.list(include_closed=True))).is_finished:
        gates = [one for one in beads if one.issue_type == "gate" and not one.is_closed]
        target = found.current[0].bead if found.current else gates[0].id
        store.apply(closing(target, "done", root, beads), actor="nux")
        done += bool(found.current)
    assert done == found.total
    assert store.get(root).is_closed
    store.close()


def test_a_release_waits_for_a_person_and_checks_its_number():
    proto = cooked("release")
    assert next(one.gate.type for one in proto.steps if one.id == "publish") == "human"
    with pytest.raises(Exception, match=r"vars\.version"):
        cook(FILES.load("release"), FILES, Request(values={"version": "v2; rm -rf"}))


def test_the_legs_of_a_review_are_read_side_by_side_and_brought_together():
    proto = cooked("code-review", preset="quick")
    *legs, last = proto.steps
    assert [one.id for one in legs] == ["purpose", "logic", "proof"]
    assert all(one.parallel and one.review_only and not one.needs for one in legs)
    assert set(last.needs) == {one.id for one in legs}
    assert all(f"/{one.id}.md" in one.description for one in legs)
