"""What other programs write into a file in use is merged by the rules of every merge."""

from __future__ import annotations

import json

from gastown_tui.domain.bead import instant
from gastown_tui.domain.operations import (
    AddComment,
    AddLabel,
    AppendNote,
    Close,
    RemoveLabel,
    SetField,
)

OLD, MID = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
NEW = "2036-01-01T00:00:00Z"


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


def test_what_the_file_said_before_is_nobodys_edit(opened, file):
    """As a stash, a reset or another branch puts it back, with a writer that has gone on."""
    store = opened(START + b"\n")
    images = []
    for n in range(4):
        store.fold(force=True)
        images.append(file.read_bytes())
        store.apply([AddLabel("x-a", f"l{n}"), AddComment("x-a", f"c{n}")], actor="t")
    store.apply([RemoveLabel("x-a", "l0"), SetField("x-a", "title", "B"), Close("x-a")], actor="t")
    for image in (*images, images[0], *images[1:]):
        file.write_bytes(image)
        store.absorb()
    store.fold()
    for image in images:
        file.write_bytes(image)
        store.fold()
        bead = store.get("x-a")
        assert (bead.status, bead.title, bead.labels) == ("closed", "B", ("l1", "l2", "l3"))
        assert [c.text for c in bead.comments] == ["c0", "c1", "c2", "c3"]
    assert rows(file)["x-a"]["status"] == "closed"


def test_an_edit_that_was_undone_by_hand_is_undone(opened, file):
    store = opened(START + b"\n")
    rewrite(file, x_a={"title": "wrong"})
    store.fold()
    file.write_bytes(START + b"\n")
    store.fold()
    assert store.get("x-a").title == "A"


def test_an_old_line_of_somebody_else_adds_what_it_says(opened, file):
    """From a branch that went its own way: its words are kept, it turns nothing back."""
    store = opened(START + b"\n")
    fields = {"labels": ["theirs", "phase:one"], "status": "in_progress", "assignee": "them"}
    store.apply([SetField("x-a", "title", "ours"), AddLabel("x-a", "phase:two")], actor="t")
    store.apply([Close("x-a")], actor="t")
    store.fold()
    row = json.loads(START) | fields | {"title": "theirs", "updated_at": MID}
    file.write_text(json.dumps(row) + "\n")
    store.fold()
    found = rows(file)["x-a"]
    assert (found["status"], found["title"]) == ("closed", "ours")
    assert "assignee" not in found
    assert found["labels"] == ["phase:two", "theirs"]
    assert [c["text"] for c in found["comments"]] == ["Merged: title was also set to: theirs"]
    before = file.read_bytes()
    assert not store.fold().written
    assert file.read_bytes() == before


def test_edits_of_others_are_told_once_whoever_took_them_in(opened, file):
    store = opened(START + b"\n")
    assert store.outside_edits() == []
    store.apply([SetField("x-a", "notes", "ours")], actor="t")
    store.fold()
    same = store.create(actor="t", title="same").id
    store.fold()
    rewrite(file, {"id": "x-b", "title": "B"}, x_a={"title": "theirs", "updated_at": NEW})
    assert f'"id": "{same}"' in file.read_text()  # written in another way, and not edited
    opened().close()
    found = dict(store.outside_edits())
    assert set(found) == {"x-a", "x-b"}
    assert {"title", "updated_at"} <= set(found["x-a"])
    assert found["x-b"] == ()
    assert store.outside_edits() == opened().outside_edits() == []
    rewrite(file, x_a={"priority": 0, "updated_at": "2037-01-01T00:00:00Z"})
    store.absorb()
    assert "priority" in dict(opened().outside_edits())["x-a"]  # another process, later
