"""Ignored files of the person's repository in worktrees, on real repositories."""

from __future__ import annotations

import os

import pytest

from gastown_tui.adapters.git.setup_copy import copy_ignored, put_there
from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.domain.config import RigConfig, Setup, read_rig
from gastown_tui.domain.errors import BadInput, Conflict

BRANCH = "polecat/nux/gt-1@a"


@pytest.fixture
def place(hub, town, tmp_path, shell):
    """A person's repository with ignored files, and a rig that copies some of them."""

    class Place:
        def __init__(self):
            self.source = tmp_path / "checkout"
            self.source.mkdir()
            self.sh = shell(self.source)
            self.sh("git init -q && printf '.env\\nconf/\\n' > .gitignore")
            self.sh("echo KEY=1 > .env && mkdir -p conf/deep && echo x > conf/deep/run.sh")
            self.sh("chmod 755 conf/deep/run.sh && echo 1 > loose && git add .gitignore")
            self.path = town / "rig" / "polecats" / "nux"

        def git(self, *globs, source=None, **setup):
            config = RigConfig(
                name="rig", prefix="gt", upstream=str(hub.origin),
                setup=Setup(copy=list(globs), **setup),
                source=str(self.source) if source is None else source,
            )  # fmt: skip
            return RigGit(town, config)

        def sandbox(self, *globs, **options):
            git = self.git(*globs, **options)
            base = git.prepare(self.path, BRANCH)
            git.copy_in(self.path)
            return git, shell(self.path), base

    return Place()


def test_ignored_files_are_copied_and_never_handed_in(place):
    git, sh, base = place.sandbox(".env", "conf", "loose")
    assert (place.path / ".env").read_text() == "KEY=1\n"
    assert os.access(place.path / "conf" / "deep" / "run.sh", os.X_OK)
    assert not (place.path / "loose").exists(), "it is not ignored"
    assert put_there(place.path) == (".env", "conf/deep/run.sh")
    assert sh("git status --porcelain") == "", "though this project ignores neither"
    sh("echo mine > new.txt && git add -f .env")
    git.hand_in(place.path, BRANCH, base, "nux")
    assert sh("git show --format= --name-only HEAD") == "new.txt"


def test_gates_get_them_fresh_and_their_tree_stays_clean(place, town):
    git, _, base = place.sandbox(".env")
    work = town / "rig" / "refinery" / "evidence-1"
    for value in ("1", "2"):
        (place.source / ".env").write_text(value)
        git.evidence_tree(work, base)
        git.copy_in(work)
        assert (work / ".env").read_text() == value
        assert not git.differs(work, base)


def test_what_the_tree_tracks_stays_and_no_link_leads_out(place, tmp_path):
    _, sh, _ = place.sandbox()
    outside = tmp_path / "outside"
    outside.mkdir()
    sh("echo theirs > .env && git add -f .env")
    copy_ignored(place.source, [".env"], place.path)
    assert (place.path / ".env").read_text() == "theirs\n"
    (place.path / "conf").symlink_to(outside)
    with pytest.raises(Conflict, match=r"conf/deep/run\.sh"):
        copy_ignored(place.source, ["conf"], place.path)
    assert not list(outside.iterdir())
    (place.path / "conf").unlink()
    for name, target in (("in", "deep/run.sh"), ("up", "../../x"), ("abs", str(outside))):
        (place.source / "conf" / name).symlink_to(target)
    copy_ignored(place.source, ["conf"], place.path)
    links = {path.name for path in (place.path / "conf").iterdir() if path.is_symlink()}
    assert links == {"in"}


def test_a_url_copies_nothing_and_a_path_that_has_gone_is_said(place):
    place.sandbox(".env", source="")
    assert not (place.path / ".env").exists()
    with pytest.raises(Conflict, match="no repository"):
        place.git(".env", source=str(place.source / "gone")).copy_in(place.path)


@pytest.mark.parametrize("glob", ["/etc/passwd", "../x", "a/../../b", "", "/"])
def test_globs_that_lead_out_are_refused(glob):
    text = f'name="r"\nprefix="p"\nupstream="u"\n[setup]\ncopy=["{glob}"]\n'
    with pytest.raises(BadInput, match="copy"):
        read_rig(text)


def test_links_are_shared_and_neither_handed_in_nor_followed_when_they_go(place):
    git, sh, base = place.sandbox(".env", link=["conf", "**/*.sh"])
    conf = place.path / "conf"
    assert conf.is_symlink()
    assert conf.resolve() == place.source / "conf"
    git.copy_in(place.path)  # once more changes nothing
    assert sh("git status --porcelain") == ""
    assert git.hand_in(place.path, BRANCH, base, "nux").commits == 0
    git.undo(place.path, BRANCH)
    assert (place.source / "conf" / "deep" / "run.sh").read_text() == "x\n"


def test_a_folder_of_an_agent_is_never_replaced_by_a_link(place):
    _git, sh, _base = place.sandbox(link=[])
    sh("mkdir conf && echo mine > conf/x")
    with pytest.raises(Conflict, match=r"\[setup\] link: conf: File exists"):
        place.git(link=["conf"]).copy_in(place.path)
    assert (place.path / "conf" / "x").read_text() == "mine\n"


def test_a_worktree_is_set_up_again_when_its_inputs_or_commands_change(place):
    git, sh, _base = place.sandbox(inputs=["*.txt"], run=["make"])
    first = git.set_up_of(place.path)
    assert (first.is_done, len(first.digest)) == (False, 64)
    with open(first.record, "w") as file:
        file.write(first.digest)
    assert git.set_up_of(place.path).is_done
    assert not place.git(inputs=["*.txt"], run=["make all"]).set_up_of(place.path).is_done
    assert not place.git(inputs=["no such*"], run=["make"]).set_up_of(place.path).digest
    sh("echo more > lock.txt && git add lock.txt && git ci -qm lock")
    assert not git.set_up_of(place.path).is_done
