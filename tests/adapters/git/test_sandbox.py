from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gastown_tui.adapters.git import sandbox
from gastown_tui.adapters.git.hub import open_hub
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.sandbox import (
    clear_stale_locks,
    create_detached,
    create_sandbox,
    delete_branch,
    differs,
    remove_sandbox,
    repair_moved,
    reset_worktree,
)
from gastown_tui.adapters.git.status import sandbox_state
from gastown_tui.domain.errors import BadInput, Conflict, NotFound

BRANCH = "polecat/nux/gt-1@a"


def is_clean(path) -> bool:
    return not differs(path, Git(path).text("rev-parse", "HEAD"))


@pytest.fixture
def box(hub, town):
    return create_sandbox(hub, town / "rig/polecats/nux", BRANCH, hub.local_ref)


def test_sandbox_is_a_locked_worktree_on_its_branch(hub, box, shell) -> None:
    sh = shell(box.path)
    assert sh("git branch --show-current") == BRANCH
    assert (box.path / "a.txt").read_text() == "one\n"
    assert "locked in use by gastown" in sh("git worktree list --porcelain")
    assert shell(hub.path)("git symbolic-ref -q HEAD || echo detached") == "detached"
    state = sandbox_state(box.path, hub.local_ref)
    assert (state.branch, state.head, state.tip, state.ahead) == (BRANCH, box.base, box.base, 0)
    assert state.clean
    assert not box.reused


