"""The controller's git port on real repositories: what is kept, what waits, what is held."""

from __future__ import annotations

import os
import stat

import pytest

from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import Conflict
from gastown_tui.services.ports import Piece, TargetMoved

BRANCH = "polecat/nux/gt-1@a"


@pytest.fixture
def make(hub, town, shell):
    """Makes the port, and work of agents through it."""

    class Make:
        def __init__(self, land="local", **rig):
            config = RigConfig(name="rig", prefix="gt", upstream=str(hub.origin), land=land, **rig)
            self.git = RigGit(town, config)
            self.town = town
            self.hub = shell(hub.path)
            self.hub("git config commit.gpgsign false")

        def path(self, name="nux"):
            return self.town / "rig" / "polecats" / name

        def sandbox(self, name="nux", branch=BRANCH, start=""):
            base = self.git.prepare(self.path(name), branch, start)
            return shell(self.path(name)), base

        def work(self, name, text, file="a.txt"):
            branch = f"polecat/{name}/gt-{name}@a"
            sh, base = self.sandbox(name, branch)
            sh(f"echo {text} > {file} && git add -A && git ci -q -m '{name} {text}'")
            return self.git.hand_in(self.path(name), branch, base, name), branch

        def stack(self, *requests):
            base = self.git.refresh(fetch=True)
            work = self.town / "rig" / "refinery" / "landing"
            wanted = [Piece(name, handed.tip, name, handed.base) for name, handed in requests]
            return self.git.stack(work, base, wanted)

    return Make


def test_a_sandbox_left_half_made_is_made_anew_under_the_same_branch(make):
    made = make()
    sh, base = made.sandbox()
    sh("echo installed > set-up.txt && mkdir node && echo x > node/y")
    sh, again = made.sandbox()
    assert again == base
    assert sh("git status --porcelain -uall") == ""
    assert sh("git rev-parse --abbrev-ref HEAD") == BRANCH
    branches = made.hub("git for-each-ref --format='%(refname)' refs/heads/polecat")
    assert branches.splitlines() == [f"refs/heads/{BRANCH}"]


def test_a_half_made_branch_without_its_folder_does_not_stop_the_next_try(make):
    made = make()
    made.hub(f"git branch {BRANCH} gastown/main")
    sh, _ = made.sandbox()
    assert sh("git rev-parse --abbrev-ref HEAD") == BRANCH


def test_a_branch_with_work_is_never_undone(make):
    made = make()
    made.work("nux", "changed")
    with pytest.raises(Conflict, match="commits of its own"):
        made.git.undo(made.path(), "polecat/nux/gt-nux@a")
    assert (made.path() / "a.txt").read_text() == "changed\n"


def test_another_polecat_goes_on_from_the_change_that_was_handed_in(make):
    made = make()
    handed, _ = made.work("nux", "changed")
    sh, base = made.sandbox("slit", "polecat/slit/gt-1@b", handed.tip)
    assert sh("cat a.txt") == "changed"
    assert base == made.git.refresh(fetch=False)
    sh("echo more > c.txt && git add -A && git ci -q -m more")
    again = made.git.hand_in(made.path("slit"), "polecat/slit/gt-1@b", base, "slit")
    assert again.commits == 2


def test_what_is_put_away_is_kept_on_its_branch_and_the_place_is_free(make):
    made = make()
    sh, _ = made.sandbox()
    sh("echo mine > a.txt && git ci -q -a -m mine && echo left > b.txt && echo new > n.txt")
    assert made.git.put_away(made.path(), BRANCH, "nux") == BRANCH
    assert made.hub(f"git show {BRANCH}:b.txt") == "left"
    assert made.hub(f"git show {BRANCH}:n.txt") == "new"
    sh, _ = made.sandbox("nux", "polecat/nux/gt-2@b")
    assert sh("cat a.txt") == "one"
    assert made.hub(f"git log --format=%s {BRANCH}").splitlines()[1] == "mine"


def test_an_untouched_sandbox_leaves_no_branch(make):
    made = make()
    made.sandbox()
    assert made.git.put_away(made.path(), BRANCH, "nux") == ""
    assert not made.hub.run(f"git rev-parse -q --verify refs/heads/{BRANCH}").stdout


WEIRD = b"-we\nird\xff"


