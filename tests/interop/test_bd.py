"""The real `bd`: it takes what we write, we read what it writes, and its database is its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from peers import NotHereError, bd

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from towns import make_town, wait_for

from gastown_tui.adapters.store import doctor, init_store, open_store
from gastown_tui.cli.common import tables
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    Hook,
    RemoveDependency,
    RemoveLabel,
    Reopen,
    Require,
    SetField,
    SetState,
)

pytestmark = [pytest.mark.interop, pytest.mark.peers, pytest.mark.slow, pytest.mark.timeout(600)]
REQUIRED = os.environ.get("GASTOWN_REQUIRE_INTEROP") == "1"
CACHE = os.environ.get("GASTOWN_INTEROP_CACHE", "")
LOST = {"_type", "dependency_count", "dependent_count", "comment_count", "dependencies", "comments"}


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the pinned version, built on first use."""
    if not REQUIRED and not CACHE:
        pytest.skip("set GASTOWN_REQUIRE_INTEROP=1 or GASTOWN_INTEROP_CACHE=FOLDER to run it")
    try:
        return bd(Path(CACHE).absolute() if CACHE else tmp_path_factory.mktemp("bd"))
    except NotHereError as error:
        if REQUIRED:
            pytest.fail(f"{error} (GASTOWN_REQUIRE_INTEROP=1 makes this a failure)", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def run(program, tmp_path, monkeypatch):
    """Runs bd in a fresh project with a database of prefix x; what it prints."""
    (tmp_path / "home").mkdir()
    project = tmp_path / "p"
    project.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GASTOWN_BD", str(program))
    for name in [n for n in os.environ if n.startswith(("BD_", "BEADS_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BD_DISABLE_METRICS", "1")
    monkeypatch.setenv("BD_NON_INTERACTIVE", "1")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for key in ("user.name", "user.email"):
        subprocess.run(["git", "-C", str(project), "config", key, "t@t"], check=True)

    def call(*arguments):
        done = subprocess.run(
            [str(program), *arguments], cwd=project, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    call("init", "-p", "x", "-q", "--non-interactive", "--skip-hooks", "--skip-agents")
    call.beads = project / ".beads"
    return call


def exported(run):
    rows = [json.loads(line) for line in run("export", "--all").splitlines()]
    return {row["id"]: row for row in rows if row["_type"] == "issue"}


def edges(row):
    return {(e["depends_on_id"], e["type"]) for e in row.get("dependencies", ())}


def remarks(row):
    return [(c["author"], c["text"]) for c in row.get("comments", ())]


def fill(store):
    """Beads of every kind that the format knows; their ids by name."""
    made = store.apply(
        [
            Create({"id": "~epic", "title": "Epic <b> & Ü 🦫", "issue_type": "epic", "priority": 0}),
            Create({
                "id": "~bug", "title": "Bug", "issue_type": "bug", "description": "d\n\n- é\t\"q\"",
                "design": "x", "acceptance_criteria": "y", "notes": "n", "labels": ["a:b", "z"],
                "assignee": "rig/polecats/nux", "estimated_minutes": 30, "external_ref": "gh-9",
                "metadata": {"k": [1, {"z": None}]}, "due_at": "2027-01-02T03:04:05Z",
            }, "~epic"),
            Create({"id": "~later", "title": "Later", "defer_until": "2099-01-01T00:00:00Z"}),
            Create({"id": "~done", "title": "Done"}),
            AddDependency("~later", "~bug"),
            AddDependency("~done", "~bug", "discovered-from"),
            AddComment("~bug", "first\nline"),
            AddComment("~bug", "second <one>"),
            Close("~done", "because"),
        ],
        actor="me",
    )  # fmt: skip
    return dict(zip(("epic", "bug", "later", "done"), made.ids, strict=True))


def test_bd_imports_what_we_write_without_loss_or_complaint(run, tmp_path):
    store = init_store(tmp_path / "ours" / ".beads", "x")
    fill(store)
    gone = store.create(actor="me", title="gone")
    store.apply([Delete(gone.id)], actor="me")
    store.fold()
    file = store.beads_dir / "issues.jsonl"
    ours = {r["id"]: r for r in map(json.loads, file.read_bytes().splitlines())}
    told = json.loads(run("import", str(file), "--json"))
    told = told.get("data", told)
    assert (told["created"], told.get("skipped_dependencies") or []) == (4, [])
    theirs = exported(run)
    assert set(theirs) == set(ours) - {gone.id}
    for bead, row in theirs.items():
        assert edges(row) == edges(ours[bead])
        assert remarks(row) == remarks(ours[bead])
        for key in ours[bead].keys() - LOST:
            mine, other = ours[bead][key], row.get(key)
            if key.endswith("_at") or key == "defer_until":
                times = [datetime.fromisoformat(text) for text in (mine, other)]
                assert abs(times[0] - times[1]) < timedelta(seconds=1), key
            else:
                assert mine == other, key
    store.close()


def test_we_read_what_bd_writes_byte_for_byte(run, tmp_path):
    bug = json.loads(run("create", "Bug <a> & Ü", "-t", "bug", "-l", "one", "--json"))["id"]
    task = json.loads(run("create", "Task", "--deps", bug, "--ephemeral", "--json"))["id"]
    run("comment", bug, "a remark")
    run("close", task, "--force", "--reason=why")
    beads = tmp_path / "ours" / ".beads"
    beads.mkdir(parents=True)
    text = run("export", "--all").encode()
    (beads / "issues.jsonl").write_bytes(text)
    store = open_store(beads)
    assert store.problems == ()
    assert (store.get(bug).labels, store.get(bug).comments[0].text) == (("one",), "a remark")
    assert (store.get(task).status, store.get(task).dependencies[0].depends_on_id) == (
        "closed",
        bug,
    )
    store.fold(force=True)
    assert (beads / "issues.jsonl").read_bytes() == text
    store.close()


def test_the_doctor_knows_what_bd_would_refuse(run, tmp_path):
    beads = tmp_path / "ours" / ".beads"
    store = init_store(beads, "x")
    store.create(actor="me", title="T", issue_type="warrant")
    store.fold()
    assert [f.kind for f in doctor.examine(store, datetime.now(UTC)).findings] == [
        "undeclared-type"
    ]
    file = beads / "issues.jsonl"
    with pytest.raises(AssertionError, match="warrant"):
        run("import", str(file), "--json")
    run("config", "set", "types.custom", "warrant")
    run("import", str(file), "--json")
    assert len(exported(run)) == 1
    store.close()


@pytest.mark.parametrize("journal", [False, True], ids=["export", "journal"])
def test_its_database_is_read_and_written_by_its_verbs(run, journal):
    if journal:
        run("config", "set", "events-journal", "true")
    store = open_store(run.beads)
    names = fill_dolt(store)
    bug = names["bug"]
    store.apply(
        [
            Require(bug, status="open"),
            SetField(bug, "title", "--title"),
            SetField(bug, "priority", 0),
            AddLabel(bug, "p:1"),
            RemoveLabel(bug, "z"),
            SetState(bug, "p", "2"),
            AppendNote(bug, "more"),
        ],
        actor="me",
    )
    store.apply([Claim(bug, "al")], actor="al")
    with pytest.raises(Conflict):
        store.apply([Claim(bug, "bob")], actor="bob")
    store.apply([Close(names["done"], "why"), RemoveDependency(names["done"], bug)], actor="me")
    store.apply([Reopen(names["done"])], actor="me")
    store.apply([Hook(names["done"], "rig/polecats/nux", "t1")], actor="me")
    gone = store.create(actor="me", title="gone")
    store.apply([Delete(gone.id)], actor="me")
    with pytest.raises(NotFound):
        store.get(gone.id)
    with pytest.raises(BadInput):
        store.apply([SetField(bug, "issue_type", "not_a_type")], actor="me")
    theirs = exported(run)
    assert set(theirs) == {b.id for b in store.list(include_closed=True, include_wisps=True)}
    row = theirs[bug]
    assert (row["title"], row["priority"], row["assignee"]) == ("--title", 0, "al")
    assert set(row["labels"]) == {"a,b", "p:2"}
    assert row["notes"] == "n\nmore"
    done = theirs[names["done"]]
    assert (done["status"], done["assignee"], done["labels"]) == (
        "hooked", "rig/polecats/nux", ["town:t1"],
    )  # fmt: skip
    for bead, row in theirs.items():
        ours = json.loads(store.line(bead))
        assert edges(ours) == edges(row)
        assert remarks(ours) == remarks(row)
        keys = row.keys() - LOST - {"comment_count"}
        assert {k: ours.get(k) for k in keys} == {k: row[k] for k in keys}
    assert not (run.beads / "issues.jsonl").exists()
    store.close()


def fill_dolt(store):
    made = store.apply(
        [
            Create({"id": "~bug", "title": "Bug", "issue_type": "bug", "labels": ["a,b", "z"],
                    "description": "d\n- é", "notes": "n", "metadata": {"k": 1}}),
            Create({"id": "~done", "title": "Done"}),
            AddDependency("~done", "~bug"),
            AddComment("~bug", "- first\nline"),
        ],
        actor="me",
    )  # fmt: skip
    return dict(zip(("bug", "done"), made.ids, strict=True))


@pytest.mark.parametrize("journal", [False, True], ids=["export", "journal"])
def test_what_others_do_to_its_database_is_seen(run, journal):
    if journal:
        run("config", "set", "events-journal", "true")
    bug = json.loads(run("create", "Bug", "--json"))["id"]
    store = open_store(run.beads)
    before = store.last_change
    assert store.absorb().changed == ()
    run("update", bug, "--title=Changed", "--add-label=l")
    task = json.loads(run("create", "Task", "--deps", bug, "--json"))["id"]
    run("comment", bug, "a remark")
    assert set(store.absorb().changed) == {bug, task}
    assert {b.id for b in store.changes(before)[1]} == {bug, task}
    assert store.get(bug).comments[0].text == "a remark"
    assert store.blockers(task) == [bug]
    assert [b.id for b in store.ready(datetime.now(UTC))] == [bug]
    run("delete", task, "--force")
    store.absorb()
    with pytest.raises(NotFound):
        store.get(task)
    store.close()


def test_a_running_town_shows_what_others_do_to_its_database(run):
    root = Path(tempfile.mkdtemp(prefix="gt"))
    town = make_town(root)
    try:
        beads = town.path / "lib" / ".beads"
        settings = town.path / "lib" / "rig.toml"
        told = re.sub(r"(?m)^prefix = .*", 'prefix = "x"', settings.read_text())
        settings.write_text(told)
        shutil.rmtree(beads)
        beads.mkdir()
        (beads / "redirect").write_text(f"{run.beads}\n")
        old = json.loads(run("create", "Old", "--json"))["id"]
        town.extra["GASTOWN_BD"] = os.environ["GASTOWN_BD"]
        town.ok("up")
        wait_for(lambda: old in tables(town.path)["beads"])
        new = json.loads(run("create", "New", "--json"))["id"]
        began = time.monotonic()
        wait_for(lambda: new in tables(town.path)["beads"])
        print("seen after", time.monotonic() - began)
        run("update", new, "--title=Other", "--status=in_progress")
        wait_for(lambda: tables(town.path)["beads"][new]["title"] == "Other")
        due = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
        run("update", old, f"--defer={due}")
        wait_for(lambda: tables(town.path)["beads"][old]["status"] == "deferred")
        wait_for(lambda: tables(town.path)["beads"][old]["status"] == "open")
        assert exported(run)[old]["status"] == "open"
    finally:
        town.end()
        shutil.rmtree(root, ignore_errors=True)
