from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain.bead import decode
from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.merge_fields import Rules
from gastown_tui.domain.merge_files import merge_files

DATA = Path(__file__).parents[3] / "shared" / "data" / "beads"
FILES = sorted(DATA.glob("*.jsonl")) if DATA.is_dir() else []
OLD, MID, NEW = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
A, B, C = (f'{{"id":"x-{n}","title":"{n}","updated_at":"{OLD}"}}'.encode() for n in ("a", "b", "c"))
HEADER = b'{"_schema":"beads-jsonl/1"}'
MEMORY = b'{"_type":"memory","key":"k","value":"v"}'


def file(*lines):
    return b"".join(line + b"\n" for line in lines)


def merged(base, ours, theirs):
    """The merged file; the other order must give the same bytes."""
    one = merge_files(base, ours, theirs, Rules()).data
    assert one == merge_files(base, theirs, ours, Rules()).data, "either order"
    return one


def edited(line, when=MID, **fields):
    row = json.loads(line) | fields | {"updated_at": when}
    return json.dumps(row, separators=(",", ":")).encode()


def rows(data):
    return {row["id"]: row for row in map(json.loads, data.splitlines()) if "id" in row}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "out"),
    [
        (file(A, C), file(A, B, C), file(A, edited(C)), file(A, B, edited(C))),
        (file(A, B, C), file(A, C), file(A, B, edited(C)), file(A, edited(C))),
        (file(A, B), file(A), file(B), b""),
        (file(A), file(A, C), file(A, B), file(A, B, C)),
        (file(HEADER, B), file(HEADER, A, B), file(HEADER, B, C), file(HEADER, A, B, C)),
        (file(B), file(MEMORY, B), file(B, C, MEMORY), file(B, C, MEMORY)),
        (file(A, b"", B), file(A, b"", B, C), file(b"# c", A, b"", B), file(b"# c", A, b"", B, C)),
        (file(C, A), file(C, A, B), file(C, edited(A)), file(C, edited(A), B)),
        (file(C, A), file(A, C), file(C, edited(A), B), file(edited(A), B, C)),
        (file(A, C)[:-1], file(A, C), file(B, C)[:-1], file(B, C)),
        (b"\xef\xbb\xbf" + file(A, C), b"\xef\xbb\xbf" + file(A, B, C), file(A, edited(C)),
         file(A, B, edited(C))),
        (file(A + b"\r", B + b"\r"), file(A + b"\r", B + b"\r", C + b"\r"), file(B + b"\r"),
         file(B + b"\r", C + b"\r")),
        (file(A, b"{bad", B), file(A, b"{bad", B, C), file(edited(A), b"{bad", B),
         file(edited(A), b"{bad", B, C)),
        (b"", file(B, A), file(C), file(B, A, C)),
        (file(C, B, A), file(C, A, B), file(C, B, edited(A)), file(C, edited(A), B)),
        (file(C, A, B), file(C, B, A), file(C, edited(A), B), file(C, B, edited(A))),
    ],
    ids=range(16),
)  # fmt: skip
def test_lines_of_both_sides(base, ours, theirs, out):
    assert merged(base, ours, theirs) == out


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"<<<<<<< HEAD", "is a conflict marker"),
        (B[:-9], "is damaged"),
        (b"\x00\x01", "is damaged"),
        (b'{"id":"x-b","title":"\xff"}', "is damaged"),
        (b"[" * 5000, "is damaged"),
    ],
    ids=range(5),
)
def test_damage_is_not_merged(bad, what):
    for ours, theirs in ((file(A, bad), file(A, B, C)), (file(A, B, C), file(A, bad))):
        with pytest.raises(Damaged, match=f"line 2 of .* side {what}"):
            merge_files(file(A, B), ours, theirs, Rules())


def test_conflict_markers_are_refused_even_if_they_were_there_before():
    torn = file(b"<<<<<<< a", A, b"=======", B, b">>>>>>> b")
    with pytest.raises(Damaged, match="line 1 of our side is a conflict marker"):
        merge_files(torn, torn + file(C), file(edited(A)) + torn, Rules())


def test_an_edited_bead_outlives_its_deletion():
    change = edited(B, title="new")
    found = rows(merged(file(A, B), file(A), file(A, change)))["x-b"]
    assert found["title"] == "new"
    [comment] = found["comments"]
    assert (
        comment["text"] == "Merged: this was deleted elsewhere, and is kept because it was edited."
    )


