from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.adapters.formulas import formula_files
from gastown_tui.adapters.store import init_store
from gastown_tui.cli.formula import formula
from gastown_tui.domain.errors import NotFound

GREET = 'formula = "greet"\nvars = {who = {required = true}}\nsteps = [{id = "hi", title = "Greet {{who}}"}]\n'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A town with one rig, and the rig as working folder; writes formula files."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT"):
        monkeypatch.delenv(name, raising=False)
    town = tmp_path / "town"
    (town / "rig").mkdir(parents=True)
    (town / "town.toml").write_text('id = "t"\n')
    init_store(town / ".beads", "hq").close()
    init_store(town / "rig" / ".beads", "x").close()
    monkeypatch.chdir(town / "rig")

    def write(where, name, text, folder="formulas"):
        path = town / where / ".beads" / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def run(*arguments, code=0):
    result = CliRunner().invoke(formula, list(arguments))
    assert result.exit_code == code, result.output
    if code and result.stderr:
        assert len(result.stderr.strip().splitlines()) == 1
    return (result.stdout or result.stderr).strip()


def files():
    return formula_files(Path.cwd(), os.environ)


def test_what_is_listed_says_where_it_comes_from(place):
    place("", "greet.formula.toml", GREET)
    place("rig", "greet.formula.json", '{"formula": "greet", "steps": [{"id": "mine"}]}')
    place("rig", "broken.toml", "formula = ")
    place("rig", "old.formula.yaml", "formula: old")
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))}
    assert (rows["greet"]["origin"], rows["greet"]["hides"]) == ("project", ["town"])
    assert rows["hanoi"]["origin"] == "shipped"
    assert "not TOML" in rows["broken"]["description"]
    assert "YAML" in rows["old"]["description"]
    assert "project, hides town" in run("list")


def test_a_local_file_overrides_a_shipped_one_for_others_too(place):
    place(
        "rig",
        "red-green.formula.toml",
        'formula = "red-green"\ntemplate = [{id = "{target}.mine"}]',
    )
    place("", "polecat-work.formula.toml",
          'formula = "polecat-work"\nextends = ["polecat-work"]\n[[steps]]\nid = "review"\ntitle = "Ask nux"\n')  # fmt: skip
    proto = json.loads(run("cook", "test-first", "-v", "issue=gt-1", "--json"))
    titles = {step["id"]: step["title"] for step in proto["steps"]}
    assert "implement.mine" in titles
    assert "implement.tests" not in titles
    assert titles["review"] == "Ask nux"
    assert titles["understand"] == "Understand gt-1", "the shipped one beneath is still there"


def test_the_projects_overlay_replaces_the_towns(place):
    place("rig", "greet.toml", GREET)
    place(
        "",
        "greet.toml",
        '[[overrides]]\nstep_id = "hi"\ndescription = "town"\n',
        "formula-overlays",
    )
    assert "town" in run("cook", "greet", "-v", "who=you")
    place(
        "rig", "greet.toml", '[[overrides]]\nstep_id = "gone"\nmode = "skip"\n', "formula-overlays"
    )
    shown = CliRunner().invoke(formula, ["cook", "greet", "-v", "who=you"])
    assert "town" not in shown.stdout
    assert "there is no step 'gone' any more" in shown.stderr


def test_show_keeps_the_names_of_what_has_no_value(place):
    place("rig", "greet.toml", GREET)
    shown = run("show", "greet")
    assert "who (required)" in shown
    assert "1. hi: Greet {{who}}" in shown
    assert "its advice is for" in run("show", "security-pass")
    assert json.loads(run("show", "test-first", "--json"))["steps"][0]["id"] == "understand"


def test_cook_shows_each_step_with_its_text(place):
    place("rig", "greet.toml", GREET)
    assert "Greet a=b" in run("cook", "greet", "--var", "who=a=b")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cook", "greet"), "vars.who: needs a value"),
        (("cook", "greet", "-v", "who"), "'who' gives no value: write NAME=VALUE"),
        (("cook", "greet", "-v", "who=a", "-v", "who=b"), "given twice"),
        (("cook", "gret"), "there is no formula 'gret': did you mean greet?"),
        (("cook", "../../etc/passwd"), "there is no file"),
        (("show", ".."), "there is no formula '..'"),
        (("cook", "old"), "formulas in YAML are not read: write it as TOML"),
    ],
)
def test_a_refusal_is_one_line(place, arguments, said):
    place("rig", "greet.toml", GREET)
    place("rig", "old.formula.yaml", "formula: old")
    assert said in run(*arguments, code=1)


def test_lint_of_all_of_one_and_of_a_file(place, tmp_path):
    assert run("lint") == ""
    place("rig", "greet.toml", GREET.replace("title", "titel"))
    assert "steps[0].titel: unknown key 'titel': did you mean title?" in run("lint")
    assert run("lint", "hanoi") == ""
    run("lint", "greet", "--strict", code=1)
    path = tmp_path / "loose.formula.toml"
    path.write_text('formula = "loose"\nsteps = [{id = "a", title = "A", needs = ["b"]}]')
    found = json.loads(run("lint", str(path), "--json", code=1))
    assert [(one["level"], one["key"]) for one in found] == [("error", "steps[0].needs")]


def test_text_of_others_cannot_steer_the_terminal(place):
    evil = '{"formula": "evil", "description": "\\u001b[2J", "steps": [{"id": "a", "title": "\\u001b]0;x\\u0007"}]}'
    place("rig", "evil.json", evil)
    for arguments in (
        ("list",),
        ("show", "evil"),
        ("cook", "evil"),
        ("cook", "evil", "--json"),
        ("lint", "evil"),
    ):
        assert "\x1b" not in run(*arguments)


def test_a_link_out_of_the_folder_is_not_followed(place, tmp_path):
    secret = tmp_path / "secret.toml"
    secret.write_text(GREET)
    link = place("rig", "other.toml", GREET).with_name("greet.toml")
    link.symlink_to(secret)
    with pytest.raises(NotFound):
        files().load("greet")
    assert "greet" not in {one.name for one in files().found()}


def test_a_sandbox_finds_its_rigs_formulas(place, tmp_path, monkeypatch):
    place("rig", "greet.toml", GREET)
    sandbox = tmp_path / "elsewhere"
    (sandbox / ".beads").mkdir(parents=True)
    (sandbox / ".beads" / "redirect").write_text(str(tmp_path / "town" / "rig" / ".beads") + "\n")
    monkeypatch.chdir(sandbox)
    assert files().load("greet").origin == "project"


def test_without_a_town_or_beads_the_shipped_ones_are_there(tmp_path, monkeypatch):
    monkeypatch.delenv("GASTOWN_TOWN", raising=False)
    monkeypatch.chdir(tmp_path)
    assert files().load("hanoi").origin == "shipped"


def test_a_circle_on_disk_is_refused(place):
    place("rig", "a.toml", 'formula = "a"\nextends = ["b"]')
    place("rig", "b.toml", 'formula = "b"\nextends = ["a"]')
    assert "extends: formulas extend each other: a -> b -> a" in run("cook", "a", code=1)


def test_start_is_light():
    code = "import sys; import gastown_tui.cli.formula; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    ).stdout.split()
    assert not {"sqlite3", "asyncio", "textual", "git", "tomllib"} & set(loaded)
