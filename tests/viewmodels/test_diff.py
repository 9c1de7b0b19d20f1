"""Git's unified diffs, good and bad."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.viewmodels.diff import pairs, parse, unquote, visible

SAMPLE = """diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@ def f():
 one
--- looks like a header
+++ so does this
+two
 three
\\ No newline at end of file
diff --git a/old name b/new name
similarity index 90%
rename from old name
rename to new name
diff --git a/x.bin b/x.bin
Binary files a/x.bin and b/x.bin differ
diff --git "a/caf\\303\\251" "b/caf\\303\\251"
deleted file mode 100644
--- "a/caf\\303\\251"
+++ /dev/null
@@ -7 +0,0 @@
-gone
"""


def test_files_hunks_and_numbers():
    diff = parse(SAMPLE)
    assert [(each.change, each.path) for each in diff.files] == [
        ("M", "a.py"), ("R", "new name"), ("B", "x.bin"), ("D", "café"),
    ]  # fmt: skip
    assert (diff.plus, diff.minus) == (2, 2)
    assert [(row.kind, row.old, row.new, row.text) for row in diff.rows[:8]] == [
        ("file", 0, 0, ""),
        ("hunk", 1, 1, "def f():"),
        (" ", 1, 1, "one"),
        ("-", 2, 0, "-- looks like a header"),
        ("+", 0, 2, "++ so does this"),
        ("+", 0, 3, "two"),
        (" ", 3, 4, "three"),
        ("meta", 0, 0, "No newline at end of file"),
    ]
    assert [diff.rows[at].old for at in diff.hunks] == [1, 7]


def test_sides_pair_removed_with_added():
    diff = parse(SAMPLE)
    assert pairs(diff.rows)[:7] == ((0, 0), (1, 1), (2, 2), (3, 4), (-1, 5), (6, 6), (7, 7))


@given(st.text(max_size=400), st.lists(st.sampled_from(SAMPLE.splitlines()), max_size=30))
def test_nothing_makes_it_fail(text, lines):
    diff = parse(text + "\n".join(lines))
    assert len(pairs(diff.rows)) <= len(diff.rows)
    assert all(0 <= row.file < max(1, len(diff.files)) for row in diff.rows)


def test_it_counts_what_git_counts(tmp_path):
    def git(*args):
        done = subprocess.run(
            ["git", "-C", tmp_path, *args], capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q")
    (tmp_path / "a.txt").write_text("\n".join(map(str, range(60))))
    (tmp_path / "b with ümlaut").write_text("x\n")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t")
    (tmp_path / "a.txt").write_text(
        "\n".join(str(at) if at % 9 else f"-- {at}" for at in range(64))
    )
    (tmp_path / "b with ümlaut").unlink()
    (tmp_path / "new").write_text("a\nb\n")
    git("add", "-A")
    diff = parse(git("diff", "-M", "--cached", "HEAD"))
    counted = {
        tuple(line.split("\t")[:2])
        for line in git("diff", "--cached", "--numstat", "HEAD").splitlines()
    }
    assert {(str(each.plus), str(each.minus)) for each in diff.files} == counted
    assert {each.path for each in diff.files} == {"a.txt", "b with ümlaut", "new"}


def test_invisible_marks_are_made_visible():
    assert visible("a\tb") == "a   b"
    assert visible("x\x1b[31m\u202e") == "x␛[31m⍰"


def test_quoted_paths():
    assert unquote('"a\\tb\\\\c\\""') == 'a\tb\\c"'
    assert unquote("plain") == "plain"


def test_modes_links_and_binary_files_are_said():
    diff = parse("""diff --git a/run b/run
old mode 100644
new mode 100755
diff --git a/link b/link
new file mode 120000
index 0000000..1
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
diff --git a/x.bin b/x.bin
new file mode 100755
index 0000000..1
Binary files /dev/null and b/x.bin differ
""")
    told = [(diff.files[row.file].path, row.text) for row in diff.rows if row.kind == "meta"]
    assert told == [
        ("run", "mode 100644 → 100755: executable, was a plain file"),
        ("link", "new: a symbolic link"), ("link", "No newline at end of file"),
        ("x.bin", "new: executable"), ("x.bin", "new binary file, not shown"),
    ]  # fmt: skip
