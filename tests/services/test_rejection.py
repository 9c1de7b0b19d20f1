"""Changes that are sent back, and approvals that outlive a rebase."""

from __future__ import annotations

import pytest

from gastown_tui import protocol
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.services.diffs import Diffs
from gastown_tui.services.ports import Handed


async def handed_in(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    return bench.request()


async def to_review(bench):
    await handed_in(bench)
    return await gates_pass(bench)


async def gates_pass(bench):
    bench.host.finish(bench.gate())
    await bench.settle()
    return bench.request()


async def again(bench, tip):
    bench.git.handed = Handed(tip=tip, base="base111", commits=2)
    bench.done(token=tip)
    await bench.settle()
    return bench.request()


def told(bench):
    return [text for _, text in bench.nudger.said]


async def test_three_rejections_then_the_overseer_decides(bench):
    request = await to_review(bench)
    session = bench.books.agents[request.agent].run
    with pytest.raises(BadInput, match="needs a reason"):
        await bench.ask("reject", request.id, reason=" ")
    for number in (1, 2):
        _, text = await bench.ask("reject", request.id, reason=f"no {number}\nsecond line")
        assert f"attempt {number + 1} of 3" in text
        await bench.settle()
        now = bench.request()
        assert (now.state, now.rework, now.why) == ("rework", "review", f"no {number}")
        assert now.log == f"no {number}\nsecond line"
        assert f"attempt {number + 1} of 3" in told(bench)[-1]
        row = bench.feed.tables["mq"][request.id]
        assert (row["reds"], row["attempts"]) == (number, 3)
        await again(bench, f"c{number}c{number}c{number}c")
        await gates_pass(bench)
    said = len(told(bench))
    _, text = await bench.ask("reject", request.id, reason="still no")
    assert "You decide" in text
    await bench.settle()
    assert (bench.request().state, bench.request().log) == ("rejected", "still no")
    assert len(told(bench)) == said
    await bench.ask("reject", request.id)
    await bench.settle()
    now = bench.request()
    assert (now.state, now.log, now.reds) == ("rework", "still no", 2)
    assert len(told(bench)) == said + 1
    assert bench.books.agents[request.agent].run == session
    assert [row.kind for row in bench.host.spawned].count("agent") == 1


async def test_after_red_gates_one_more_attempt_keeps_their_output(bench):
    await handed_in(bench)
    for number in (1, 2, 3):
        bench.host.finish(bench.gate(), 1)
        await bench.settle()
        if number < 3:
            await again(bench, f"d{number}d{number}d{number}d")
    request = bench.request()
    assert request.state == "rejected"
    await bench.ask("reject", request.id)
    now = bench.request()
    assert (now.state, now.rework, now.log) == ("rework", "gate", "1 failed")


async def test_more_words_on_what_has_come_back_already_count_once(bench):
    request = await to_review(bench)
    await bench.ask("reject", request.id, reason="one")
    await bench.ask("reject", request.id, reason="two")
    await bench.settle()
    now = bench.request()
    assert (now.state, now.reds, now.log) == ("rework", 1, "two")
    assert "two" in told(bench)[-1]


@pytest.mark.parametrize(("same", "state"), [(True, "approved"), (False, "review")])
async def test_an_approval_holds_for_the_same_diff_only(bench, same, state):
    request = await to_review(bench)
    bench.git.raises["stack"] = Conflict("not now")
    await bench.ask("approve", request.id)
    bench.git.same = same
    now = await again(bench, "c9c9c9c9c9")
    assert (now.state, now.approved) == ("testing", "c9c9c9c9c9" if same else "")
    old, new = ("base000", request.submitted), ("base111", "c9c9c9c9c9")
    assert ("is_same_change", old, new) in bench.git.calls
    bench.host.finish(bench.gate())
    bench.controller._look()
    for task in list(bench.controller._tasks.values()):
        await task
    now = bench.request()
    assert now.state == state
    assert now.approved_by == ("overseer" if same else "")
    told = [one.title for one in bench.books.events.values() if one.event_kind == "handed-in"]
    assert any("the approval holds" in one for one in told) is same


async def test_what_was_never_approved_is_asked_for_again(bench):
    await to_review(bench)
    bench.git.same = True
    now = await again(bench, "c9c9c9c9c9")
    assert now.approved == ""
    assert not [call for call in bench.git.calls if call[0] == "is_same_change"]
    assert (await gates_pass(bench)).state == "review"


async def test_the_commit_that_was_rejected_is_not_handed_in_again(bench):
    request = await to_review(bench)
    await bench.ask("reject", request.id, reason="not like this")
    await bench.settle()
    now = await again(bench, request.submitted)
    assert (now.state, now.attempt, now.reds) == ("rework", 2, 1)
    assert "nothing has changed" in told(bench)[-1]
    assert "not like this" in told(bench)[-1]
    assert "done-refused" in bench.kinds()
    assert (await again(bench, "c2c2c2c2c2")).state == "testing"


async def test_what_commits_hold_that_looks_like_a_key_is_for_a_person_whatever_the_policy(make):
    bench = make(review="none")
    key = "k.py (line 1 looks like a GitHub token, in c1c1c1c1c1)"
    bench.git.handed = Handed(tip="c1c1c1c1c1", base="base000", commits=1, flagged=(key,))
    request = await to_review(bench)
    assert request.state == "review"
    assert bench.feed.tables["mq"][request.id]["flagged"] == [key]
    await bench.ask("approve", request.id)
    await bench.settle()
    assert bench.request().state == "landing"
    await bench.ask("cancel", request.id)
    await bench.settle()
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=1)
    bench.done(token="d2")
    await bench.settle()
    assert bench.request().flagged == ""


async def test_what_the_gates_say_stands_next_to_the_diff(bench):
    async def notes():
        asked = protocol.AskDiff(req=1, subject=bench.request().id)
        return (await Diffs(bench.context).ask(asked)).notes

    await handed_in(bench)
    assert await notes() == ["gates: running now"]
    bench.screens.text = "\n".join(f"line {number}" for number in range(30))
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    (said,) = await notes()
    assert said.splitlines()[0] == "gates: the gates failed (exit 1): test"
    assert said.splitlines()[-1] == "line 29"
    assert len(said.splitlines()) == 13
    await again(bench, "c2c2c2c2c2")
    await gates_pass(bench)
    assert await notes() == ["gates: passed on this commit"]


async def test_an_approval_does_not_hold_for_commits_that_hide_a_key(bench):
    request = await to_review(bench)
    await bench.ask("approve", request.id)
    bench.git.same = True
    key = "k.py (line 1 looks like a GitHub token, in c2c2c2c2c2)"
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=3, flagged=(key,))
    bench.done(token="d2")
    bench.controller._look()
    await bench.settle()
    await gates_pass(bench)
    assert bench.request().state == "review"
    assert bench.request().approved == ""
