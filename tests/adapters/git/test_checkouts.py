"""The overseer's own folders to try a change in."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.git.checkouts import checkouts, make_checkout
from gastown_tui.adapters.git.sandbox import create_sandbox
from gastown_tui.adapters.rig_review import RigReview
from gastown_tui.domain.errors import Conflict


@pytest.fixture
def work(hub, town, shell):
    """An agent's branch with a commit."""
    box = create_sandbox(hub, town / "rig/polecats/nux", "polecat/nux/gt-1@a", hub.local_ref)
    sh = shell(box.path)
    sh("echo mine > mine && git add -A && git ci -qm mine")
    return sh


def end(hub, *, discard=False):
    return RigReview(lambda: hub).end_checkouts("hq-mr-1", discard=discard)


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
    end(hub)
    assert not path.exists()
    assert there(hub) == {}
    assert str(path) not in work("git worktree list")
    assert work("cat mine") == "mine\nmore"


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("echo x > new", "changes in new"),
        ("echo x >> a.txt; git ci -qam own", "on no branch"),
        ("echo x >> a.txt; git stash -q", "a stash"),
    ],
)
def test_what_the_overseer_did_there_is_not_lost(hub, work, tmp_path, shell, what, holds) -> None:
    path, tip = tmp_path / "try", work("git rev-parse HEAD")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(path)(what)
    with pytest.raises(Conflict, match=holds):
        end(hub)
    with pytest.raises(Conflict, match=holds):
        make_checkout(hub, path, tip, "hq-mr-1")
    assert path.exists()
    end(hub, discard=True)
    assert there(hub) == {}


def test_work_on_a_branch_of_ones_own_stays_as_that_branch(hub, work, tmp_path, shell) -> None:
    path, tip = tmp_path / "try", work("git rev-parse HEAD")
    make_checkout(hub, path, tip, "hq-mr-1")
    shell(path)("git switch -qc mine/better && echo x >> a.txt && git ci -qam own")
    end(hub)
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
    end(hub)
    assert there(hub) == {}


def test_all_folders_of_a_request_go_or_none(hub, work, tmp_path, shell) -> None:
    tip = work("git rev-parse HEAD")
    for name in ("a", "b"):
        make_checkout(hub, tmp_path / name, tip, "hq-mr-1")
    (tmp_path / "b/new").write_text("x")
    with pytest.raises(Conflict, match="changes in new"):
        end(hub)
    assert set(there(hub)) == {tmp_path / "a", tmp_path / "b"}
    (tmp_path / "b/new").unlink()
    assert set(end(hub)) == {tmp_path / "a", tmp_path / "b"}
    assert there(hub) == {}
