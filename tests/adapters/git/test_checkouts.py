"""The overseer's own folders to try a change in."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.git.checkouts import checkouts, end_checkout, make_checkout
from gastown_tui.adapters.git.sandbox import create_sandbox
from gastown_tui.domain.errors import Conflict


@pytest.fixture
def work(hub, town, shell):
    """An agent's branch with a commit."""
    box = create_sandbox(hub, town / "rig/polecats/nux", "polecat/nux/gt-1@a", hub.local_ref)
    sh = shell(box.path)
    sh("echo mine > mine && git add -A && git ci -qm mine")
    return sh


def there(hub, request="hq-mr-1"):
    return checkouts(hub, request)


def test_it_is_made_detached_taken_on_and_taken_away(hub, work, tmp_path, shell) -> None:
    path, first = tmp_path / "try it", work("git rev-parse HEAD")
    make_checkout(hub, path, first, "hq-mr-1")
    sh = shell(path)
    assert sh("cat mine; git branch --show-current; git rev-parse HEAD") == f"mine\n{first}"
    assert there(hub) == {path: first}
    assert there(hub, "hq-mr-2") == {}
    work("echo more >> mine && git ci -qam more --amend")
    second = work("git rev-parse HEAD")
    make_checkout(hub, path, second, "hq-mr-1")
    assert sh("git rev-parse HEAD") == second
    work("git ci -q --amend -m other")
    end_checkout(hub, path, second, discard=False)
    assert not path.exists()
    assert there(hub) == {}
    assert str(path) not in work("git worktree list")
    assert work("cat mine") == "mine\nmore"


@pytest.mark.parametrize(
    ("what", "holds"),
    [("echo x > new", "changes in new"), ("echo x >> a.txt; git ci -qam own", "on no branch")],
)
def test_what_the_overseer_did_there_is_not_lost(hub, work, tmp_path, shell, what, holds) -> None:
    path, tip = tmp_path / "try", work("git rev-parse HEAD")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(path)(what)
    with pytest.raises(Conflict, match=holds):
        end_checkout(hub, path, tip, discard=False)
    with pytest.raises(Conflict, match=holds):
        make_checkout(hub, path, tip, "hq-mr-1")
    assert path.exists()
    end_checkout(hub, path, tip, discard=True)
    assert there(hub) == {}


def test_work_on_a_branch_of_ones_own_stays_as_that_branch(hub, work, tmp_path, shell) -> None:
    path, tip = tmp_path / "try", work("git rev-parse HEAD")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(path)("git switch -qc mine/better && echo x >> a.txt && git ci -qam own")
    end_checkout(hub, path, tip, discard=False)
    assert work("git log -1 --format=%s mine/better") == "own"


def test_a_folder_of_something_else_is_left_alone(hub, work, tmp_path) -> None:
    tip = work("git rev-parse HEAD")
    with pytest.raises(Conflict, match="there already"):
        make_checkout(hub, work.path, tip, "hq-mr-1")
    (tmp_path / "empty").mkdir()
    make_checkout(hub, tmp_path / "empty", tip, "hq-mr-1")
    with pytest.raises(Conflict, match="there already"):
        make_checkout(hub, tmp_path / "empty", tip, "hq-mr-2")


def test_a_folder_that_was_deleted_by_hand_is_no_trouble(hub, work, tmp_path, shell) -> None:
    path, tip = tmp_path / "try", work("git rev-parse HEAD")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(tmp_path)("rm -r try")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(tmp_path)("rm -r try")
    end_checkout(hub, path, tip, discard=False)
    assert there(hub) == {}