def test_twins_get_ids_of_their_own():
    ours = json.dumps(
        {"id": "x-a.1", "title": "one", "created_at": OLD, "created_by": "o"}
    ).encode()
    theirs = json.dumps({"id": "x-a.1", "title": "two", "created_at": MID, "created_by": "t",
                         "labels": ["bead:x-a.1"], "updated_at": MID}).encode()  # fmt: skip
    edge = {"issue_id": "x-b", "depends_on_id": "x-a.1", "type": "blocks"}
    on_ours, on_theirs = (edited(B, when, dependencies=[edge]) for when in (MID, NEW))
    one = merged(file(A, B), file(A, ours, on_ours), file(A, theirs, B))
    assert rows(one)["x-b"]["dependencies"] == [edge], "ours is meant"
    two = merged(file(A, B), file(A, ours, B), file(A, theirs, on_theirs))
    found = rows(two)
    assert found["x-a.1"]["title"] == "one"
    [moved] = [row for row in found.values() if row["title"] == "two"]
    assert moved["labels"] == [f"bead:{moved['id']}"]
    assert found["x-b"]["dependencies"] == [{**edge, "depends_on_id": moved["id"]}]
    assert moved["comments"][0]["text"].startswith("Merged: this was x-a.1,")
    assert merged(file(A, B), two, file(A, theirs, on_theirs)) == two, "it always moves there"


def test_the_same_bead_from_two_sides_is_one():
    one = edited(B, MID, created_at="2026-01-01T00:00:00.7Z", priority=1)
    two = edited(B, NEW, created_at="2026-01-01T00:00:00Z", priority=1, notes="n")
    found = rows(merged(file(A), file(A, one), file(A, two)))
    assert found.keys() == {"x-a", "x-b"}
    assert found["x-b"]["notes"] == "n"


def test_numbers_of_comments_stay_unique_in_the_file():
    def said(line, number, text, when):
        return edited(
            line, when, comments=[{"id": number, "author": "a", "text": text, "created_at": when}]
        )

    base = file(said(A, 1, "old", OLD), B, C)
    ours = file(said(A, 1, "old", OLD), said(B, 2, "b", MID), C)
    theirs = file(said(A, 1, "old", OLD), B, said(C, 2, "c", NEW))
    out = merged(base, ours, theirs)
    found = rows(out)
    assert [row["comments"][0]["id"] for row in found.values()] == [1, 2, 3]
    assert merged(base, out, ours) == out == merged(base, out, theirs)
    numbered_per_bead = file(said(A, 1, "old", OLD), said(B, 1, "b", OLD), C)
    one = numbered_per_bead.replace(b'"old"', b'"new"').replace(OLD.encode(), MID.encode(), 1)
    other = file(*numbered_per_bead.splitlines()[:2], said(C, 1, "c", NEW))
    assert [
        r["comments"][0]["id"] for r in rows(merged(numbered_per_bead, one, other)).values()
    ] == [1, 1, 1]


def test_a_bead_with_two_lines_keeps_what_was_written():
    again = edited(A, title="again")
    change = edited(A, NEW, title="changed")
    out = merged(file(A, again, B), file(A, change, B), file(A, again, edited(B)))
    assert sorted(out.splitlines()) == sorted([A, change, edited(B)])


IDS = [f"x-{n}" for n in range(5)]
KEYS = ["title", "assignee", "zz"]
OPS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(IDS), st.sampled_from(KEYS), st.integers(0, 4)),
    st.tuples(st.just("clear"), st.sampled_from(IDS), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("label"), st.sampled_from(IDS), st.sampled_from("pqr"), st.booleans()),
    st.tuples(st.just("note"), st.sampled_from(IDS), st.text("xyz", min_size=3, max_size=5), st.none()),
    st.tuples(st.just("say"), st.sampled_from(IDS), st.text("xyz", min_size=3, max_size=5), st.none()),
    st.tuples(st.just("edge"), st.sampled_from(IDS), st.sampled_from(["y-1", "y-2"]), st.booleans()),
    st.tuples(st.just("fact"), st.sampled_from(IDS), st.sampled_from(["ka", "kb"]), st.integers(0, 4)),
    st.tuples(st.just("status"), st.sampled_from(IDS), st.sampled_from(["open", "in_progress", "closed"]), st.none()),
    st.tuples(st.just("drop"), st.sampled_from(IDS), st.none(), st.none()),
    st.tuples(st.just("swap"), st.integers(0, 3), st.none(), st.none()),
)  # fmt: skip
histories = st.lists(OPS, max_size=12)


