"""A bead with a formula in a real town, from its sling over its steps to its landing."""

from __future__ import annotations

import json

import pytest
from towns import POLECAT, wait_for

THREE = """
formula = "three"
phase = "liquid"
[vars.issue]
required = true
[[steps]]
id = "plan"
title = "Plan {{issue}}"
[[steps]]
id = "write"
title = "Write"
needs = ["plan"]
[[steps]]
id = "check"
title = "Check"
needs = ["write"]
"""


@pytest.mark.slow
def test_a_bead_goes_by_its_steps_from_sling_to_landed(town):
    formulas = town.path / "lib" / ".beads" / "formulas"
    formulas.mkdir()
    (formulas / "three.formula.toml").write_text(THREE)
    town.ok("up")
    bead = town.bead()
    assert "with three: 3 steps" in town.ok("sling", bead, "--formula", "three")
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    me, sandbox = town.session_env(), town.path / POLECAT

    def agent(*arguments):
        return town.ok(*arguments, env=me, cwd=sandbox)

    assert "`gastown step done`" in agent("prime")
    for name in ("plan", "write", "check"):
        assert json.loads(agent("step", "--json"))["step"]["step"] == name
        if name == "write":
            (sandbox / "g").write_text("two\n")
        agent("step", "done")
    agent("done")

    def row(name):
        (found,) = json.loads(town.ok("bead", "show", name, "--json"))
        return found

    wait_for(lambda: row(bead)["status"] == "closed", 40)
    assert row(bead)["close_reason"].startswith("Merged in ")
    (found,) = json.loads(town.ok("mol", "current", bead, "--json"))
    assert (found["completed"], found["total"]) == (3, 3)
    assert row(found["molecule_id"])["status"] == "closed"


@pytest.mark.slow
def test_research_ends_with_its_report(town):
    town.ok("up")
    bead = town.bead("look into it", "-l", "result:report")
    name = town.ok("convoy", "create", "Research", bead, "--sling")
    wait_for(lambda: POLECAT in town.ok("session", "list"))
    me = town.session_env()
    early = town.run("done", env=me, cwd=town.path / POLECAT)
    assert "the report comes first" in early.stderr
    town.ok("bead", "comment", bead, "It is so.", env=me)
    assert "The report is taken" in town.ok("done", env=me, cwd=town.path / POLECAT)
    wait_for(lambda: name not in town.ok("convoy", "list"))
    (row,) = json.loads(town.ok("bead", "show", bead, "--json"))
    assert (row["status"], row["close_reason"]) == ("closed", "Reported in its comments")
