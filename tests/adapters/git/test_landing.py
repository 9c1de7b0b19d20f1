from __future__ import annotations

import pytest

from gastown_tui.adapters.git.hub import RECORD, TOWN_NAME, UPSTREAM, create_hub, open_hub
from gastown_tui.adapters.git.landing import (
    Push,
    TargetMoved,
    accept_upstream,
    changed_paths,
    fetch,
    is_linear,
    land_local,
    land_push,
    prune_landed,
    reflog_values,
    remote_tip,
    replace_tail,
    target_tip,
    tree_of,
    upstream_state,
    verify_target,
)
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.adapters.git.sandbox import (
    create_detached,
    create_sandbox,
    differs,
    keep_landed,
)
from gastown_tui.adapters.git.stack import Candidate, Outcome, Signing, prepare_stack
from gastown_tui.domain.errors import BadInput, Conflict, Damaged, NotFound


def is_clean(path) -> bool:
    return not differs(path, Git(path).text("rev-parse", "HEAD"))


@pytest.fixture
def work(hub, town, shell):
    """Make a polecat's branch: ``work(n, "echo x > f", ...)``, one commit a command; its tip."""

    def make(number: int, *commands: str, base: str = "") -> str:
        path = town / f"rig/polecats/p{number}"
        branch = f"polecat/p{number}/gt-{number}@a"
        create_sandbox(hub, path, branch, base or hub.local_ref)
        sh = shell(path)
        for command in commands:
            sh(
                f"{command} && git add -A && (git rev-parse -q --verify MERGE_HEAD >/dev/null;"
                f" git -c user.name=p{number} -c user.email=p{number}@x ci -qm 'do {number}')"
            )
        return sh("git rev-parse HEAD")

    return make


@pytest.fixture
def bench(hub, town):
    """The refinery's worktree."""
    return create_detached(hub, town / "rig/refinery/1", hub.local_ref).path


