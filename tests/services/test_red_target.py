"""A queue that is held because its target fails the gates goes on when it passes them."""

from __future__ import annotations

import asyncio

import pytest

from gastown_tui.domain import records


def held(bench):
    return bench.books.rig_views({})["r"].held


def on_target(bench):
    return sum(one.note.get("purpose") == "target" for one in bench.host.spawned)


async def under_way(bench):
    """Looks, and lets what that starts go as far as its first wait."""
    bench.controller._look()
    await asyncio.sleep(0.05)


@pytest.fixture
async def red(bench):
    """A bench with a change that waits, as its target is red."""
    bench.git.tested.knows_target = False
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    for _ in range(2):  # the change, then the target
        bench.host.finish(bench.gate(), 1)
        await under_way(bench)
    await bench.settle()
    assert "fail on the target itself" in held(bench)
    assert (bench.request().state, on_target(bench)) == ("submitted", 1)
    row = bench.feed.tables["mq"][bench.request().id]
    assert row["gate_session"] == "gate/r/target", "what is to be looked at"
    return bench


async def test_nothing_is_tested_again_while_nothing_has_changed(red):
    red.clock.wall += 600
    await red.settle()
    assert on_target(red) == 1
    red.clock.wall += 1500
    await under_way(red)
    assert on_target(red) == 2, "the world outside may have changed"
    red.host.finish(red.gate(), 1)
    await red.settle()
    assert held(red)
    assert red.kinds().count("escalated") == 1


async def test_a_newer_target_that_passes_lets_the_queue_go_on(red):
    red.git.tip = red.context.tips["r"] = "mended1"
    await under_way(red)
    assert on_target(red) == 2
    red.host.finish(red.gate())
    await red.settle()
    assert held(red) == ""
    assert "released" in red.kinds()
    request = red.request()
    assert (request.state, request.why, request.reds) == ("testing", "", 0)


async def test_a_newer_upstream_is_put_below_what_has_landed_although_the_target_is_red(red):
    red.git.upstream.new = "up11111"
    red.clock.wall += 300
    await red.settle()  # asks the upstream, then tests the unpublished commits on top of it
    assert red.table.rows[red.gate()].note["purpose"] == "tail"
    red.host.finish(red.gate())
    await red.settle()
    assert (red.git.tip, held(red)) == ("tail111", "")
    assert red.request().state == "testing"


async def test_a_queue_held_for_another_reason_waits_for_the_overseer(bench):
    bench.context.books.write_town(
        records.change_rig("r", held="moved"),
        actor="refinery",
    )
    bench.context.sync()
    bench.clock.wall += 4000
    await bench.settle()
    assert held(bench) == "moved"
    assert on_target(bench) == 0


async def test_gates_that_leave_files_behind_on_the_target_too_blame_no_change(bench):
    bench.git.tested.knows_target = False
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.git.clean_tree = False
    for _ in range(2):  # the change, then the target
        bench.host.finish(bench.gate())
        await under_way(bench)
    await bench.settle()
    assert held(bench).endswith("at base000: they leave changes behind: cov.xml")
    assert (bench.request().state, bench.request().reds) == ("submitted", 0)
