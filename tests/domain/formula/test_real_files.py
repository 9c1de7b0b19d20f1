"""Every formula of the wild that is at hand, and our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_tui.adapters.formulas import FormulaFiles
from gastown_tui.domain.formula.compose import woven
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.lint import lint
from gastown_tui.domain.formula.parse import parse
from gastown_tui.domain.formula.pour import pour, wisp
from gastown_tui.domain.formula.progress import progress
from gastown_tui.domain.formula.schema import kind_of
from gastown_tui.domain.formula.steps import Step, check
from tests.domain.formula.conftest import Book

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "formulas"
FILES = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
ENDS = ("yaml", "formulas in YAML are not read")
REFUSED = {
    "gt__mol-polecat-work-monorepo-tdd.formula.toml": "extends[0]: there is no formula 'mol-polecat-work-monorepo'",
    "gt__security-audit.formula.toml": "steps: an aspect has no steps of its own",
    "gthist__beads_formulas_security-audit.formula.json": "steps: an aspect has no steps of its own",
}
"""File to why it cannot be cooked by itself: its parent is not there, or it is woven into others."""


@pytest.fixture(scope="module")
def wild():
    if not FILES:
        pytest.skip(f"the folder {FOLDER} is absent")
    book = Book()
    for file in FILES:
        if not file.name.endswith(ENDS[0]):
            book.documents.append(parse(file.read_bytes(), file.name))
    return book


@pytest.mark.skipif(not FILES, reason="the shared formulas are absent")
def test_yaml_is_refused_in_one_line():
    for file in FILES:
        if file.name.endswith(ENDS[0]):
            with pytest.raises(FormulaError, match=f"^{file.name}: {ENDS[1]}"):
                parse(file.read_bytes(), file.name)


def test_every_file_is_cooked_or_refused_with_file_key_and_reason(wild):
    refused = {}
    for document in wild.documents:
        try:
            proto = cook(document, wild, Request(is_sample=True))
        except FormulaError as error:
            refused[document.path] = str(error)
            continue
        check(proto.steps, document.path)
        assert len(pour(proto)) > len(proto.steps)
        items = wisp(proto, is_poured=False)[0].bead
        from gastown_tui.domain.bead import Bead

        found = progress("w", [Bead(id="w", description=items["description"])])
        containers = {step.parent for step in proto.steps}
        assert found.total == sum(step.id not in containers for step in proto.steps)
        assert found.current
    assert set(refused) == set(REFUSED)
    for path, said in REFUSED.items():
        assert refused[path].startswith(f"{path}: {said}")


def test_lint_has_an_error_only_where_something_is_missing(wild):
    errors = {
        document.path: one.text
        for document in wild.documents
        for one in lint(document, wild)
        if one.level == "error"
    }
    assert set(errors) == {"gt__mol-polecat-work-monorepo-tdd.formula.toml"}


def test_aspects_of_the_wild_are_woven(wild):
    for document in wild.documents:
        if kind_of(document.formula) == "aspect":
            steps = [Step(id="implement"), Step(id="submit", needs=("implement",))]
            found = woven(steps, document.formula.advice, document.formula.pointcuts, "")
            assert [step.id for step in found] == [
                "implement-security-prescan", "implement", "implement-security-postscan",
                "submit-security-prescan", "submit", "submit-security-postscan",
            ]  # fmt: skip
            check(found, document.path)


def test_every_shipped_formula_is_without_fault():
    files = FormulaFiles([])
    names = {one.name for one in files.found()}
    assert {"polecat-work", "test-first", "rule-of-five", "security-pass", "hanoi"} <= names
    for name in names:
        assert lint(files.load(name), files) == [], name


def test_the_shipped_aspect_and_expansions_work_on_the_shipped_workflow():
    files = FormulaFiles([])
    book = Book()
    mine = book.add(
        """
        formula = "careful"
        extends = ["test-first"]
        compose = {aspects = ["security-pass"], expand = [{target = "review", with = "rule-of-five"}]}
        """
    )
    ids = [step.id for step in cook(mine, files, Request(values={"issue": "gt-1"})).steps]
    assert (
        ids.index("implement.tests.threats")
        < ids.index("implement.tests")
        < ids.index("implement.green")
    )
    assert ids.index("review.last") < ids.index("hand-in.secrets") < ids.index("hand-in")
