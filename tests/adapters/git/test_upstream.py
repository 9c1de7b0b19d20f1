"""An upstream that moves, is rewritten, or takes what was published in its own way."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.git import landing, upstream
from gastown_tui.adapters.git.sandbox import create_detached
from gastown_tui.adapters.git.tested import GreenTrees
from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.services.ports import TargetMoved


@pytest.fixture
def git(hub, town, shell):
    shell(hub.path)("git config commit.gpgsign false")
    return RigGit(town, RigConfig(name="rig", prefix="gt", upstream=hub.origin))


@pytest.fixture
def work(town):
    return town / "rig" / "refinery" / "landing"


@pytest.fixture
def land(hub, work, shell):
    """Lands a commit for each shell command on the hub's own target; the new tip."""

    def make(*commands: str) -> str:
        old = landing.target_tip(hub, hub.local_ref)
        sh = shell(create_detached(hub, work, old).path)
        for command in commands:
            sh(f"{command} && git add -A && git ci -q -m '{command}'")
        new = sh("git rev-parse HEAD")
        landing.land_local(hub, new, old, message="test")
        return new

    return make


def followed(git, hub, work):
    """The tail on top of the upstream, taken as the target; what `git log` says of it."""
    tail = git.upstream.rebase_tail(work)
    assert tail.conflicts == ()
    git.upstream.take_tail(tail)
    assert not git.upstream.moved()
    assert landing.verify_target(hub, hub.local_ref) == tail.tip
    return tail


def test_what_has_landed_goes_on_top_of_an_upstream_that_moved(git, hub, work, land, seed) -> None:
    old = land("echo 1 > one", "echo 2 > two")
    seed("echo up > up && git add -A && git ci -q -m up && git push -q origin main")
    assert not git.upstream.moved()
    git.refresh(fetch=True)
    assert git.upstream.moved()
    tail = followed(git, hub, work)
    assert (tail.old, tail.count) == (old, 2)
    assert landing.is_linear(hub, tail.upstream, tail.tip)
    assert landing.upstream_state(hub).unpublished == 2
    assert upstream.has_landed(hub, old, tail.tip), "it was in the target before"


def test_with_nothing_unpublished_the_target_is_the_upstream(git, hub, work, seed) -> None:
    seed("echo up > up && git add -A && git ci -q -m up && git push -q origin main")
    git.refresh(fetch=True)
    tail = followed(git, hub, work)
    assert (tail.tip, tail.count) == (tail.upstream, 0)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("more", [False, True])
def test_what_was_published_and_merged_there_in_any_way_is_not_there_twice(
    git, hub, work, land, seed, shell, how, more
) -> None:
    tip = land("echo 1 > a.txt", "echo 2 > a.txt")
    git.upstream.publish(tip, "gastown/publish")
    if more:
        land("echo 3 > a.txt")
    seed("echo up > up && git add -A && git ci -q -m up && git fetch -q")
    seed({
        "merge": "git merge -q --no-edit --no-ff --no-gpg-sign origin/gastown/publish",
        "squash": "git merge -q --squash --ff origin/gastown/publish && git ci -q -m squashed",
        "rebase": "git -c commit.gpgsign=false cherry-pick main..origin/gastown/publish",
    }[how])  # fmt: skip
    seed("git push -q origin main")
    git.refresh(fetch=True)
    git.upstream.look(always=True)
    tail = followed(git, hub, work)
    assert tail.count == int(more)
    assert shell(hub.path)(f"git show {tail.tip}:a.txt") == ("3" if more else "2")
    assert shell(hub.path)(f"git show {tail.tip}:up") == "up"


def test_a_conflict_with_the_upstream_changes_nothing(git, hub, work, land, seed) -> None:
    tip = land("echo mine > a.txt")
    seed("echo theirs > a.txt && git ci -q -a -m up && git push -q origin main")
    git.refresh(fetch=True)
    assert git.upstream.rebase_tail(work).conflicts == ("a.txt",)
    assert landing.target_tip(hub, hub.local_ref) == tip


