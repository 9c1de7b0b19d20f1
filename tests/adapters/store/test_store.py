from __future__ import annotations

import shutil
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.adapters.store.doctor import Town, examine
from gastown_tui.domain.bead import Deleted, instant
from gastown_tui.domain.errors import BadInput, Conflict, Damaged, NotFound, Unavailable
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
    Reopen,
    Require,
    SetField,
    SetState,
)
from gastown_tui.domain.retention import TooFarBehind

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def ids(beads):
    return [bead.id for bead in beads]


def test_created_bead_has_a_short_hash_id_and_reads_back(opened):
    store = opened()
    made = store.create(actor="me", title="T", labels=["b", "a"], priority=0)
    assert made.id.startswith("x-")
    assert len(made.id) == 5
    assert (made.labels, made.priority, made.created_by) == (("a", "b"), 0, "me")
    assert store.get(made.id) == made
    assert store.find(made.id[2:]) == made.id
    assert store.find(made.id[:4]) == made.id


def test_children_are_numbered_and_numbers_are_not_given_again(opened):
    store = opened()
    epic = store.create(actor="me", title="E", issue_type="epic")
    first = store.create(actor="me", title="1", parent=epic.id)
    store.apply([Delete(first.id)], actor="me")
    second = store.create(actor="me", title="2", parent=epic.id)
    assert (first.id, second.id) == (f"{epic.id}.1", f"{epic.id}.2")
    assert store.dependents(epic.id) == [(second.id, "parent-child")]


def test_a_transaction_is_all_or_nothing_and_names_what_it_makes(opened):
    store = opened()
    applied = store.apply(
        [
            Create({"id": "~one", "title": "1"}, kind="mol"),
            Create({"id": "~two", "title": "2", "dependencies": [{"depends_on_id": "~one"}]}),
            AddLabel("~two", "l"),
        ],
        actor="me",
    )
    one, two = applied.ids
    assert one.startswith("x-mol-")
    assert [e.depends_on_id for e in store.get(two).dependencies] == [one]
    before = store.changes(0)
    with pytest.raises(Conflict):
        store.apply([AddLabel(one, "l"), Require(two, status="closed")], actor="me")
    assert store.changes(0) == before


def test_the_same_transaction_is_done_once(opened):
    store = opened()
    ops = [Create({"id": "~a", "title": "T"}), AppendNote("~a", "n"), AddComment("~a", "c")]
    first = store.apply(ops, actor="me", transaction="t-1")
    again = store.apply(ops, actor="me", transaction="t-1")
    assert again == first
    assert (
        store.apply([AppendNote(first.ids[0], "m", id="op-1")], actor="me").beads[0].notes == "n\nm"
    )
    assert store.apply([AppendNote(first.ids[0], "m", id="op-1")], actor="me").beads == ()
    assert store.get(first.ids[0]).notes == "n\nm"


def test_claim_and_hook_are_compare_and_set(opened):
    store = opened()
    bead = store.create(actor="me", title="T").id
    store.apply([Claim(bead, "a")], actor="a")
    assert store.get(bead).started_at
    change = store.last_change
    assert store.apply([Claim(bead, "a")], actor="a").change == change
    with pytest.raises(Conflict, match="claimed by a"):
        store.apply([Claim(bead, "b")], actor="b")
    other = store.create(actor="me", title="H", labels=["town:old"]).id
    store.apply([Hook(other, "r/polecats/n", "t1")], actor="c")
    hooked = store.get(other)
    assert (hooked.status, hooked.assignee, hooked.labels) == (
        "hooked",
        "r/polecats/n",
        ("town:t1",),
    )
    store.apply([Hook(other, "r/polecats/n", "t1")], actor="c")
    for agent, town in (("r/polecats/m", "t1"), ("r/polecats/n", "t2")):
        with pytest.raises(Conflict):
            store.apply([Hook(other, agent, town)], actor="c")


def test_require_checks_each_part(opened):
    store = opened()
    bead = store.create(actor="me", title="T", assignee="a", labels=["l"]).id
    change = store.last_change
    store.apply(
        [Require(bead, status=("open", "hooked"), assignee="a", label="l", change=change)],
        actor="c",
    )
    store.apply([AddLabel(bead, "m")], actor="c")
    for wrong in ({"status": "closed"}, {"assignee": ""}, {"label": "n"}, {"change": change}):
        with pytest.raises(Conflict):
            store.apply([Require(bead, **wrong)], actor="c")
    with pytest.raises(NotFound):
        store.apply([Require("x-nope")], actor="c")


