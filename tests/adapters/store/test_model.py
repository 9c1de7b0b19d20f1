"""Random histories against a model that knows nothing of files or SQL."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.bead import Bead, instant, to_row
from gastown_tui.domain.errors import UserError
from gastown_tui.domain.operations import (
    AddComment,
    AddDependency,
    AddLabel,
    AppendNote,
    Claim,
    Close,
    Create,
    Delete,
    RemoveDependency,
    RemoveLabel,
    Reopen,
    SetField,
    SetState,
)
from gastown_tui.domain.ready import DONE, HIDDEN_TYPES, is_failure

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEADS = [f"x-b{n}" for n in range(6)]
text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
bead = st.sampled_from(BEADS)
label = st.sampled_from(["a", "b", "run:1", "run:2", "<&>"])
kind = st.sampled_from(["blocks", "parent-child", "related", "conditional-blocks", "waits-for"])
gate = st.sampled_from(["", '{"gate":"any-children"}'])
operation = st.one_of(
    st.builds(
        lambda b, t: Create({"id": b, "title": t, "priority": len(t) % 5}),
        bead,
        text.filter(str.strip),
    ),
    st.builds(lambda b, t: SetField(b, "description", t), bead, text),
    st.builds(lambda b, p: SetField(b, "priority", p), bead, st.integers(0, 4)),
    st.builds(
        lambda b, s: SetField(b, "status", s),
        bead,
        st.sampled_from(["open", "in_progress", "pinned", "closed"]),
    ),
    st.builds(
        lambda b, d: SetField(b, "defer_until", d),
        bead,
        st.sampled_from(["", "2026-05-01T00:00:00Z", "2027-01-01T00:00:00+02:00"]),
    ),
    st.builds(AddLabel, bead, label),
    st.builds(RemoveLabel, bead, label),
    st.builds(SetState, bead, st.just("run"), st.sampled_from(["1", "2", None])),
    st.builds(AppendNote, bead, text),
    st.builds(AddComment, bead, text.filter(str.strip)),
    st.builds(AddDependency, bead, bead, kind, gate),
    st.builds(RemoveDependency, bead, bead),
    st.builds(Close, bead, st.sampled_from(["Closed", "it FAILED"])),
    st.builds(Reopen, bead),
    st.builds(Claim, bead, st.sampled_from(["w1", "w2"])),
    st.builds(Delete, bead),
)


def model_ready(beads: list[Bead]) -> set[str]:
    """Readiness worked out from the rules' text, bead by bead, without indexes."""
    known = {one.id: one for one in beads}

    def children(parent):
        return [
            c
            for c in beads
            for e in c.dependencies
            if e.type == "parent-child" and e.depends_on_id == parent
        ]

    def held(one, seen=()):
        if one.status in DONE or one.id in seen:
            return False
        for edge in one.dependencies:
            target = known.get(edge.depends_on_id)
            if edge.type == "blocks" and target and target.status not in DONE:
                return True
            if edge.type == "conditional-blocks" and target:
                failed = target.status == "closed" and is_failure(target.close_reason)
                if target.status == "closed" and not failed:
                    return True
                if target.status not in DONE:
                    return True
            if edge.type == "waits-for":
                states = [c.status in DONE for c in children(edge.depends_on_id)]
                if not all(states) and not ("any-children" in edge.metadata and any(states)):
                    return True
            if edge.type == "parent-child" and target and held(target, (*seen, one.id)):
                return True
        return False

    def asleep(one):
        parents = [known.get(e.depends_on_id) for e in one.dependencies if e.type == "parent-child"]
        return any(p and instant(p.defer_until) > NOW.timestamp() for p in [one, *parents])

    return {
        one.id
        for one in beads
        if one.status == "open"
        and one.issue_type not in HIDDEN_TYPES
        and not held(one)
        and not asleep(one)
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(operation, min_size=1, max_size=4), st.booleans()), max_size=25))
def test_folded_and_reopened_equals_what_was_done(history):
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as folder:
        beads_dir = Path(folder) / ".beads"
        clock = iter(NOW - timedelta(days=30) + timedelta(seconds=n) for n in range(10_000))
        store = init_store(beads_dir, "x", clock=lambda: next(clock))
        model: dict[str, dict] = {}
        try:
            for operations, fold in history:
                try:
                    applied = store.apply(operations, actor="me")
                except UserError:
                    continue
                model.update({one.id: to_row(one) for one in applied.beads})
                if fold:
                    store.fold()
            live = {b.id: to_row(b) for b in store.list(include_closed=True)}
            assert live == {k: v for k, v in model.items() if v["status"] != "tombstone"}
            assert {b.id for b in store.ready(NOW)} == model_ready(store.list(include_closed=True))
            store.fold()
            store.close()
            rows = [
                json.loads(line) for line in (beads_dir / "issues.jsonl").read_bytes().splitlines()
            ]
            assert {row["id"]: row for row in rows} == model
            for path in (beads_dir / ".gastown").glob("store.db*"):
                path.unlink()
            store = open_store(beads_dir)
            assert {b.id: to_row(b) for b in store.list(include_closed=True)} == live
        finally:
            store.close()
