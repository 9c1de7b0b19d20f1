"""Verbs over beads beyond making and closing: lists, trees, marks, figures, what holds and lets go."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.cli.bead import VERBS, bead


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a bead command in a folder with beads; stdout, or with `code` the error line."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR", "GASTOWN_RUN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "p").mkdir()
    init_store(tmp_path / "p" / ".beads", "x").close()
    monkeypatch.chdir(tmp_path / "p")

    def call(*arguments, code=0, stdin=None):
        result = CliRunner().invoke(bead, list(arguments), input=stdin)
        assert result.exit_code == code, (result.output, result.exception)
        if code:
            assert len(result.stderr.strip().splitlines()) == 1 or code == 2
            return result.stderr.strip()
        return result.stdout.strip()

    return call


@pytest.fixture
def rows(run):
    return lambda *arguments, **how: json.loads(run(*arguments, "--json", **how))


def ids(found):
    return [row["id"] for row in found]


def test_list_is_cut_down_by_filters(run, rows):
    epic = run("create", "Login epic", "-t", "epic", "-p", "0")
    child = run("create", "Login page", "--parent", epic, "-l", "ui,urgent", "-a", "nux")
    lone = run("create", "Database", "-t", "bug", "-p", "P3", "-l", "db", "-d", "slow LOGIN")
    shut = run("create", "Shut", "-l", "db")
    run("close", shut)
    for arguments, wanted in [
        ((), [epic, child, lone]),
        (("--all",), [epic, child, shut, lone]),
        (("--status", "all"), [epic, child, shut, lone]),
        (("--status", "closed"), [shut]),
        (("-t", "bug,epic"), [epic, lone]),
        (("--exclude-type", "epic"), [child, lone]),
        (("-l", "ui", "-l", "urgent"), [child]),
        (("--label-any", "ui,db"), [child, lone]),
        (("--exclude-label", "ui"), [epic, lone]),
        (("-a", "nux"), [child]),
        (("--unassigned",), [epic, lone]),
        (("-p", "0-2"), [epic, child]),
        (("--priority-min", "2"), [child, lone]),
        (("--priority-max", "P1"), [epic]),
        (("--text", "login"), [epic, child, lone]),
        (("--title", "login", "--text", "page"), [child]),
        (("--desc-contains", "slow"), [lone]),
        (("--parent", epic), [child]),
        (("--no-parent",), [epic, lone]),
        (("--created-after", "1h"), [epic, child, lone]),
        (("--created-before", "1h"), []),
        (("--all", "--closed-after", "1d"), [shut]),
        (("--id", f"{lone},{epic}"), [epic, lone]),
        (("--sort", "title"), [lone, epic, child]),
        (("--sort", "id", "--reverse", "-t", "epic"), [epic]),
        (("--ready",), [epic, child, lone]),
        (("-n", "1"), [epic]),
    ]:
        assert ids(rows("list", *arguments)) == wanted, arguments
    for wrong in (("-p", "9"), ("--created-after", "soon"), ("--sort", "colour")):
        assert run("list", *wrong, code=1)


def test_search_count_and_stats_agree(run, rows):
    first = run("create", "The login")
    second = run("create", "Other", "-d", "login twice", "-t", "bug")
    run("close", first)
    assert ids(rows("search", "LOGIN")) == [first, second]
    assert ids(rows("search", "login", "--open")) == [second]
    assert rows("search", "nowhere at all") == []
    assert rows("count") == {"count": 2}
    assert rows("count", "--status", "open") == {"count": 1}
    assert rows("count", "--by-status")["groups"] == [
        {"group": "closed", "count": 1},
        {"group": "open", "count": 1},
    ]
    found = rows("stats")["summary"]
    assert (found["total_issues"], found["open_issues"], found["ready_issues"]) == (2, 1, 1)
    assert re.search(r"closed issues +1", run("stats"))


def test_what_waits_says_for_what(run, rows):
    blocker, epic = run("create", "Blocker"), run("create", "E", "-t", "epic")
    child = run("create", "Child", "--parent", epic)
    run("dep", "add", epic, blocker)
    found = {row["id"]: row["blocked_by"] for row in rows("blocked")}
    assert found == {epic: [blocker], child: [epic]}
    assert rows("blocked")[0]["blocked_by_count"] == 1
    assert f"waits for {blocker}" in run("blocked")
    assert ids(rows("blocked", "--parent", epic)) == [child]
    run("close", blocker)
    assert rows("blocked") == []


def test_ready_below_a_parent_and_claimed(run, rows, monkeypatch):
    epic = run("create", "E", "-t", "epic")
    inner = run("create", "Inner", "--parent", epic, "-t", "epic")
    leaf = run("create", "Leaf", "--parent", inner)
    other = run("create", "Other", "-p", "0")
    assert ids(rows("ready", "--parent", epic)) == [leaf, inner]
    assert ids(rows("ready", "-t", "task")) == [other, leaf]
    monkeypatch.setenv("BD_ACTOR", "nux")
    taken = rows("ready", "--claim")
    assert [(row["id"], row["assignee"], row["status"]) for row in taken] == [
        (other, "nux", "in_progress")
    ]
    assert ids(rows("ready", "--claim", "--actor", "slit", "-t", "task")) == [leaf]
    assert rows("show", leaf)[0]["assignee"] == "slit"
    assert rows("ready", "--claim", "-t", "task") == []


def test_stale_and_doubles(run, rows):
    new = run("create", "Same thing")
    run("fold")
    file = Path(".beads/issues.jsonl")
    times = dict.fromkeys(("created_at", "updated_at"), "2020-01-01T00:00:00Z")
    row = json.loads(file.read_text()) | times | {"id": (old := "x-0ld")}
    file.write_text(f"{json.dumps(row)}\n{file.read_text()}")
    assert ids(rows("stale")) == [old]
    assert ids(rows("stale", "--days", "0")) == [old, new]
    found = rows("duplicates")
    assert found["groups"][0]["suggested_target"] == old
    assert found["groups"][0]["suggested_sources"] == [new]
    run("duplicate", new, "--of", old)
    shown = rows("show", new)[0]
    assert (shown["status"], shown["dependencies"][0]["dependency_type"]) == (
        "closed",
        "duplicates",
    )
    assert rows("duplicates")["duplicate_groups"] == 0
    run("reopen", new)
    assert rows("show", new)[0]["dependencies"] == []


def test_trees(run, rows):
    epic = run("create", "Top", "-t", "epic")
    one = run("create", "One", "--parent", epic)
    two = run("create", "Two", "--parent", epic, "--deps", f"blocks:{one}")
    deep = run("create", "Deep", "--parent", one)
    assert run("tree", epic).splitlines() == [
        f"{epic}  P2 open epic  Top",
        f"├─ {one}  P2 open task  One",
        f"│  └─ {deep}  P2 open task  Deep",
        f"└─ {two}  P2 open task  Two  <- {one}",
    ]
    assert run("tree", deep).splitlines() == [
        f"{epic}  P2 open epic  Top",
        f"  {one}  P2 open task  One",
        f"    {deep}  P2 open task  Deep",
    ]
    assert run("tree") == run("tree", epic)
    found = rows("tree", epic, "--depth", "1")
    assert [(row["id"], row["depth"], row["truncated"]) for row in found] == [
        (epic, 0, False), (one, 1, True), (two, 1, False),
    ]  # fmt: skip
    assert found[1]["parent_id"] == epic
    assert ids(rows("dep", "tree", two)) == [two, epic, one, epic]
    assert ids(rows("dep", "tree", two, "-t", "blocks")) == [two, one]
    assert ids(rows("dep", "tree", one, "--direction", "up", "-t", "blocks")) == [one, two]
    both = run("dep", "tree", one, "--direction", "both", "-t", "blocks").splitlines()
    assert both == [
        "needed by", f"{one}  P2 open task  One", f"└─ {two}  P2 open task  Two",
        "depends on", f"{one}  P2 open task  One",
    ]  # fmt: skip


def test_edges_both_ways(run, rows):
    a, b, c = (run("create", title) for title in "ABC")
    run("dep", "add", a, "--blocks", b)
    assert rows("dep", "list", b)[0]["id"] == a
    assert ids(rows("dep", "list", a, "--direction", "up")) == [b]
    run("dep", "relate", a, c)
    assert ids(rows("dep", "list", a, "--direction", "both", "-t", "relates-to")) == [c, c]
    run("dep", "unrelate", a, c)
    assert rows("dep", "list", c) == []
    assert rows("dep", "cycles") == []
    assert "does not depend" in run("dep", "remove", a, c, code=1)
    assert "one other bead" in run("dep", "add", a, code=1)


def test_circles_that_came_from_elsewhere_are_shown(run, rows):
    a, b = run("create", "A"), run("create", "B")
    run("fold")
    file = Path(".beads/issues.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for row, other in zip(lines, (lines[1]["id"], lines[0]["id"]), strict=True):
        row["dependencies"] = [{"issue_id": row["id"], "depends_on_id": other, "type": "blocks"}]
        row["updated_at"] = "2099-01-01T00:00:00Z"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in lines))
    assert [sorted(ids(group)) for group in rows("dep", "cycles")] == [sorted([a, b])]
    assert run("tree")
    assert run("dep", "tree", a)


def test_history_says_who_and_when(run, rows):
    made = run("create", "A")
    run("update", made, "-p", "0", "--add-label", "l", "--actor", "nux")
    run("close", made, "-r", "done with\x1b[2J it")
    told = [(row["actor"], row["text"]) for row in rows("history", made)]
    assert told == [
        ("overseer", "created: A"),
        ("nux", "priority: 0"),
        ("nux", "label + l"),
        ("overseer", "closed: done with\x1b[2J it"),
    ]
    assert "\x1b" not in run("history", made)
    assert len(rows("history", made, "-n", "1")) == 1


def test_labels_notes_and_remarks(run, rows):
    a, b = run("create", "A"), run("create", "B", "-l", "old")
    added = rows("label", "add", a, b, "old")
    assert [row["status"] for row in added] == ["added", "unchanged"]
    assert rows("label", "list", a) == ["old"]
    assert rows("label", "list-all") == [{"label": "old", "count": 2}]
    assert rows("label", "remove", a, "old")[0]["status"] == "removed"
    run("note", a, "first")
    run("note", a, "-", stdin="second")
    assert rows("show", a)[0]["notes"] == "first\nsecond"
    run("comment", a, "said", "so")
    run("comment", "add", a, "--stdin", stdin="again")
    assert [one["text"] for one in rows("comment", "list", a)] == ["said so", "again"]
    assert "said so" in run("comment", "list", a)


def test_states_and_slots(run, rows):
    made = run("create", "A", "-l", "phase:one", "--metadata", '{"kept": [1]}')
    told = rows("set-state", made, "phase=two", "--reason", "it was time")
    assert (told["old_value"], told["new_value"], told["changed"]) == ("one", "two", True)
    assert rows("state", made, "phase")["value"] == "two"
    assert rows("state", made)["states"] == {"phase": "two"}
    assert "it was time" in run("comment", "list", made)
    assert not rows("set-state", made, "phase=two")["changed"]
    run("slot", "set", made, "hook", "x-9")
    assert rows("slot", "get", made, "hook")["value"] == "x-9"
    assert rows("slot", "show", made)["slots"] == {"kept": [1], "hook": "x-9"}
    run("slot", "clear", made, "hook")
    run(
        "update",
        made,
        "--set-metadata",
        "n=3",
        "--metadata",
        '{"t": {}}',
        "--unset-metadata",
        "kept",
    )
    assert rows("show", made)[0]["metadata"] == {"n": 3, "t": {}}


def test_put_off_and_awake(run, rows):
    dateless, dated, past = (run("create", title) for title in ("dateless", "dated", "past"))
    run("defer", dateless, "-r", "later")
    run("defer", dated, "--until", "+2d")
    assert ids(rows("ready")) == [past]
    assert set(ids(rows("list", "--status", "deferred"))) == {dateless, dated}
    assert "deferred: later" in run("show", dateless)
    run("update", past, "--defer", "2020-01-01")
    assert rows("update", past, "--claim")[0]["status"] == "in_progress", "its time had come"
    assert "cannot be claimed" in run("update", dated, "--claim", code=1)
    run("undefer", dateless)
    run("update", dated, "--defer", "")
    assert set(ids(rows("ready"))) == {dateless, dated}
    run("close", dated)
    assert "reopen it first" in run("defer", dated, code=1)
    assert "not deferred" in run("undefer", dateless, code=1)


def test_epics_close_with_their_parts(run, rows):
    epic = run("create", "E", "-t", "epic")
    inner = run("create", "I", "-t", "epic", "--parent", epic)
    leaf = run("create", "L", "--parent", inner)
    assert "open children" in run("update", epic, "-s", "closed", code=1)
    run("close", leaf)
    assert [row["eligible_for_close"] for row in rows("epic", "status")] == [False, True]
    assert ids(row["epic"] for row in rows("epic", "status", "--eligible-only")) == [inner]
    assert ids(rows("epic", "close-eligible", "--dry-run")) == [inner]
    assert ids(rows("epic", "close-eligible")) == [inner, epic], "and what is done because of it"
    shown = rows("show", epic)[0]
    assert (shown["epic_total_children"], shown["epic_closed_children"]) == (1, 1)
    run("reopen", leaf, "-r", "not yet")
    states = {row["id"]: row["status"] for row in rows("list")}
    assert states == {epic: "open", inner: "open", leaf: "open"}


def test_a_step_ends_its_container_and_goes_on(run, rows):
    store = open_store(Path(".beads"))
    root = store.create(actor="t", kind="mol", title="M", issue_type="molecule").id
    box = store.create(actor="t", parent=root, title="Box", issue_type="epic").id
    first = store.create(actor="t", parent=box, title="first").id
    last = store.create(actor="t", parent=root, title="last").id
    store.close()
    run("dep", "add", last, first)
    told = rows("close", first, "--continue")
    assert ids(told["closed"]) == [first]
    assert told["continue"]["next_step"]["id"] == last
    assert (told["continue"]["auto_advanced"], told["continue"]["molecule_id"]) == (True, root)
    assert rows("show", box)[0]["status"] == "closed"
    assert rows("show", last)[0]["status"] == "in_progress"
    assert rows("close", last, "--continue")["continue"]["molecule_complete"]


def test_closing_tells_what_it_freed(run, rows):
    first = run("create", "First")
    second = run("create", "Second", "--dep", first)
    told = rows("close", first, "--suggest-next")
    assert (ids(told["closed"]), ids(told["unblocked"])) == ([first], [second])
    third = run("create", "Third")
    assert ids(rows("close", second, "--claim-next")["claimed"]) == [third]


def test_deleted_stays_deleted(run, rows):
    epic = run("create", "E", "-t", "epic")
    child, other = run("create", "C", "--parent", epic), run("create", "O")
    run("dep", "add", other, child)
    assert "others depend" in run("delete", child, code=1)
    assert rows("delete", child, "--dry-run")["orphaned_issues"] == [other]
    told = rows("delete", epic, "--cascade", "--force", "-r", "wrong")
    assert (told["deleted"], told["orphaned_issues"]) == ([epic, child], [other])
    assert rows("show", other)[0]["dependencies"] == []
    lines = map(json.loads, Path(".beads/issues.jsonl").read_text().splitlines())
    assert {row["id"]: row["status"] for row in lines} == {
        epic: "tombstone", child: "tombstone", other: "open",
    }  # fmt: skip
    assert "no bead" in run("show", child, code=1)


def test_wisps_are_made_to_last(run, rows):
    wisp = run("create", "W", "--ephemeral", "--wisp-type", "patrol")
    assert ids(rows("list")) == []
    assert ids(rows("list", "--wisps", "--wisp-type", "patrol")) == [wisp]
    run("promote", wisp)
    assert ids(rows("list")) == [wisp]
    assert wisp in Path(".beads/issues.jsonl").read_text()
    assert "no wisp" in run("promote", wisp, code=1)


def test_guarded_updates_moves_and_own_ids(run, rows):
    first = run("create", "A", "--id", "x-own", "-e", "30", "--due", "3d")
    assert first == "x-own"
    assert "does not begin" in run("create", "B", "--id", "y-1", code=1)
    assert "not the id" in run("create", "B", "--id", "x-a/../b", code=1)
    assert "is open" in run("update", first, "--if-status", "closed", "-p", "0", code=1)
    assert rows("update", first, "--if-assignee", "", "-p", "0")[0]["priority"] == 0
    e, f = run("create", "E", "-t", "epic"), run("create", "F", "-t", "epic")
    run("update", first, "--parent", e)
    assert rows("update", first, "--parent", f)[0]["parent"] == f
    assert len(rows("show", first)[0]["dependencies"]) == 1
    assert "parent" not in rows("update", first, "--parent", "")[0]
    run("update", first, "--set-labels", "b,c", "--notes", "n")
    assert rows("update", first, "--set-labels", "c,d", "--clear-notes")[0]["labels"] == ["c", "d"]
    assert "nothing to change" in run("update", first, code=1)


@pytest.mark.parametrize("given", ["null", "undefined", "", " ", "None"])
def test_no_id_is_no_id(run, given):
    run("create", "N")
    assert "is no id" in run("show", given, code=1)


def test_an_option_that_is_not_there_is_refused_with_those_that_are(run):
    said = run("close", "x-1", "--frobnicate", code=2)
    assert "No such option --frobnicate. There are: --reason" in said
    assert "Did you mean `list`" in run("lst", code=2)
    assert "--readonly" in run("create", "A", "--readonly", code=1)


def test_routes_lead_into_folders_below(run, tmp_path, rows):
    (tmp_path / "p" / "lib").mkdir()
    store = init_store(tmp_path / "p" / "lib" / ".beads", "x-lib")
    made = store.create(actor="t", title="there").id
    store.close()
    table = Path(".beads/routes.jsonl")
    table.write_text('{"prefix":"x-lib-","path":"lib"}\n{"prefix":"out-","path":"../.."}\n')
    assert rows("show", made)[0]["title"] == "there"
    run("close", made)
    assert rows("list", "--all", "--dir", "lib")[0]["status"] == "closed"
    assert "no bead" in run("show", "out-1", code=1)


def test_routes_that_lead_out_or_nowhere_say_so(run, tmp_path, rows):
    """Nothing is opened or made there; the other routes, and work beside them, go on."""
    outside = tmp_path / "outside"
    with closing(init_store(outside / ".beads", "out")) as store:
        store.create(actor="t", id="out-1", title="x")
    for name in ("link", "moved", "empty", "nowhere"):
        (tmp_path / "p" / name).mkdir()
    (tmp_path / "p" / "link").rmdir()
    (tmp_path / "p" / "link").symlink_to(outside)
    for name, target in (("moved", str(outside / ".beads")), ("nowhere", "../gone/.beads")):
        (tmp_path / "p" / name / ".beads").mkdir()
        (tmp_path / "p" / name / ".beads" / "redirect").write_text(target)
    store = init_store(tmp_path / "p" / "lib" / ".beads", "lib")
    made = store.create(actor="t", title="there").id
    store.close()
    places = {
        "up": "..", "root": str(outside), "home": "~", "bad": "a\x07b", "none": "", "link": "link",
        "moved": "moved", "empty": "empty", "gone": "gone", "nowhere": "nowhere", "lib": "lib",
    }  # fmt: skip
    lines = [json.dumps({"prefix": f"{key}-", "path": path}) for key, path in places.items()]
    deep = "[" * 100_000
    table = Path(".beads/routes.jsonl")
    table.write_text("\n".join([deep, "{", "# note", "null", '{"prefix": 1}', *lines]))
    before = sorted(path.name for path in outside.rglob("*"))
    for key in places:
        if key != "lib":
            said = run("show", f"{key}-1", code=1)
            assert f"there is no bead {key}-1: routes.jsonl of" in said
            assert len(said.splitlines()) == 1
    assert "\n" not in run("update", "moved-1", "--title", "y", code=1)
    assert sorted(path.name for path in outside.rglob("*")) == before
    assert not (tmp_path / "p" / "empty" / ".beads").exists()
    assert rows("show", made)[0]["title"] == "there"


def test_a_town_routes_from_one_rig_to_another(run, tmp_path, rows, monkeypatch):
    """As other tools lay towns out: the table is at the top, the caller stands in a rig."""
    top = tmp_path / "p"
    for name, prefix in (("one", "on"), ("my-app", "my-app"), ("my", "my")):
        init_store(top / name / "mayor" / "rig" / ".beads", prefix).close()
    routes = [("x", "."), ("on", "one/mayor/rig"), ("my", "my/mayor/rig")]
    routes.append(("my-app", "my-app/mayor/rig"))
    lines = [json.dumps({"prefix": f"{prefix}-", "path": path}) for prefix, path in routes]
    (top / ".beads" / "routes.jsonl").write_text("\n".join(lines))
    (top / "one" / ".beads").mkdir()
    (top / "one" / ".beads" / "redirect").write_text("mayor/rig/.beads")
    at_top = run("create", "at the top")
    monkeypatch.chdir(top / "one")
    here = run("create", "here")
    assert here.startswith("on-")
    there = run("create", "there", "--dir", str(top / "my-app" / "mayor" / "rig"))
    for name, title in ((at_top, "at the top"), (there, "there"), (here, "here")):
        assert rows("show", name)[0]["title"] == title
    run("close", there, at_top)
    assert "no bead my-9" in run("show", "my-9", code=1)
    monkeypatch.chdir(top)
    assert rows("show", here)[0]["title"] == "here"


def test_records_of_the_town_are_meant_by_their_whole_id_alone(tmp_path, run, rows, monkeypatch):
    town = tmp_path / "town"
    for folder, prefix in (("", "hq"), ("lib", "li")):
        (town / folder).mkdir(parents=True, exist_ok=True)
        init_store(town / folder / ".beads", prefix).close()
    (town / "town.toml").write_text('id = "t"\n')
    monkeypatch.chdir(town)
    agent = run("create", "an agent", "--type", "agent", "--rig", "hq", "--id", "hq-abc")
    work = run("create", "work", "--rig", "hq", "--id", "hq-abd")
    there = run("create", "there", "--rig", "lib", "--id", "li-abe")
    assert ids(rows("show", "ab")) == [work], "the agent is not meant"
    assert ids(rows("show", "abe")) == [there], "a rig's work is found from anywhere"
    assert "no bead" in run("show", "abc", code=1)
    assert ids(rows("show", agent)) == [agent]
    closed = rows("close", work, there)
    assert ids(closed) == [work, there], "each in its own directory"


def test_ids_and_fields_of_strangers_cannot_steer_the_terminal(run):
    evil = "x-\x1b]0;evil\x07"
    row = {"id": evil, "title": "t\x9b2J", "status": "open\x1b[m", "issue_type": "task",
           "assignee": "\x1b[1m", "labels": ["\x1b[l:m"], "priority": 1,
           "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
           "dependencies": [{"issue_id": evil, "depends_on_id": "x-\x1bo", "type": "\x1bkind"}],
           "comments": [{"id": 1, "issue_id": evil, "author": "\x1ba", "text": "\x9bt",
                         "created_at": "\x1b"}]}  # fmt: skip
    Path(".beads/issues.jsonl").write_text(json.dumps(row) + "\n")
    for verb in (
        ("list",), ("show", evil), ("show", "--short", evil), ("tree",), ("stale",),
        ("search", "t"), ("label", "list", evil), ("label", "list-all"), ("comment", "list", evil),
        ("dep", "list", evil), ("dep", "tree", evil), ("count", "--by-status"), ("state", evil),
        ("history", evil), ("update", evil, "--claim"),
    ):  # fmt: skip
        result = CliRunner().invoke(bead, list(verb))
        assert not set("\x1b\x9b\x07") & set(result.output), verb


def test_every_verb_that_is_listed_is_there():
    missing = {"doctor", "merge-driver"}
    context = bead.make_context("bead", ["list"])
    for name in VERBS.keys() - missing:
        assert bead.get_command(context, name) is not None, name


@pytest.mark.parametrize(
    ("word", "hint"),
    [("nonsense", "blocked, closed"), ("in-progress", "mean in_progress?"),
     ("Closed", "mean closed?"), ("done", "mean closed?"), ("wip", "mean in_progress?"),
     ("deffered", "mean deferred?"), ("revue", "mean review?"), ("tombstone", "bead delete"),
     ("deleted", "bead delete"), ("--", "blocked, closed"), ("a\nb", "blocked, closed")],
)  # fmt: skip
def test_a_status_that_nobody_knows_is_refused_with_the_nearest(run, word, hint):
    bead = run("create", "x")
    config = Path(".beads/config.yaml")
    config.write_text(config.read_text() + 'status.custom: "review:active,qa:wip"\n')
    said = run("update", bead, f"--status={word}", code=1)
    assert "status" in said or "not set to" in said
    assert hint in said
    assert len(said.splitlines()) == 1


def test_a_type_that_nobody_knows_is_refused_until_it_is_declared(run, rows):
    bead = run("create", "x")
    for line in (("create", "y", "-t", "nonsense"), ("update", bead, "--type", "nonsense")):
        said = run(*line, code=1)
        assert all(word in said for word in ("bug, chore", "types.custom nonsense", "'nonsense'"))
        assert len(said.splitlines()) == 1
    assert "mean bug?" in run("create", "y", "-t", "Bugs", code=1)
    assert [row["issue_type"] for row in rows("list")] == ["task"]
    config = Path(".beads/config.yaml")
    config.write_text(config.read_text() + "types.custom:\n  - warrant\n  - nonsense\n")
    run("create", "y", "-t", "nonsense")
    run("update", bead, "-t", "warrant")
    assert {row["issue_type"] for row in rows("ready")} == {"nonsense", "warrant"}
    config.write_text("")
    run("update", bead, "-t", "warrant", "-p", "0")
    run("create", "z", "-t", "enhancement")


def test_statuses_that_are_declared_or_there_already_are_taken(run, rows):
    """What other programs have written is read as it is, and its other fields are edited."""
    bead = run("create", "x")
    config = Path(".beads/config.yaml")
    config.write_text(config.read_text() + "status.custom: review:active, qa\n")
    for word in ("review", "qa", "draft", "pinned", "hooked", "blocked", "open"):
        run("update", bead, "-s", word)
        assert [row["status"] for row in rows("show", bead)] == [word]
    run("fold")
    file = Path(".beads/issues.jsonl")
    row = json.loads(file.read_text()) | {"id": f"{bead}9", "status": "odd"}
    file.write_text(f"{file.read_text()}{json.dumps(row)}\n")
    run("update", f"{bead}9", "--title", "y", "-s", "odd", "-p", "1")
    run("fold")
    (found,) = rows("show", f"{bead}9")
    assert (found["title"], found["status"], found["priority"]) == ("y", "odd", 1)
    run("update", f"{bead}9", "-s", "closed")
