"""Damaged bead files: what is still true is read, once, and the rest is named and put aside."""

from __future__ import annotations

import json

import pytest

from gastown_tui.domain.bead import decode
from gastown_tui.domain.bead_file import compose, scan

T = "2026-01-01T00:00:00Z"


def line(bead, **fields):
    row = {"id": bead, "title": bead.upper(), "updated_at": T, **fields}
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()


A, B, C = line("x-a"), line("x-b"), line("x-c")


def read(*lines, **options):
    return scan(b"\n".join(lines) + b"\n", "issues.jsonl", **options)


def told(found):
    return [(p.line, p.kind) for p in found.problems]


def repaired(found):
    return b"".join(compose(iter((b, s.line) for b, s in found.beads.items()), [], open_end=False))


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ([A + B, C], [(1, "bad-line")]),
        ([A, b'{"id":"x-z","title":"cut o' + B, C], [(2, "bad-line")]),
        ([A, b"\0" * 4096 + B, C], [(2, "bad-line")]),
        ([b"[" + A + b",", B + b",", C + b"]"], [(1, "bad-line"), (2, "bad-line"), (3, "bad-line")]),
        ([A, *json.dumps(json.loads(B), indent=2).encode().split(b"\n"), C], [(2, "bad-line")]),
        ([A + b"\r" + B + b"\r" + C], [(1, "bad-line")]),
        ([A, b"<<<<<<< HEAD", B, b"=======", C, b">>>>>>> other"], [(2, "conflict-marker")]),
        ([A, B, b">>>>>>> other", C], [(3, "conflict-marker")]),
    ],
    ids=["glued", "behind-a-cut", "zeros", "array", "spread", "carriage", "conflict", "stray"],
)  # fmt: skip
def test_whole_beads_are_read_wherever_they_stand(lines, problems, request):
    found = read(*lines)
    assert sorted(found.beads) == ["x-a", "x-b", "x-c"]
    assert told(found) == problems
    again = scan(repaired(found), "issues.jsonl")
    assert again.problems == ()
    assert [s.line for s in again.beads.values()] == [s.line for s in found.beads.values()]
    whole = {json.dumps(json.loads(s.line), sort_keys=True) for s in found.beads.values()}
    assert whole == {json.dumps(json.loads(x), sort_keys=True) for x in (A, B, C)}


@pytest.mark.parametrize(
    ("damaged", "title"),
    [
        (b'{"id":"x-d","title":"\xff!"}', "\ufffd!"),
        (b'{"id":"x-d","title":"a\tb"}', "a\tb"),
        (b'{"id":"x-d","title":"\\ud800!"}', "\ufffd!"),
        (b'{"id":"x-d","title":"n","n":NaN}', "n"),
        (b'{"id":"x-d","title":"n","priority":1e999}', "n"),
    ],
)
def test_damaged_characters_are_mended_and_the_line_is_kept_aside(damaged, title):
    found = read(A, damaged)
    assert found.beads["x-d"].bead().title == title
    assert [a.data for a in found.asides] == [damaged]
    assert told(found) == [(2, "bad-line")]


def test_a_mended_line_is_no_edit_of_a_bead_that_is_known_whole():
    damaged = A.replace(b"X-A", b"X\xff")
    assert read(damaged, A).beads["x-a"].line == A
    assert "x-a" not in read(damaged, known={A: "x-a"}).beads


@pytest.mark.parametrize(
    "part",
    [
        b'{"id":"x-d","title":"cut off in a com',
        line("x-d", dependencies=[{"issue_id": "x-d", "depends_on_id": "x-a"}])[:-2],
        line("x-d", comments=[{"id": "5-6", "author": "me", "text": "t", "created_at": T}])[:-2],
        b"[" * 100_000,
        b'{"id":"x-d","n":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":' * 50_000,
        b'{"id":"x-d","priority":' + b"9" * 5000 + b',"title":"\xff"}',
        b"\0" * 1_000_000,
    ],
    ids=["cut", "edge", "comment", "open", "deep", "nested", "huge", "zeros"],
)
def test_what_is_not_whole_is_put_aside_and_nothing_is_made_of_it(part):
    found = read(A, part, B)
    assert list(found.beads) == ["x-a", "x-b"]
    assert told(found) == [(2, "bad-line")]
    assert [a.data for a in found.asides] == [part]


