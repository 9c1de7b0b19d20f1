"""Real damaged files: after a repair nothing is lost, and one edit changes one line in one place."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gastown_tui.adapters.store import doctor, open_store
from gastown_tui.domain.operations import AddComment, SetField

DATA = Path(__file__).parents[4] / "shared" / "data" / "beads"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
KINDS = ["BAD_LINE", "CONFLICT_MARKERS", "DUP_IDS"]


@pytest.fixture(params=KINDS)
def repaired(request, tmp_path):
    """The damaged bytes, and a store whose file is repaired."""
    found = sorted(DATA.glob(f"*{request.param}*"))
    if not found:
        pytest.skip(f"no bead files in {DATA}")
    data = found[0].read_bytes()
    beads = tmp_path / ".beads"
    beads.mkdir()
    (beads / "issues.jsonl").write_bytes(data)
    store = open_store(beads, clock=lambda: NOW)
    assert store.problems
    doctor.repair(store, NOW)
    yield data, store, beads / "issues.jsonl"
    store.close()


def whole_rows(data):
    rows = []
    for line in data.splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in rows if isinstance(row, dict) and row.get("id")]


def every_word(value):
    """The words of all texts in a value."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        return set().union(*(every_word(one) for one in value))
    return set(re.findall(r"\w+", value)) if isinstance(value, str) else set()


def facts(row):
    """What a row says that a merge never lets go: words of texts, labels, edges, comments."""
    words = set()
    for key in ("title", "description", "design", "acceptance_criteria", "notes", "close_reason"):
        words |= every_word(row.get(key))
    edges = {(e["depends_on_id"], e["type"]) for e in row.get("dependencies") or ()}
    said = {c["text"] for c in row.get("comments") or ()}
    return words, set(row.get("labels") or ()) | edges | said


def test_nothing_of_a_whole_line_is_lost(repaired):
    data, store, file = repaired
    assert store.problems == ()
    rows = {row["id"]: row for row in map(json.loads, file.read_bytes().splitlines())}
    moved = {
        old.group(1): row["id"]
        for row in rows.values() for comment in row.get("comments") or ()
        if (old := re.match(r"Merged: this was (\S+),", comment["text"]))
    }  # fmt: skip
    before = whole_rows(data)
    assert len(before) > 100
    for row in before:
        words, others = facts(row)
        kept = [rows[one] for one in (row["id"], moved.get(row["id"])) if one in rows]
        assert words <= set().union(*(every_word(one) for one in kept))
        found = set().union(*(facts(one)[1] for one in kept))
        for one in others - found:
            target, kind = one
            assert (moved[target], kind) in found, "an edge to a bead that got another id follows"


def test_what_stood_alone_is_as_it_was(repaired):
    """But for the time of closing of beads that are open, which the repair names."""
    data, _, file = repaired
    rows = {row["id"]: row for row in map(json.loads, file.read_bytes().splitlines())}
    before = whole_rows(data)
    times = Counter(row["id"] for row in before)
    alone = [row for row in before if times[row["id"]] == 1]
    same = [row for row in alone if rows[row["id"]] == row]
    assert len(same) > 0.7 * len(alone)
    for row in alone:
        if rows[row["id"]] != row:
            differs = {
                key for key in {*row, *rows[row["id"]]} if row.get(key) != rows[row["id"]].get(key)
            }
            assert differs <= {"closed_at", "updated_at", "dependencies"}, row["id"]


def test_one_edit_changes_one_line_in_one_place(repaired):
    _, store, file = repaired
    before = file.read_bytes().splitlines(keepends=True)
    bead = json.loads(before[len(before) // 2])["id"]
    store.apply([SetField(bead, "title", "edited")], actor="t")
    store.fold()
    after = file.read_bytes().splitlines(keepends=True)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    old, new = (json.loads(line) for line in changed[0])
    assert [*new] == [*old], "keys keep their order"
    assert {key for key in new if new[key] != old[key]} == {"title", "updated_at"}
    store.apply([AddComment(bead, "said")], actor="t")
    store.fold()
    assert len(file.read_bytes().splitlines()) == len(before)
    assert store.get(bead).comments[-1].text == "said"


def test_a_repaired_file_opens_elsewhere_without_a_word(repaired, tmp_path):
    _, _, file = repaired
    beads = tmp_path / "elsewhere" / ".beads"
    beads.mkdir(parents=True)
    (beads / "issues.jsonl").write_bytes(file.read_bytes())
    store = open_store(beads)
    assert store.problems == ()
    store.fold(force=True)
    assert (beads / "issues.jsonl").read_bytes() == file.read_bytes()
    store.close()
