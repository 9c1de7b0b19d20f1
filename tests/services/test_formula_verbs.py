"""Pouring a formula for a bead through the controller."""

from __future__ import annotations

import pytest

from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.roots.formulas import TownFormulas
from gastown_tui.services.formula_verbs import FormulaVerbs, variables_of
from gastown_tui.services.molecules import molecules_of


def test_variables_are_a_line_each():
    assert variables_of("a=1\n\n b = x=y \n") == {"a": "1", "b": "x=y"}
    for wrong in ("a", "=1", "a b=1"):
        with pytest.raises(BadInput):
            variables_of(wrong)


async def test_a_bead_gets_the_steps_once(bench, tmp_path):
    rig, books = bench.books.rigs["r"], bench.books
    bench.context.formulas = TownFormulas(tmp_path)
    bead = rig.store.create(actor="me", title="A fault").id
    pour = FormulaVerbs(bench.context).table["pour"]
    said = await pour(bead, {"formula": "bug-hunt", "vars": "rounds=2"}, "overseer")
    assert "steps of bug-hunt" in said
    assert len(molecules_of(rig.store, bead)) == 1
    with pytest.raises(Conflict, match="has a molecule already"):
        await pour(bead, {"formula": "bug-hunt"}, "overseer")
    assert bead in books.bead(bead).id
