"""`gastown bd batch`, `create --graph`, `ready --explain|--gated` and `config`: as `bd` does them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.adapters.store import init_store
from gastown_tui.cli.bd import bd
from gastown_tui.domain.bead_batch import read_batch


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a line of `bd` in a folder with the beads bd-a to bd-c; stdout, or with `code` the error."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR", "GASTOWN_RUN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "p").mkdir()
    store = init_store(tmp_path / "p" / ".beads", "bd")
    for name in "abc":
        store.create(actor="t", id=f"bd-{name}", title=f"title {name}")
    store.fold()
    store.close()
    monkeypatch.chdir(tmp_path / "p")

    def call(line, code=0, stdin=None):
        result = CliRunner().invoke(bd, shlex.split(line), input=stdin)
        assert result.exit_code == code, (line, result.output, result.exception)
        return (result.stderr if code else result.stdout).strip()

    return call


def beads(run):
    return {row["id"]: row for row in json.loads(run("list --all --json"))}


LINES = """\
# what was found
create bug 1 A bug here

update bd-c status=in_progress priority=0 title="new \\"t\\""
dep add bd-c bd-a related
close bd-b all done
"""


def test_a_batch_is_done_and_told_as_bd_tells_it(run):
    told = json.loads(run("batch --json", stdin=LINES))
    made = told["results"][0]["target"]
    assert told == {
        "operations": 4,
        "results": [
            {"line": 2, "op": "create", "target": made},
            {"line": 4, "op": "update", "target": "bd-c"},
            {"line": 5, "op": "dep.add", "target": "bd-c->bd-a"},
            {"line": 6, "op": "close", "target": "bd-b"},
        ],
        "status": "ok",
    }
    found = beads(run)
    assert (found[made]["title"], found[made]["issue_type"]) == ("A bug here", "bug")
    assert (found["bd-c"]["title"], found["bd-c"]["status"]) == ('new "t"', "in_progress")
    assert found["bd-b"]["close_reason"] == "all done"
    assert (
        run("batch", stdin="dep remove bd-c bd-a\n")
        .splitlines()[0]
        .endswith("1 operations committed")
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("update bd-a nope=1", "nope=1"),
        ("update bd-a priority=9", "P0"),
        ("frob x", "frob"),
        ("close bd-zzz", "bd-zzz"),
        ("create bug 1", "create TYPE PRIORITY TITLE"),
        ('close bd-a "open', "quotation mark"),
        ("update bd-a status=closed", "waits for bd-c"),
        ("dep add bd-c bd-a", ""),
    ],
)  # fmt: skip
def test_one_line_that_cannot_be_done_undoes_all(run, line, said):
    run("dep add bd-a bd-c")
    before = beads(run)
    error = run("batch", code=1, stdin=f"close bd-b\n{line}\n")
    assert said in error
    assert len(error.splitlines()) == 1
    assert beads(run) == before


def test_what_closes_together_may_wait_for_each_other(run):
    run("dep add bd-a bd-b")
    run("batch", stdin="close bd-a\nclose bd-b\n")
    assert {row["status"] for row in beads(run).values()} == {"open", "closed"}


def test_a_dry_run_and_a_file(run):
    Path("ops").write_text("close bd-a\n")
    assert json.loads(run("batch --dry-run --json -f ops")) == {"dry_run": True, "operations": 1}
    run("batch -f ops --readonly", code=1)
    assert beads(run)["bd-a"]["status"] == "open"
    run("batch -f ops")
    assert beads(run)["bd-a"]["status"] == "closed"


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1))
def test_every_word_can_be_quoted(words):
    quoted = " ".join('"' + w.replace("\\", "\\\\").replace('"', '\\"') + '"' for w in words)
    assert read_batch(f"close {quoted}")[0].words == tuple(words)


PLAN = {
    "commit_message": "m",
    "nodes": [
        {"key": "root", "title": "Root", "type": "epic", "priority": 1, "labels": ["l"], "metadata": {"a": "b"}},
        {"key": "s1", "title": "S1", "description": "d", "parent_key": "root", "assignee": "me",
         "assign_after_create": True},
        {"key": "s2", "title": "S2", "parent_key": "root"},
    ],
    "edges": [{"from_key": "s2", "to_key": "s1", "type": "blocks"}, {"from_key": "root", "to_id": "bd-a"}],
}  # fmt: skip


@pytest.mark.parametrize("refs", [{}, {"r": "s2"}])
def test_a_graph_is_made_at_once(run, refs):
    plan = json.loads(json.dumps(PLAN))
    plan["nodes"][1]["metadata_refs"] = refs
    Path("plan").write_text(json.dumps(plan))
    assert "3 beads and 2 edges" in run("create --graph plan --dry-run")
    ids = json.loads(run("create --graph plan --json"))["ids"]
    found = beads(run)
    assert list(ids) == ["root", "s1", "s2"]
    assert (found[ids["root"]]["metadata"], found[ids["root"]]["labels"]) == ({"a": "b"}, ["l"])
    edges = {(e["depends_on_id"], e["type"]) for e in found[ids["s2"]]["dependencies"]}
    assert edges == {(ids["root"], "parent-child"), (ids["s1"], "blocks")}
    assert found[ids["s1"]].get("metadata") == ({"r": ids["s2"]} if refs else None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": []}, "1 to"),
        ({"nodes": [{"key": "a", "title": "x"}] * 2}, "two nodes"),
        ({"edges": [{"from_key": "s1", "to_key": "zz"}]}, "no node 'zz'"),
        ({"edges": [{"from_key": "s1"}]}, "each end"),
        ({"edges": [{"from_key": "s1", "to_key": "s2"}, {"from_key": "s2", "to_key": "s1"}]}, ""),
        ({"nodes": [{"key": "a"}]}, "cannot be read"),
    ],
)
def test_a_graph_that_cannot_be_made_makes_nothing(run, change, said):
    Path("plan").write_text(json.dumps(PLAN | change))
    error = run("create --graph plan", code=1)
    assert said in error
    assert len(error.splitlines()) == 1
    assert len(beads(run)) == 3


def test_ordinary_ways_to_create_and_list_are_as_before(run):
    assert run("create T").startswith("bd-")
    assert "says all" in run("create T --graph plan", code=2)
    assert len(json.loads(run("ready --json"))) == 4
    assert json.loads(run("ready --claim --json"))[0]["status"] == "in_progress"


def test_why_something_is_ready_and_something_not(run):
    run("dep add bd-a bd-b")
    run("dep add bd-c bd-b")
    told = json.loads(run("ready --explain --json"))
    assert [(r["id"], r["reason"], r["resolved_blockers"]) for r in told["ready"]] == [
        ("bd-b", "no blocking dependencies", None)
    ]
    assert {r["id"] for r in told["blocked"]} == {"bd-a", "bd-c"}
    assert told["blocked"][0]["blocked_by"] == [
        {"id": "bd-b", "title": "title b", "status": "open", "priority": 2}
    ]
    assert told["summary"] == {"total_ready": 1, "total_blocked": 2, "cycle_count": 0}
    run("close bd-b")
    told = json.loads(run("ready --explain --json"))
    assert {(r["reason"], *r["resolved_blockers"]) for r in told["ready"]} == {
        ("1 blocker(s) resolved", "bd-b")
    }
    assert "2 ready, 0 blocked" in run("ready --explain")


FORMULA = """
formula = "g"
version = 1
type = "workflow"
[[steps]]
id = "one"
title = "One"
[[steps]]
id = "two"
title = "Two"
needs = ["one"]
[steps.gate]
type = "human"
"""


@pytest.mark.parametrize("kind", ["pour", "wisp --beads"])
def test_molecules_that_a_gate_has_let_go_on(run, kind):
    Path(".beads/formulas").mkdir()
    Path(".beads/formulas/g.formula.toml").write_text(FORMULA)
    ids = json.loads(run(f"mol {kind} g --json"))["id_mapping"]
    assert json.loads(run("ready --gated --json")) == {"molecules": [], "count": 0}
    [gate] = [row["id"] for row in json.loads(run("gate list --json"))]
    root, one, two = (
        next(v for k, v in ids.items() if k.split(".")[-1] == n) for n in ("g", "one", "two")
    )
    run(f"close {one}")
    run(f"gate resolve {gate}")
    told = json.loads(run("ready --gated --json"))
    assert told["count"] == 1
    found = told["molecules"][0]
    assert (found["molecule_id"], found["closed_gate"]["id"], found["ready_step"]["id"]) == (
        root,
        gate,
        two,
    )
    assert two in run("ready --gated")
    run(f"update {two} --claim")
    assert json.loads(run("ready --gated --json"))["count"] == 0


def test_settings_are_told_and_types_added(run):
    file = Path(".beads/config.yaml")
    file.write_text(file.read_text() + 'a.token: "hidden"\nexport.auto: false  # no\n')
    assert json.loads(run("config list --json")) == {"issue_prefix": "bd", "export.auto": "false"}
    assert json.loads(run("config get issue_prefix --json")) == {
        "key": "issue_prefix",
        "value": "bd",
    }
    assert run("config get nope") == "nope (not set)"
    run("config set types.custom warrant --readonly", code=1)
    assert json.loads(run("config set types.custom warrant,slot --json"))["value"] == "slot,warrant"
    assert json.loads(run("config set types.custom more --json"))["value"] == "more,slot,warrant"
    assert "config.yaml" in run("config set issue_prefix x", code=1)
    run("config set types.custom 'A b'", code=1)
    run("create x -t more")
    run("create x -t less", code=1)
    assert json.loads(run("types --json"))["custom_types"] == ["more", "slot", "warrant"]
    assert json.loads(run("config set status.custom qa:wip --json"))["value"] == "qa:wip"
    run("config set status.custom ':wip'", code=1)


@pytest.mark.parametrize(
    ("line", "said"), [("swarm status x", "convoy stage"), ("merge-slot acquire", "gastown done")]
)
def test_what_the_town_does_by_itself_is_said(run, line, said):
    assert said in run(line, code=2)