def test_circles_and_second_edges_are_refused(opened):
    store = opened()
    a, b, c = (store.create(actor="me", title=t).id for t in "abc")
    store.apply([AddDependency(a, b), AddDependency(b, c)], actor="me")
    with pytest.raises(Conflict, match="depends on"):
        store.apply([AddDependency(c, a)], actor="me")
    with pytest.raises(Conflict, match="already"):
        store.apply([AddDependency(a, b, "related")], actor="me")
    store.apply([AddDependency(c, a, "related")], actor="me")
    with pytest.raises(NotFound):
        store.apply([AddDependency(c, "x-nope")], actor="me")
    store.apply([AddDependency(c, "external:other:x-1", "tracks")], actor="me")
    with pytest.raises(BadInput):
        store.apply([AddDependency(c, c)], actor="me")


def test_changes_tell_the_newest_state_once(opened):
    store = opened()
    a, b = (store.create(actor="me", title=t).id for t in "ab")
    seen = store.last_change
    assert store.changes(seen) == (seen, [])
    store.apply([AddLabel(a, "1")], actor="me")
    store.apply([AddLabel(a, "2"), Delete(b)], actor="me")
    now, changed = store.changes(seen)
    assert now == store.last_change
    assert changed == [store.get(a), Deleted(id=b)]
    with pytest.raises(TooFarBehind):
        store.changes(now + 10**9)


def test_close_reopen_and_delete(opened, file):
    store = opened()
    bead = store.create(actor="me", title="T").id
    store.apply([Close(bead, "done")], actor="me")
    assert store.get(bead).closed_at
    assert store.list() == []
    assert ids(store.list(include_closed=True)) == [bead]
    store.apply([Reopen(bead)], actor="me")
    assert (store.get(bead).closed_at, store.get(bead).close_reason) == ("", "")
    store.apply([Delete(bead, "no use")], actor="me")
    with pytest.raises(NotFound):
        store.get(bead)
    store.fold()
    assert b'"tombstone"' in file.read_bytes()
    assert b'"delete_reason":"no use"' in file.read_bytes()


def test_wisps_never_reach_the_file(opened, file):
    store = opened()
    wisp = store.create(actor="me", title="W", ephemeral=True)
    assert wisp.id.startswith("x-wisp-")
    store.fold()
    assert wisp.id.encode() not in file.read_bytes() if file.exists() else True
    assert store.list() == []
    assert ids(store.list(include_wisps=True)) == [wisp.id]
    store.apply([SetField(wisp.id, "ephemeral", False)], actor="me")
    store.fold()
    assert wisp.id.encode() in file.read_bytes()
    gone = store.create(actor="me", title="V", ephemeral=True).id
    store.apply([Delete(gone)], actor="me")
    assert store.changes(0)[1][-1] == Deleted(id=gone)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonsense", 1), ("id", "x-z"), ("labels", ["a"]), ("priority", 7), ("priority", "high"),
        ("title", ""), ("title", "y" * 501), ("title", None), ("status", ""), ("pinned", "yes"),
        ("title", "\ud800"),
    ],
)  # fmt: skip
def test_values_that_a_bead_cannot_have(opened, field, value):
    store = opened()
    bead = store.create(actor="me", title="T").id
    with pytest.raises(BadInput):
        store.apply([SetField(bead, field, value)], actor="me")


def test_state_labels_are_replaced(opened):
    store = opened()
    bead = store.create(actor="me", title="T", labels=["run:1", "run:2", "runner"]).id
    store.apply([SetState(bead, "run", "3")], actor="me")
    assert store.get(bead).labels == ("run:3", "runner")
    assert store.get(bead).label("run") == "3"
    store.apply([SetState(bead, "run")], actor="me")
    assert store.get(bead).labels == ("runner",)


def test_partial_ids(opened):
    store = opened(
        b'{"id":"x-abc1","title":"1"}\n{"id":"x-abd","title":"2"}\n{"id":"x-abc1.1","title":"3"}\n'
    )
    assert store.find("abc") == "x-abc1"
    assert store.find("x-abc1.1") == "x-abc1.1"
    with pytest.raises(BadInput, match="x-abc1, x-abd"):
        store.find("ab")
    with pytest.raises(NotFound):
        store.find("zzz")
    for hostile in ("", "--all", "a/../b", "x-%"):
        with pytest.raises(BadInput):
            store.find(hostile)


