"""`gastown bd`: what agents trained on `bd` type, and the shapes that they expect."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.cli.bd import bd
from gastown_tui.domain.operations import AddDependency


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a line of `bd`; stdout, or with `code` the error."""
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR", "GASTOWN_RUN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "p").mkdir()
    store = init_store(tmp_path / "p" / ".beads", "bd")
    for name in ("bd-a", "bd-b", "bd-e"):
        kind = "epic" if name == "bd-e" else "task"
        store.create(actor="t", id=name, title=f"title {name}", issue_type=kind)
    store.fold()
    store.close()
    monkeypatch.chdir(tmp_path / "p")

    def call(line, code=0, stdin=None):
        result = CliRunner().invoke(bd, shlex.split(line), input=stdin)
        assert result.exit_code == code, (line, result.output, result.exception)
        return (result.stderr if code else result.stdout).strip()

    return call


_ISSUE = {"id", "title", "status", "priority", "issue_type", "created_at", "updated_at",
          "dependency_count", "dependent_count", "comment_count"}  # fmt: skip
_EDGE = {"status", "issue_id", "depends_on_id"}


@pytest.mark.parametrize(
    ("line", "kind", "keys"),
    [
        ('create "T" -t bug -p 1 -d text -l x,y --deps discovered-from:bd-a --json', dict, _ISSUE),
        ('create --title="T" --type=task --priority=P2 --parent bd-e --json', dict, {"parent"}),
        ('create "T" --body-file - --acceptance ok --design d --notes n -a me --json', dict, _ISSUE),
        ("list --json", list, _ISSUE),
        ("list --status open,in_progress --limit 0 --all --flat --no-pager --json", list, _ISSUE),
        ("list --include-infra --include-gates --include-templates --json", list, _ISSUE),
        ("--json list", list, _ISSUE),
        ("ready --json --limit 0 --sort priority", list, _ISSUE),
        ("show bd-a --json --include-dependents --include-comments", list, {"dependencies", "dependents"}),
        ("show bd-e --json", list, {"epic_total_children", "epic_closed_children", "epic_closeable"}),
        ("update bd-a --claim --json", list, _ISSUE | {"assignee", "started_at"}),
        ("update bd-a --status=in_progress --assignee me --notes n --add-label l --json", list, _ISSUE),
        ("close bd-a bd-b --reason done --session s --json", list, _ISSUE | {"close_reason", "closed_by_session"}),
        ("close bd-a --suggest-next --json", dict, {"closed", "unblocked"}),
        ("close bd-a --claim-next --json", dict, {"closed", "claimed"}),
        ("close bd-a --continue --json", dict, {"closed", "continue"}),
        ("reopen bd-a -r again --json", list, _ISSUE),
        ("dep add bd-a bd-b --type blocks --json", dict, _EDGE | {"type"}),
        ("dep tree bd-a --json", list, {"depth", "truncated"}),
        ("dep cycles --json", list, set()),
        ("label add bd-a l --json", list, {"status", "issue_id", "label"}),
        ("label list-all --json", list, set()),
        ("comment bd-a hello --json", dict, {"id", "issue_id", "author", "text", "created_at"}),
        ("comments bd-a --json", list, set()),
        ("comments add bd-a hello --json", dict, {"text"}),
        ("state bd-a phase --json", dict, {"issue_id", "dimension", "value"}),
        ("set-state bd-a phase=x --json", dict, {"old_value", "new_value", "event_id", "changed"}),
        ("search title --json", list, _ISSUE),
        ("count --json", dict, {"count"}),
        ("count --by-status --json", dict, {"total", "groups"}),
        ("stats --json", dict, {"summary"}),
        ("status --json", dict, {"summary"}),
        ("stale --days 0 --json", list, _ISSUE),
        ("blocked --json", list, set()),
        ("duplicates --json", dict, {"duplicate_groups", "groups"}),
        ("epic status --json", list, {"epic", "total_children", "closed_children", "eligible_for_close"}),
        ("delete bd-a --force --json", dict, {"deleted", "deleted_count", "orphaned_issues"}),
        ("children bd-e --json", list, set()),
        ("defer bd-a --until +1d --json", list, _ISSUE | {"defer_until"}),
        ("where --json", dict, {"path", "prefix"}),
        ("version --json", dict, {"version"}),
        ("ping --json", dict, {"status"}),
        ("types --json", dict, {"core_types"}),
        ("sync --flush-only -m message --json", dict, {"status", "message"}),
        ("export -o out.jsonl --json", dict, {"status", "path"}),
        ("import --json", dict, {"status", "ids"}),
        ("prime --json", dict, {"text"}),
        ("--no-daemon --actor me update bd-a -p 0 --json", list, _ISSUE),
    ],
)  # fmt: skip
def test_lines_of_agents_and_their_shapes(run, line, kind, keys):
    found = json.loads(run(line, stdin="from a pipe"))
    assert isinstance(found, kind)
    row = found[0] if isinstance(found, list) and found else found
    if keys and row:
        assert keys <= set(row)
    else:
        assert not keys