def test_what_cannot_be_committed_is_moved_aside_and_the_place_is_free(make):
    made = make()
    sh, _ = made.sandbox()
    sh("echo KEY=1 > .env && mkdir -p d/node_modules/x && echo 1 > d/node_modules/x/i.js")
    sh("printf 'token = ghp_%s\n' a1B2c3D4ea1B2c3D4ea1B2c3D4ea1B2c3D4e >> a.txt")
    sh(
        "git init -q inner && git -C inner ci -q --allow-empty -m x && echo s > s.key && git add -f s.key"
    )
    os.close(os.open(os.fsencode(made.path()) + b"/" + WEIRD, os.O_CREAT))
    os.truncate(os.fsencode(made.path()) + b"/" + WEIRD, 6 * 1024 * 1024)
    folder = made.town / "rig" / "kept" / "nux"
    assert made.git.put_away(made.path(), BRANCH, "nux") == f"{folder} (never committed)"
    assert sh("git status --porcelain") == ""
    assert sh("cat a.txt") == "one"
    assert "ghp_" in (folder / "a.txt").read_text()
    assert (folder / "d/node_modules/x/i.js").exists()
    assert (folder / "inner/.git").is_dir()
    assert {os.fsdecode(WEIRD), ".env", "s.key"} <= set(os.listdir(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    sh, _ = made.sandbox("nux", "polecat/nux/gt-2@b")
    sh("echo KEY=2 > .env && echo mine > m.txt")
    where = made.git.put_away(made.path(), "polecat/nux/gt-2@b", "nux")
    assert where == f"polecat/nux/gt-2@b and {folder}-2 (never committed)"


def test_a_landed_change_is_cleaned_up_although_its_agent_left_a_key(make):
    made = make()
    handed, branch = made.work("nux", "changed")
    (made.path() / ".env").write_text("KEY=1\n")
    stacked = made.stack(("mr-1", handed))
    made.git.land(stacked.tip, stacked.base, "landed")
    where = made.git.clean(made.path(), branch, handed.tip, stacked.tip, "mr-1")
    assert where == f"{made.town}/rig/kept/nux (never committed)"
    assert not made.path().exists()
    assert made.hub(f"git for-each-ref refs/heads/{branch}") == ""


def test_what_a_session_left_is_a_commit_of_its_own_without_what_is_never_committed(make):
    made = make()
    sh, _ = made.sandbox()
    sh("echo mine > a.txt && git ci -q -a -m mine && echo left > b.txt && echo KEY=1 > .env")
    (made.path() / "big").write_bytes(bytes(6 * 1024 * 1024))
    lock = made.hub.run(f"git -C {made.path()} rev-parse --git-path index.lock").stdout.strip()
    (made.path() / lock).touch()  # of a git that was killed with its session
    left = made.git.commit_left(made.path(), BRANCH, "nux")
    assert made.hub(f"git log --format=%s {BRANCH}").splitlines()[:2] == ["left by nux", "mine"]
    assert made.hub(f"git rev-parse {BRANCH}") == left.commit
    assert sorted(one.split()[0] for one in left.left_out) == [".env", "big"]
    assert (made.path() / ".env").exists()
    assert made.git.commit_left(made.path(), BRANCH, "nux").commit == ""


def test_in_the_middle_of_a_rebase_everything_stays_as_it_is(make):
    made = make()
    sh, base = made.sandbox()
    sh("echo mine > a.txt && git ci -q -a -m mine")
    sh.run(f"GIT_SEQUENCE_EDITOR='sed -i s/^pick/edit/' git rebase -q -i {base}")
    sh("echo more > b.txt")
    left = made.git.commit_left(made.path(), BRANCH, "nux")
    assert (left.commit, "rebase" in left.held) == ("", True)
    assert (made.path() / "b.txt").read_text() == "more\n"


def test_work_after_the_hand_in_outlives_the_clean_up(make):
    made = make()
    handed, branch = made.work("nux", "changed")
    stacked = made.stack(("mr1", handed))
    made.git.land(stacked.tip, stacked.base, "land")
    (made.path() / "notes.txt").write_text("later\n")
    args = (made.path(), branch, handed.tip, stacked.commits["mr1"], "mr1")
    assert made.git.clean(*args) == branch
    assert made.hub(f"git show {branch}:notes.txt") == "later"
    assert made.hub("git rev-parse refs/gastown/landed/mr1") == handed.tip


def test_a_landed_sandbox_goes(make):
    made = make()
    handed, branch = made.work("nux", "changed")
    stacked = made.stack(("mr1", handed))
    made.git.land(stacked.tip, stacked.base, "land")
    made.git.land(stacked.tip, stacked.base, "land")  # a controller that died says it again
    assert made.git.clean(made.path(), branch, handed.tip, stacked.commits["mr1"], "mr1") == ""
    assert not made.path().exists()


def test_a_conflict_with_others_of_the_batch_only_waits(make):
    made = make()
    first, _ = made.work("nux", "mine")
    second, _ = made.work("slit", "yours")
    third, _ = made.work("toast", "else", "c.txt")
    stacked = made.stack(("mr1", first), ("mr2", second), ("mr3", third))
    assert set(stacked.commits) == {"mr1", "mr3"}
    assert stacked.conflicts == {}
    assert not made.git.differs(made.town / "rig" / "refinery" / "landing", stacked.tip)
    made.git.land(stacked.tip, stacked.base, "land")
    assert made.stack(("mr2", second)).conflicts == {"mr2": ("a.txt",)}


def test_a_local_target_that_somebody_moved_holds_until_it_is_accepted(make, town):
    made = make()
    handed, _ = made.work("nux", "changed")
    made.hub("git update-ref refs/heads/gastown/main $(git commit-tree -p gastown/main -m x"
             " gastown/main^{tree} --no-gpg-sign)")  # fmt: skip
    with pytest.raises(TargetMoved):
        made.stack(("mr1", handed))
    tip = made.git.upstream.accept()
    stacked = made.stack(("mr1", handed))
    assert stacked.base == tip
    made.git.land(stacked.tip, stacked.base, "land")


def test_a_push_of_somebody_else_is_taken_as_the_new_base(make, seed, upstream, shell):
    made = make("push")
    handed, _ = made.work("nux", "changed")
    seed("echo c > c.txt && git add -A && git ci -q -m theirs && git push -q origin HEAD:main")
    stacked = made.stack(("mr1", handed))
    assert stacked.base == seed("git rev-parse HEAD")
    made.git.land(stacked.tip, stacked.base, "land")
    assert shell(upstream)("git log --format=%s main").splitlines() == [
        "nux changed", "theirs", "first",
    ]  # fmt: skip


def test_a_push_in_between_sends_the_batch_back_to_be_stacked(make, seed):
    made = make("push")
    handed, _ = made.work("nux", "changed")
    stacked = made.stack(("mr1", handed))
    seed("echo c > c.txt && git add -A && git ci -q -m theirs && git push -q origin HEAD:main")
    with pytest.raises(Conflict) as error:
        made.git.land(stacked.tip, stacked.base, "land")
    assert not isinstance(error.value, TargetMoved)
    again = made.stack(("mr1", handed))
    made.git.land(again.tip, again.base, "land")


def test_a_rewritten_upstream_holds_until_it_is_accepted(make, seed):
    made = make("push")
    handed, _ = made.work("nux", "changed")
    stacked = made.stack(("mr1", handed))
    made.git.land(stacked.tip, stacked.base, "land")
    seed("git ci -q --amend -m rewritten && git push -q -f origin HEAD:main")
    second, _ = make("local").work("slit", "else", "c.txt")
    with pytest.raises(TargetMoved):
        made.stack(("mr2", second))
    made.git.upstream.accept()
    again = made.stack(("mr2", second))
    made.git.land(again.tip, again.base, "land")


def test_a_refused_push_holds_with_the_remotes_own_words(make, upstream):
    made = make("push")
    handed, _ = made.work("nux", "changed")
    hook = upstream / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho main is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    stacked = made.stack(("mr1", handed))
    with pytest.raises(TargetMoved, match="main is protected"):
        made.git.land(stacked.tip, stacked.base, "land")


def test_what_lies_outside_of_the_rigs_folder_is_named_when_it_is_handed_in(make):
    made = make(folder="api", only_folder=True)
    assert made.work("nux", "one", "top.txt")[0].outside == ("top.txt",)
    sh, base = made.sandbox("ace", "polecat/ace/gt-2@a")
    sh("mkdir api apis && echo 1 > api/x && git add -A && git ci -qm in")
    assert made.git.hand_in(made.path("ace"), "polecat/ace/gt-2@a", base, "ace").outside == ()
    sh("echo 1 > apis/x && git add -A && git ci -qm out")
    handed = made.git.hand_in(made.path("ace"), "polecat/ace/gt-2@a", base, "ace")
    assert handed.outside == ("apis/x",)


def test_sparse_worktrees_have_their_folders_and_what_is_above_and_land_all_the_same(make):
    made = make(sparse=["api/src"])
    made.hub("mkdir -p api/src api/doc web && touch api/src/f api/doc/g api/h web/w && git add -A")
    made.hub("git ci -qm more && git push -q origin HEAD:main && git fetch -q")
    made.hub("git update-ref refs/heads/gastown/main HEAD")
    made.hub("git update-ref refs/gastown/target HEAD")
    sh, base = made.sandbox()
    there = {"a.txt", "api/h", "api/src/f"}
    assert there <= set(sh("find . -type f").replace("./", "").split())
    assert not (made.path() / "web").exists()
    assert not (made.path() / "api" / "doc").exists()
    sh("echo new > api/src/f && git ci -qam new")
    handed = made.git.hand_in(made.path(), BRANCH, base, "nux")
    made.git.evidence_tree(made.town / "rig" / "refinery" / "evidence-1", handed.tip)
    assert not (made.town / "rig" / "refinery" / "evidence-1" / "web").exists()
    assert sh("git ls-tree -r --name-only HEAD -- web") == "web/w"


def test_a_stash_of_the_overseers_stands_in_nobodys_way(make, shell):
    made = make()
    handed, branch = made.work("nux", "changed")
    stacked = made.stack(("mr-1", handed))
    bench = made.town / "rig" / "refinery" / "landing"
    shell(bench)("echo x >> b.txt && git stash -q")
    assert made.git.differs(bench, stacked.tip) == ""
    assert not made.git.is_elsewhere(bench, stacked.tip)
    assert not made.git.is_elsewhere(bench, stacked.base)
    shell(bench)("git checkout -q --detach HEAD~1")
    assert made.git.is_elsewhere(bench, stacked.tip)
    shell(bench)(f"git checkout -q --detach {stacked.tip}")
    assert made.git.is_elsewhere(bench.with_name("gone"), stacked.tip)
    (bench / "cov.xml").write_text("x")
    assert made.git.differs(bench, stacked.tip) == "cov.xml"
    assert made.git.differs(bench, stacked.base) == f"it is at {stacked.tip[:12]}"
    made.git.land(stacked.tip, stacked.base, "landed")
    assert made.git.clean(made.path(), branch, handed.tip, stacked.tip, "mr-1") == ""
    assert not made.path().exists()


@pytest.mark.parametrize("merge", ["rebase", "squash"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_taken_out_of_the_targets_history_does_not_come_back(make, merge, when):
    made = make(merge=merge)
    clean = made.hub("git rev-parse gastown/main")
    leak, _ = made.work("slit", "secret", "leak.txt")
    stacked = made.stack(("mr-0", leak))
    made.git.land(stacked.tip, clean, "landed")
    sh, base = made.sandbox()
    sh(
        "echo mine > m.txt && git add -A && git ci -q -m mine && echo two >> m.txt && git ci -qam two"
    )
    handed = made.git.hand_in(made.path(), BRANCH, base, "nux")
    other = made.hub(f"git commit-tree --no-gpg-sign -p {clean} -m other {clean}^{{tree}}")
    made.hub(f"git update-ref refs/heads/gastown/main {other}")
    made.git.upstream.accept()
    if when == "after":
        handed = made.git.hand_in(made.path(), BRANCH, base, "nux")
    assert handed.commits == 2
    stacked = made.stack(("mr-1", handed))
    assert set(made.hub(f"git ls-tree --name-only {stacked.tip}").split()) == {
        ".gitignore", "a.txt", "b.txt", "m.txt",
    }  # fmt: skip
    subjects = made.hub(f"git log --format=%s {other}..{stacked.tip}").splitlines()
    assert subjects == (["two", "mine"] if merge == "rebase" else ["mr-1"])
    sh("echo x > leak.txt && git ci -qam leak")
    handed = made.git.hand_in(made.path(), BRANCH, base, "nux")
    assert made.stack(("mr-1", handed)).conflicts == {"mr-1": ("leak.txt",)}
    assert made.stack(("mr-2", handed)).tip == other
