"""Bead files merged by git itself, through the command that `rig add` sets up."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from gastown_tui.adapters.beads_git import BRANCH, BeadsGit
from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.cli.setup import write_commands
from gastown_tui.domain.operations import AddComment, AddLabel, Close, SetField

QUIET = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_EDITOR": ":",
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}  # fmt: skip


def git(place, *args, fails=False):
    done = subprocess.run(
        ["git", *args], cwd=place, capture_output=True, text=True, check=False, timeout=50,
        env={**os.environ, **QUIET},
    )  # fmt: skip
    assert (done.returncode != 0) == fails, f"git {args}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Clone:
    """A town with one rig, as far as beads are concerned."""

    def __init__(self, town):
        self.hub, self.beads = town / "rig" / "repo", town / "rig" / ".beads"
        self.hub.mkdir(parents=True)
        git(self.hub, "init", "-q")
        git(self.hub, "config", "extensions.worktreeConfig", "true")
        write_commands(town)
        self.git = BeadsGit(town)
        self.git.make_rig(self.hub, self.beads)
        self.store = init_store(self.beads, "x")

    def write(self, *operations):
        self.store.apply(list(operations), actor="t")
        self.store.fold()
        self.git.commit("rig")

    def pull(self, other, *how, fails=False):
        git(self.beads, "fetch", "-q", str(other.hub), BRANCH)
        return git(self.beads, *how, "FETCH_HEAD", fails=fails)


@pytest.fixture
def clones(tmp_path):
    one, two = Clone(tmp_path / "one"), Clone(tmp_path / "the other town, 100%A")
    bead = one.store.create(actor="t", title="a bead", description="d")
    one.store.create(actor="t", title="another")
    one.write(AddLabel(bead.id, "first"))
    two.pull(one, "reset", "-q", "--hard")
    two.store.absorb()
    yield one, two, bead.id
    one.store.close()
    two.store.close()


@pytest.mark.parametrize(
    "how", [("merge", "-q", "--no-edit"), ("rebase", "-q"), ("cherry-pick",), ("pull",)], ids=str
)
def test_both_clones_edits_are_kept(clones, how):
    one, two, bead = clones
    one.write(SetField(bead, "priority", 0), AddComment(bead, "from one"), AddLabel(bead, "l1"))
    two.write(Close(bead, "done"), AddComment(bead, "from two"), AddLabel(bead, "l2"))
    if how == ("pull",):
        git(two.beads, "pull", "-q", "--no-rebase", "--no-edit", str(one.hub), BRANCH)
    else:
        two.pull(one, *how)
    assert git(two.beads, "status", "--porcelain", "-uno") == ""
    two.store.absorb()
    assert two.store.problems == ()
    found = two.store.get(bead)
    assert (found.status, found.priority, found.close_reason) == ("closed", 0, "done")
    assert found.labels == ("first", "l1", "l2")
    assert sorted(c.text for c in found.comments) == ["from one", "from two"]
    assert len({c.id for c in found.comments}) == 2
    if how[0] == "merge":
        one.pull(two, "merge", "-q", "--ff-only")
        one.store.absorb()
        assert one.store.get(bead) == found


def test_a_value_that_gives_way_is_told_and_kept(clones):
    one, two, bead = clones
    one.write(SetField(bead, "title", "one's"))
    two.write(SetField(bead, "title", "two's"))
    said = two.pull(one, "merge", "-q", "--no-edit")
    assert f"gastown: issues.jsonl: {bead}: a value gave way" in said
    two.store.absorb()
    found = two.store.get(bead)
    assert found.title == "two's"
    assert [c.text for c in found.comments] == ["Merged: title was also set to: one's"]


def test_children_counted_apart_stay_two_pieces_of_work(clones):
    one, two, bead = clones
    for clone, title in ((one, "one's"), (two, "two's")):
        made = clone.store.create(actor=title, title=title, parent=bead)
        assert made.id == f"{bead}.1"
        clone.write(AddLabel(made.id, title))
    two.pull(one, "merge", "-q", "--no-edit")
    two.store.absorb()
    children = [b for b in two.store.list() if b.title in {"one's", "two's"}]
    assert sorted((b.title, b.labels) for b in children) == [
        ("one's", ("one's",)),
        ("two's", ("two's",)),
    ]
    assert {e.depends_on_id for b in children for e in b.dependencies} == {bead}


@pytest.mark.parametrize(
    ("bad", "marked"), [(b'{"id":"x-z","title":"cut o', True), (b"\x00\x01", False)]
)
def test_what_is_damaged_is_left_to_git(clones, bad, marked):
    one, two, _ = clones
    file = one.beads / "issues.jsonl"
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:-1], bad]) + b"\n")
    one.git.commit("rig")
    for other in two.store.list():
        two.write(SetField(other.id, "title", "theirs"))
    before = (two.beads / "issues.jsonl").read_bytes()
    said = two.pull(one, "merge", "-q", "--no-edit", fails=True)
    [line] = [line for line in said.splitlines() if line.startswith("gastown: ")]
    assert "issues.jsonl: line 2 of the other side is damaged" in line
    left = (two.beads / "issues.jsonl").read_bytes()
    assert (b"<<<<<<< ours\n" in left) == marked
    assert marked or left == before
    for good in before.splitlines():
        assert good in left.splitlines()
    assert git(two.beads, "diff", "--name-only", "--diff-filter=U").strip() == "issues.jsonl"


def test_only_the_worktree_of_the_beads_is_set_up(clones):
    one, _, _ = clones
    for place, expected in ((one.beads, "gastown-beads"), (one.hub, "unspecified")):
        assert git(place, "check-attr", "merge", "issues.jsonl").strip().endswith(expected)
    assert "gastown" not in (one.hub / ".git" / "config").read_text()
    assert not (one.hub / ".git" / "info" / "attributes").exists()


def test_the_town_s_own_beads_are_merged_too_wherever_it_moves(tmp_path):
    town = tmp_path / "town"
    town.mkdir()
    beads = BeadsGit(town)
    beads.make_town()
    write_commands(town)
    init_store(town / ".beads", "hq").close()
    moved = tmp_path / "moved"
    town.rename(moved)
    beads = BeadsGit(moved)
    with_store = open_store(moved / ".beads")
    bead = with_store.create(actor="t", title="t")
    with_store.fold()
    beads.commit("")
    with_store.close()
    file = moved / ".beads" / "issues.jsonl"
    first = json.loads(file.read_bytes())
    git(moved, "checkout", "-q", "-b", "side")
    for branch, change in (("side", {"owner": "o"}), ("main", {"notes": "n"})):
        git(moved, "checkout", "-q", branch)
        file.write_text(json.dumps(first | change) + "\n")
        git(moved, "commit", "-qam", branch)
    git(moved, "merge", "-q", "--no-edit", "side")
    found = json.loads(file.read_bytes())
    assert (found["id"], found["owner"], found["notes"]) == (bead.id, "o", "n")
