"""Directories that bd keeps: how operations become its verbs, and what happens without it."""

from __future__ import annotations

import json
import os
import stat
import sys
from datetime import UTC, datetime

import pytest

from gastown_tui.adapters.dolt import open_dolt
from gastown_tui.adapters.dolt.bd import find_program
from gastown_tui.adapters.dolt.verbs import calls
from gastown_tui.adapters.store import doctor, open_store
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.errors import BadInput, Conflict, NotFound, Unavailable
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
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

FAKE = f"""#!{sys.executable}
import json, os, pathlib, sys
here = pathlib.Path(os.environ["BEADS_DIR"])
args = sys.argv[1:]
if args[0] == "version":
    print(os.environ.get("FAKE_VERSION", '{{"data":{{"version":"1.3.0"}},"schema_version":1}}'))
    sys.exit()
if args[0] == "export":
    print((here / "rows").read_text(), end="")
    sys.exit()
with (here / "asked").open("a") as asked:
    asked.write(json.dumps([args, sys.stdin.read()]) + "\\n")
answer = here / "answer"
code, text = json.loads(answer.read_text()) if answer.exists() else (0, '{{"data":{{"id":"x-new"}},"schema_version":1}}')
print(text)
sys.exit(code)
"""
ROW = '{"_type":"issue","id":"x-a","title":"A","status":"open","priority":1,"issue_type":"task"}'


@pytest.fixture
def folder(tmp_path):
    beads = tmp_path / "p" / ".beads"
    beads.mkdir(parents=True)
    (beads / "metadata.json").write_text('{"backend":"dolt","project_id":"1-2"}')
    (beads / "issues.jsonl").write_text("a copy of bd's own\n")
    (beads / "rows").write_text(ROW + "\n")
    return beads


@pytest.fixture
def fake(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "bd"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.fixture
def opened(folder, fake):
    store = open_store(folder)
    yield store
    store.close()


def asked(folder):
    return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]


def test_is_read_through_bd_and_its_file_is_left_alone(opened, folder):
    assert [b.title for b in opened.list()] == ["A"]
    assert [b.id for b in opened.ready(datetime.now(UTC))] == ["x-a"]
    assert (opened.prefix, opened.beads_dir) == ("x", folder)
    (folder / "rows").write_text(ROW.replace('"A"', '"B"') + "\n")
    assert opened.absorb().changed == ("x-a",)
    change, beads = opened.changes(0)
    assert (beads[0].title, change) == ("B", opened.last_change)
    (folder / "rows").write_text("")
    opened.fold(force=True)
    with pytest.raises(NotFound):
        opened.get("x-a")
    assert (folder / "issues.jsonl").read_text() == "a copy of bd's own\n"


def test_writes_are_verbs_of_bd(opened, folder):
    opened.apply(
        [
            Create({"id": "~n", "title": "--odd", "description": "d\n", "labels": ["a,b"]}),
            AddDependency("~n", "x-a"),
            SetField("x-a", "title", "T"),
            AddLabel("x-a", "l"),
            AddComment("x-a", "-text"),
        ],
        actor="me",
    )
    end = ["--actor=me", "--json"]
    assert asked(folder) == [
        [["create", "--title=--odd", '--labels="a,b"', "--body-file=-", *end], "d\n"],
        [["dep", "add", "x-new", "x-a", "--type=blocks", *end], ""],
        [["update", "x-a", "--title=T", "--add-label=l", *end], ""],
        [["comment", "x-a", "--stdin", *end], "-text"],
    ]


BEAD = Bead(id="x-a", labels=("phase:one", "l"), status="in_progress")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (SetField("x-a", "status", "blocked"), ["update", "x-a", "--status=blocked"]),
        (SetField("x-a", "assignee", ""), ["update", "x-a", "--assignee="]),
        (SetField("x-a", "notes", "n"), ["update", "x-a", "--notes=n", "--force"]),
        (SetField("x-a", "metadata", {"k": 1}), ["update", "x-a", '--metadata={"k": 1}']),
        (
            SetState("x-a", "phase", "two"),
            ["update", "x-a", "--remove-label=phase:one", "--add-label=phase:two"],
        ),
        (Claim("x-a", "bob"), ["update", "x-a", "--claim"]),
        (
            Hook("x-a", "bob", "t1"),
            ["update", "x-a", "--status=hooked", "--assignee=bob", "--if-status=in_progress",
             "--add-label=town:t1"],
        ),
        (Close("x-a", "why"), ["close", "x-a", "--force", "--reason=why"]),
        (Reopen("x-a"), ["reopen", "x-a"]),
        (Delete("x-a"), ["delete", "x-a", "--force"]),
        (RemoveDependency("x-a", "x-b"), ["dep", "remove", "x-a", "x-b"]),
    ],
)  # fmt: skip
def test_each_operation_has_its_verb(operation, arguments):
    assert [c.arguments for c in calls([operation], lambda _: BEAD, "me")] == [arguments]


def test_labels_are_changed_from_where_the_operations_before_left_them():
    operations = [
        AddLabel("x-a", "phase:two"),
        SetState("x-a", "phase", "three"),
        RemoveLabel("x-a", "l"),
        AddLabel("x-a", "phase:three"),
    ]
    assert [c.arguments[2:] for c in calls(operations, lambda _: BEAD, "me")] == [
        ["--add-label=phase:two"],
        ["--remove-label=phase:one", "--remove-label=phase:two", "--add-label=phase:three",
         "--remove-label=l"],
    ]  # fmt: skip