def played(start, history, offset):
    """A clone after a history: its rows by id in their order, each edit at a time of its own."""
    state = {bead: json.loads(json.dumps(row)) for bead, row in start.items()}
    for step, (kind, bead, what, value) in enumerate(history):
        if kind == "swap":
            order = list(state)
            order.append(order.pop(bead % len(order))) if order else None
            state = {one: state[one] for one in order}
            continue
        if kind == "drop":
            state.pop(bead, None)
            continue
        if bead not in state:
            if start.get(bead):
                continue  # deleted: it does not come back
            state[bead] = {
                "id": bead,
                "status": "open",
                "created_at": OLD,
                "created_by": f"c{offset}",
            }
        row = state[bead]
        when = f"2026-02-01T00:00:{step:02}.{offset}Z"
        if kind == "set":
            row[what] = f"{what}-{value}"
        elif kind == "clear":
            row.pop(what, None)
        elif kind == "label":
            row["labels"] = sorted({*row.get("labels", ())} ^ {what})
        elif kind == "status":
            row["status"] = what
            closing = (
                {"closed_at": when, "close_reason": f"reason-{offset}"} if what == "closed" else {}
            )
            for key in ("closed_at", "close_reason"):
                row.pop(key, None)
            row |= closing
        elif kind == "note":
            row["notes"] = f"{row['notes']}\n{what}" if row.get("notes") else what
        elif kind == "say":
            number = 1 + max(
                (c["id"] for r in state.values() for c in r.get("comments", ())), default=0
            )
            told = {
                "id": number,
                "issue_id": bead,
                "author": f"c{offset}",
                "text": what,
                "created_at": when,
            }
            row["comments"] = [*row.get("comments", ()), told]
        elif kind == "edge":
            edges = {e["depends_on_id"]: e for e in row.get("dependencies", ())}
            if edges.pop(what, None) is None:
                edges[what] = {"issue_id": bead, "depends_on_id": what, "type": "blocks"}
            row["dependencies"] = list(edges.values())
        elif kind == "fact":
            facts = dict(
                line.split(": ") for line in row.get("description", "prose: 1").split("\n")
            )
            row["description"] = "\n".join(f"{k}: {v}" for k, v in (facts | {what: value}).items())
        row["updated_at"] = when
    return state


def written(state):
    return file(
        *(
            json.dumps({k: v for k, v in row.items() if v not in ("", [])}).encode()
            for row in state.values()
        )
    )


def values(row):
    """What a bead says, one fact each, without what merging itself adds."""
    found = {(key, row[key]) for key in (*KEYS, "status", "close_reason") if row.get(key)}
    found |= {("label", one) for one in row.get("labels", ())}
    found |= {("note", one) for one in row.get("notes", "").split("\n") if one}
    found |= {
        ("say", c["author"], c["text"], c["created_at"])
        for c in row.get("comments", ())
        if c["author"] != "gastown"
    }
    found |= {("edge", e["depends_on_id"]) for e in row.get("dependencies", ())}
    return found | {("fact", one) for one in row.get("description", "").split("\n") if one}


def kept(row):
    return "\n".join(c["text"] for c in row.get("comments", ()) if c["author"] == "gastown")


def by_origin(state):
    """Beads by who created them under which id: one that moved says what it was."""
    found = {}
    for bead, row in state.items():
        was = [
            c["text"].split(",")[0].split()[-1]
            for c in row.get("comments", ())
            if "this was x-" in c["text"]
        ]
        found[was[0] if was else bead, row.get("created_by")] = row
    return found


starts = st.lists(OPS, max_size=8)


def check_all_kept(base, clones, out):
    """Every fact that a clone added is there, as such or in a comment; what one took out is gone."""
    found = by_origin(out)
    before = by_origin(base)
    for clone in clones:
        for origin, row in by_origin(clone).items():
            fresh = values(row) - values(before.get(origin, {}))
            if fresh or origin not in before:
                assert origin in found, f"{origin} is lost"
                for fact in fresh - values(found[origin]):
                    assert str(fact[-1]).removeprefix("prose: ") in kept(found[origin]), fact