def test_history_tells_who_did_what(opened):
    store = opened()
    bead = store.create(actor="me", title="T").id
    store.apply([AddLabel(bead, "l")], actor="you")
    assert [(e.actor, type(e.operation).__name__) for e in store.history(bead)] == [
        ("me", "Create"),
        ("you", "AddLabel"),
    ]


def test_times_never_run_backwards(opened):
    moments = iter([NOW, NOW, NOW.replace(year=2020)])
    store = opened(clock=lambda: next(moments, NOW.replace(year=2020)))
    bead = store.create(actor="me", title="T")
    later = store.apply([AddLabel(bead.id, "l")], actor="me").beads[0]
    assert instant(later.updated_at) > instant(bead.updated_at)


def test_threads_share_a_store(opened):
    store = opened()
    bead = store.create(actor="me", title="T").id
    threads = [
        threading.Thread(target=lambda n=n: store.apply([AddLabel(bead, f"l{n}")], actor="me"))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.get(bead).labels) == 16


def test_a_second_process_view_sees_writes_at_once(opened):
    one, two = opened(), opened()
    bead = one.create(actor="me", title="T").id
    assert two.get(bead).title == "T"


def test_deleted_store_is_rebuilt_from_the_file(beads_dir, opened):
    store = opened()
    bead = store.create(actor="me", title="T").id
    store.fold()
    seen = store.last_change
    store.close()
    for path in (beads_dir / ".gastown").glob("store.db*"):
        path.unlink()
    again = opened()
    assert again.get(bead).title == "T"
    with pytest.raises(TooFarBehind):
        again.changes(seen)
    assert len(again.changes(0)[1]) == 1


@pytest.mark.parametrize("damage", [b"not a database" * 1000, None], ids=["foreign", "torn"])
def test_damaged_store_is_one_clear_line(beads_dir, opened, damage):
    store = init_store(beads_dir, "x")
    store.apply([Create({"title": f"T{number}"}) for number in range(300)], actor="me")
    store.close()
    path = beads_dir / ".gastown" / "store.db"
    if damage is None:
        content = bytearray(path.read_bytes())
        content[4096:-4096] = b"\xff" * (len(content) - 8192)
        damage = bytes(content)
    path.write_bytes(damage)
    with pytest.raises(Damaged, match=r"rebuilt from issues\.jsonl") as caught:
        opened().list()
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == damage


