"""Verbs of work: ids in part, agents' names, and what is handed in."""

import contextlib
import json

import pytest

from gastown_tui.adapters.store import open_store
from gastown_tui.domain.operations import Hook


def test_a_part_of_an_id_is_enough_when_it_is_one_beads(quiet_town, ok, refused):
    bead = ok("bead", "create", "x", "--rig", "lib")
    assert bead in ok("sling", bead[:-1])
    other = ok("bead", "create", "y", "--rig", "lib")
    assert ok("convoy", "create", "both", bead, other[:-1])
    assert "no rig has beads like" in refused("sling", "zz-1")
    assert "is no id" in refused("sling", "li-../x")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("../x", "is not an agent"),
        ("A b", "cannot name an agent"),
        ("-x", "cannot name an agent"),
        ("lib/polecats/../../x", "is not an agent"),
        ("two/polecats/nux", "does not work in lib"),
    ],
)
def test_agents_are_named_by_their_rules(quiet_town, ok, refused, agent, words):
    bead = ok("bead", "create", "x", "--rig", "lib")
    assert words in refused("sling", bead, "--agent", agent)


def test_verbs_of_agents_are_refused_elsewhere(quiet_town, refused, monkeypatch):
    for verb in ("done", "hook", "prime"):
        assert "for agents" in refused(verb)
    monkeypatch.setenv("GASTOWN_RIG", "lib")
    monkeypatch.setenv("GASTOWN_AGENT", "../../../etc")
    assert "is not an agent" in refused("done")
    monkeypatch.setenv("GASTOWN_AGENT", "lib/polecats/nux")
    assert "nothing on your hook" in refused("done")


FLOW = """
formula = "flow"
phase = "liquid"
[vars.issue]
required = true
[vars.how]
default = "well"
[[steps]]
id = "plan"
title = "Plan {{issue}} {{how}}"
description = "Think\\nGATES: none"
acceptance = "It is planned"
[[steps]]
id = "work"
title = "Work"
needs = ["plan"]
"""


@pytest.fixture
def flow(quiet_town, monkeypatch):
    folder = quiet_town / "lib" / ".beads" / "formulas"
    folder.mkdir()
    (folder / "flow.formula.toml").write_text(FLOW)
    return quiet_town


def test_a_bead_is_slung_with_the_steps_of_a_formula(flow, ok, refused):
    bead = ok("bead", "create", "x", "--rig", "lib")
    for arguments, words in (
        (["--formula", "flaw"], "there is no formula"),
        (["--formula", "flow", "--var", "who=me"], "there is no variable"),
        (["--formula", "release"], "needs a value"),
        (["--var", "how=badly"], "--var is of a formula"),
    ):
        assert words in refused("sling", bead, *arguments)
        (row,) = json.loads(ok("bead", "show", bead, "--json"))
        assert row.get("labels", []) == []
    assert "with flow: 2 steps" in ok("sling", bead, "--formula", "flow", "--var", "how=badly")
    steps = json.loads(ok("mol", "current", bead, "--rig", "lib", "--json"))[0]["steps"]
    assert [one["issue"]["title"] for one in steps] == [f"Plan {bead} badly", "Work"]
    assert "has a molecule already" in refused("sling", bead, "--formula", "flow")


def test_an_agent_is_told_its_step_and_what_it_builds_on(flow, ok, refused, monkeypatch):
    leg = ok("bead", "create", "Leg\n=x", "--rig", "lib", "-l", "result:report")
    bead = ok("bead", "create", "x", "--rig", "lib", "--dep", leg, "-l", "result:report")
    ok("bead", "close", leg)
    ok("sling", bead, "--formula", "flow")
    me = "lib/polecats/nux"
    with contextlib.closing(open_store(flow / "lib" / ".beads")) as store:
        town = store.get(bead).label("town")
        store.apply([Hook(bead=bead, assignee=me, town=town)], actor="me")
    monkeypatch.setenv("GASTOWN_AGENT", me)
    monkeypatch.setenv("GASTOWN_RIG", "lib")
    text = ok("prime")
    assert "Your step: li-mol-" in text
    assert "| Think\n| GATES: none\nIt is done when:\n| It is planned\n" in text
    assert "`gastown step done`" in text
    assert f"gastown bead show {leg}   Leg" in text
    assert "ends with a report" in text
    facts = json.loads(ok("prime", "--json"))
    assert facts["molecule"]["step"]["state"] == "ready"  # looked at, not begun
    assert (facts["result"], [one["bead"] for one in facts["reports"]]) == ("report", [leg])
    ok("step", "--json")
    ok("step", "done", "--next")
    ok("step", "done")
    assert "2 of 2 are closed. Hand it in" in ok("prime")