def test_state_names_what_is_there(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("echo x > new.txt && git add new.txt && git ci -qm one && echo y >> a.txt && rm b.txt")
    sh("mkdir d && echo z > d/u.txt && echo l > t.log && git add -N d")
    os.close(os.open(os.fsencode(box.path) + b"/\xff\n", os.O_CREAT))
    state = sandbox_state(box.path, hub.local_ref)
    assert set(state.dirty) == {"a.txt", "b.txt", "d/u.txt"}
    assert state.untracked == ("\\xff\\x0a",)
    assert state.ahead == 1
    assert not state.clean
    assert not is_clean(box.path)


def test_state_in_the_middle_of_a_rebase(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("echo mine > a.txt && git ci -qam mine && git checkout -q --detach HEAD~1")
    assert sandbox_state(box.path).branch is None
    sh(f"echo other > a.txt && git ci -qam other && git tag other && git checkout -q {BRANCH}")
    assert sh.run("git rebase other").returncode != 0
    state = sandbox_state(box.path)
    assert (state.branch, state.operation) == (BRANCH, "rebase")
    assert state.head != state.tip
    assert state.dirty == ("a.txt",)
    with pytest.raises(Conflict, match="a rebase under way; changes in a"):
        remove_sandbox(hub, box.path, BRANCH, submitted=state.tip, request="mr-1")


def test_clean_sandbox_is_reused_with_its_ignored_files(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("echo x > t.log && echo w > w.txt")
    with pytest.raises(Conflict, match=r"untracked w\.txt"):
        create_sandbox(hub, box.path, "polecat/nux/gt-2@b", hub.local_ref)
    sh("rm w.txt; echo more >> a.txt; git ci -qam more")
    again = create_sandbox(hub, box.path, "polecat/nux/gt-2@b", hub.local_ref)
    assert again.reused
    assert sh("git branch --show-current; cat a.txt t.log") == "polecat/nux/gt-2@b\none\nx"
    assert sh(f"git log --format=%s -1 {BRANCH}") == "more"


def test_commits_on_no_branch_are_not_left_behind(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("git checkout -q --detach && echo x > a.txt && git ci -qam loose")
    with pytest.raises(Conflict, match="on no branch"):
        create_sandbox(hub, box.path, "polecat/nux/gt-2@b", hub.local_ref)
    with pytest.raises(Conflict, match="on no branch"):
        remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    sh("git checkout -q --detach origin/main")
    remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")


def test_what_cannot_be_made(hub, box, town, tmp_path, shell) -> None:
    path = town / "rig/polecats/fur"
    for branch in ("--upload-pack=x", "-b", "a..b", "x.lock", "HEAD", "refs/heads/x", "a b"):
        with pytest.raises(BadInput):
            create_sandbox(hub, path, branch, hub.local_ref)
    with pytest.raises(Conflict, match="exists already"):
        create_sandbox(hub, path, BRANCH, hub.local_ref)
    for base in ("--all", "no/such", "refs/heads/none"):
        with pytest.raises(NotFound):
            create_sandbox(hub, path, "polecat/fur/gt-2@a", base)
    assert not path.exists()
    path.mkdir(parents=True)
    (path / "precious").write_text("x")
    with pytest.raises(Conflict, match="no worktree"):
        create_sandbox(hub, path, "polecat/fur/gt-2@a", hub.local_ref)
    shell(tmp_path)("git clone -q remote.git other")
    with pytest.raises(Conflict, match="another repository"):
        create_sandbox(hub, tmp_path / "other", "polecat/fur/gt-2@a", hub.local_ref)
    (town / "link").symlink_to(tmp_path)
    with pytest.raises(BadInput, match="is a link"):
        create_sandbox(hub, town / "link", "polecat/fur/gt-2@a", hub.local_ref)


def test_unicode_branch_and_path(hub, town) -> None:
    box = create_sandbox(hub, town / "rig/polecats/żuk 1", "polecat/żuk/ütf-1@z", hub.local_ref)
    state = sandbox_state(box.path)
    assert state.branch == "polecat/żuk/ütf-1@z"
    remove_sandbox(hub, box.path, "polecat/żuk/ütf-1@z", submitted=box.base, request="mr-ü")
    assert not box.path.exists()


def test_removal_keeps_the_submitted_tip(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("echo x >> a.txt; git ci -qam x; echo log > t.log")
    tip = sh("git rev-parse HEAD")
    with pytest.raises(Conflict, match="not at the submitted"):
        remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    assert box.path.exists()
    for _ in range(2):
        remove_sandbox(hub, box.path, BRANCH, submitted=tip, request="mr-1")
    repo = shell(hub.path)
    assert repo("git rev-parse refs/gastown/landed/mr-1") == tip
    assert repo("git branch --list 'polecat/*'; git worktree list").count("\n") == 0
    assert not box.path.exists()


@pytest.mark.parametrize(
    ("mess", "named"),
    [
        ("echo x >> a.txt", "changes in a.txt"),
        ("echo x > 'new\nline'", r"untracked new\\x0aline"),
        ("git rm -q --cached a.txt", "a.txt"),
        ("echo x >> a.txt; git stash", "stash WIP on (polecat/nux/)?gt-1@a"),
        ("git checkout -q --detach; echo x >> a.txt; git stash", r"stash WIP on \(no branch\)"),
        ("touch $(git rev-parse --git-dir)/index.lock", "index.lock"),
        ("git bisect start; git bisect bad", "a bisect under way"),
    ],
)
def test_removal_refuses_what_would_be_lost(hub, box, shell, mess, named) -> None:
    shell(box.path)(mess)
    with pytest.raises(Conflict, match=named):
        remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    assert box.path.exists()
    assert shell(hub.path)("git for-each-ref refs/gastown/landed") == ""


def test_removal_killed_in_the_middle_is_finished_later(hub, box, monkeypatch) -> None:
    frozen = box.path / "t.log"
    frozen.mkdir()
    (frozen / "file").write_text("x")
    frozen.chmod(0o500)

    def killed(*_):
        raise KeyboardInterrupt

    for step in ("_forget", "delete_branch", "delete_trees"):
        with monkeypatch.context() as patch:
            patch.setattr(sandbox, step, killed)
            with pytest.raises(KeyboardInterrupt):
                remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    assert remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1") == []
    assert list(box.path.parent.iterdir()) == []
    assert not list((hub.git_dir / "worktrees").glob("*"))


def test_anothers_stash_does_not_hold_this_sandbox(hub, box, town, shell) -> None:
    other = create_sandbox(hub, town / "rig/polecats/fur", "polecat/fur/gt-2@a", hub.local_ref)
    shell(other.path)("echo x >> a.txt; git stash")
    assert sandbox_state(box.path).clean
    remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")


def test_folder_that_vanished_is_made_again(hub, box, shell) -> None:
    shell(hub.path)(f"rm -rf {box.path}")
    again = create_sandbox(hub, box.path, "polecat/nux/gt-1@b", hub.local_ref)
    assert not again.reused
    shell(hub.path)(f"rm -rf {box.path}")
    remove_sandbox(hub, box.path, "polecat/nux/gt-1@b", submitted=box.base, request="mr-2")
    assert "polecats" not in shell(hub.path)("git worktree list")


def test_sandbox_killed_while_it_was_made_is_made_again(hub, box, shell) -> None:
    own = Path(shell(box.path)("git rev-parse --git-dir"))
    shell(box.path)("rm -f * .gitignore")
    (own / "index").unlink()
    assert not create_sandbox(hub, box.path, "polecat/nux/gt-1@b", hub.local_ref).reused
    assert sandbox_state(box.path).clean


def test_killed_git_is_cleared_only_on_the_fences_word(hub, box, shell) -> None:
    sh = shell(box.path)
    own = Path(sh("git rev-parse --git-dir"))
    (own / "index.lock").touch()
    (hub.git_dir / f"refs/heads/{BRANCH}.lock").touch()
    (hub.git_dir / "config.lock").touch()
    assert sandbox_state(box.path).locked
    assert "index.lock" in sh.refuses("git add a.txt")
    assert len(clear_stale_locks(box.path, branch=BRANCH)) == 2
    sh("echo x >> a.txt && git ci -qam works")
    assert (hub.git_dir / "config.lock").exists()


def test_damaged_link_never_falls_through_to_the_town(hub, box) -> None:
    (box.path / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(NotFound, match="not a worktree"):
        sandbox_state(box.path)
    (box.path / ".git").unlink()
    with pytest.raises(NotFound):
        sandbox_state(box.path)
    with pytest.raises(NotFound):
        reset_worktree(box.path, box.base)


def test_tracked_beads_stay_out_and_are_redirected(hub, town, seed, shell) -> None:
    seed("mkdir .beads && echo '{}' > .beads/issues.jsonl && git add -A && git ci -qm beads")
    seed("git push -q origin main")
    shell(hub.path)("git fetch -q")
    path = town / "rig/polecats/nux"
    box = create_sandbox(hub, path, BRANCH, hub.upstream_ref, redirect=town / "rig/.beads")
    assert [entry.name for entry in (path / ".beads").iterdir()] == ["redirect"]
    assert (path / ".beads/redirect").read_text() == f"{town}/rig/.beads\n"
    assert sandbox_state(path).clean
    sh = shell(path)
    sh(
        "echo x > new && git add -A && git ci -qm work && git rebase -q --no-gpg-sign --force-rebase HEAD~1"
    )
    assert sh("git ls-tree --name-only HEAD .beads/") == ".beads/issues.jsonl"
    tip = sh("git rev-parse HEAD")
    again = create_sandbox(hub, path, "polecat/nux/gt-2@b", box.base)
    assert again.reused
    assert not (path / ".beads/issues.jsonl").exists()
    assert sandbox_state(path).clean
    delete_branch(hub, BRANCH, tip)


def test_submodules_are_looked_into(hub, town, tmp_path, seed, shell) -> None:
    allow = "-c protocol.file.allow=always"
    shell(tmp_path)("git init -q lib && cd lib && echo l > l && git add l && git ci -qm l")
    seed(
        f"git {allow} submodule -q add {tmp_path}/lib lib && git ci -qm sub && git push -q origin main"
    )
    shell(hub.path)("git fetch -q && git config --global protocol.file.allow always")
    box = create_sandbox(hub, town / "rig/polecats/nux", BRANCH, hub.upstream_ref)
    assert sandbox_state(box.path).clean
    inside = shell(box.path / "lib")
    inside("echo x > u")
    with pytest.raises(Conflict, match="submodule changes in lib"):
        remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    inside("rm u && git ci -q --allow-empty -m unpushed && git checkout -q HEAD~1")
    inside("git branch kept HEAD@{1}")
    with pytest.raises(Conflict, match="submodule changes in lib"):
        remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    inside("git branch -D kept")
    remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")
    assert not box.path.exists()


def test_project_hooks_do_not_veto_the_town(hub, town, shell) -> None:
    hooks = hub.git_dir / "hooks"
    for name in ("post-checkout", "reference-transaction", "pre-commit"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    box = create_sandbox(hub, town / "rig/polecats/nux", BRANCH, hub.local_ref)
    remove_sandbox(hub, box.path, BRANCH, submitted=box.base, request="mr-1")


def test_refinery_worktree_is_reset_to_exactly_its_commit(hub, town, shell) -> None:
    path = town / "rig/refinery/1"
    box = create_detached(hub, path, hub.local_ref)
    sh = shell(path)
    sh("echo x > t.log; mkdir -p junk/deep && git init -q junk/deep && echo x > junk/deep/f")
    sh("echo mine > a.txt && git ci -qam mine && git checkout -q --detach HEAD~1")
    sh("echo other > a.txt && git ci -qam other; git rebase HEAD@{1} || true; echo z >> a.txt")
    again = create_detached(hub, path, hub.local_ref)
    assert again.reused
    assert is_clean(path)
    assert (
        sh("git rev-parse HEAD; cat a.txt t.log; ls") == f"{box.base}\none\nx\na.txt\nb.txt\nt.log"
    )


def test_many_sandboxes_at_once(hub, town) -> None:
    def make(number: int):
        path = town / f"rig/polecats/p{number}"
        return create_sandbox(hub, path, f"polecat/p{number}/gt-{number}@a", hub.local_ref)

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(make, range(6)))
    assert all(sandbox_state(box.path).clean for box in made)
    with ThreadPoolExecutor(6) as pool:
        for box in made:
            pool.submit(
                remove_sandbox, hub, box.path, box.branch, submitted=box.base, request=box.path.name
            )
    assert not any(box.path.exists() for box in made)


def test_moved_town_is_joined_again(hub, box, town, shell) -> None:
    moved = town.rename(town.with_name("moved"))
    path = moved / "rig/polecats/nux"
    with pytest.raises(NotFound):
        sandbox_state(path)
    repair_moved(open_hub(moved / "rig/repo"), [path])
    assert sandbox_state(path).clean


def test_joining_a_copy_leaves_the_original_alone(hub, box, town) -> None:
    copy = town.with_name("copy")
    shutil.copytree(town, copy, symlinks=True)
    repair_moved(open_hub(copy / "rig/repo"), [copy / "rig/polecats/nux"])
    for place in (town, copy):
        path = place / "rig/polecats/nux"
        assert sandbox_state(path).clean
        assert str(place) in (path / ".git").read_text()
        assert str(place) in (place / "rig/repo/.git/worktrees/nux/gitdir").read_text()