def test_numbers_without_measure_and_five_megabytes_are_beads():
    big = line("x-b", description="x" * 5_000_000)
    odd = b'{"id":"x-c","m":1e999,"n":' + b"9" * 5000 + b"}"
    found = read(A, big, odd)
    assert found.problems == ()
    assert found.beads["x-b"].line == big
    assert found.beads["x-c"].line == odd


@pytest.mark.parametrize("ancestor", [False, True])
def test_a_conflict_is_merged_field_by_field(ancestor):
    base = line("x-b", labels=["old"], priority=2)
    ours = line("x-b", labels=["old", "ours"], priority=2, updated_at="2026-01-02T00:00:00Z")
    theirs = line("x-b", labels=["old"], priority=0, updated_at="2026-01-03T00:00:00Z")
    middle = [b"||||||| base", base, line("x-gone")] if ancestor else []
    found = read(
        A, b"<<<<<<< HEAD", ours, *middle, b"=======", theirs, b">>>>>>> side", C
    )  # fmt: skip
    bead = found.beads["x-b"].bead()
    assert (bead.priority, bead.labels) == (0, ("old", "ours"))
    assert told(found) == [(2, "conflict-marker")]
    assert found.layout.by_id
    assert "x-gone" not in found.beads
    assert [a.data for a in found.asides] == ([line("x-gone")] if ancestor else [])


def test_two_beads_of_one_id_are_kept_apart_with_what_hangs_on_them():
    ours = line("x-b", title="Ours", created_at=T, created_by="me")
    theirs = line("x-b", title="Theirs", created_at="2026-01-05T00:00:00Z", created_by="you")
    child = line("x-d", dependencies=[{"issue_id": "x-d", "depends_on_id": "x-b"}])
    found = read(A, b"<<<<<<< HEAD", ours, b"=======", theirs, child, b">>>>>>> side", C)
    titles = {s.bead().title: s.id for s in found.beads.values()}
    assert titles["Ours"] == "x-b"
    assert titles["Theirs"] not in {"x-a", "x-b", "x-c", "x-d"}
    edge = found.beads["x-d"].bead().dependencies[0]
    assert edge.depends_on_id == titles["Theirs"]
    assert read(*(s.line for s in found.beads.values())).problems == ()
    assert told(found) == [(2, "conflict-marker"), (5, "duplicate-id")]


def test_nested_markers_within_the_ancestor_are_part_of_it():
    found = read(
        b"<<<<<<< HEAD", A, b"||||||| merged", b"<<<<<<<<< one", A, b"=========", A,
        b">>>>>>>>> two", b"=======", line("x-a", priority=1), b">>>>>>> side",
    )  # fmt: skip
    assert told(found) == [(1, "conflict-marker")]
    assert found.beads["x-a"].bead().priority == 1


def test_repeated_lines_are_one_bead_with_all_that_they_say():
    found = read(A, line("x-a", labels=["l"], updated_at="2026-01-02T00:00:00Z"), B)
    assert found.beads["x-a"].bead().labels == ("l",)
    assert [str(p) for p in found.problems] == ["issues.jsonl:2: x-a stands in line 1 already"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_of_powershell_is_read(encoding):
    text = b"\r\n".join([line("x-a", title="Ü"), B, b""]).decode()
    found = scan("\ufeff".encode(encoding) + text.encode(encoding), "issues.jsonl")
    assert found.beads["x-a"].bead().title == "Ü"
    assert told(found) == [(1, "encoding")]


def test_a_binary_file_is_one_problem():
    found = scan(bytes(range(256)) * 1000, "issues.jsonl")
    assert [str(p) for p in found.problems] == [
        "issues.jsonl:1: a binary file: no line of it is a bead"
    ]
    assert len(found.asides[0].data) == 256_000


def test_no_more_problems_are_told_than_can_be_read():
    found = scan(b"no\n" * 100_000, "issues.jsonl")
    assert len(found.problems) == 201
    assert found.problems[-1].what == "from here on 99800 more problems"
    assert len(found.asides) == 100_000


def test_a_byte_order_mark_stays_at_the_beginning():
    found = scan(b"\xef\xbb\xbf" + B + b"\n", "issues.jsonl")
    assert (found.problems, found.layout.bom) == ((), True)
    assert decode(found.beads["x-b"].line).id == "x-b"
    assert found.beads["x-b"].line == B