@settings(deadline=None)
@given(starts, histories, histories)
def test_nothing_is_lost_and_either_order_gives_the_same_bytes(start, mine, other):
    base = played({}, start, 1)
    ours, theirs = played(base, mine, 2), played(base, other, 3)
    first, left, right = map(written, (base, ours, theirs))
    out = merged(first, left, right)
    result = rows(out)
    assert len(out.splitlines()) == len(result)
    check_all_kept(base, (ours, theirs), result)
    for bead, row in base.items():
        taken = (values(row) - values(ours.get(bead, {}))) | (
            values(row) - values(theirs.get(bead, {}))
        )
        for kind, *what in taken:
            if kind in {"label", "edge"} and bead in ours and bead in theirs:
                assert (kind, *what) not in values(result[bead]), "one side took it out"
        untouched = left.splitlines(), right.splitlines()
        line = written({bead: row}).strip()
        if all(line in lines for lines in untouched):
            assert line in out.splitlines(), "byte for byte"
    numbers = [c["id"] for row in result.values() for c in row.get("comments", ())]
    assert len(numbers) == len(set(numbers))
    for line in out.splitlines():
        bead = decode(line)
        assert (bead.status == "closed") == bool(bead.closed_at) == bool(bead.close_reason)
    again = [merged(first, out, left), merged(first, out, right)]
    if not all(any(op[0] == "swap" for op in history) for history in (mine, other)):
        assert again == [out, out], "merged once more"
    assert [set(one.splitlines()) for one in again] == [set(out.splitlines())] * 2
    assert merged(first, out, out) == out
    assert merged(first, first, left) == left


@settings(deadline=None, max_examples=50)
@given(starts, st.tuples(histories, histories, histories), st.permutations(range(3)))
def test_three_clones_lose_nothing_in_any_order(start, three, order):
    base = played({}, start, 1)
    states = [played(base, history, n) for n, history in enumerate(three, start=2)]
    one, two, three_ = (written(states[n]) for n in order)
    first = written(base)
    out = merge_files(first, merge_files(first, one, two, Rules()).data, three_, Rules()).data
    check_all_kept(base, states, rows(out))


@settings(deadline=None, max_examples=50)
@given(starts, st.tuples(histories, histories, histories))
def test_without_disputes_the_order_of_three_says_nothing(start, three):
    base = played({}, start, 1)
    histories = [  # each clone has keys of its own
        [op for op in history if op[0] in {"label", "note", "say"} or (op[0] == "set" and op[2] == key)]
        for history, key in zip(three, KEYS, strict=True)
    ]  # fmt: skip
    states = [
        played(base, [op for op in history if op[1] in base], n)
        for n, history in enumerate(histories, start=2)
    ]
    first, *files = map(written, (base, *states))
    results = []
    for one, two, last in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        pair = merge_files(first, files[one], files[two], Rules()).data
        results.append(rows(merge_files(first, pair, files[last], Rules()).data))
    meaning = [{bead: {(k, frozenset(w.split("\n")) if k == "note" else w) for k, w, *_ in values(row)}
                for bead, row in found.items()} for found in results]  # fmt: skip
    assert meaning[0] == meaning[1] == meaning[2]


@pytest.mark.skipif(not FILES, reason=f"no bead files in {DATA}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_real_files(path):
    base = path.read_bytes()
    lines = base.splitlines(keepends=True)
    assert merge_files(base, base, base[:100], Rules()).data == base[:100]
    whole = [
        n
        for n, line in enumerate(lines)
        if line.startswith(b"{") and b'"title"' in line and line.rstrip().endswith(b"}")
    ]
    picked = random.Random(1).sample(whole, min(6, len(whole)))
    ours, theirs = list(lines), list(lines)
    for n in picked[::2]:
        ours[n] = lines[n].replace(b'"title":', b'"title":"ours","was":', 1)
    for n in picked[1::2]:
        theirs[n] = lines[n].replace(b'"title":', b'"title":"theirs","was":', 1)
    if "CONFLICT" in path.name:
        with pytest.raises(Damaged, match="conflict marker"):
            merged(base, b"".join(ours), b"".join(theirs))
        return
    expected = [a if a != line else b for a, b, line in zip(ours, theirs, lines, strict=True)]
    assert merged(base, b"".join(ours), b"".join(theirs)) == b"".join(expected)