def test_store_of_a_newer_version_is_left_alone(beads_dir):
    init_store(beads_dir, "x").close()
    connection = sqlite3.connect(beads_dir / ".gastown" / "store.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Damaged, match="newer"):
        open_store(beads_dir)


def test_dolt_directories_are_never_written_as_files(beads_dir, monkeypatch):
    monkeypatch.setenv("PATH", str(beads_dir))
    (beads_dir / "metadata.json").write_text('{"backend":"dolt"}')
    with pytest.raises(Unavailable, match="kept by bd"):
        open_store(beads_dir)
    with pytest.raises(BadInput, match="Dolt"):
        init_store(beads_dir, "x")
    (beads_dir / "metadata.json").write_text('{"backend":"sqlite"}')
    (beads_dir / "embeddeddolt" / "db").mkdir(parents=True)
    with pytest.raises(Unavailable, match="kept by bd"):
        open_store(beads_dir)
    assert not (beads_dir / ".gastown").exists()
    assert not (beads_dir / "issues.jsonl").exists()


def test_redirect_is_followed_once(beads_dir, tmp_path, opened):
    bead = opened().create(actor="me", title="T").id
    sandbox = tmp_path / "sandbox" / ".beads"
    sandbox.mkdir(parents=True)
    (sandbox / "redirect").write_text("# to the rig\n../project/.beads\n")
    store = open_store(sandbox)
    assert store.get(bead).title == "T"
    store.close()
    (sandbox / "redirect").write_text("../nowhere\n")
    with pytest.raises(NotFound):
        open_store(sandbox)


def test_prefix_comes_from_configuration_or_the_file(beads_dir):
    (beads_dir / "issues.jsonl").write_bytes(b'{"id":"my-app-wisp-1a2","title":"1"}\n')
    store = open_store(beads_dir)
    assert store.prefix == "my-app"
    store.close()
    shutil.rmtree(beads_dir / ".gastown")
    (beads_dir / "config.yaml").write_text('# c\nissue-prefix: "other"\n')
    store = open_store(beads_dir)
    assert store.prefix == "other"
    store.close()


def test_git_never_sees_the_store(beads_dir):
    init_store(beads_dir, "x").close()
    assert (beads_dir / ".gastown" / ".gitignore").read_text() == "*\n"
    with pytest.raises(Conflict):
        init_store(beads_dir, "x")


def test_a_part_of_an_id_means_work(opened):
    store = opened(
        b'{"id":"x-li7","title":"1","issue_type":"merge-request"}\n'
        b'{"id":"x-mol-li8","title":"2","issue_type":"molecule"}\n'
        b'{"id":"x-mr-b12","title":"3","issue_type":"merge-request"}\n'
    )
    assert store.find("li") == "x-mol-li8"
    assert store.find("li7") == "x-li7"
    with pytest.raises(NotFound):
        store.find("x-mr")
    assert store.find("mr-b", issue_type="merge-request") == "x-mr-b12"
    assert store.find("li", issue_type="merge-request") == "x-li7"


def test_a_thousand_beads_of_one_title_get_ids_of_their_own(opened):
    store = opened()
    made = store.apply([Create({"title": "step"}) for _ in range(1000)], actor="me").ids
    assert len(set(made)) == 1000


def test_numbers_of_children_do_not_cost_more_with_every_child(opened):
    store = opened(b'{"id":"x-a","title":"1"}\n{"id":"x-a.41.7","title":"2"}\n')
    assert store.create(actor="me", title="c", parent="x-a").id == "x-a.1"
    steps = []
    store._core.database._connection.set_progress_handler(lambda: steps.append(1), 100)
    counts = []
    for _ in range(8):
        steps.clear()
        store.apply([Create({"title": "c"}, parent="x-a") for _ in range(100)], actor="me")
        counts.append(len(steps))
    assert counts[-1] < 2 * counts[0]
    assert store.get("x-a.801").title == "c"


def test_what_was_put_off_can_be_claimed_when_its_date_has_passed(opened):
    now = [NOW]
    store = opened(clock=lambda: now[0])
    bead, classic = (
        store.create(actor="a", title="t", status="deferred", defer_until="2026-05-02T00:00:00Z").id
        for _ in range(2)
    )
    with pytest.raises(Conflict, match="deferred"):
        store.apply([Claim(bead, "a")], actor="a")
    assert store.ready_ids(NOW) == []
    now[0] = NOW.replace(day=3)
    assert set(store.ready_ids(now[0])) == {bead, classic}
    store.apply([Require(bead, status="open"), Claim(bead, "a")], actor="a")
    assert (store.get(bead).status, store.get(bead).defer_until) == ("in_progress", "")
    (store.beads_dir / "config.yaml").write_text("ready-rules: classic\n")
    opened()
    assert store.wake(now[0]) == []
    with pytest.raises(Conflict, match="deferred"):
        store.apply([Claim(classic, "a")], actor="a")


@pytest.mark.parametrize("told_by", ["town", "routes"])
def test_an_edge_may_lead_to_a_directory_whose_prefix_is_longer(tmp_path, told_by):
    for rig, prefix in (("al", "al"), ("albe", "al-be")):
        folder = tmp_path / rig
        init_store(folder / ".beads", prefix).close()
        if told_by == "town":
            (folder / "rig.toml").write_text(f'prefix = "{prefix}"\n')
    if told_by == "town":
        (tmp_path / "town.toml").touch()
    else:
        line = '{"prefix":"al-be-","path":"deps/albe"}\n'
        (tmp_path / "al" / ".beads" / "routes.jsonl").write_text(line)
    store = open_store(tmp_path / "al" / ".beads")
    here, gone = store.create(title="a", actor="me").id, store.create(title="b", actor="me").id
    store.apply([AddDependency(here, "al-be-y")], actor="me")
    assert [edge.depends_on_id for edge in store.get(here).dependencies] == ["al-be-y"]
    now = datetime.now(UTC)
    assert examine(store, now).is_clean
    known = Town(prefixes=frozenset({"al-be"}))
    assert [found.kind for found in examine(store, now, known).findings] == ["dangling"]
    store.apply([Delete(gone)], actor="me")
    for missing in ("al-nope", "al-bex-y", gone):
        with pytest.raises(NotFound):
            store.apply([AddDependency(here, missing)], actor="me")
    store.close()
