"""Convoys from the command line, in a town without daemons."""

import json

import pytest


@pytest.fixture
def beads(quiet_town, ok):
    """An epic of three in a row, and one beside it."""
    epic = ok("bead", "create", "Epic", "-t", "epic", "--rig", "lib")
    first = ok("bead", "create", "First", "--parent", epic)
    second = ok("bead", "create", "Second", "--parent", epic, "--dep", first)
    third = ok("bead", "create", "Third", "--parent", epic, "--dep", second)
    return epic, first, second, third


def test_an_epic_is_staged_in_waves_and_launched(quiet_town, ok, refused, beads):
    epic, first, second, third = beads
    assert "--title" in ok("convoy", "stage", epic).splitlines()[-1]
    staged = json.loads(ok("convoy", "stage", epic, "--title", "All of it", "--json"))
    assert staged["waves"] == [[first], [second], [third]]
    assert staged["errors"] == []
    name = staged["id"]
    assert f"{name} is launched: 3 beads slung, 1 can begin" in ok("convoy", "launch", name)
    for bead in (first, second, third):
        (row,) = json.loads(ok("bead", "show", bead, "--json"))
        assert "sling:any" in row["labels"]
    assert "3 beads of" in refused("convoy", "land", name)
    for bead in (first, second, third):
        ok("bead", "close", bead)
    assert "has landed" in ok("convoy", "land", name)
    late = ok("bead", "create", "Late", "--rig", "lib")
    assert "open again" in ok("convoy", "add", name, late)
    assert "1 taken out" in ok("convoy", "remove", name, late)
    assert "is not in" in refused("convoy", "remove", name, late)


def test_errors_forbid_and_warnings_want_force(quiet_town, ok, refused, beads):
    _, first, second, _ = beads
    name = ok("convoy", "create", "Half", second)
    assert f"waits for {first}" in refused("convoy", "launch", name)
    assert "is launched" in ok("convoy", "launch", name, "--force")
    assert "no rig has beads" in refused("convoy", "stage", "zz-1")
    assert "there is no convoy" in refused("convoy", "launch", "hq-cv-none")
    assert "is a town" in refused("convoy", "launch", "hq-town")


def test_an_owned_convoy_says_so(quiet_town, ok, beads):
    name = ok("convoy", "create", "Mine", beads[1], "--owned")
    assert "closes by itself" in ok("convoy", "own", name, "--no")
    assert "by `convoy land` alone" in ok("convoy", "own", name)


def shown(ok, bead):
    (row,) = json.loads(ok("bead", "show", bead, "--json"))
    return row


def test_a_convoy_formula_becomes_beads_that_end_with_reports(quiet_town, ok, refused):
    for arguments, words in (
        (["code-review"], "needs a value: change"),
        (["code-review", "-v", "change=x", "--rig", "two"], "there is no rig"),
        (["code-review", "-v", "change=x", "--leg", "lgic"], "there is no leg"),
        (["polecat-work", "-v", "issue=x"], "is no convoy"),
    ):
        assert words in refused("convoy", "run", *arguments)
    assert json.loads(ok("bead", "list", "--rig", "lib", "--json")) == []
    made = json.loads(
        ok("convoy", "run", "code-review", "-v", "change=x", "--preset", "quick", "--launch",
           "--json")
    )  # fmt: skip
    *legs, last = made["beads"]
    for bead in made["beads"]:
        assert {"result:report", "sling:any"} <= set(shown(ok, bead)["labels"])
    assert {f"leg:{one}" for one in ("purpose", "logic", "proof")} == {
        label for bead in legs for label in shown(ok, bead)["labels"] if label[:4] == "leg:"
    }
    assert shown(ok, legs[0])["description"].startswith("What you find out is wanted as a report")
    assert {one["id"] for one in shown(ok, last)["dependencies"]} == set(legs)
    staged = json.loads(ok("convoy", "stage", made["id"], "--json"))
    assert [set(wave) for wave in staged["waves"]] == [set(legs), {last}]


def test_a_convoy_whose_legs_change_code_asks_for_no_reports(quiet_town, ok, refused):
    folder = quiet_town / "lib" / ".beads" / "formulas"
    folder.mkdir()
    text = 'formula = "both"\n[[legs]]\nid = "a"\n[[legs]]\nid = "b"\nreview_only = true\n'
    (folder / "both.formula.toml").write_text(text)
    made = json.loads(ok("convoy", "run", "both", "--title", "Both", "--json"))
    a, b = (shown(ok, bead)["labels"] for bead in made["beads"])
    assert (a, b) == (["leg:a"], ["leg:b", "result:report"])
    (folder / "hard.formula.toml").write_text(
        'formula = "hard"\ntype = "convoy"\n[[legs]]\nid = "a"\n[[steps]]\nid = "s"\n'
        '[steps.gate]\ntype = "human"\n'
    )
    assert "waits for more" in refused("convoy", "run", "hard")


def test_titles_are_texts_and_wrong_arguments_one_line(quiet_town, ok, refused, beads):
    _, first, second, _ = beads
    name = ok("convoy", "create", "--", "--force\nwave 9\x1b[2J", first, second, first)
    assert len(ok("convoy", "stage", name).splitlines()) == 5
    assert "\x1b" not in ok("convoy", "stage", name)
    assert "1 taken out" in ok("convoy", "remove", name, second, second)
    for verb in ("launch", "land", "own", "stage"):
        for wrong in ("", "-x", "--", "hq-", f"{name}\n", "hq-cv-\x1b[2J", "hq-town", "../.."):
            refused("convoy", verb, "--", wrong)
    for wrong in ("", " ", "--", "-x", f"{first}\n", "../x", "*", "hq-town", name):
        refused("convoy", "create", "t", "--", wrong)
        refused("convoy", "add", name, "--", wrong)
        refused("convoy", "remove", name, "--", wrong)
    assert "nobody is sent to it" in refused("sling", ok("gate", "create", second))