def test_stack_of_rebased_and_squashed_candidates(hub, bench, work, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    tips = [
        work(1, "echo 1 > one", "echo 2 >> one"),
        work(2, "echo two > a.txt"),
        work(3, "echo three > a.txt", "echo 3 > three"),
        work(4, "echo 4 > four", "echo 44 >> four"),
        work(5, "echo two > a.txt"),
    ]
    stack = prepare_stack(
        bench,
        base,
        [
            Candidate(request="mr-1", tip=tips[0]),
            Candidate(request="mr-2", tip=tips[1]),
            Candidate(request="mr-3", tip=tips[2]),
            Candidate(request="mr-4", tip=tips[3], mode="squash", message="Four\n\n# kept\n"),
            Candidate(request="mr-5", tip=tips[4], mode="squash"),
        ],
    )
    outcomes = [(one.request, one.outcome) for one in stack.placed]
    assert outcomes == [
        ("mr-1", Outcome.STACKED),
        ("mr-2", Outcome.STACKED),
        ("mr-3", Outcome.CONFLICT),
        ("mr-4", Outcome.STACKED),
        ("mr-5", Outcome.EMPTY),
    ]
    assert stack.placed[2].conflicts == ("a.txt",)
    assert stack.placed[2].tip == stack.placed[1].tip
    assert stack.tip == stack.placed[4].tip == stack.placed[3].tip
    sh = shell(bench)
    assert (
        sh("git rev-parse HEAD; git status --porcelain; ls")
        == f"{stack.tip}\na.txt\nb.txt\nfour\none"
    )
    assert sh(f"git log --format='%an %s' {base}..").splitlines() == [
        "p4 Four", "p2 do 2", "p1 do 1", "p1 do 1"
    ]  # fmt: skip
    assert set(sh(f"git log --format=%cn {base}..").splitlines()) == {TOWN_NAME}
    assert sh("git log -1 --format=%b") == "# kept"
    assert is_linear(hub, base, stack.tip)
    assert is_clean(bench)
    assert stack.tree == tree_of(hub.path, stack.tip)
    assert changed_paths(hub, base, stack.tip) == ["a.txt", "four", "one"]


def test_merges_in_a_branch_land_as_one_straight_commit(
    hub, bench, work, seed, town, shell
) -> None:
    base = target_tip(hub, hub.local_ref)
    work(1, "echo mine > a.txt")
    seed("echo theirs > a.txt && git ci -qam up && git push -q origin main")
    new = fetch(hub).new
    sh = shell(town / "rig/polecats/p1")
    assert sh.run("git merge -q --no-ff origin/main").returncode != 0
    sh("echo both > a.txt && git add a.txt && git ci -qm 'merge with care'")
    tip = sh("git rev-parse HEAD")
    stack = prepare_stack(bench, new, [Candidate(request="mr-1", tip=tip)])
    assert (stack.placed[0].outcome, stack.placed[0].squashed) == (Outcome.STACKED, True)
    assert shell(bench)("cat a.txt") == "both"
    assert is_linear(hub, new, stack.tip)
    assert not is_linear(hub, base, tip)


def test_stack_survives_a_worktree_left_in_any_state(hub, bench, work, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    one, two = work(1, "echo 1 > a.txt"), work(2, "echo 2 > a.txt")
    sh = shell(bench)
    sh(
        f"git rebase -q --no-gpg-sign {one} {two} || true; echo junk > junk; echo x >> b.txt; mkdir d; echo x > d/e"
    )
    assert not is_clean(bench)
    stack = prepare_stack(bench, base, [Candidate(request="mr-1", tip=one)])
    assert stack.placed[0].outcome is Outcome.STACKED
    assert is_clean(bench)
    with pytest.raises(NotFound, match="mr-9"):
        prepare_stack(bench, base, [Candidate(request="mr-9", tip="0" * 40)])
    with pytest.raises(BadInput):
        prepare_stack(bench, "--onto", [])


def test_signing_only_when_asked_and_its_failure_blocks_nobody_for_long(hub, bench, work) -> None:
    base = target_tip(hub, hub.local_ref)
    tip = work(1, "echo 1 > one")
    stack = prepare_stack(bench, base, [Candidate(request="mr-1", tip=tip)], by=Signing(sign=True))
    assert stack.placed[0].outcome is Outcome.FAILED
    assert "sign" in stack.placed[0].why
    assert stack.tip == base
    assert is_clean(bench)


def test_names_that_git_quotes_conflict_by_name(hub, bench, work) -> None:
    base = target_tip(hub, hub.local_ref)
    one = work(1, "printf 1 > \"$(printf 'new\\nline\\377')\"")
    two = work(2, "printf 2 > \"$(printf 'new\\nline\\377')\"")
    stack = prepare_stack(
        bench, base, [Candidate(request="a", tip=one), Candidate(request="b", tip=two)]
    )
    assert stack.placed[1].conflicts == ("new\\x0aline\\xff",)


def test_local_target_moves_by_compare_and_set(hub, work, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    tip = work(1, "echo 1 > one")
    other = work(2, "echo 2 > two")
    land_local(hub, tip, base, message="land mr-1\nsecond line")
    assert verify_target(hub, hub.local_ref) == tip
    assert shell(hub.path)("git rev-parse main") == tip
    with pytest.raises(TargetMoved):
        land_local(hub, other, base, message="land mr-2")
    with pytest.raises(Conflict, match="straight line"):
        land_local(hub, other, tip, message="land mr-2")
    values = reflog_values(hub, hub.local_ref)
    assert [(value.sha, value.message) for value in values] == [
        (tip, "gastown: land mr-1 second line"),
        (base, "gastown: rig added"),
    ]
    assert values[0].time > 1_600_000_000


def test_somebody_else_moved_the_target(hub, work, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    tip = work(1, "echo 1 > one")
    shell(hub.path)(f"git update-ref refs/heads/gastown/main {tip}")
    for expected in (None, base):
        with pytest.raises(TargetMoved, match="the town left it at"):
            verify_target(hub, hub.local_ref, expected)
    with pytest.raises(TargetMoved):
        land_local(hub, tip, base, message="land")
    assert verify_target(hub, hub.local_ref, tip) == tip


def test_plain_name_follows_unless_somebody_uses_it(hub, work, town, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    tip = work(1, "echo 1 > one")
    shell(town / "rig/polecats/p1")("git checkout -q main")
    land_local(hub, tip, base, message="land")
    assert shell(hub.path)("git rev-parse main gastown/main").split() == [base, tip]
    shell(town / "rig/polecats/p1")(
        "echo x > x && git add x && git ci -qm loose && git checkout -q --detach"
    )
    loose = shell(hub.path)("git rev-parse main")
    more = work(2, "echo 2 > two")
    land_local(hub, more, tip, message="land")
    assert shell(hub.path)("git rev-parse main gastown/main").split() == [loose, more]


def test_push_lands_and_is_read_back(hub, work, upstream, shell) -> None:
    base = target_tip(hub, hub.upstream_ref)
    tip = work(1, "echo 1 > one")
    result = land_push(hub, tip, base)
    assert (result.outcome, result.tip, result.words) == (Push.LANDED, tip, "")
    assert shell(upstream)("git rev-parse main; git for-each-ref --format='%(refname)'") == (
        f"{tip}\nrefs/heads/main"
    )
    assert verify_target(hub, hub.upstream_ref) == tip
    assert shell(hub.path)(f"git rev-parse {RECORD} {UPSTREAM} main").split() == [tip] * 3
    assert reflog_values(hub, hub.upstream_ref)[0].sha == tip
    assert land_push(hub, tip, base).outcome is Push.LANDED
    assert not fetch(hub).rewritten


def test_origin_changed_by_an_agent_is_not_followed(
    hub, work, town, upstream, shell, tmp_path
) -> None:
    tip = work(1, "echo 1 > one")
    shell(tmp_path)("git init -q --bare evil.git")
    shell(town / "rig/polecats/p1")(f"git remote set-url origin {tmp_path}/evil.git")
    with pytest.raises(Damaged, match=r"changed to .*evil\.git"):
        open_hub(hub.path, origin=str(upstream))
    assert fetch(hub).new == shell(upstream)("git rev-parse main")
    assert land_push(hub, tip, target_tip(hub, hub.upstream_ref)).outcome is Push.LANDED
    assert shell(tmp_path / "evil.git")("git for-each-ref") == ""


def test_refused_push_comes_back_in_the_remotes_words(hub, work, upstream) -> None:
    hook = upstream / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\necho 'GH006: Protected branch\033[2J: open a pull request'; exit 1\n"
    )
    hook.chmod(0o755)
    base = target_tip(hub, hub.upstream_ref)
    result = land_push(hub, work(1, "echo 1 > one"), base)
    assert (result.outcome, result.tip) == (Push.REFUSED, base)
    assert "pre-receive hook declined" in result.words
    assert "GH006: Protected branch\\x1b[2J: open a pull request" in result.words
    assert target_tip(hub, hub.upstream_ref) == base


def test_upstream_moved_meanwhile(hub, work, seed, bench, shell) -> None:
    base = target_tip(hub, hub.upstream_ref)
    tip = work(1, "echo 1 > one")
    seed("echo up > up && git add up && git ci -qm up && git push -q origin main")
    theirs = seed("git rev-parse HEAD")
    result = land_push(hub, tip, base)
    assert (result.outcome, result.tip) == (Push.MOVED, theirs)
    fetched = fetch(hub)
    assert (fetched.old, fetched.new, fetched.rewritten) == (base, theirs, False)
    assert verify_target(hub, hub.upstream_ref) == theirs
    stack = prepare_stack(bench, theirs, [Candidate(request="mr-1", tip=tip)])
    assert land_push(hub, stack.tip, theirs).outcome is Push.LANDED
    assert not land_push(hub, stack.tip, theirs).words
    with pytest.raises(Conflict, match="straight line"):
        land_push(hub, tip, stack.tip)


def test_unreachable_remote_is_said_not_guessed(hub, work, upstream) -> None:
    base = target_tip(hub, hub.upstream_ref)
    tip = work(1, "echo 1 > one")
    upstream.rename(upstream.with_name("gone.git"))
    result = land_push(hub, tip, base)
    assert (result.outcome, result.tip) == (Push.UNREACHABLE, None)
    assert "does not appear to be a git repository" in result.words
    with pytest.raises(GitFailed):
        fetch(hub)


def test_unpublished_tail_is_rebased_onto_a_newer_upstream(hub, work, seed, bench, shell) -> None:
    base = target_tip(hub, hub.local_ref)
    tip = work(1, "echo 1 > one")
    land_local(hub, tip, base, message="land mr-1")
    seed("echo up > up && git add up && git ci -qm up && git push -q origin main")
    new = fetch(hub).new
    state = upstream_state(hub)
    assert (state.tip, state.behind, state.unpublished, state.rewritten) == (new, 1, 1, False)
    stack = prepare_stack(bench, new, [Candidate(request="tail", tip=tip)])
    with pytest.raises(Conflict):
        land_local(hub, stack.tip, tip, message="tail")
    with pytest.raises(Conflict):
        replace_tail(hub, tip, tip, upstream=new, message="tail")
    replace_tail(hub, stack.tip, tip, upstream=new, message="tail onto upstream")
    assert verify_target(hub, hub.local_ref) == stack.tip
    state = upstream_state(hub)
    assert (state.behind, state.unpublished) == (0, 1)
    assert shell(hub.path)(f"git rev-parse refs/gastown/replaced/{tip}") == tip
    assert land_push(hub, stack.tip, new).outcome is Push.LANDED


def test_rewritten_upstream_is_seen_until_it_is_accepted(hub, seed) -> None:
    seed("echo up > up && git add up && git ci -qm up && git push -q origin main")
    fetched = fetch(hub)
    accept_upstream(hub, fetched.new)
    seed("git ci -q --amend -m other && git push -q -f origin main")
    for _ in range(2):
        again = fetch(hub)
        assert again.rewritten
        assert again.old == fetched.new
    assert upstream_state(hub).rewritten
    accept_upstream(hub, again.new)
    assert not fetch(hub).rewritten
    assert not upstream_state(hub).rewritten


def test_default_branch_gone_upstream(hub, upstream, shell) -> None:
    shell(upstream)("git branch -m main trunk")
    with pytest.raises(NotFound, match="no branch main any more"):
        fetch(hub)
    assert target_tip(hub, hub.upstream_ref)
    assert remote_tip(hub, "main") is None


def test_kept_tips_go_after_their_time(hub, work) -> None:
    tip = work(1, "echo 1 > one")
    keep_landed(hub, "mr-1", tip)
    assert prune_landed(hub, 0) == []
    assert prune_landed(hub, 2**40) == ["mr-1"]
    with pytest.raises(BadInput):
        keep_landed(hub, "../x", tip)


def test_branch_called_gastown(town, upstream, shell) -> None:
    shell(upstream)("git branch -m main gastown")
    hub = create_hub(town, "other", str(upstream))
    assert (hub.local_ref, hub.mirror_ref) == ("refs/heads/gastown/gastown", None)
    tip = target_tip(hub, hub.local_ref)
    land_local(hub, tip, tip, message="nothing")
