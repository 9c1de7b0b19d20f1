"""Ready and blocked, kept with every write, are what working them out anew says."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.bead import instant
from gastown_tui.domain.errors import BadInput, UserError
from gastown_tui.domain.operations import (
    AddDependency,
    AddLabel,
    Close,
    Create,
    Delete,
    RemoveDependency,
    Reopen,
    SetField,
)
from gastown_tui.domain.ready import (
    CLASSIC,
    CURRENT,
    GASTOWN,
    Node,
    blocked,
    edge_of,
    is_failure,
    ready,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
bead = st.sampled_from([f"x-b{n}" for n in range(6)])
kind = st.sampled_from(["blocks", "parent-child", "conditional-blocks", "waits-for", "related"])
detail = st.sampled_from(
    ["", '{"gate":"any-children"}', '{"gate":"any-children","spawner_id":"x-b1"}', "[", "[]"]
)
status = st.sampled_from(["open", "in_progress", "pinned", "closed", "hooked", "qa", "deferred"])
date = st.sampled_from(["", "2026-05-01T00:00:00Z", "2026-06-01T12:00:00Z"])
operation = st.one_of(
    st.builds(
        lambda b, s, d, w: Create(
            {"id": b, "title": "t", "status": s, "defer_until": d, "ephemeral": w}
        ),
        bead, status, date, st.sampled_from([False, False, True]),
    ),
    st.builds(lambda b, p: Create({"id": b, "title": "t"}, parent=p), bead, bead),
    st.builds(lambda b, s: SetField(b, "status", s), bead, status),
    st.builds(lambda b, d: SetField(b, "defer_until", d), bead, date),
    st.builds(AddDependency, bead, bead, kind, detail),
    st.builds(AddDependency, bead, st.just("external:a:b")),
    st.builds(RemoveDependency, bead, bead),
    st.builds(Close, bead, st.sampled_from(["Closed", "it FAILED"])),
    st.builds(Reopen, bead),
    st.builds(Delete, bead),
    st.builds(AddLabel, bead, st.just("l")),
)  # fmt: skip


def everything(store):
    """All beads and edges, tombstones too, straight from the lines."""
    everyone = store.list(status=tuple(_ALL), include_wisps=True)
    nodes = {
        b.id: Node(
            b.id, b.status, b.issue_type, b.priority, instant(b.created_at),
            instant(b.defer_until), b.pinned or b.is_template or b.ephemeral,
            is_failure(b.close_reason),
        )
        for b in everyone
    }  # fmt: skip
    return nodes, [edge_of(b.id, e) for b in everyone for e in b.dependencies]


_ALL = ("open", "in_progress", "pinned", "closed", "hooked", "qa", "deferred", "blocked")


@pytest.mark.parametrize("rules", [GASTOWN, CLASSIC, CURRENT], ids=lambda one: one.name)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(operation, min_size=1, max_size=2), min_size=10, max_size=40))
def test_after_every_write(rules, history):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        beads_dir = Path(folder) / ".beads"
        clock = iter(NOW - timedelta(days=30) + timedelta(seconds=n) for n in range(10_000))
        init_store(beads_dir, "x").close()
        with (beads_dir / "config.yaml").open("a") as config:
            config.write(f"ready-rules: {rules.name}\n")
        store = open_store(beads_dir, clock=lambda: next(clock))
        try:
            assert store.rules == rules
            store.apply([Create({"id": f"x-b{n}", "title": "t"}) for n in range(5)], actor="me")
            for operations in [[], *history]:
                try:
                    store.apply(operations, actor="me")
                except UserError:
                    continue
                graph = everything(store)
                held = blocked(*graph, rules)
                assert {b: set(store.blockers(b)) for b in graph[0]} == {
                    b: set(held.get(b, ())) for b in graph[0]
                }
                for when in (NOW, NOW + timedelta(days=1)):
                    wanted = ready(*graph, when.timestamp(), rules)
                    assert store.ready_ids(when) == wanted
                    assert [b.id for b in store.ready(when, limit=2)] == wanted[:2]
                    for other in (CLASSIC, CURRENT):
                        asked = ready(*graph, when.timestamp(), other)
                        assert store.ready_ids(when, rules=other) == asked
        finally:
            store.close()


def rows(*beads):
    """Lines of a file of (id, status, {target: type}) and what else is said of a bead."""
    lines = []
    for name, state, edges, *more in beads:
        deps = [{"issue_id": name, "depends_on_id": t, "type": k} for t, k in edges.items()]
        row = {"id": name, "title": name, "status": state, "dependencies": deps}
        lines.append(json.dumps({**row, **(more[0] if more else {})}))
    return ("\n".join(lines) + "\n").encode()


def test_a_circle_of_parents_in_a_foreign_file_is_released_with_its_reason(opened):
    store = opened(
        rows(
            ("x-a", "open", {"x-b": "parent-child", "x-c": "blocks"}),
            ("x-b", "open", {"x-a": "parent-child"}),
            ("x-c", "open", {}),
        )
    )
    assert store.ready_ids(NOW) == ["x-c"]
    store.apply([Close("x-c")], actor="me")
    assert set(store.ready_ids(NOW)) == {"x-a", "x-b"}


@pytest.mark.parametrize("gone", [RemoveDependency("x-c", "x-s"), Delete("x-c")])
def test_who_waits_for_children_is_released_by_the_last_one_that_goes(opened, gone):
    store = opened(rows(("x-s", "open", {}), ("x-w", "open", {"x-s": "waits-for"})))
    edges = [{"depends_on_id": "x-s", "type": "parent-child"}]
    child = {"id": "x-c", "title": "c", "dependencies": edges, "ephemeral": True}
    store.apply([Create(child)], actor="me")
    assert store.blockers("x-w") == ["x-c"]
    store.apply([gone], actor="me")
    assert store.blockers("x-w") == []
    assert "x-w" in store.ready_ids(NOW)


def test_many_beads_at_once_are_worked_out_together(opened):
    store = opened(rows(("x-0", "open", {})))
    store.apply(
        [Create({"title": "t", "dependencies": [{"depends_on_id": "x-0"}]}) for _ in range(2100)],
        actor="me",
    )
    assert store.ready_ids(NOW) == ["x-0"]
    store.apply([Close("x-0")], actor="me")
    assert len(store.ready_ids(NOW)) == 2100


def test_other_rules_move_what_is_blocked(beads_dir, opened):
    store = opened(
        rows(
            ("x-a", "closed", {}),
            ("x-b", "open", {"x-a": "conditional-blocks"}),
            ("x-c", "qa", {}),
            ("x-d", "open", {"x-c": "blocks"}),
        )
    )
    assert store.ready_ids(NOW) == []
    assert store.ready_ids(NOW, rules=CURRENT) == ["x-b"]
    for name, wanted in (("current", ["x-b"]), ("classic", ["x-d"]), ("gastown", [])):
        (beads_dir / "config.yaml").write_text(f"ready-rules: {name}\n")
        opened()
        assert store.ready_ids(NOW) == wanted
    (beads_dir / "config.yaml").write_text("ready-rules: bd\n")
    with pytest.raises(BadInput, match="classic"):
        opened()


def test_a_store_of_the_first_version_is_brought_up_to_date(beads_dir, opened):
    spawned = {
        "dependencies": [
            {"issue_id": "x-w", "depends_on_id": "x-c", "type": "waits-for",
             "metadata": '{"spawner_id":"x-a"}'}
        ]
    }  # fmt: skip
    store = opened(
        rows(
            ("x-a", "open", {"x-c": "blocks"}),
            ("x-a.7", "open", {"x-a": "parent-child"}),
            ("x-c", "open", {}),
            ("x-w", "open", {}, spawned),
        )
    )
    store.close()
    raw = sqlite3.connect(beads_dir / ".gastown" / "store.db", isolation_level=None)
    for statement in (
        "DROP INDEX bead_ready", "DROP INDEX bead_deferred", "DROP INDEX edge_spawner",
        "ALTER TABLE bead DROP COLUMN blocked", "ALTER TABLE edge DROP COLUMN spawner",
        "DROP TABLE child", "DROP TABLE past", "PRAGMA user_version = 1",
    ):  # fmt: skip
        raw.execute(statement)
    raw.close()
    again = opened()
    assert again.blocked() == {"x-a": ["x-c"], "x-a.7": ["x-a"]}
    assert set(again.ready_ids(NOW)) == {"x-c", "x-w"}
    assert "x-w" not in again.ready_ids(NOW, rules=CLASSIC)
    assert again.create(actor="me", title="next", parent="x-a").id == "x-a.8"