def test_a_precondition_guards_the_update_that_follows():
    operations = [Require("x-a", status="open", assignee=""), SetField("x-a", "title", "T")]
    (call,) = calls(operations, lambda _: BEAD, "me")
    assert call.arguments[2:] == ["--title=T", "--if-status=open", "--if-assignee="]


@pytest.mark.parametrize(
    "operation",
    [
        SetField("x-a", "holder", "h"),
        AddDependency("x-a", "--help"),
        AddDependency("x-a", "x-b", "waits-for", '{"gate":"any-children"}'),
        Create({"title": "T", "holder": "h"}),
    ],
)
def test_what_bd_cannot_keep_is_refused(operation):
    with pytest.raises(BadInput):
        calls([operation], lambda _: BEAD, "me")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((13, '{"data":{"error":"x","failed":[{"error":"status mismatch"}]},"schema_version":1}'), Conflict),
        ((1, '{"data":{"error":"issue already claimed by al"},"schema_version":1}'), Conflict),
        ((1, "Error: no issue found matching x-a"), NotFound),
        ((1, '{"error":"no such type"}'), BadInput),
        ((0, "{"), Unavailable),
    ],
)  # fmt: skip
def test_refusals_of_bd_are_told_in_one_line(answer, error, opened, folder):
    (folder / "answer").write_text(json.dumps(answer))
    with pytest.raises(error) as told:
        opened.apply([SetField("x-a", "title", "T")], actor="me")
    assert "\n" not in str(told.value)


def test_a_precondition_that_fails_asks_nothing_of_bd(opened, folder):
    with pytest.raises(Conflict):
        opened.apply([AddLabel("x-a", "l"), Require("x-a", status="closed")], actor="me")
    assert not (folder / "asked").exists()


DUE = ROW.replace('"open"', '"deferred","defer_until":"2020-01-01T00:00:00Z"')


def test_what_is_due_is_opened_by_bd_and_not_in_the_mirror(opened, folder):
    (folder / "rows").write_text(DUE + "\n" + DUE.replace("x-a", "x-b").replace("2020", "2999"))
    opened.fold()
    assert opened.wake(datetime.now(UTC)) == []
    assert opened.get("x-a").status == "deferred"
    assert [b.id for b in opened.ready(datetime.now(UTC))] == ["x-a"]
    (folder / "asked").unlink()
    (folder / "rows").write_text(DUE + "\n")
    opened.apply([Require("x-a", assignee=""), AddLabel("x-a", "l")], actor="me")
    opened.absorb()
    assert [one[0] for one, _ in asked(folder)] == ["update", "undefer"]


def test_a_claim_of_what_is_due_has_it_opened_first(opened, folder):
    (folder / "rows").write_text(DUE.replace('"priority"', '"assignee":"me","priority"'))
    opened.apply([Claim("x-a", "me")], actor="me")
    assert [one[:2] for one, _ in asked(folder)] == [["undefer", "x-a"], ["update", "x-a"]]


def test_pruning_drops_news_and_no_bead(opened, folder):
    events = [ROW.replace("x-a", f"x-{n}").replace("task", "event") for n in range(3)]
    gone = [one.replace('"open"', '"closed","ephemeral":true') for one in events]
    (folder / "rows").write_text("\n".join(gone))
    opened.absorb()
    assert opened.prune(datetime.max.replace(tzinfo=UTC)).events == 0
    assert len(opened.list(include_closed=True, include_wisps=True)) == 3


def test_what_has_changed_since_a_look_is_left_alone(opened, folder):
    seen = opened.last_change
    (folder / "rows").write_text(ROW.replace('"A"', '"B"') + "\n")
    with pytest.raises(Conflict):
        opened.apply([Require("x-a", change=seen), Delete("x-a")], actor="me")
    assert not (folder / "asked").exists()


def test_a_transaction_is_done_once(opened, folder):
    first = opened.apply([Create({"title": "T"})], actor="me", transaction="t1")
    again = opened.apply([Create({"title": "T"})], actor="me", transaction="t1")
    assert (first.ids, again.ids, len(asked(folder))) == (("x-new",), ("x-new",), 1)
    assert asked(folder)[0][0][1].startswith("--id=x-")


def test_without_bd_one_line_says_what_to_do(folder, tmp_path):
    ours = tmp_path / "ours" / "bd"
    ours.parent.mkdir()
    ours.write_text('#!/bin/sh\nexec python -m gastown_tui bd "$@"\n')
    ours.chmod(0o755)
    with pytest.raises(Unavailable, match="install bd"):
        find_program({"PATH": str(ours.parent)})
    with pytest.raises(Unavailable, match="kept by bd"):
        open_dolt(folder, env={"PATH": str(ours.parent)})


def test_an_old_bd_is_told_apart(folder, fake, monkeypatch):
    monkeypatch.setenv("FAKE_VERSION", "bd version 0.49.6 (dev)")
    with pytest.raises(Unavailable, match=r"0\.49\.6; 1\.0\.0 or newer"):
        open_store(folder)


def test_another_project_is_read_anew(opened, folder):
    opened.close()
    (folder / "metadata.json").write_text('{"backend":"dolt","project_id":"3-4"}')
    (folder / "rows").write_text(ROW.replace("x-a", "y-a") + "\n")
    store = open_store(folder)
    assert ([b.id for b in store.list()], store.prefix) == (["y-a"], "y")
    store.close()


def test_the_doctor_looks_at_what_the_beads_mean(opened, folder):
    (folder / "rows").write_text(ROW.replace('"open"', '"in_progress"') + "\n")
    report = doctor.repair(opened, datetime.now(UTC))
    assert [(f.kind, f.bead) for f in report.findings] == [("nobody", "x-a")]
    assert report.beads_dir == str(folder)
    assert not (folder / "asked").exists()
