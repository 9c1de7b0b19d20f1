"""`tests/SCENARIOS.csv`: scenarios of `bd`'s own suites, and the tests of ours that cover them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"tests/([\w/]+\.py)::(test_\w+)(?:\[(\w+)\])?")


def rows():
    with (TESTS / "SCENARIOS.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_there(test):
    """Whether a test of this name, and the case in it, exist."""
    named = _NAMED.fullmatch(test)
    if named is None or not (TESTS / named[1]).is_file():
        return False
    text = (TESTS / named[1]).read_text(encoding="utf-8")
    functions = {named[2], *([named[3]] if named[3] else [])}
    return all(re.search(rf"^(async )?def {name}\(", text, re.MULTILINE) for name in functions)


def test_every_scenario_has_its_test_or_a_reason():
    missing = [row for row in rows() if not (is_there(row["test"]) or row["why not"])]
    assert not missing, "\n".join(f"{row['scenario']}: {row['test']}" for row in missing)


def test_no_scenario_is_named_twice():
    names = [(row["area"], row["scenario"]) for row in rows()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "test",
    ["", "tests/cli/none.py::test_x", "tests/cli/test_bead.py::test_none",
     "tests/cli/test_bead_scenarios.py::test_case[none]"],
)  # fmt: skip
def test_the_check_can_fail(test):
    assert not is_there(test)
