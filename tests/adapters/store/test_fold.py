"""The file against other writers."""

from __future__ import annotations

import json
import os

import pytest

from gastown_tui.adapters.store import files
from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.operations import AddComment, AddLabel, AppendNote, Delete, SetField

T = "2026-01-01T00:00:00Z"


def line(bead, **fields):
    return json.dumps(
        {"id": bead, **fields, "updated_at": fields.get("updated_at", T)}, separators=(",", ":")
    )


def content(*lines):
    return ("\n".join(lines) + "\n").encode()


def rows(file):
    return {row["id"]: row for row in map(json.loads, file.read_bytes().splitlines())}


def replace(file, data):
    """As `br` and `git` do: a new file under the old name."""
    beside = file.with_name("issues.jsonl.tmp")
    beside.write_bytes(data)
    beside.replace(file)


START = content(line("x-a", title="A", notes="n"), line("x-b", title="B"), line("x-c", title="C"))


def test_outside_edits_are_merged_per_field(opened, file):
    store = opened(START)
    store.apply([SetField("x-a", "priority", 0), AddLabel("x-a", "ours")], actor="me")
    edited = line("x-a", title="A outside", notes="n", labels=["theirs"], other={"z": 1})
    replace(
        file,
        content(edited, line("x-b", title="B"), line("x-c", title="C"), line("x-d", title="D")),
    )
    assert store.absorb().changed == ("x-a", "x-d")
    bead = store.get("x-a")
    assert (bead.title, bead.priority, bead.labels) == ("A outside", 0, ("ours", "theirs"))
    store.fold()
    assert rows(file)["x-a"]["other"] == {"z": 1}
    assert rows(file)["x-d"]["title"] == "D"
    assert store.absorb().changed == ()


def test_both_add_to_notes_and_comments(opened, file):
    store = opened(START)
    store.apply([AppendNote("x-a", "ours"), AddComment("x-a", "ours")], actor="me")
    theirs = [{"id": 1, "issue_id": "x-a", "author": "y", "text": "theirs", "created_at": T}]
    replace(file, content(line("x-a", title="A", notes="n\ntheirs", comments=theirs)))
    store.fold()
    row = rows(file)["x-a"]
    assert sorted(row["notes"].split()) == ["n", "ours", "theirs"]
    assert sorted((c["text"], c["id"]) for c in row["comments"]) == [("ours", 2), ("theirs", 1)]


def test_a_missing_line_is_put_back_and_a_tombstone_stays(opened, file):
    store = opened(START)
    store.apply([Delete("x-b")], actor="me")
    store.fold()
    replace(file, content(line("x-b", title="B"), line("x-c", title="C")))
    result = store.fold()
    assert result.absorbed.put_back == 1
    assert set(rows(file)) == {"x-a", "x-b", "x-c"}
    assert rows(file)["x-b"]["status"] == "tombstone"


def test_a_removed_file_is_written_again(opened, file):
    store = opened(START)
    file.unlink()
    assert store.fold().written
    assert file.read_bytes() == START


def test_a_writer_between_look_and_exchange_survives(opened, file, monkeypatch):
    store = opened(START)
    store.apply([SetField("x-a", "title", "A ours")], actor="me")
    exchange, calls = files.exchange, []

    def late(one, two):
        calls.append(one)
        if len(calls) < 3:
            now = rows(file)
            now[f"x-new{len(calls)}"] = {"id": f"x-new{len(calls)}", "title": "late"}
            now["x-c"]["title"] = f"C late {len(calls)}"
            replace(
                file, content(*(json.dumps(row, separators=(",", ":")) for row in now.values()))
            )
        exchange(one, two)

    monkeypatch.setattr(files, "exchange", late)
    result = store.fold()
    assert set(result.absorbed.changed) == {"x-c", "x-new1", "x-new2"}
    found = rows(file)
    assert (found["x-a"]["title"], found["x-c"]["title"]) == ("A ours", "C late 2")
    assert {"x-new1", "x-new2", "x-b"} <= set(found)


