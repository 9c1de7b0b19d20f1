"""A full disk starts nothing, and is no change's fault."""

from __future__ import annotations

import pytest

from gastown_tui.domain.errors import Unavailable

FULL = "cc: error: foo.o: No space left on device"


def problems(bench):
    return bench.feed.tables["town"]["town"]["problems"]


async def test_a_full_disk_starts_nothing_and_says_so_until_there_is_room(bench):
    bench.bead()
    bench.sling()
    bench.machine.room = 19_000_000
    await bench.settle()
    assert bench.host.spawned == []
    assert len(problems(bench)) == 1
    assert "less than 20 MB" in problems(bench)[0]
    bench.machine.room = 21_000_000
    await bench.settle()
    assert problems(bench) == []
    assert [one.kind for one in bench.host.spawned] == ["agent"]


async def test_what_was_decided_while_there_was_room_does_not_start_without(bench):
    bench.machine.room = 0
    with pytest.raises(Unavailable, match="less than 20 MB"):
        await bench.context.spawn(None)


async def in_gates(bench, output):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    bench.screens.text = output
    return bench.request()


async def red(bench):
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    return bench.request()


async def test_gates_that_find_no_room_run_again_and_blame_nobody(bench):
    await in_gates(bench, FULL)
    request = await red(bench)
    assert (request.state, request.reds, request.attempt) == ("testing", 0, 1)
    assert "gates-again" in bench.kinds()
    bench.screens.text = ""
    bench.host.finish(bench.gate())
    await bench.settle()
    assert (bench.request().state, bench.request().why, bench.request().lost) == ("review", "", 0)


async def test_words_alone_are_not_believed_for_ever(bench):
    await in_gates(bench, FULL)
    for _ in range(3):
        assert (await red(bench)).reds == 0
    assert (await red(bench)).reds == 1


async def test_while_the_disk_is_full_no_red_gate_counts(bench):
    await in_gates(bench, "1 failed")
    for _ in range(5):
        bench.machine.room = 0
        bench.host.finish(bench.gate(), 1)
        await bench.settle()
        assert (bench.request().state, bench.request().reds) == ("submitted", 0)
        bench.machine.room = 10**12
        bench.clock.wall += 100
        await bench.settle()


async def test_a_batch_that_finds_no_room_is_tested_again(bench):
    await in_gates(bench, "")
    bench.host.finish(bench.gate())
    await bench.settle()
    await bench.ask("approve", bench.request().id)
    await bench.settle()
    bench.screens.text = FULL
    request = await red(bench)
    assert (request.state, request.reds, request.suspect) == ("landing", 0, 0)