def test_what_is_printed_without_json(run):
    assert run('q "quick" -t bug').startswith("bd-")
    assert run("create T --silent --json").startswith("bd-")
    assert "bd update ID --claim" in run("prime")
    assert "prefix bd" in run("where")
    assert run("--version").startswith("bd of gastown")


def test_nothing_happens_and_it_is_said(run):
    before = Path(".beads/issues.jsonl").read_bytes()
    assert "up to date" in run("sync")
    assert "nothing was exported" in run("export -o out.jsonl")
    assert "taken in by itself" in run("import .beads/issues.jsonl")
    assert "nothing was imported" in run("import other.jsonl", code=1)
    assert "nothing was imported" in run("import -", code=1)
    assert Path(".beads/issues.jsonl").read_bytes() == before
    assert not Path("out.jsonl").exists()


def test_what_others_wrote_comes_in(run):
    file = Path(".beads/issues.jsonl")
    file.write_text(file.read_text().replace("title bd-a", "another"))
    assert run("show bd-a --short").endswith("another")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("close bd-a --nope", "No such option --nope. There are: --reason, --reason-file"),
        ("frob", "There is no verb 'frob'."),
        ("colse bd-a", "Did you mean `close`?"),
        ("daemon start", "there is no daemon"),
        ("edit bd-a", "update --description"),
        ("init", "gastown init"),
        ("--db x list", "No such option --db"),
        ("merge-driver a b c", "There is no verb 'merge-driver'."),
    ],
)
def test_what_is_not_there_is_one_line_with_what_is(run, line, said):
    assert said in run(line, code=2)


def test_claims_are_exclusive_and_given_back(run):
    run("--actor nux update bd-a --claim")
    assert "already claimed by nux" in run("--actor slit update bd-a --claim", code=1)
    run("update bd-a --claim --actor nux")
    assert "nux's" in run("--actor slit unclaim bd-a", code=1)
    assert json.loads(run("--actor nux unclaim bd-a --json"))[0]["status"] == "open"
    assert "not in_progress" in run("unclaim bd-a", code=1)


def test_closing_all_or_none(run):
    run("dep add bd-b bd-e")
    assert "waits for bd-e" in run("close bd-a bd-b", code=1)
    assert json.loads(run("show bd-a --json"))[0]["status"] == "open"
    assert len(json.loads(run("close bd-b bd-e --json"))) == 2, "together they may"
    assert json.loads(run("close bd-b --json"))[0]["status"] == "closed", "twice is no error"


def test_a_long_list_is_cut_in_text_and_whole_in_json(run):
    store = open_store(Path(".beads"))
    for number in range(60):
        store.create(actor="t", title=f"n {number}")
    store.close()
    assert len(run("list").splitlines()) == 50
    assert len(run("list --limit 0").splitlines()) == 63
    assert len(json.loads(run("list --json"))) == 63
    assert len(json.loads(run("list --json --limit 5"))) == 5


def test_gates_are_not_opened_from_inside_a_session(tmp_path, run, monkeypatch):
    from gastown_tui.adapters import callers

    town = tmp_path / "town"
    for folder, prefix in (("", "hq"), ("lib", "li")):
        (town / folder).mkdir(parents=True, exist_ok=True)
        init_store(town / folder / ".beads", prefix).close()
    (town / "town.toml").write_text('id = "t"\n')
    store = open_store(town / "lib" / ".beads")
    step = store.create(actor="t", title="step").id
    gate = store.create(actor="t", title="gate", issue_type="gate", await_type="human").id
    store.close()
    monkeypatch.chdir(town)
    run(f"dep add {step} {gate}")
    monkeypatch.setattr(callers, "calling_session", lambda *_: "lib/polecats/nux")
    for line in (
        f"close {gate} --force", f"update {gate} -s closed --force", f"update {gate} -s pinned",
        f"update {gate} -t task", f"delete {gate} --force", f"dep remove {step} {gate}",
        f"supersede {gate} --with {step}", f"gate resolve {gate}",
    ):  # fmt: skip
        assert run(line, code=1), line
    store = open_store(town / "lib" / ".beads")
    root = store.create(actor="t", title="all", issue_type="molecule").id
    store.apply([AddDependency(gate, root, "parent-child")], actor="t")
    store.close()
    for line in (f"mol squash {root}", f"mol burn {root} --force"):
        assert "overseer" in run(line, code=1), line
    for elsewhere in (town, tmp_path):
        monkeypatch.chdir(elsewhere)
        for line in (f"close {gate}", f"gate resolve {gate}"):
            assert "overseer" in run(f"{line} --dir {town / 'lib'}", code=1), line
    monkeypatch.chdir(town)
    assert json.loads(run(f"show {gate} --json"))[0]["status"] == "open"
    monkeypatch.setattr(callers, "calling_session", lambda *_: None)
    run(f"close {gate}")
