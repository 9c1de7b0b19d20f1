"""A town that goes down keeps what its agents had not committed."""

from __future__ import annotations

import pytest

from gastown_tui.domain.errors import Conflict
from gastown_tui.services.ports import Left

FURIOSA = "r/polecats/furiosa"


async def at_work(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    return bench.books.agents[FURIOSA].branch


async def test_down_ends_sessions_first_and_then_commits_what_they_left(bench):
    branch = await at_work(bench)
    order = []
    end, left = bench.host.end, bench.git.commit_left
    bench.git.left = Left(commit="abcdef0123456", left_out=(".env (has the name of a secret)",))

    async def ends(**fields):
        await end(**fields)
        order.append("ended")

    def commits(*args):
        order.append("committed")
        return left(*args)

    bench.host.end, bench.git.commit_left = ends, commits
    _, text = await bench.ask("down")
    assert order == ["ended", "committed"]
    assert f"committed on {branch} (abcdef0123)" in text
    assert ".env (has the name of a secret)" in text
    assert [one.target for one in bench.books.events.values() if one.event_kind == "left"] == [
        FURIOSA
    ]
    assert bench.rig_store.get("gt-1").status == "hooked"


@pytest.mark.parametrize("left", [Left(), Conflict("git is at work there")])
async def test_down_goes_on_whatever_git_says(bench, left):
    await at_work(bench)
    if isinstance(left, Conflict):
        bench.git.raises["commit_left"] = left
    _, text = await bench.ask("down")
    assert ("git is at work there" in text) == isinstance(left, Conflict)
    await bench.settle()
    assert not [row for row in bench.table.rows.values() if not row.ended]
