"""What changed in a change, whatever became of its base."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.git.rebased import diff_since, is_same_change
from gastown_tui.domain.errors import NotFound

LINES = "\n".join(f"line {at}" for at in range(40))


@pytest.fixture
def work(tmp_path, shell):
    """A repository with two files, at its base."""
    (tmp_path / "w").mkdir()
    sh = shell(tmp_path / "w")
    sh(f"git init -q . && echo '{LINES}' > long.txt && echo one > a.txt && git add -A")
    sh("git ci -qm base && git branch -q base")
    return sh


def change(sh, start, name, *edits):
    """A branch at `start` with an edit a commit; its base and tip."""
    sh(f"git checkout -q -f -B {name} {start}")
    for edit in edits:
        sh(f"{edit} && git add -A && git ci -qm '{name}'")
    return sh(f"git rev-parse {start}"), sh("git rev-parse HEAD")


def moved_target(sh, *edits):
    return change(sh, "base", "main", *edits)[1]


def objects(sh):
    return sh("git count-objects; find .git/objects -type f | sort; git for-each-ref")


MINE = "sed -i 's/line 30/mine/' long.txt"


def test_after_a_rebase_only_what_its_author_did_is_seen(work) -> None:
    old = change(work, "base", "old", MINE, "echo two > new.txt")
    moved_target(work, "sed -i 's/line 2$/theirs/' long.txt; echo x > other.txt; rm a.txt")
    same = change(work, "main", "same", MINE, "echo two > new.txt")
    more = change(work, "main", "more", MINE, "echo two > new.txt", "echo three >> new.txt")
    before = objects(work)
    assert is_same_change(work.path, old, same)
    assert diff_since(work.path, old, same).files == ()
    assert not is_same_change(work.path, old, more)
    found = diff_since(work.path, old, more)
    assert [file.path for file in found.files] == ["new.txt"]
    assert "+three" in found.text
    assert "theirs" not in found.text
    assert objects(work) == before


def test_without_a_rebase_it_is_the_plain_difference(work) -> None:
    old = change(work, "base", "old", MINE)
    new = change(work, "base", "new", "sed -i 's/line 30/better/' long.txt")
    text = diff_since(work.path, old, new).text
    assert "-mine\n+better\n" in text
    assert not is_same_change(work.path, old, new)
    assert is_same_change(work.path, old, old)


def test_a_resolved_conflict_is_a_change(work) -> None:
    old = change(work, "base", "old", MINE)
    moved_target(work, "sed -i 's/line 30/theirs/' long.txt")
    new = change(work, "main", "new", "sed -i 's/theirs/both/' long.txt")
    assert not is_same_change(work.path, old, new)
    assert "-mine\n+both\n" in diff_since(work.path, old, new).text


def test_deleted_binary_and_renamed_files_on_both_sides(work) -> None:
    work("printf 'a\\0b' > bin; echo r > gone.txt; git add -A; git ci -qm more; git branch -f base")
    old = change(work, "base", "old", "printf 'a\\0c' > bin; git mv a.txt 'n\u00e4me b.txt'")
    moved_target(work, "printf 'a\\0d' > bin; rm gone.txt; echo z >> a.txt")
    new = change(
        work, "main", "new", "printf 'a\\0e' > bin; git rm -q a.txt; echo one > 'n\u00e4me b.txt'"
    )
    assert [file.path for file in diff_since(work.path, old, new).files] == ["bin"]
    assert not is_same_change(work.path, old, new)


def test_a_change_that_is_gone_is_named(work) -> None:
    old = ("1" * 40, "2" * 40)
    new = change(work, "base", "new", MINE)
    with pytest.raises(NotFound, match="no longer there"):
        diff_since(work.path, old, new)
    assert not is_same_change(work.path, old, new)


EDITS = st.lists(st.tuples(st.integers(0, 39), st.sampled_from("abc")), max_size=4)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mine=EDITS, theirs=EDITS)
def test_what_git_rebases_cleanly_is_the_same_change(work, mine, theirs) -> None:
    def script(edits):
        parts = [f"sed -i 's/^line {at}$/{mark}{at}/' long.txt" for at, mark in edits]
        return " && ".join([*parts, "true"])

    def commit(edits):
        return f"{script(edits)}; git add -A; git ci -q --allow-empty -m x"

    work(f"git checkout -q -f -B main base; {commit(theirs)}")
    work(f"git checkout -q -f -B old base; {commit(mine)}")
    old = work("git rev-parse base"), work("git rev-parse old")
    work("git checkout -q -B new old")
    done = work.run("git rebase -q --no-gpg-sign --empty=keep --keep-empty main")
    if done.returncode:
        work("git rebase --abort")
        return
    new = work("git rev-parse main"), work("git rev-parse new")
    assert is_same_change(work.path, old, new)
