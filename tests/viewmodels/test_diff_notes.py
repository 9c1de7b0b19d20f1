"""Comments between the lines of a diff, and marks of what was seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.review import Comment, Look, review_prompt
from gastown_tui.viewmodels.diff import pairs, parse
from gastown_tui.viewmodels.diff_notes import (
    Note,
    comment_of,
    fingerprint,
    notes_of,
    place_of,
    seen_files,
    with_notes,
)

DIFF = """diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,4 +1,4 @@
 one
-two
-two and a half
+TWO
+TWO AND A HALF
 three
 four
diff --git a/b.py b/b.py
new file mode 100644
--- /dev/null
+++ b/b.py
@@ -0,0 +1,2 @@
+same
+same
"""
MOVED = DIFF.replace("@@ -1,4 +1,4 @@", "@@ -11,4 +11,4 @@")


def test_a_comment_finds_its_line_again():
    diff = parse(DIFF)
    for index, row in enumerate(diff.rows):
        made = comment_of(diff, index, "why?", "t1")
        at, there = place_of(made, diff)
        assert there
        added = next((one for one in diff.rows[index:] if one.kind == "+"), row)
        wanted = {"hunk": added, "file": diff.rows[diff.files[row.file].row]}
        assert diff.rows[at] == wanted.get(row.kind, row)
    removed = comment_of(diff, 3, "keep it", "t1")
    assert (removed.side, removed.line, removed.code) == ("old", 2, "two")
    assert place_of(removed, parse(MOVED)) == (3, True)
    added = comment_of(diff, 5, "no capitals", "t1")
    gone = parse(DIFF.replace("+TWO\n", "+second\n"))
    assert place_of(added, gone) == (gone.files[0].row, False)
    assert place_of(added, parse("")) == (-1, False)
    (note,) = notes_of(gone, Look(comments=(added,)))
    assert note.kind == "stale"
    assert "TWO" in note.text


def test_notes_stand_below_their_lines_and_move_what_follows():
    diff = parse(DIFF)
    look = Look(comments=(comment_of(diff, 3, "keep\nit", "t1"),))
    shown = with_notes(diff, notes_of(diff, look, ["left by nux"]))
    assert shown.rows[0].text == "▌ left by nux"
    assert [row.text for row in shown.rows[5:7]] == ["▌ you: keep", "▌   it"]
    assert [shown.rows[one.row].kind for one in shown.files] == ["file", "file"]
    assert [shown.rows[at].kind for at in shown.hunks] == ["hunk", "hunk"]
    assert all(any(row is other for other in shown.rows) for row in diff.rows)
    sides = [
        (shown.rows[a].text, shown.rows[b].text) for a, b in pairs(shown.rows) if a != b and a >= 0
    ]
    assert sides == [("two", "TWO"), ("two and a half", "TWO AND A HALF")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["comment", "town"]), st.text(max_size=200), st.integers(-1, 14))
    )
)
def test_notes_never_lose_a_row(found):
    diff = parse(DIFF)
    shown = with_notes(diff, [Note(*one) for one in found])
    assert tuple(row for row in shown.rows if row.kind not in ("comment", "town")) == diff.rows
    flat = [at for pair in pairs(shown.rows) for at in pair if at >= 0]
    assert set(flat) == set(range(len(shown.rows)))


def test_a_seen_file_is_seen_until_its_own_diff_changes():
    diff = parse(DIFF)
    look = Look(seen={one.path: fingerprint(diff, at) for at, one in enumerate(diff.files)})
    assert seen_files(diff, look) == {0, 1}
    assert seen_files(parse(MOVED), look) == {0, 1}
    assert seen_files(parse(DIFF.replace("+TWO\n", "+second\n")), look) == {1}
    binary = "diff --git a/x b/x\nindex 1..%s\nBinary files a/x and b/x differ\n"
    assert fingerprint(parse(binary % 2), 0) != fingerprint(parse(binary % 3), 0)


def test_a_review_is_one_prompt_in_the_order_of_the_files():
    diff = parse(DIFF)
    comments = [comment_of(diff, 10, "twice", "t"), comment_of(diff, 3, "keep it", "t")]
    comments.append(Comment(path="b.py", side="", text="is this needed?"))
    text = review_prompt(comments)
    assert text.splitlines()[0] == "3 comments on 2 files, the first: keep it"
    assert text.index("a.py:2 (a line that was removed)\n> two\nkeep it") < text.index(
        "b.py\nis this"
    )
    assert review_prompt(comments, "Nearly").startswith("Nearly\n3 comments on 2 files:\n")
    assert review_prompt([], "Only words") == "Only words"
