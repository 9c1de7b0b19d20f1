"""A rig that lands in its hub follows an upstream that moves; a red target holds its queue."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gastown_tui.domain.errors import Conflict
from gastown_tui.services.ports import Handed, TargetMoved


async def to_approved(bench, bead="gt-1"):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate())
    await bench.settle()
    return bench.request()


def look(bench, moved="up11111"):
    """What the sweep finds."""
    bench.git.upstream.new = moved
    bench.context.upstreams["r"] = moved


def view(bench):
    return bench.books.rig_views({})["r"]


def escalated(bench):
    return [one.title for one in bench.books.events.values() if one.event_kind == "escalated"]


async def test_what_has_landed_goes_on_top_through_the_gates_before_anything_else(bench):
    request = await to_approved(bench)
    look(bench)
    await bench.ask("approve", request.id)
    await bench.settle()
    run = bench.table.rows[view(bench).landing]
    assert run.note["purpose"] == "tail"
    assert bench.request().state == "approved"
    assert not bench.git.upstream.git.tip.startswith("tail")
    bench.host.finish(bench.gate())
    await bench.settle()
    assert bench.git.tip == "tail111"
    assert bench.git.tested.is_green("tail111")
    assert bench.request().state == "landing", "then the batch, on top of it"
    assert "followed" in bench.kinds()


async def test_one_that_is_seen_only_by_the_fetch_of_a_landing_waits_too(bench):
    request = await to_approved(bench)
    bench.git.upstream.new = "up11111"
    await bench.ask("approve", request.id)
    for _ in range(3):
        bench.controller._look()
        await asyncio.gather(*bench.controller._tasks.values())
    assert bench.table.rows[view(bench).landing].note["purpose"] == "tail"


async def test_files_that_have_passed_before_are_taken_without_a_run(bench):
    look(bench)
    bench.git.tested.note_green("tail111")
    await bench.settle()
    assert bench.git.tip == "tail111"
    assert bench.host.spawned == []


@pytest.mark.parametrize("what", ["red", "conflict", "rewritten", "moved target"])
async def test_what_cannot_go_on_top_holds_the_queue_with_one_word_until_it_is_released(
    bench, what
):
    look(bench)
    if what == "conflict":
        bench.git.upstream.tail = msgspec.structs.replace(
            bench.git.upstream.tail, conflicts=("a.txt",)
        )
    elif what == "rewritten":
        bench.git.upstream.raises["rebase_tail"] = TargetMoved("main was rewritten upstream")
    elif what == "moved target":
        bench.git.upstream.raises["take_tail"] = TargetMoved("gastown/main is at x")
    await bench.settle()
    if what in {"red", "moved target"}:
        bench.host.finish(bench.gate(), int(what == "red"))
        await bench.settle()
    await bench.settle()
    assert view(bench).held
    assert not view(bench).landing
    assert bench.git.tip == "base000"
    assert len(escalated(bench)) == 1
    assert "gastown rig release r" in escalated(bench)[0]
    bench.git.upstream.raises.clear()
    bench.git.upstream.tail = msgspec.structs.replace(bench.git.upstream.tail, conflicts=())
    await bench.ask("release", "r")
    bench.clock.wall += 120
    await bench.settle()
    if what != "moved target":  # there, the gates have passed already
        bench.host.finish(bench.gate())
        await bench.settle()
    assert bench.git.tip == "tail111"


async def test_a_run_without_a_verdict_is_made_again(bench):
    look(bench)
    await bench.settle()
    first = bench.gate()
    bench.host.finish(first, None, "host died")
    await bench.settle()
    assert bench.gate() != first
    bench.host.finish(bench.gate())
    await bench.settle()
    assert (bench.git.tip, view(bench).tries) == ("tail111", 0)


async def test_an_upstream_that_moves_once_more_is_followed_from_the_start(bench):
    look(bench)
    await bench.settle()
    bench.git.upstream.raises["take_tail"] = Conflict("the upstream has moved on once more")
    bench.host.finish(bench.gate())
    bench.controller._look()
    await asyncio.gather(*bench.controller._tasks.values())
    assert (bench.git.tip, view(bench).landing) == ("base000", "")
    del bench.git.upstream.raises["take_tail"]
    await bench.settle()
    assert bench.git.tip == "tail111"


async def finished(bench, code):
    """Ends the gate under way, and lets what that starts go as far as its own first wait."""
    bench.host.finish(bench.gate(), code)
    bench.controller._look()
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("when", ["evidence", "landing"])
async def test_gates_that_fail_on_the_target_too_hold_the_queue_and_blame_no_change(bench, when):
    bench.git.tested.knows_target = False
    if when == "evidence":
        bench.bead()
        bench.sling()
        await bench.settle()
        bench.done()
        await bench.settle()
    else:
        await bench.ask("approve", (await to_approved(bench)).id)
        await bench.settle()
    await finished(bench, 1)
    assert bench.table.rows[bench.gate()].note["purpose"] == "target"
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    request = bench.request()
    wanted = "submitted" if when == "evidence" else "approved"
    assert (request.state, request.reds) == (wanted, 0)
    assert "fail on the target itself" in view(bench).held
    assert len(escalated(bench)) == 1
    await bench.ask("release", "r")
    await bench.settle()
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    assert bench.request().state == "rework", "the overseer knows the target, so it is the change"


async def test_gates_that_pass_on_the_target_are_asked_once(bench):
    bench.git.tested.knows_target = False
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    await finished(bench, 1)
    bench.host.finish(bench.gate())
    await bench.settle()
    assert bench.request().state == "rework"
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.done(token="d2")
    await bench.settle()
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    assert bench.request().attempt == 3
    assert sum(one.note.get("purpose") == "target" for one in bench.host.spawned) == 1


async def test_files_that_have_passed_pass_again_unless_the_overseer_wants_a_run(bench):
    request = await to_approved(bench)
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.git.tested.note_green("c2c2c2c2c2")
    gates = len(bench.host.spawned)
    bench.done(token="d2")
    await bench.settle()
    now = bench.request()
    assert (now.state, now.evidence) == ("review", "c2c2c2c2c2")
    assert len(bench.host.spawned) == gates
    await bench.ask("retry", request.id)
    await bench.settle()
    assert bench.request().state == "testing"
