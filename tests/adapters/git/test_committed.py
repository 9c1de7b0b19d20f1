"""What an agent's own commits hold that a person should see."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.git import committed
from gastown_tui.adapters.git.committed import worth_a_look
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.sandbox import create_sandbox

KEY = "ghp_" + "a1B2c3D4e" * 4


@pytest.fixture
def box(hub, town):
    return create_sandbox(hub, town / "rig/polecats/nux", "polecat/nux/gt-1@a", hub.local_ref)


def found(box, base=""):
    git = Git(box.path)
    told = worth_a_look(git, base or box.base, git.text("rev-parse", "HEAD"))
    return {one.path: one.why.rpartition(", in ")[0] or one.why for one in told}


def test_an_ordinary_change_is_not_worth_a_word(box, shell) -> None:
    assert found(box) == {}
    shell(box.path)("echo x > -- && git mv a.txt b2.txt && git add -A && git ci -q -m x")
    assert found(box) == {}


def test_a_key_that_was_committed_and_taken_away_again_is_in_the_history(box, shell) -> None:
    sh = shell(box.path)
    sh(f"echo 'token = {KEY}' > n.txt && git add -A && git ci -q -m key && git rm -q n.txt")
    sh(
        "git ci -q -m gone && echo A=1 > \"$(printf 'w\\ne.env')\" && git add -A && git ci -q -m env"
    )
    assert found(box) == {
        "n.txt": "line 1 looks like a GitHub token", "w\\x0ae.env": "has the name of a secret",
    }  # fmt: skip


def test_what_is_large_installed_or_local_is_named(box, shell) -> None:
    sh = shell(box.path)
    sh("mkdir -p node_modules/a .claude && echo 1 > node_modules/a/x && echo 1 > node_modules/a/y")
    sh("echo '{}' > .claude/settings.local.json && head -c 6000000 /dev/zero > big.bin")
    sh("git add -Af . && git ci -q -m all")
    assert found(box) == {
        "node_modules/": "made by a tool", "big.bin": "over 5 MB",
        ".claude/settings.local.json": "Claude's local settings",
    }  # fmt: skip


def test_what_the_target_has_is_no_news(box, shell) -> None:
    sh = shell(box.path)
    sh(f"echo 'token = {KEY}' > n.txt && echo A=1 > .env && git add -Af . && git ci -q -m key")
    base = sh("git rev-parse HEAD")
    sh("echo more >> n.txt && echo B=2 >> .env && git ci -qa -m more")
    assert found(box, base) == {}


def test_more_than_can_be_read_is_said(box, shell, monkeypatch) -> None:
    monkeypatch.setattr(committed, "_READ_MOST", 100)
    shell(box.path)("seq 100 > n.txt && git add -A && git ci -q -m n")
    assert found(box) == {"some files": "not looked at: too much at once"}