def test_a_rewritten_upstream_waits_for_a_word_and_then_loses_nothing(
    git, hub, work, land, seed, shell
) -> None:
    seed("echo gone > gone && git add -A && git ci -q -m gone && git push -q origin main")
    git.refresh(fetch=True)
    followed(git, hub, work)
    land("echo 1 > one")
    seed("git reset -q --hard HEAD~ && echo new > new && git add -A && git ci -q -m new")
    seed("git push -q -f origin main")
    git.upstream.look(always=True)
    assert git.upstream.unpublished().rewritten
    with pytest.raises(TargetMoved, match="rewritten"):
        git.upstream.rebase_tail(work)
    git.upstream.accept()
    tail = followed(git, hub, work)
    files = shell(hub.path)(f"git ls-tree --name-only {tail.tip}").split()
    assert {"one", "new"} <= set(files)
    assert "gone" not in files
    assert not git.upstream.unpublished().rewritten


def test_publishing_pushes_what_was_shown_and_only_that(git, hub, land, seed, shell) -> None:
    land("echo 1 > one")
    shown = git.upstream.unpublished()
    assert [(one.author, one.subject) for one in shown.commits] == [("Ada", "echo 1 > one")]
    newer = land("echo 2 > two")
    with pytest.raises(Conflict, match="more has landed"):
        git.upstream.publish(shown.tip, "")
    git.upstream.publish(newer, "")
    assert seed("git ls-remote origin refs/heads/main").split()[0] == newer
    assert git.upstream.unpublished().count == 0
    assert not git.upstream.moved()
    assert landing.verify_target(hub, hub.local_ref) == newer


def test_a_push_over_what_others_pushed_meanwhile_is_not_made(git, hub, land, seed) -> None:
    tip = land("echo 1 > one")
    seed("echo up > up && git add -A && git ci -q -m up && git push -q origin main")
    with pytest.raises(Conflict, match="somebody else"):
        git.upstream.publish(tip, "")
    assert seed("git ls-remote origin refs/heads/main").split()[0] == seed("git rev-parse main")


def test_a_refused_push_tells_the_remotes_own_words(git, hub, land, upstream_hook) -> None:
    upstream_hook("echo 'GH006: Protected branch update failed' >&2; exit 1")
    with pytest.raises(Conflict, match="GH006: Protected branch"):
        git.upstream.publish(land("echo 1 > one"), "")


@pytest.fixture
def upstream_hook(upstream):
    def make(script: str) -> None:
        hook = upstream / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)

    return make


def test_a_branch_of_ours_moves_only_while_it_is_ours(git, hub, land, seed) -> None:
    first, second = land("echo 1 > one"), land("echo 2 > two")
    git.upstream.push_branch("gastown/gt-1", first)
    git.upstream.push_branch("gastown/gt-1", second)
    git.upstream.push_branch("gastown/gt-1", second)
    seed("git fetch -q && git checkout -q gastown/gt-1 && echo x > x && git add -A")
    seed("git ci -q -m x && git push -q origin gastown/gt-1")
    with pytest.raises(Conflict, match="somebody else"):
        git.upstream.push_branch("gastown/gt-1", first)
    seed("git push -q origin :gastown/gt-1")
    git.upstream.push_branch("gastown/gt-1", first)
    seed("git push -q origin HEAD:refs/heads/gastown/gt-2")
    with pytest.raises(Conflict):
        git.upstream.push_branch("gastown/gt-2", first)


def test_what_is_merged_is_known_after_a_fetch(git, seed) -> None:
    tip = seed("echo up > up && git add -A && git ci -q -m up && git rev-parse HEAD")
    assert not git.upstream.has_merged(tip)
    seed("git push -q origin main")
    assert git.upstream.has_merged(tip)
    assert git.upstream.is_on_top(tip)


