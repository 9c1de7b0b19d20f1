"""Two agents with real worktrees, typing what agents type; the guard comes by environment alone."""

from __future__ import annotations

import os
import shutil

import pytest

from gastown_tui.adapters.git.guard import agent_git_env
from gastown_tui.adapters.git.sandbox import create_sandbox
from gastown_tui.domain.errors import BadInput, NotFound

NUX, FUR, DONE = "polecat/nux/gt-1@a", "polecat/fur/gt-2@a", "polecat/old/gt-0@a"


def agent(hub, town, shell, name, branch):
    path = town / "rig/polecats" / name
    create_sandbox(hub, path, branch, hub.local_ref)
    return shell(path, agent_git_env(town, "rig", path, branch))


@pytest.fixture
def nux(hub, town, shell):
    return agent(hub, town, shell, "nux", NUX)


@pytest.fixture
def fur(hub, town, shell):
    return agent(hub, town, shell, "fur", FUR)


def refs(hub, shell) -> str:
    return shell(hub.path)("git for-each-ref --format='%(refname) %(objectname)'")


def test_work_on_the_own_branch_goes_on_as_usual(hub, nux, seed) -> None:
    for n in range(4):
        nux(f"echo {n} > n{n} && git add -A && git ci -qm n{n}")
    nux(
        "git ci -q --amend -m amended && git reset -q --hard HEAD~1 && git cherry-pick --no-gpg-sign ORIG_HEAD"
    )
    nux("git bisect start && git bisect bad && git bisect good HEAD~3 && git bisect reset")
    seed("echo up > up && git add up && git ci -qm up && git tag v1 && git push -q origin main v1")
    nux("git fetch -q && git rebase -q --no-gpg-sign origin/main && git show -q v1")
    nux("git config pull.ff true && git pull -q --rebase origin main")
    nux(
        f"git checkout -q --detach HEAD~1 && git checkout -q {NUX} && git checkout -q main -- a.txt"
    )
    nux("git -c core.hooksPath=/nowhere status && git merge -q --no-ff --no-commit HEAD || true")
    assert nux("git rev-list --count main..HEAD") == "5"


def test_stash_is_refused_and_the_change_stays(hub, nux, fur, shell) -> None:
    before = refs(hub, shell)
    for each, name in ((nux, "nux"), (fur, "fur")):
        each(f"echo {name} > a.txt")
        said = each.refuses("git stash")
        assert "git commit -am wip" in said.splitlines()[0]
        assert each("cat a.txt; git stash list") == name
        each.refuses("git stash push -m x -u")
        each.refuses("git stash store HEAD")
    fur("git ci -qam wip")
    nux.refuses("git stash pop")
    assert nux("cat a.txt") == "nux"
    assert "refs/stash" not in before + refs(hub, shell)


REFUSED = [
    ("git checkout -q main && git ci -q --allow-empty -m x", "finish with `gastown done`"),
    ("git checkout -q gastown/main && git ci -q --allow-empty -m x", "refinery"),
    ("git branch -f main HEAD", "main moves only by the refinery"),
    ("git branch -D main", "main moves only by the refinery"),
    ("git update-ref refs/heads/gastown/main HEAD", "gastown/main moves only"),
    ("git update-ref refs/gastown/target HEAD", "refinery"),
    ("git symbolic-ref HEAD refs/heads/main && git reset -q --hard HEAD", "refinery"),
    ("git checkout -q -b feature", f"feature is not yours to change; your branch is {NUX}"),
    ("git checkout -q -B main", "refinery"),
    (f"git branch -f {DONE} HEAD", "not yours"),
    (f"git branch -D {DONE}", "not yours"),
    (f"git update-ref -d refs/heads/{FUR}", "not yours"),
    (f"git update-ref -d refs/heads/{NUX}", "not deleted or renamed"),
    ("git branch -m other", "not deleted or renamed"),
    ("git fetch -q . +HEAD:main", "refinery"),
    ("git fetch -q origin +refs/heads/*:refs/heads/x/*", "not yours"),
    ("git notes add -m x", "shared by all agents"),
    ("git tag -f old HEAD~1", "tags are shared"),
    ("git push -q origin main", "agents do not push"),
    (f"git push -q origin HEAD:refs/heads/{NUX}", "agents do not push"),
    ("git push -q --delete origin main", "agents do not push"),
    ("git worktree add -q ../mine --detach", "not your sandbox"),
    ("git worktree add -q ../mine", "not yours"),
    ("git gc -q", "refinery"),
    ("git -C ../fur ci -q --allow-empty -m x", "not your sandbox"),
    ("git -C ../../repo ci -q --allow-empty -m x", "not your sandbox"),
]


def test_what_would_touch_the_others_is_refused(hub, nux, fur, shell) -> None:
    nux("echo x > x && git add x && git ci -qm work && git tag old")
    shell(hub.path)(f"git branch {DONE}")
    before = refs(hub, shell)
    for command, said in REFUSED:
        nux(f"git checkout -q {NUX}")
        error = nux.refuses(command)
        first = next(line for line in error.splitlines() if line.startswith("gastown: "))
        assert said in first, command
        assert refs(hub, shell) == before, command
    assert shell(hub.path)("git ls-remote origin").count("refs/heads/") == 1


