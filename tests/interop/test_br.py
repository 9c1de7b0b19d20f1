"""The real `br` on the same directory as our store: neither loses what the other wrote."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peers import NotHereError, br

from gastown_tui.adapters.store import doctor, open_store
from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    Close,
    Create,
    Delete,
    SetField,
)

pytestmark = [pytest.mark.interop, pytest.mark.peers, pytest.mark.slow, pytest.mark.timeout(300)]
REQUIRED = os.environ.get("GASTOWN_REQUIRE_INTEROP") == "1"
CACHE = os.environ.get("GASTOWN_INTEROP_CACHE", "")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the pinned version, built on first use."""
    if not REQUIRED and not CACHE:
        pytest.skip("set GASTOWN_REQUIRE_INTEROP=1 or GASTOWN_INTEROP_CACHE=FOLDER to run it")
    try:
        return br(Path(CACHE).absolute() if CACHE else tmp_path_factory.mktemp("br"))
    except NotHereError as error:
        if REQUIRED:
            pytest.fail(f"{error} (GASTOWN_REQUIRE_INTEROP=1 makes this a failure)", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def run(program, tmp_path, monkeypatch):
    """Runs br in a fresh project with prefix x; what it prints."""
    project = tmp_path / "p"
    (tmp_path / "home").mkdir()
    project.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [n for n in os.environ if n.startswith(("BD_", "BEADS_", "BR_", "GIT_"))]:
        monkeypatch.delenv(name)

    def call(*arguments, ok=True):
        done = subprocess.run(
            [str(program), *arguments], cwd=project, check=False, capture_output=True, text=True
        )
        assert (done.returncode == 0) == ok, (arguments, done.stdout, done.stderr)
        return done.stdout + ("" if ok else done.stderr)

    subprocess.run(["git", "init", "-q", str(project)], check=True)
    call("init", "--prefix", "x")
    call.beads = project / ".beads"
    return call


def shown(run, bead):
    found = json.loads(run("show", bead, "--json"))
    return found[0] if isinstance(found, list) else found


def test_br_takes_what_we_write(run):
    store = open_store(run.beads)
    made = store.apply(
        [
            Create({"id": "~epic", "title": "Epic <b> & Ü 🦫", "issue_type": "epic", "priority": 0}),
            Create({
                "id": "~bug", "title": "Bug", "issue_type": "bug", "description": 'd\n- é\t"q"',
                "design": "x", "acceptance_criteria": "y", "notes": "n", "labels": ["a:b", "z"],
                "assignee": "rig/polecats/nux", "estimated_minutes": 30, "external_ref": "gh-9",
            }, "~epic"),
            Create({"id": "~done", "title": "Done"}),
            AddDependency("~done", "~bug"),
            AddComment("~bug", "first\nline"),
            Close("~done", "because"),
        ],
        actor="me",
    )  # fmt: skip
    epic, bug, done = made.ids
    gone = store.create(actor="me", title="gone").id
    store.apply([Delete(gone)], actor="me")
    store.fold()
    row = shown(run, bug)
    ours = store.get(bug)
    for key in ("title", "description", "design", "acceptance_criteria", "notes", "assignee",
                "estimated_minutes", "external_ref", "priority", "issue_type", "status"):  # fmt: skip
        assert row[key] == getattr(ours, key), key
    assert row["labels"] == ["a:b", "z"]
    assert [(c["author"], c["text"]) for c in row["comments"]] == [("me", "first\nline")]
    assert shown(run, done)["close_reason"] == "because"
    assert [d["id"] for d in shown(run, done)["dependencies"]] == [bug]
    assert shown(run, epic)["title"] == "Epic <b> & Ü 🦫"
    before = store.line(bug)
    run("sync", "--flush-only", "--force")
    store.absorb()
    assert store.problems == ()
    assert json.loads(store.line(bug))["labels"] == json.loads(before)["labels"]
    assert {b.id for b in store.list(include_closed=True)} == {epic, bug, done}
    store.close()


def test_we_read_what_br_writes_byte_for_byte(run):
    bug = run("create", "Bug <a> & Ü", "-t", "bug", "-l", "one", "--silent").strip()
    task = run("create", "Task", "--silent").strip()
    run("dep", "add", task, bug)
    run("comments", "add", bug, "a remark")
    run("close", bug, "--reason", "why")
    run("sync", "--flush-only")
    text = (run.beads / "issues.jsonl").read_bytes()
    store = open_store(run.beads)
    assert store.problems == ()
    assert (store.get(bug).labels, store.get(bug).comments[0].text) == (("one",), "a remark")
    assert (store.get(bug).close_reason, store.blockers(task)) == ("why", [])
    assert [b.id for b in store.ready(datetime.now(UTC))] == [task]
    store.fold(force=True)
    assert (run.beads / "issues.jsonl").read_bytes() == text
    store.close()


def test_both_work_on_one_directory(run):
    bead = run("create", "Shared", "--silent").strip()
    run("sync", "--flush-only")
    store = open_store(run.beads)
    store.apply(
        [AddLabel(bead, "ours"), SetField(bead, "metadata", {"k": 1}), AddComment(bead, "ours")],
        actor="me",
    )
    run("update", bead, "--priority", "0")
    run("sync", "--flush-only")
    store.fold()
    assert shown(run, bead)["labels"] == ["ours"]
    run("label", "add", bead, "theirs")
    run("comments", "add", bead, "theirs")
    run("sync", "--flush-only")
    store.fold()
    found = store.get(bead)
    assert (found.priority, found.labels, found.metadata) == (0, ("ours", "theirs"), {"k": 1})
    assert {c.text for c in found.comments} == {"ours", "theirs"}
    row = shown(run, bead)
    assert (row["labels"], {c["text"] for c in row["comments"]}) == (
        ["ours", "theirs"], {"ours", "theirs"},
    )  # fmt: skip
    store.close()


def test_a_conflict_that_stops_br_is_resolved_by_the_doctor(run):
    bead = run("create", "Shared", "--silent").strip()
    run("sync", "--flush-only")
    file = run.beads / "issues.jsonl"
    line = file.read_bytes().splitlines()[0]
    other = line.replace(b'"priority":2', b'"priority":1')
    marks = (b"<<<<<<< HEAD", line, b"=======", other, b">>>>>>> side", b"")
    file.write_bytes(b"\n".join(marks))
    assert "conflict" in run("sync", "--import-only", ok=False).lower()
    store = open_store(run.beads)
    with pytest.raises(Damaged, match="doctor"):
        store.fold(force=True)
    assert doctor.repair(store, datetime.now(UTC)).is_clean
    run("sync", "--import-only")
    assert shown(run, bead)["title"] == "Shared"
    store.close()