def test_a_damaged_file_that_came_out_is_put_back(opened, file, monkeypatch, beads_dir):
    store = opened(START)
    store.apply([SetField("x-a", "title", "A ours")], actor="me")
    exchange = files.exchange
    conflicted = START + b"<<<<<<< HEAD\n"

    def late(one, two):
        monkeypatch.setattr(files, "exchange", exchange)
        replace(file, conflicted)
        exchange(one, two)

    monkeypatch.setattr(files, "exchange", late)
    with pytest.raises(Damaged, match="conflict marker"):
        store.fold()
    assert file.read_bytes() == conflicted
    assert store.get("x-a").title == "A ours"
    assert not (beads_dir / ".gastown" / "image.next").exists()
    replace(file, START)
    store.fold()
    assert rows(file)["x-a"]["title"] == "A ours"


def test_without_exchange_the_file_is_replaced(opened, file, monkeypatch):
    monkeypatch.setattr(files, "_swap", lambda one, two: 38)
    store = opened(START)
    store.apply([SetField("x-a", "title", "A ours")], actor="me")
    assert store.fold().written
    assert rows(file)["x-a"]["title"] == "A ours"
    assert not store.fold().written


def test_permissions_of_the_file_stay(opened, file):
    store = opened(START)
    file.chmod(0o600)
    store.apply([AddLabel("x-a", "l")], actor="me")
    store.fold()
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_edit_in_place_within_a_tick_of_the_clock_is_seen(opened, file):
    store = opened(START)
    replace(file, START.replace(b'"B"', b'"Y"'))
    store.absorb()
    before = file.stat().st_mtime_ns
    with file.open("r+b") as stream:
        stream.seek(START.index(b'"B"') + 1)
        stream.write(b"Z")
    os.utime(file, ns=(before, before))
    store.absorb()
    assert store.get("x-b").title == "Z"


def test_what_is_written_while_folding_is_not_taken_for_folded(opened, file, monkeypatch):
    store = opened(START)
    store.apply([AddLabel("x-a", "early")], actor="me")
    exchange = files.exchange

    def late(one, two):
        monkeypatch.setattr(files, "exchange", exchange)
        exchange(one, two)
        store.apply([AddLabel("x-a", "late"), AddLabel("x-b", "late")], actor="me")

    monkeypatch.setattr(files, "exchange", late)
    assert store.fold().through < store.last_change
    assert rows(file)["x-a"]["labels"] == ["early"]
    replace(file, file.read_bytes().replace(b'"early"', b'"outside"'))
    assert store.fold().written
    assert rows(file)["x-a"]["labels"] == ["late", "outside"]
    assert rows(file)["x-b"]["labels"] == ["late"]


def test_lines_that_are_no_beads_survive_an_exchange(opened, file, monkeypatch):
    store = opened(START)
    store.apply([AddLabel("x-a", "l")], actor="me")
    memory = b'{"_type":"memory","key":"k"}\n'
    exchange = files.exchange

    def late(one, two):
        monkeypatch.setattr(files, "exchange", exchange)
        replace(file, START + memory)
        exchange(one, two)

    monkeypatch.setattr(files, "exchange", late)
    store.fold()
    assert file.read_bytes().endswith(memory)
    assert rows_of(file.read_bytes())["x-a"]["labels"] == ["l"]


def rows_of(data):
    found = map(json.loads, data.splitlines())
    return {row["id"]: row for row in found if "id" in row}


def test_fold_writes_through_a_given_change(opened, file):
    store = opened(START)
    assert not store.fold().written
    change = store.apply([AddLabel("x-a", "l")], actor="me").change
    result = store.fold()
    assert (result.written, result.through, result.beads) == (True, change, 3)
    assert set(rows(file)["x-a"]) == {"id", "title", "notes", "updated_at", "labels"}, "no more"


def test_sorted_files_stay_sorted_and_others_keep_their_order(opened, file):
    store = opened(START)
    store.create(actor="me", title="new", id="x-aa")
    store.fold()
    assert list(rows(file)) == ["x-a", "x-aa", "x-b", "x-c"]
    replace(
        file,
        content(
            line("x-c", title="C"),
            line("x-a", title="A"),
            line("x-b", title="B"),
            line("x-aa", title="n"),
        ),
    )
    store.absorb()
    store.create(actor="me", title="new", id="x-a0")
    store.fold()
    assert list(rows(file)) == ["x-c", "x-a", "x-b", "x-aa", "x-a0"]


def test_no_permission_is_one_line(opened, file, beads_dir):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    store = opened(START)
    store.apply([AddLabel("x-a", "l")], actor="me")
    beads_dir.chmod(0o500)
    with pytest.raises(Exception, match="nothing was changed"):
        store.fold()
    beads_dir.chmod(0o700)
