"""Many beads as JSON: the same as one by one, with the same few look-ups however many they are."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.adapters.store import init_store
from gastown_tui.cli import bead_output
from gastown_tui.domain.operations import AddDependency, Create, Delete


def test_rows_are_looked_up_together(tmp_path, monkeypatch):
    store = init_store(tmp_path / ".beads", "b")
    names = [f"b-{n}" for n in range(1200)]
    edges = [AddDependency(b, a) for a, b in itertools.pairwise(names)]
    parts = [AddDependency(one, "b-0", "parent-child") for one in names[600:610]]
    made = [Create({"id": one, "title": one}) for one in names]
    store.apply([*made, *edges, *parts, Delete("b-7")], actor="t")
    beads = store.list()
    asked = []
    monkeypatch.setattr(
        type(store), "lines", lambda self, ids, real=type(store).lines: asked.append(ids) or real(self, ids)
    )  # fmt: skip
    rows = bead_output.rows(store, beads)
    assert len(asked) == 1
    assert rows == [bead_output.row(store, bead) for bead in beads]
    found = {row["id"]: row for row in rows}
    assert found["b-0"]["dependent_count"] == 1, "parts are not counted"
    assert found["b-6"]["dependent_count"] == 0, "what is deleted is not"
    assert found["b-600"]["parent"] == "b-0"
    assert store.ready(datetime.now(UTC))[0].id == "b-0"
    store.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_json_is_indented_as_by_the_standard_library(value):
    assert bead_output.dump(value) == json.dumps(value, indent=2, ensure_ascii=True)
