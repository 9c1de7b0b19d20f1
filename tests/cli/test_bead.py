from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.adapters.store import init_store
from gastown_tui.cli.bead import bead


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a bead command in a folder with beads; returns stdout, or the error line with its code."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "p").mkdir()
    init_store(tmp_path / "p" / ".beads", "x").close()
    (tmp_path / "p" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "p" / "deep")

    def call(*arguments, code=0, stdin=None):
        result = CliRunner().invoke(bead, list(arguments), input=stdin)
        assert result.exit_code == code, result.output
        if code:
            assert len(result.stderr.strip().splitlines()) == 1
            return result.stderr.strip()
        return result.stdout.strip()

    return call


def make_town(folder: Path) -> Path:
    town = folder / "town"
    town.mkdir()
    (town / "town.toml").write_text('id = "t"\n')
    init_store(town / ".beads", "hq").close()
    for rig, prefix in (("alpha", "al"), ("beta", "al-be")):
        (town / rig).mkdir()
        init_store(town / rig / ".beads", prefix).close()
    return town


def test_a_life_of_a_bead(run):
    first = run("create", "First", "-p", "P1", "-l", "b", "-l", "a", "-d", "text")
    second = json.loads(run("create", "Second", "--dep", first, "-t", "feat", "--json"))
    assert (second["issue_type"], second["dependency_count"]) == ("feature", 1)
    assert [row["id"] for row in json.loads(run("ready", "--json"))] == [first]
    assert "waits for" in run("close", second["id"], code=1)
    assert (
        json.loads(run("update", first, "--claim", "--append-notes", "n", "--json"))[0]["assignee"]
        == "overseer"
    )
    assert run("comment", first, "-", stdin="hello\n") == f"commented {first}"
    assert run("close", first, "-r", "done") == f"closed {first}"
    assert first not in run("list")
    assert first in run("list", "--all")
    assert run("reopen", first) == f"reopened {first}"
    shown = json.loads(run("show", first, "--json"))
    assert isinstance(shown, list)
    assert shown[0]["dependents"][0]["dependency_type"] == "blocks"
    assert shown[0]["comments"][0]["text"] == "hello\n"
    assert "Needed by" in run("show", first)


def test_edges(run):
    a, b = run("create", "A"), run("create", "B")
    assert json.loads(run("dep", "add", a, b, "--json")) == {
        "status": "added", "issue_id": a, "depends_on_id": b, "type": "blocks",
    }  # fmt: skip
    assert "already" in run("dep", "add", b, a, code=1)
    assert b in run("dep", "list", a)
    assert a in run("dep", "list", b, "--direction", "up")
    run("dep", "remove", a, b)
    assert run("dep", "list", a) == ""


def test_children_and_partial_ids(run):
    epic = run("create", "E", "-t", "epic")
    child = run("create", "C", "--parent", epic[2:])
    assert child == f"{epic}.1"
    assert "open children" in run("close", epic, code=1)
    assert json.loads(run("show", child, "--json"))[0]["parent"] == epic
    run("close", epic, "--force")


def test_the_file_is_kept_up_to_date_without_a_town(run):
    made = run("create", "A")
    rows = [json.loads(line) for line in Path("../.beads/issues.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [made]
    assert run("fold") == "nothing to write"
    assert json.loads(run("fold", "--force", "--json"))["beads"] == 1


def test_a_broken_file_takes_writes_and_says_so(run):
    made = run("create", "A")
    file = Path("../.beads/issues.jsonl")
    file.write_text(file.read_text() + "<<<<<<< HEAD\n")
    assert run("update", made, "--add-label", "l") == f"updated {made}"
    assert file.read_text().endswith("<<<<<<< HEAD\n")
    assert "gastown bead doctor" in run("fold", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nope"),
        ("show", "x-../../etc"),
        ("create", ""),
        ("update", "x-none", "-s", "closed"),
        ("create", "T", "--rig", "nowhere"),
        ("list", "--dir", "/nonexistent"),
        ("dep", "add", "x-1", "x-2"),
    ],
)
def test_refusals_are_one_line(run, arguments):
    assert run(*arguments, code=1)


def test_usage_errors_end_with_two():
    for arguments in (["create"], ["create", "T", "-p", "P9"], ["nonsense"]):
        assert CliRunner().invoke(bead, arguments).exit_code == 2


def test_text_of_others_cannot_steer_the_terminal(run):
    made = run("create", "evil \x1b]0;x\x07 title", "-d", "a\x1b[2Jb\nc")
    for output in (run("list"), run("show", made), run("show", made, "--json")):
        assert "\x1b" not in output


def test_in_a_town_the_prefix_finds_the_directory(run, tmp_path, monkeypatch):
    town = make_town(tmp_path)
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    there = run("create", "T", "--rig", "beta")
    assert there.startswith("al-be-")
    assert "T" in run("show", there)
    assert run("create", "H", "--rig", "hq").startswith("hq-")
    monkeypatch.setenv("GASTOWN_RIG", "alpha")
    monkeypatch.setenv("BD_ACTOR", "alpha/polecats/nux")
    mine = json.loads(run("create", "T", "--json"))
    assert mine["id"].startswith("al-")
    assert mine["created_by"] == "alpha/polecats/nux"
    assert (town / "alpha" / ".beads" / "issues.jsonl").read_bytes() == b"", "the controller folds"
    monkeypatch.setenv("GASTOWN_TOWN", str(tmp_path / "gone"))
    assert "no town" in run("list", code=1)


def test_new_work_in_a_town_goes_into_its_rig(run, tmp_path, monkeypatch):
    town = make_town(tmp_path)
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    assert "alpha, beta" in run("create", "T", code=1)
    child = run("create", "T", "--parent", run("create", "P", "--rig", "beta"))
    assert child.startswith("al-be-")
    shutil.rmtree(town / "beta")
    assert run("create", "T").startswith("al-")
    shutil.rmtree(town / "alpha")
    assert "rig add" in run("create", "T", code=1)


def test_a_towns_list_is_of_the_work_in_its_rigs(run, tmp_path, monkeypatch):
    town = make_town(tmp_path)
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    for kind in ("agent", "merge-request", "town"):
        run("create", f"a record {kind}", "--type", kind, "--rig", "hq")
    run("create", "later", "--rig", "alpha")
    run("create", "urgent", "-p", "0", "--rig", "beta")
    run("create", "of the town", "-p", "1", "--rig", "hq")
    for verb in ("list", "ready"):
        titles = [row["title"] for row in json.loads(run(verb, "--json"))]
        assert titles == ["urgent", "of the town", "later"]
    assert "a record town" in run("list", "--all-types")
    assert "a record town" in run("list", "--rig", "hq")
    assert run("list", "--type", "agent").endswith("a record agent")
    assert run("list", "-n", "1").endswith("urgent")


def test_beads_of_dolt_need_bd(run, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    Path("../.beads/metadata.json").write_text('{"backend":"dolt"}')
    assert "kept by bd" in run("list", code=1)


def test_start_is_light():
    code = "import sys; import gastown_tui.cli.bead; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    ).stdout.split()
    assert not {"sqlite3", "asyncio", "textual", "git", "gastown_tui.adapters.store"} & set(loaded)
