"""What other programs write into a file in use is merged by the rules of every merge."""

from __future__ import annotations

import json

from gastown_tui.domain.bead import instant
from gastown_tui.domain.operations import AddComment, AppendNote, SetField

OLD, NEW = "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z"


def rows(file):
    return {row["id"]: row for row in map(json.loads, file.read_bytes().splitlines())}


def rewrite(file, *fresh, **changes):
    """Write the file as another program: its own keys, and only what it knows of others."""
    found = {**rows(file), **{row["id"]: row for row in fresh}}
    for bead, fields in changes.items():
        row = found[bead.replace("_", "-")]
        row |= fields
        row.pop("zz", None)
    file.write_text("".join(json.dumps(row) + "\n" for row in found.values()))


START = json.dumps(
    {"id": "x-a", "title": "A", "notes": "n", "zz": {"k": 1}, "created_at": OLD, "updated_at": OLD}
).encode()


def test_edits_of_both_and_keys_that_the_other_program_drops(opened, file):
    store = opened(START + b"\n")
    store.apply([SetField("x-a", "title", "ours"), AppendNote("x-a", "ours")], actor="t")
    rewrite(file, x_a={"title": "theirs", "notes": "n\ntheirs", "updated_at": NEW})
    store.fold()
    found = rows(file)["x-a"]
    assert (found["title"], found["zz"], found["notes"]) == ("theirs", {"k": 1}, "n\nours\ntheirs")
    assert instant(found["updated_at"]) > instant(NEW)
    [comment] = found["comments"]
    assert comment["text"] == "Merged: title was also set to: ours"
    before = file.read_bytes()
    assert not store.fold().written
    assert file.read_bytes() == before


def test_an_id_given_twice_stays_with_the_bead_of_the_store(opened, file):
    store = opened(START + b"\n")
    made = store.create(actor="t", title="ours", parent="x-a")
    other = {
        "id": made.id,
        "title": "theirs",
        "created_at": OLD,
        "updated_at": OLD,
        "created_by": "b",
    }
    edge = {"issue_id": "x-b", "depends_on_id": made.id, "type": "blocks"}
    rewrite(file, other, {"id": "x-b", "title": "B", "dependencies": [edge]})
    changed = store.absorb().changed
    assert store.get(made.id).title == "ours"
    [moved] = [store.get(bead) for bead in changed if store.get(bead).title == "theirs"]
    assert store.get("x-b").dependencies[0].depends_on_id == moved.id
    store.fold()
    assert {bead: row["title"] for bead, row in rows(file).items()} == {
        "x-a": "A", "x-b": "B", made.id: "ours", moved.id: "theirs",
    }  # fmt: skip
    rewrite(file, x_b={"title": "again", "updated_at": NEW})
    assert store.absorb().changed == ("x-b",)


def test_comments_that_both_number_alike(opened, file):
    store = opened(START + b"\n")
    store.apply([AddComment("x-a", "ours")], actor="t")
    said = {"id": 1, "issue_id": "x-b", "author": "b", "text": "theirs", "created_at": OLD}
    rewrite(file, {"id": "x-b", "title": "B", "comments": [said], "updated_at": OLD})
    store.fold()
    assert sorted(c["id"] for row in rows(file).values() for c in row.get("comments", ())) == [1, 2]
    store.apply([AddComment("x-b", "more")], actor="t")
    assert store.get("x-b").comments[-1].id == 3
