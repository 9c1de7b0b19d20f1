"""Files as others wrote them: read whole, written back byte for byte, never damaged further."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.operations import AddLabel, SetField

DATA = Path(__file__).parents[4] / "shared" / "data" / "beads"
BROKEN = ("BAD_LINE", "CONFLICT_MARKERS", "DUP_IDS")
FILES = sorted(DATA.glob("*.jsonl")) if DATA.is_dir() else []
needs_data = pytest.mark.skipif(not FILES, reason=f"no bead files in {DATA}")


def name(path: Path) -> str:
    return path.stem


@needs_data
@pytest.mark.parametrize(
    "path", [p for p in FILES if not any(b in p.name for b in BROKEN)], ids=name
)
def test_whole_file_comes_back(path, opened, file):
    content = path.read_bytes()
    store = opened(content)
    assert store.problems == ()
    assert store.fold(force=True).beads == len(content.splitlines())
    assert file.read_bytes() == content
    assert not store.fold().written


@needs_data
@pytest.mark.parametrize(
    "path", [p for p in FILES if not any(b in p.name for b in BROKEN)], ids=name
)
def test_an_edit_changes_one_line_and_in_it_what_was_edited(path, opened, file):
    before = path.read_bytes().splitlines()
    store = opened(path.read_bytes())
    bead = store.list(include_closed=True, include_wisps=True)[0]
    store.apply([SetField(bead.id, "title", "Ünly <this> & that")], actor="t")
    store.fold()
    after = file.read_bytes().splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    old, new = (json.loads(line) for line in changed[0])
    assert list(old) == list(new)
    assert {key for key in old if old[key] != new[key]} == {"title", "updated_at"}
    spaced = b'": ' in changed[0][0][:12]
    assert (b'"title": ' in changed[0][1]) == spaced


@needs_data
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_read_shown_and_left_alone(kind, opened, file):
    path = next(p for p in FILES if kind in p.name)
    store = opened(path.read_bytes())
    good = store.list(include_closed=True)
    assert len(good) > 300
    assert store.problems[0].line > 0
    store.apply([AddLabel(good[0].id, "written-on")], actor="t")
    assert "written-on" in store.get(good[0].id).labels
    with pytest.raises(Damaged, match="gastown bead doctor"):
        store.fold(force=True)
    assert file.read_bytes() == path.read_bytes()


A = b'{"id":"x-a","title":"A","updated_at":"2026-01-01T00:00:00Z"}'
B = b'{"id":"x-b","title":"B","updated_at":"2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        A + b"\n" + B,
        A + b"\r\n" + B + b"\r\n",
        b"\xef\xbb\xbf" + A + b"\n",
        b"\n" + A + b"\n\n" + B + b"\n\n",
        B + b"\n" + A + b"\n",
        b'{"_schema":"beads-jsonl/1"}\n{"_type":"issue","id":"x-a","title":"A"}\n{"_type":"memory","key":"k"}\n',
        b'{ "title" : "A" ,\t"id":"x-a", "priority":1e0,"n":1.50, "n":2 }  \n',
        b'{"id":"x-a","title":null,"labels":"odd","dependencies":[{"type":"blocks"},7],"comments":null}\n',
    ],
)
def test_odd_but_true_files_come_back(content, opened, file):
    store = opened(content)
    assert store.problems == ()
    store.fold(force=True)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"id":"x-b","title":"B"', "bad-line"),
        (b"[1,2]", "bad-line"),
        (b'{"title":"no id"}', "bad-line"),
        (b'{"id":""}', "bad-line"),
        (b'{"id":"x-b","title":"\xff"}', "bad-line"),
        (b"\x00\x01binary", "bad-line"),
        (b"[" * 5000, "bad-line"),
        (b"<<<<<<< HEAD", "conflict-marker"),
        (b"=======", "conflict-marker"),
        (A, "duplicate-id"),
    ],
    ids=range(10),
)
def test_problem_names_its_line(line, kind, opened, file):
    store = opened(A + b"\n" + line + b"\n")
    assert [(p.line, p.kind) for p in store.problems] == [(2, kind)]
    assert store.get("x-a").title == "A"
    file.write_bytes(A + b"\n" + B + b"\n")
    store.absorb()
    assert store.problems == ()
    assert store.get("x-b").title == "B"


def test_new_beads_follow_the_files_style(opened, file):
    store = opened(b'{"_type": "issue", "id": "x-a", "title": "<A>"}\r\n')
    made = store.create(actor="t", title="<new> Ü")
    store.fold()
    new = next(line for line in file.read_bytes().split(b"\n") if made.id.encode() in line)
    assert new.startswith(b'{"_type": "issue", "id": "')
    assert "<new> Ü".encode() in new
    assert new.endswith(b"}\r")