def test_a_branch_of_ones_own_is_found_in_the_hub_the_source_and_the_remote(
    hub, town, seed, shell, tmp_path
) -> None:
    config = RigConfig(name="rig", prefix="gt", upstream=hub.origin, source=str(tmp_path / "seed"))
    git = RigGit(town, config)
    seed("git checkout -q -b far && echo far > far && git add -A && git ci -q -m far")
    seed("git push -q origin far && git checkout -q main && git branch -q -D far")
    seed("git checkout -q -b near && echo near > near && git add -A && git ci -q -m near")
    sh = shell(hub.path)
    sh("git branch here gastown/main && git update-ref refs/heads/here "
       "$(git commit-tree --no-gpg-sign -p gastown/main -m x $(git mktree </dev/null))")  # fmt: skip
    for branch, place in (
        ("here", "the hub"),
        ("near", str(tmp_path / "seed")),
        ("far", hub.origin),
    ):
        where, own, handed = git.upstream.adopt(branch, f"gt-{branch}")
        assert (where, own, handed.commits) == (place, f"mq/gt-{branch}", 1)
        assert sh(f"git rev-parse {own}") == handed.tip
    with pytest.raises(NotFound, match="no branch nowhere"):
        git.upstream.adopt("nowhere", "gt-9")
    with pytest.raises(BadInput):
        git.upstream.adopt("--all", "gt-9")
    with pytest.raises(BadInput, match="where changes land"):
        git.upstream.adopt("gastown/main", "gt-9")
    sh("git branch same gastown/main")
    with pytest.raises(Conflict, match="holds all"):
        git.upstream.adopt("same", "gt-9")


def test_trees_are_green_for_the_commands_they_passed_and_no_other(hub, shell) -> None:
    tip = landing.target_tip(hub, hub.local_ref)
    sh = shell(hub.path)
    twin = sh(f"git commit-tree --no-gpg-sign -m twin {tip}^{{tree}}")
    tested = GreenTrees(hub.path, ["make", "make test"])
    assert not tested.is_green(tip)
    tested.note_green(tip)
    assert tested.is_green(twin), "the same files, another history"
    assert not GreenTrees(hub.path, ["make test"]).is_green(tip)
    tested.forget(twin)
    assert not tested.is_green(tip)


def test_only_the_newest_trees_are_remembered(hub, shell, monkeypatch) -> None:
    monkeypatch.setattr("gastown_tui.adapters.git.tested._KEPT", 2)
    sh, tested = shell(hub.path), GreenTrees(hub.path, ["make"])
    made = []
    for number in range(3):
        blob = sh(f"echo {number} | git hash-object -w --stdin")
        tree = sh(f"printf '100644 blob {blob}\\tf\\n' | git mktree")
        when = {"GIT_COMMITTER_DATE": f"{1_700_000_000 + number} +0000"}
        made.append(sh(f"git commit-tree --no-gpg-sign -m n {tree}", **when))
        tested.note_green(made[-1])
    assert [tested.is_green(one) for one in made] == [False, True, True]


def test_the_guard_lets_no_agent_say_that_its_tree_is_green(town, hub, git, shell) -> None:
    path = town / "rig" / "polecats" / "nux"
    git.prepare(path, "polecat/nux/gt-1@a")
    agent = shell(path, git.agent_env(path, "polecat/nux/gt-1@a"))
    assert "gastown" in agent.refuses("git update-ref refs/gastown/green/x/y HEAD")
    assert upstream.moved(hub) == ""


def test_a_branch_that_changes_what_the_rig_does_not_take_is_not_adopted(town, hub, seed) -> None:
    def rig(**more):
        return RigGit(
            town, RigConfig(name="rig", prefix="gt", upstream=str(hub.origin), **more)
        ).upstream  # fmt: skip

    seed("git switch -q -c mine && mkdir .beads lib && echo x > .beads/issues.jsonl && git add -A")
    seed("git ci -q -m beads && git push -q origin mine")
    with pytest.raises(Conflict, match=r"mine changes \.beads/issues\.jsonl: rig takes changes of"):
        rig().adopt("mine", "mine-1")
    seed("git rm -qf .beads/issues.jsonl && ln -s ../elsewhere .beads && git add -A")
    seed("git ci -q -m link && git push -q origin mine")
    with pytest.raises(Conflict, match=r"mine changes \.beads: "):
        rig().adopt("mine", "mine-1")
    seed("git rm -qf .beads && mkdir -p lib && echo x > lib/x && git add -A && git ci -q -m ok")
    seed("git push -q origin mine")
    assert rig().adopt("mine", "mine-1")[2].commits == 3
    with pytest.raises(Conflict, match=r"mine changes lib/x: rig takes changes of only apis"):
        rig(folder="apis", only_folder=True).adopt("mine", "mine-1")
