"""What `gastown bead doctor` prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.cli.bead import bead

GOOD = '{"id":"x-a","title":"A","status":"open","updated_at":"2026-01-01T00:00:00Z"}'


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Runs the verb on a folder whose file has this text; its exit code and what it printed."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "p"
    (folder / ".beads").mkdir(parents=True)

    def run(*arguments, text=None):
        if text is not None:
            (folder / ".beads" / "issues.jsonl").write_text(text)
        done = CliRunner().invoke(bead, ["doctor", "--dir", str(folder), *arguments])
        return done.exit_code, done.output

    return run


def test_shows_repairs_and_is_clean_then(doctor):
    code, out = doctor(text=f"{GOOD}\nnot \x1b[31ma bead\n")
    assert code == 1
    assert "issues.jsonl:2: not a bead" in out
    assert "repair: the line is put aside" in out
    assert "\x1b" not in out
    code, out = doctor("--fix")
    assert code == 0
    assert "repaired: issues.jsonl:2" in out
    kept = [line.split(": ", 1)[1] for line in out.splitlines() if "the file as it was" in line]
    assert "not \x1b[31ma bead" in Path(kept[0]).read_text()
    assert doctor() == (0, out.splitlines()[0].split(":")[0] + ": 1 beads, clean\n")


def test_json_has_all_that_is_known(doctor):
    code, out = doctor("--json", text=f"{GOOD}\n{GOOD}\n")
    assert code == 1
    report = json.loads(out)[0]
    assert (report["clean"], report["beads"]) == (False, 1)
    assert report["findings"] == [
        {
            "level": "problem",
            "kind": "duplicate-id",
            "file": "issues.jsonl",
            "line": 2,
            "bead": "",
            "what": "x-a stands in line 1 already",
            "repair": "its lines are merged into one",
        }
    ]
    code, out = doctor("--fix", "--json")
    assert code == 0
    report = json.loads(out)[0]
    assert [f["kind"] for f in report["repaired"]] == ["duplicate-id"]
    assert report["backup"].endswith(".backup")


def test_a_town_is_looked_over_as_a_whole(quiet_town, ok):
    reports = json.loads(ok("bead", "doctor", "--json"))
    assert {Path(r["beads_dir"]).parent.name for r in reports} == {"lib", quiet_town.name}


@pytest.mark.parametrize("verb", [("list",), ("ready",), ("show", "x-a"), ("create", "more")])
def test_every_verb_says_once_on_stderr_that_a_file_is_damaged(doctor, tmp_path, verb):
    doctor(text=f"{GOOD}\nnot \x1b[31ma bead\nnor this\n")
    done = CliRunner().invoke(bead, [*verb, "--json", "--dir", str(tmp_path / "p")])
    assert done.exit_code == 0
    assert json.loads(done.stdout)
    (line,) = done.stderr.splitlines()
    assert "/.beads/issues.jsonl:2: not a bead" in line
    assert "(and 1 more)" in line
    assert "gastown bead doctor" in line
    assert "\x1b" not in line
    doctor("--fix")
    done = CliRunner().invoke(bead, [*verb, "--json", "--dir", str(tmp_path / "p")])
    assert done.stderr == ""
