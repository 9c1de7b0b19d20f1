"""Damage of any kind, and its repair: every whole line is read, kept, and survives later folds."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.store import doctor, open_store
from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.operations import AddLabel, SetField

DATA = Path(__file__).parents[4] / "shared" / "data" / "beads"
NOW = datetime(2060, 11, 1, tzinfo=UTC)
T = "2026-01-01T00:00:00Z"


def line(bead, **fields):
    row = {"id": bead, "title": bead, "status": "open", "created_at": T, "updated_at": T, **fields}
    return json.dumps(row, separators=(",", ":")).encode()


SOURCES = [
    [line(f"x-{n:03}", title="Ü & <b>" * (n % 3), labels=["l"] * (n % 2)) for n in range(30)],
    *(p.read_bytes().splitlines()[:60] for p in sorted(DATA.glob("*2026*.jsonl"))),
]

junk = st.binary(max_size=60).filter(lambda b: b"\n" not in b)
damage = st.one_of(
    st.tuples(st.just("cut"), st.floats(0.2, 1)),
    st.tuples(st.just("insert"), st.floats(0, 1), junk),
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(0, 255)),
    st.tuples(st.just("zeros"), st.floats(0, 1), st.integers(1, 600)),
    st.tuples(st.just("repeat"), st.floats(0, 1)),
    st.tuples(st.just("join"), st.floats(0, 1)),
    st.tuples(st.just("carriage"), st.floats(0, 1)),
    st.tuples(st.just("mark"), st.just(0)),
    st.tuples(st.just("conflict"), st.floats(0, 0.8), st.booleans()),
    st.tuples(st.just("deep"), st.floats(0, 1)),
)


def damaged(lines, what):
    """The lines after one kind of damage at a place between 0 and 1."""
    kind, where, *more = what
    at = int(where * (len(lines) - 1))
    lines = list(lines)
    if kind == "cut":
        data = b"\n".join(lines)
        return data[: int(len(data) * where)].split(b"\n")
    if kind == "insert":
        lines.insert(at, more[0])
    elif kind == "flip" and lines[at]:
        spot = int(where * 7919) % len(lines[at])
        lines[at] = (
            lines[at][:spot] + bytes([more[0] if more[0] != 10 else 0]) + lines[at][spot + 1 :]
        )
    elif kind == "zeros":
        lines.insert(at, b"\0" * more[0])
    elif kind == "repeat":
        lines.append(lines[at])
    elif kind == "join" and at + 1 < len(lines):
        lines[at : at + 2] = [lines[at] + lines[at + 1]]
    elif kind == "carriage":
        lines[at] += b"\r"
    elif kind == "mark":
        lines[0] = b"\xef\xbb\xbf" + lines[0]
    elif kind == "conflict":
        few = lines[at : at + 2]
        other = [x.replace(b'"status":"open"', b'"status":"blocked"') for x in few]
        middle = [b"||||||| base", *few] if more[0] else []
        lines[at : at + 2] = [b"<<<<<<< HEAD", *few, *middle, b"=======", *other, b">>>>>>> b"]
    elif kind == "deep":
        lines.insert(at, b'{"id":"x-deep","m":' + b"[" * 5000)
    return lines


def whole(data):
    """The lines that are beads as they stand: what JSON says, by id; several of a repeated one."""
    found = {}
    for one in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        try:
            row = json.loads(one.removeprefix(b"\xef\xbb\xbf").decode())
        except (ValueError, RecursionError):
            continue
        if not (isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"]):
            continue
        if row.get("_type", "issue") == "issue":
            found.setdefault(row["id"], []).append(one.removeprefix(b"\xef\xbb\xbf"))
    return found


@given(st.sampled_from(SOURCES), st.lists(damage, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_no_whole_line_is_lost_by_damage_repair_or_folds(source, kinds):
    lines = source
    for kind in kinds:
        lines = damaged(lines, kind)
    content = b"\n".join(lines)
    expected = whole(content)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".beads" / "issues.jsonl"
        file.parent.mkdir()
        file.write_bytes(content)
        store = open_store(file.parent, prefix="x")
        try:
            held = {b.id for b in store.list(include_closed=True, include_wisps=True)}
            assert {i for i, ones in expected.items() if b'"tombstone"' not in ones[0]} <= held
            if store.problems:
                with pytest.raises(Damaged):
                    store.fold(force=True)
                assert file.read_bytes() == content
            made = store.create(actor="t", title="goes on")
            report = doctor.repair(store, NOW)
            assert [f for f in report.findings if f.level == "problem"] == []
            if report.backup:
                assert Path(report.backup).read_bytes() == content
            if not report.backup:  # nothing was wrong: nothing was written
                store.fold()
            for _ in range(2):
                now = whole(file.read_bytes())
                assert {made.id, *expected} <= {*now}
                for bead, ones in expected.items():
                    if len(ones) == 1 and not any(k[0] == "conflict" for k in kinds):
                        assert same(now[bead][0], ones[0])
                store.apply([SetField(made.id, "title", "again")], actor="t")
                store.fold()
            assert store.problems == ()
        finally:
            store.close()


def same(after, before):
    """Byte for byte, but for a time of closing that the doctor set."""
    if after == before:
        return True
    one, two = json.loads(after), json.loads(before)
    drop = {"closed_at", "updated_at"}
    return {k: v for k, v in one.items() if k not in drop} == {
        k: v for k, v in two.items() if k not in drop
    }


@pytest.mark.parametrize("kind", ["BAD_LINE", "CONFLICT_MARKERS", "DUP_IDS"])
def test_real_damaged_files_are_repaired(kind, opened, file):
    found = sorted(DATA.glob(f"*{kind}*"))
    if not found:
        pytest.skip(f"no bead files in {DATA}")
    content = found[0].read_bytes()
    store = opened(content)
    before = {b.id: b for b in store.list(include_closed=True, include_wisps=True)}
    report = doctor.repair(store, NOW)
    assert Path(report.backup).read_bytes() == content
    assert {*whole(content)} <= {*whole(file.read_bytes())} == {*before}
    assert store.fold().written is False
    again = doctor.repair(store, NOW)
    assert (again.backup, again.repaired) == ("", ())


def test_repairing_keeps_what_was_written_meanwhile_and_what_cannot_be_read(opened, file):
    store = opened(line("x-a") + b"\n" + line("x-b") + b'\n{"id":"x-c","title":"cu')
    store.apply([AddLabel("x-a", "mine")], actor="me")
    shown = doctor.examine(store, NOW)
    assert [(f.kind, f.line) for f in shown.findings if f.level == "problem"] == [("bad-line", 3)]
    assert not shown.is_clean
    report = doctor.repair(store, NOW)
    assert report.is_clean
    assert b"# line 3: " in Path(report.unreadable).read_bytes()
    assert b'{"id":"x-c","title":"cu' in Path(report.unreadable).read_bytes()
    assert json.loads(file.read_bytes().splitlines()[0])["labels"] == ["mine"]
    assert file.read_bytes().splitlines()[1:] == [line("x-b")]


def test_no_backup_replaces_an_older_one(opened, file):
    store = opened(line("x-a") + b"\nfirst damage\n")
    first = doctor.repair(store, NOW)
    file.write_bytes(file.read_bytes() + b"second damage\n")
    second = doctor.repair(store, NOW)
    assert len({first.backup, second.backup, first.unreadable, second.unreadable}) == 4
    assert b"first damage" in Path(first.backup).read_bytes()
    assert b"second damage" in Path(second.unreadable).read_bytes()


def test_a_line_cut_off_is_written_again_from_the_store(opened, file):
    store = opened(line("x-a") + b"\n" + line("x-b") + b"\n")
    store.fold()
    file.write_bytes(line("x-a") + b"\n" + line("x-b")[:40])
    report = doctor.repair(store, NOW)
    assert file.read_bytes() == line("x-a") + b"\n" + line("x-b") + b"\n"
    assert {f.kind for f in report.repaired} >= {"bad-line", "missing"}


def test_a_file_that_is_gone_comes_back(opened, file):
    store = opened(line("x-a") + b"\n")
    file.unlink()
    assert [f.kind for f in doctor.examine(store, NOW).findings] == ["orphaned-store"]
    assert doctor.repair(store, NOW).is_clean
    assert file.read_bytes() == line("x-a") + b"\n"


def test_what_beads_mean_together_is_told_and_only_what_is_beyond_doubt_mended(opened, file):
    def edge(bead, target, kind="blocks"):
        return [{"issue_id": bead, "depends_on_id": target, "type": kind}]

    later = (NOW + timedelta(days=9)).isoformat()
    store = opened(
        b"\n".join([
            line("x-a", dependencies=edge("x-a", "x-b")),
            line("x-b", dependencies=edge("x-b", "x-a")),
            line("x-c", dependencies=edge("x-c", "x-gone")),
            line("x-d", dependencies=edge("x-d", "external:p:y-1")),
            line("x-e", dependencies=edge("x-e", "y-gone")),
            line("x-f", status="closed"),
            line("x-f.1", dependencies=edge("x-f.1", "x-f", "parent-child")),
            line("x-g", status="in_progress"),
            line("x-h", issue_type="warrant"),
            line("x-i", updated_at=later),
            line("x-j", closed_at=T),
            b"",
        ])
    )  # fmt: skip
    town = doctor.Town(ids={"y-1"}, prefixes={"y"})
    found = {(f.kind, f.bead) for f in doctor.examine(store, NOW, town).findings}
    left = {
        ("circle", "x-a"),
        ("dangling", "x-c"),
        ("dangling", "x-e"),
        ("closed-parent", "x-f.1"),
        ("nobody", "x-g"),
        ("future", "x-i"),
    }
    mended = {("closed-at", "x-f"), ("closed-at", "x-j"), ("undeclared-type", "x-h")}
    assert found == left | mended
    report = doctor.repair(store, NOW, town)
    assert {(f.kind, f.bead) for f in report.findings} == left
    assert {(f.kind, f.bead) for f in report.repaired} == mended
    assert 'types.custom: "warrant"' in (file.parent / "config.yaml").read_text()
    assert store.get("x-f").closed_at == T


def test_types_are_added_to_those_declared(beads_dir):
    config = beads_dir / "config.yaml"
    config.write_text('a: 1\ntypes.custom: "agent,role" # ours\nb: 2\n')
    doctor.declare(beads_dir, "types", ["warrant"], NOW)
    assert config.read_text() == 'a: 1\ntypes.custom: "agent,role,warrant"\nb: 2\n'
    config.write_text("types:\n  # ours\n  custom: agent, role\n")
    assert doctor.declared(beads_dir, "types") == {"agent", "role"}
