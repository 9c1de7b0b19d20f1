"""Changes that land by pull request: opened, followed, sent back, and recorded when merged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.pulls import Check, Pull
from gastown_tui.services.ports import Handed

HEAD = "stack1"


@dataclass
class FakeForge:
    """One pull request, that stands as the test says."""

    pull: Pull | None = None
    opened: list[tuple[str, ...]] = field(default_factory=list)
    asked: int = 0
    down: Exception | None = None
    auto: list[str] = field(default_factory=list)
    refuses_auto: str = ""
    must: frozenset[str] = frozenset()
    reviews: tuple[tuple[str, str], ...] = ()

    def _call(self):
        self.asked += 1
        if self.down:
            raise self.down

    def open(self, repository, branch, base, title, body):
        self._call()
        self.opened.append((branch, base, title, body))
        if self.pull is None or self.pull.state != "OPEN":
            self.pull = Pull(number=7, url="https://github.com/a/b/pull/7", base="main")
        return self.pull

    def pulls(self, repository, numbers):
        self._call()
        return {7: self.pull} if self.pull and 7 in numbers else {}

    def required(self, repository, number):
        return self.must

    def requested(self, repository, number, head):
        return self.reviews

    def merge_when_ready(self, repository, pull, method):
        if self.refuses_auto:
            raise Unavailable(self.refuses_auto)
        self.auto.append(method)


@pytest.fixture
def bench(make):
    return a_bench(make)


def a_bench(make, **rig):
    made = make(land="pr", review="none", **rig)
    made.forge = made.context.forge = FakeForge()
    return made


async def to_gated(bench):
    """A change whose landing gates run."""
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate())
    await bench.settle()
    return bench.request()


async def to_pull(bench):
    """A change whose pull request is open."""
    await to_gated(bench)
    bench.host.finish(bench.gate())
    await bench.settle()
    request = bench.request()
    assert request.state == "pull", (request.state, request.why)
    return request


async def stands(bench, seconds=400.0, **values):
    """The forge says so, and is asked."""
    bench.forge.pull = Pull(**(
        {"number": 7, "url": "https://github.com/a/b/pull/7", "base": "main",
         "head": bench.request().pushed} | values
    ))  # fmt: skip
    bench.clock.wall += seconds
    await bench.settle()
    return next((one for one in bench.books.requests.values() if one.bead == "gt-1"), None)


def told(bench):
    return [one.title for one in bench.books.events.values() if one.event_kind == "escalated"]


async def test_a_tested_change_is_pushed_and_requested_once(bench):
    request = await to_pull(bench)
    assert bench.git.upstream.pushed == {"gastown/gt-1": request.pushed}
    assert bench.forge.opened == [("gastown/gt-1", "main", "gt-1", "Work item gt-1")]
    assert (request.pull, request.pull_url) == (7, "https://github.com/a/b/pull/7")
    assert "pull" in bench.kinds()


async def test_nothing_is_asked_often_when_nothing_changes(bench):
    await to_pull(bench)
    await stands(bench)
    before = bench.forge.asked
    for _ in range(360):
        bench.clock.wall += 10.0
        await bench.settle()
    assert bench.forge.asked - before <= 30, "an hour"


@pytest.mark.parametrize("must", [frozenset(), frozenset({"unit"})])
async def test_a_failed_check_goes_back_with_its_name_and_link(bench, must):
    await to_pull(bench)
    bench.forge.must = must
    link = "https://github.com/a/b/runs/5"
    checks = (Check(name="unit", state="failed", link=link), Check(name="lint", state="passed"))
    request = await stands(bench, checks=checks)
    assert (request.state, request.rework, request.attempt) == ("rework", "gate", 2)
    assert request.why == f"the check unit failed: {link}"
    assert link in request.log


async def test_a_check_that_is_not_required_and_one_that_still_runs_keep_nothing(bench):
    await to_pull(bench)
    bench.forge.must = frozenset({"unit"})
    flaky = Check(name="flaky", state="failed")
    request = await stands(bench, checks=(flaky, Check(name="unit", state="passed")))
    assert request.state == "pull"
    assert "flaky failed, which is not required" in request.why
    request = await stands(bench, checks=(flaky, Check(name="unit", state="pending")))
    assert (request.state, "checks run" in request.why) == ("pull", True)


async def test_merged_means_landed_once_its_commit_is_seen_in_the_target(bench):
    await to_pull(bench)
    request = await stands(bench, state="MERGED", merged="m1m1m1")
    assert (request.state, "not to be seen" in request.why) == ("pull", True)
    bench.git.upstream.merged.add("m1m1m1")
    bench.git.refreshed = "m1m1m1"
    assert await stands(bench, state="MERGED", merged="m1m1m1") is None
    assert bench.kinds().count("landed") == 1
    assert bench.books.bead("gt-1").is_closed
    assert told(bench) == []


async def test_what_was_merged_is_not_what_was_handed_in_and_that_is_said(bench):
    await to_pull(bench)
    bench.git.upstream.merged.add("m1m1m1")
    await stands(bench, state="MERGED", merged="m1m1m1", head="0" * 40)
    assert bench.kinds().count("landed") == 1
    assert "not at" in told(bench)[0]


async def test_merged_elsewhere_is_held(bench):
    await to_pull(bench)
    request = await stands(bench, state="MERGED", merged="m1", base="next")
    assert (request.state, request.why) == (
        "held", "pull request 7 was merged into next, not the target",
    )  # fmt: skip


async def test_closed_without_a_merge_comes_to_the_overseer_and_can_be_tried_again(bench):
    await to_pull(bench)
    request = await stands(bench, state="CLOSED")
    assert request.state == "rejected"
    assert "closed without being merged" in told(bench)[0]
    await bench.ask("retry", request.id)
    for _ in range(4):
        await bench.settle()
        if any(row.kind == "gate" and not row.ended for row in bench.table.rows.values()):
            bench.host.finish(bench.gate())
    assert bench.request().state == "pull"
    assert len(bench.forge.opened) == 2


@pytest.mark.parametrize("why", ["conflict", "behind"])
async def test_what_the_target_has_left_behind_is_stacked_anew(bench, why):
    await to_pull(bench)
    bench.git.upstream.on_top = False
    values = {"mergeable": "CONFLICTING"} if why == "conflict" else {"status": "BEHIND"}
    await stands(bench, **values)
    bench.host.finish(bench.gate())
    bench.git.upstream.on_top = True
    await stands(bench)
    assert bench.request().state == "pull"
    assert len(bench.forge.opened) == 2


async def test_a_draft_and_a_missing_review_are_waited_for_with_a_reason(bench):
    await to_pull(bench)
    assert (await stands(bench, status="DRAFT")).why == "pull request 7: is a draft"
    request = await stands(bench, review="REVIEW_REQUIRED")
    assert request.why == "pull request 7: waits for a review there"


async def test_requested_changes_go_to_the_agent_in_the_reviewers_words_once(bench):
    await to_pull(bench)
    bench.forge.reviews = (("grace", "Name it better."),)
    request = await stands(bench, review="CHANGES_REQUESTED")
    assert (request.state, request.rework) == ("rework", "review")
    assert request.why == "grace requests changes in pull request 7"
    assert "grace: Name it better." in request.log
    assert "https://github.com/a/b/pull/7" in request.log
    bench.forge.reviews = ()  # of the new head nobody has said anything
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.done(token="d2")
    for _ in range(4):
        await bench.settle()
        if any(row.kind == "gate" and not row.ended for row in bench.table.rows.values()):
            bench.host.finish(bench.gate())
    request = await stands(bench, review="CHANGES_REQUESTED")
    assert (request.state, request.why) == ("pull", "pull request 7: changes are requested there")


async def test_a_late_forge_is_waited_for_and_a_foreign_push_is_told_once(bench):
    await to_pull(bench)
    request = await stands(bench, head="f" * 40)
    assert (request.state, "not at" in request.why) == ("pull", True)
    assert told(bench) == []
    bench.git.upstream.pushed["gastown/gt-1"] = "f" * 40
    for _ in range(3):
        request = await stands(bench, head="f" * 40)
    assert request.state == "pull"
    assert "somebody else has pushed ffffffffff" in request.why
    assert len(told(bench)) == 1


async def test_somebody_who_moves_the_branch_before_a_push_is_not_pushed_over(bench):
    await to_gated(bench)
    bench.git.upstream.raises["push_branch"] = Conflict("somebody else has moved it there")
    bench.host.finish(bench.gate())
    await bench.settle()
    assert (bench.request().state, bench.forge.opened) == ("held", [])
    assert len(told(bench)) == 1


@pytest.mark.parametrize("when", ["before", "refused", "later"])
async def test_what_may_be_merged_by_itself_is(make, when):
    bench = a_bench(make, auto_merge="squash")
    bench.forge.refuses_auto = "" if when == "before" else "gh: Auto merge is not allowed"
    request = await to_pull(bench)
    assert bench.forge.auto == (["squash"] if when == "before" else [])
    if when == "before":
        assert (await stands(bench, auto=True)).why.endswith("is merged as soon as it may be")
        assert bench.forge.auto == ["squash"]
        return
    request = await stands(bench)
    assert request.why.endswith(": not merged by itself: gh: Auto merge is not allowed")
    if when == "later":
        bench.forge.refuses_auto = ""
        await stands(bench, 700.0)
        assert bench.forge.auto == ["squash"]


@pytest.mark.parametrize("hint", ["", "run `gh auth login`"])
async def test_an_outage_when_it_is_opened_keeps_the_verdict_and_is_told_once(bench, hint):
    await to_gated(bench)
    bench.forge.down = Unavailable("gh is out", hint=hint)
    bench.host.finish(bench.gate())
    gates = len([row for row in bench.table.rows.values() if row.kind == "gate"])
    for _ in range(40):
        bench.controller._look()
        await asyncio.gather(*bench.controller._tasks.values())
    request = bench.request()
    assert (request.state, request.why) == (
        "approved",
        f"gh is out: {hint}" if hint else "gh is out",
    )
    assert len([row for row in bench.table.rows.values() if row.kind == "gate"]) == gates
    assert bench.forge.asked >= 3
    assert bench.kinds().count("escalated" if hint else "not-landed") == 1
    bench.forge.down = None
    bench.clock.wall += 120.0
    await bench.settle()
    assert bench.request().state == "pull"


async def test_an_outage_while_it_is_followed_is_a_state_of_the_town(bench):
    await to_pull(bench)
    bench.forge.down = Unavailable("gh is not logged in", hint="run `gh auth login`")
    before = bench.forge.asked
    for _ in range(60):
        bench.clock.wall += 10.0
        await bench.settle()
    assert bench.forge.asked - before <= 8, "ten minutes"
    assert bench.context.problems["r/pulls"].endswith("run `gh auth login`")
    bench.forge.down = None
    await stands(bench)
    assert "r/pulls" not in bench.context.problems


async def test_the_text_of_a_request_calls_nobody_and_is_no_option(bench):
    bench.bead(description="--web @ada\x1b[2J", acceptance_criteria="it works")
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    for _ in range(2):
        bench.host.finish(bench.gate())
        await bench.settle()
    ((_, _, _, body),) = bench.forge.opened
    assert "@ada" not in body
    assert "\x1b" not in body
    assert json.dumps(body).startswith('"--web @\\u200bada[2J')
