from __future__ import annotations

import os

import pytest

from gastown_tui.adapters.git.leftovers import commit_leftovers
from gastown_tui.adapters.git.sandbox import create_sandbox
from gastown_tui.adapters.git.status import sandbox_state
from gastown_tui.domain.errors import Conflict

BRANCH = "polecat/nux/gt-1@a"
KEY = "ghp_" + "a1B2c3D4e" * 4


@pytest.fixture
def box(hub, town):
    return create_sandbox(hub, town / "rig/polecats/nux", BRANCH, hub.local_ref)


def leave(path, **more):
    return commit_leftovers(path, "nux", "nux@town", **more)


def test_nothing_left_is_no_commit(box) -> None:
    left = leave(box.path)
    assert (left.commit, left.paths, left.left_out, left.held) == (None, (), (), "")


def test_changes_become_one_commit_by_the_agent(hub, box, shell) -> None:
    hook = hub.git_dir / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    sh = shell(box.path)
    sh(
        "echo more >> a.txt; git add a.txt; echo even >> a.txt; rm b.txt; mkdir d; echo x > d/new; ln -s /etc d/l"
    )
    os.close(os.open(os.fsencode(box.path) + b"/\xff\n", os.O_CREAT))
    left = leave(box.path)
    assert sh("git rev-parse HEAD") == left.commit
    assert (
        sh("git log -1 --format='%s|%an|%ae|%cn|%P'")
        == f"left by nux|nux|nux@town|Gas Town|{box.base}"
    )
    assert sh("git show HEAD:a.txt") == "one\nmore\neven"
    assert set(left.paths) == {"a.txt", "b.txt", "d/new", "d/l", "\\xff\\x0a"}
    assert sh("git status --porcelain") == ""
    assert sandbox_state(box.path).clean
    assert "left by nux" in sh(f"git reflog show {BRANCH}")


def test_what_is_never_committed_stays_and_is_said(box, shell) -> None:
    sh = shell(box.path)
    (box.path / ".claude").mkdir()
    (box.path / ".claude/settings.local.json").write_text("{}")
    (box.path / "sub/.claude").mkdir(parents=True)
    (box.path / "sub/.claude/settings.local.json").write_text("{}")
    (box.path / "notes.txt").write_text(f"token = {KEY}\n")
    (box.path / "big.bin").write_bytes(b"0" * (5 * 1024 * 1024 + 1))
    (box.path / "set/up").mkdir(parents=True)
    (box.path / "set/up/file").write_text("x")
    (box.path / ".env").write_text("A=1")
    (box.path / ".env.example").write_text("A=")
    (box.path / "forced.log").write_text("x")
    (box.path / "staged.key").write_text("x")
    sh("git init -q inner && git -C inner ci -q --allow-empty -m x; echo y > t.log; echo g > gone")
    sh("git add -f forced.log staged.key .claude/settings.local.json gone; rm gone; echo ok > ok")
    left = leave(box.path, exclude=["set/up/"])
    assert set(left.paths) == {".env.example", "ok"}
    assert {item.path: item.why for item in left.left_out} == {
        ".claude/settings.local.json": "ignored",
        "notes.txt": "line 1 looks like a GitHub token",
        "big.bin": "over 5 MB",
        "set/up/file": "put there by set-up",
        ".env": "has the name of a secret",
        "forced.log": "ignored",
        "staged.key": "has the name of a secret",
        "inner/": "a repository of its own",
        "gone": "staged, then deleted",
    }
    assert set(sh("git ls-tree -r --name-only HEAD").split()) == {
        ".env.example", ".gitignore", "a.txt", "b.txt", "ok"
    }  # fmt: skip
    assert (box.path / "notes.txt").exists()
    assert leave(box.path, exclude=["set/up"]).commit is None