def test_project_hooks_still_run(hub, nux) -> None:
    hook = hub.git_dir / "hooks" / "commit-msg"
    hook.write_text('#!/bin/sh\ngrep -q "^feat" "$1" || { echo "bad message" >&2; exit 1; }\n')
    hook.chmod(0o755)
    assert "bad message" in nux.refuses("git ci -q --allow-empty -m nope")
    nux("git ci -q --allow-empty -m 'feat: yes'")


def test_husky_set_up_in_the_middle_of_a_session_is_chained(hub, nux, fur) -> None:
    nux("git ci -q --allow-empty -m before && mkdir -p .husky")
    pre = nux.path / ".husky" / "pre-commit"
    pre.write_text("#!/bin/sh\necho husky ran >&2\ncat a.txt >> seen\n")
    pre.chmod(0o755)
    # As `npx husky` does it from one sandbox: into the configuration that all share.
    nux("git config core.hooksPath .husky")
    assert "husky ran" in nux.run("git ci -q --allow-empty -m one").stderr
    assert "husky ran" in nux.run("git ci -q --allow-empty -m two").stderr
    assert "no stash here" in nux.refuses("echo x >> a.txt; git stash")
    done = fur.run("git ci -q --allow-empty -m three")
    assert (done.returncode, done.stderr) == (0, "")
    nux("git config --worktree core.hooksPath /nowhere && git ci -q --allow-empty -m four")


def test_hook_at_every_index_write_is_stood_in_for_when_there_is_one(hub, nux, town) -> None:
    folder = town / ".gastown/guard/rig/hooks"
    assert not (folder / "post-index-change").exists()
    hook = hub.git_dir / "hooks" / "post-index-change"
    hook.write_text("#!/bin/sh\n: > seen\n")
    hook.chmod(0o755)
    agent_git_env(town, "rig", nux.path, NUX)
    nux("echo x > x && git add x && test -e seen")


def test_own_reference_hook_gets_its_input(hub, nux, tmp_path) -> None:
    hook = hub.git_dir / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\n(echo $1; cat) >> '{tmp_path}/seen'\n")
    hook.chmod(0o755)
    nux("git ci -q --allow-empty -m x")
    tip = nux("git rev-parse HEAD")
    seen = (tmp_path / "seen").read_text()
    assert seen.count(f"{tip} refs/heads/{NUX}\n") == 2
    assert "prepared\n" in seen
    assert "committed\n" in seen


def test_other_repositories_are_none_of_our_business(nux, tmp_path, shell) -> None:
    other = shell(tmp_path, nux.env)
    other("git init -q mine && cd mine && git ci -q --allow-empty -m x && git checkout -q -b y")
    inside = shell(tmp_path / "mine", nux.env)
    inside(
        "echo x > f && git add f && git stash -q && git stash pop -q && git tag t && git tag -d t"
    )
    inside("git clone -q --bare . ../to.git && git ci -qm f && git push -q ../to.git HEAD:main")
    inside("git worktree add -q ../tree -b z && git branch -D y || true; git gc -q")
    hook = tmp_path / "mine/.git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 3\n")
    hook.chmod(0o755)
    inside.refuses("git ci -q --allow-empty -m x")
    shell(tmp_path / "tree", nux.env).refuses("git ci -q --allow-empty -m x")


def test_submodule_of_the_sandbox_has_its_own_refs_but_no_push(hub, nux, tmp_path, shell) -> None:
    allow = "-c protocol.file.allow=always"
    shell(tmp_path)("git init -q lib && cd lib && git ci -q --allow-empty -m l")
    nux(f"git {allow} submodule -q add {tmp_path}/lib lib")
    inside = shell(nux.path / "lib", nux.env)
    inside("git checkout -q -b fix && git ci -q --allow-empty -m x")
    assert "agents do not push" in inside.refuses("git push -q origin fix")


def test_damaged_sandbox_does_not_fall_through_to_the_town(nux) -> None:
    (nux.path / ".git").unlink()
    assert "not a git repository" in nux.refuses("git add -A")


def test_guard_is_repaired_and_refused_for_strangers(hub, nux, town, tmp_path) -> None:
    hooks = town / ".gastown/guard/rig/hooks"
    (hooks / "guard").write_text("#!/bin/sh\nexit 0\n")
    (hooks / "pre-push").unlink()
    (hooks / "pre-push").write_text("#!/bin/sh\nexit 0\n")
    again = agent_git_env(town, "rig", nux.path, NUX)
    assert again == nux.env
    assert "agents do not push" in nux.refuses("git push -q origin main")
    with pytest.raises(BadInput):
        agent_git_env(town, "rig", tmp_path / "seed", NUX)
    with pytest.raises(BadInput):
        agent_git_env(town, "rig", nux.path, "--x")
    with pytest.raises(NotFound):
        agent_git_env(town, "none", nux.path, NUX)


@pytest.mark.parametrize("sh", ["dash", "bash", "zsh", "busybox"])
def test_script_runs_in_every_shell(nux, town, sh) -> None:
    if not shutil.which(sh):
        pytest.skip(f"no {sh} here")
    guard = town / ".gastown/guard/rig/hooks/guard"
    body = guard.read_text()
    shell = f"{shutil.which(sh)}{' sh' if sh == 'busybox' else ' --posix' if sh == 'bash' else ''}"
    guard.write_text(body.replace("#!/bin/sh", f"#!{shell}", 1))
    nux("git ci -q --allow-empty -m x && git fetch -q")
    assert "no stash here" in nux.refuses("echo x >> a.txt; git stash")
    assert "agents do not push" in nux.refuses("git push -q origin main")
    assert "GIT_DIR" not in os.environ
