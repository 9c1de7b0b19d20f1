"""A frozen town, and time that jumps."""

from __future__ import annotations

import signal

import pytest

from gastown_tui.domain import records
from gastown_tui.domain.commands import FinishLanding
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.town import Now


async def at_work(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.host.signals.clear()
    return next(row for row in bench.table.rows.values() if not row.ended)


async def test_a_frozen_town_decides_nothing_and_its_agents_count_as_paused(bench):
    row = await at_work(bench)
    bench.bead(2)
    bench.sling("gt-2")
    await bench.ask("freeze")
    await bench.settle()
    assert len(bench.host.spawned) == 1
    assert bench.clock.held is True
    assert bench.facts.states[row.name].state == "paused"
    assert bench.feed.tables["town"]["town"]["wanted"] == "estop"
    await bench.ask("thaw")
    await bench.settle()
    assert bench.clock.held is False
    assert len(bench.host.spawned) == 2


async def test_who_is_stopped_while_all_is_frozen_ends_without_going_on(bench):
    row = await at_work(bench)
    await bench.ask("freeze")
    await bench.ask("stop", row.name)
    bench.host.signals.clear()
    await bench.ask("thaw")
    assert bench.host.signals == []
    await bench.settle()
    assert [one for one, _ in bench.host.ended] == [row.run]


async def test_what_is_green_lands_only_after_the_thaw(bench):
    await at_work(bench)
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate(), 0)
    await bench.settle()
    if bench.request().state == "review":
        await bench.ask("approve", bench.request().id)
    await bench.settle()
    bench.host.finish(bench.gate(), 0)

    async def frozen_meanwhile(command, finish=bench.refinery.landing.finish):
        await bench.ask("freeze")
        await finish(command)

    bench.controller._carry[FinishLanding] = frozen_meanwhile
    await bench.settle()
    assert bench.request().state == "landing"
    bench.controller._carry[FinishLanding] = bench.refinery.landing.finish
    await bench.ask("thaw")
    await bench.settle()
    assert bench.kinds().count("landed") == 1


async def test_a_second_freeze_takes_what_slipped_through(bench):
    row = await at_work(bench)
    await bench.ask("freeze")
    await bench.ask("freeze")
    assert bench.host.signals == [(row.run, signal.SIGSTOP)] * 2


@pytest.mark.parametrize("opens", ["", "yes"])
async def test_coming_up_or_opening_a_screen_thaws_nothing(bench, opens):
    await bench.ask("freeze")
    _, said = await bench.ask("up", opens=opens)
    assert "frozen" in said
    assert records.town_wanted(bench.books.town_record) == "estop"
    with pytest.raises(Conflict):
        await bench.ask("pause_town")


async def test_opening_a_screen_leaves_a_paused_town_paused(bench):
    await bench.ask("pause_town")
    await bench.ask("up", opens="yes")
    assert records.town_wanted(bench.books.town_record) == "paused"
    await bench.ask("up")
    assert records.town_wanted(bench.books.town_record) == "up"
    with pytest.raises(Conflict, match="not frozen"):
        await bench.ask("thaw")


@pytest.mark.parametrize("jump", [1200.0, 8 * 3600.0, -3600.0])
async def test_after_a_standstill_nothing_is_ended_or_typed_and_it_is_told_once(bench, jump):
    await at_work(bench)
    spawned = len(bench.host.spawned)
    now = bench.clock.now

    def later():
        found = now()
        return Now(wall=found.wall + jump, awake=found.awake)

    bench.clock.now = later
    for _ in range(5):
        bench.controller._look()
        for task in list(bench.controller._tasks.values()):
            await task
    assert (bench.host.ended, len(bench.host.spawned)) == ([], spawned)
    assert bench.kinds().count("stood-still") == 1