def test_keys_the_repository_has_already_are_no_news(box, shell) -> None:
    sh = shell(box.path)
    (box.path / "test_keys.py").write_text(f'FAKE = "{KEY}"\n')
    sh("git add -A && git ci -qm fake && echo '# more' >> test_keys.py")
    assert leave(box.path).paths == ("test_keys.py",)
    (box.path / "test_keys.py").write_text(f'FAKE = "{KEY}"\nREAL = "AKIA{"Z1Y2" * 4}"\n')
    assert leave(box.path).left_out[0].why == "line 2 looks like an AWS access key"


def test_unfinished_operations_and_no_branch_are_left_alone(box, shell) -> None:
    sh = shell(box.path)
    sh("echo mine > a.txt && git ci -qam mine && git checkout -q --detach HEAD~1")
    sh("echo loose > new")
    assert leave(box.path).held == "on no branch"
    sh(
        f"rm new; echo other > a.txt && git ci -qam other && git tag other && git checkout -q {BRANCH}"
    )
    sh("git rebase -q --no-gpg-sign other || true")
    before = sh("git status --porcelain; cat a.txt")
    assert leave(box.path).held == "rebase under way"
    assert sh("git status --porcelain; cat a.txt") == before


def test_git_at_work_is_not_disturbed(box, shell) -> None:
    sh = shell(box.path)
    sh("echo x >> a.txt; touch $(git rev-parse --git-dir)/index.lock")
    with pytest.raises(Conflict, match=r"index\.lock"):
        leave(box.path)


def test_sparse_beads_survive(hub, town, seed, shell) -> None:
    seed("mkdir .beads && echo '{}' > .beads/issues.jsonl && git add -A && git ci -qm beads")
    seed("git push -q origin main")
    shell(hub.path)("git fetch -q")
    box = create_sandbox(hub, town / "rig/polecats/nux", BRANCH, hub.upstream_ref)
    sh = shell(box.path)
    sh("echo x > new; mkdir -p .beads; echo z > .beads/other")
    left = leave(box.path)
    assert left.paths == ("new",)
    assert sh("git ls-tree -r --name-only HEAD .beads; git show HEAD:.beads/issues.jsonl") == (
        ".beads/issues.jsonl\n{}"
    )
    sh("rm -r .beads")
    assert sandbox_state(box.path).clean


def test_certificates_are_no_secrets(box) -> None:
    (box.path / "ca.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    )
    (box.path / "tls.pem").write_text("nothing to be seen")
    left = leave(box.path)
    assert left.paths == ("ca.pem",)
    assert [(one.path, one.why) for one in left.left_out] == [
        ("tls.pem", "has the name of a secret")
    ]


def test_folders_of_package_managers_are_one_line_and_not_committed(box, shell) -> None:
    sh = shell(box.path)
    sh("mkdir -p app/node_modules/a app/node_modules/b lib/__pycache__ && echo ok > app/ok")
    sh("echo 1 > app/node_modules/a/x && echo 1 > app/node_modules/b/.env && echo 1 > lib/y.py")
    sh("echo 1 > lib/__pycache__/y.pyc")
    left = leave(box.path)
    assert set(left.paths) == {"app/ok", "lib/y.py"}
    assert [(one.path, one.why) for one in left.left_out] == [
        ("app/node_modules/", "made by a tool"), ("lib/__pycache__/", "made by a tool"),
    ]  # fmt: skip
    assert len(left.stays) == 3


def test_what_the_repository_keeps_of_such_a_folder_is_its_own(box, shell) -> None:
    sh = shell(box.path)
    sh(
        "mkdir -p node_modules/a && echo 1 > node_modules/a/x && git add -f . && git ci -q -m vendored"
    )
    sh("echo 2 > node_modules/a/x && echo 1 > node_modules/a/y")
    assert set(leave(box.path).paths) == {"node_modules/a/x", "node_modules/a/y"}


def test_a_long_list_of_what_was_left_out_ends(box) -> None:
    for number in range(60):
        (box.path / f"{number}.pem").write_text("x")
    left = leave(box.path)
    assert (len(left.left_out), left.left_out[-1].path, len(left.stays)) == (51, "10 more", 60)
