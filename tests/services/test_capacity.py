"""Memory holds starts up, and says so on what waits."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from gastown_tui.adapters.memory import MemoryLook, taken_by
from gastown_tui.adapters.town_edit import set_max_working
from gastown_tui.domain.capacity import Memory
from gastown_tui.domain.config import Limits, read_town
from gastown_tui.domain.errors import BadInput
from gastown_tui.services.capacity import Capacity

SHORT = Memory(free=100, total=8_000_000_000)


def row(bench, bead="gt-1"):
    return bench.feed.tables["beads"][bead]


async def test_a_bead_waits_for_memory_and_says_so_and_goes_on_when_there_is_some(bench):
    bench.context.memory = SHORT
    bench.bead()
    bench.sling()
    await bench.settle()
    assert bench.host.spawned == []
    assert row(bench)["why"] == "waits for memory"
    town = bench.feed.tables["town"]["town"]
    assert (town["waiting"], "of memory are free" in town["waiting_why"]) == (1, True)
    bench.context.memory = Memory(free=7_000_000_000, total=8_000_000_000)
    await bench.settle()
    assert len(bench.host.spawned) == 1
    assert row(bench)["why"] == ""


async def test_who_is_at_work_goes_on_under_pressure(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.context.memory = SHORT
    await bench.settle()
    assert bench.host.ended == []


async def test_a_bead_that_waits_for_its_turn_says_for_what(bench):
    limits = Limits(max_working=1)
    bench.context.config = msgspec.structs.replace(bench.context.config, limits=limits)
    for number in (1, 2):
        bench.bead(number)
        bench.sling(f"gt-{number}")
    await bench.settle()
    assert row(bench, "gt-2")["why"] == "waits for room: 1 may work at once (max_working)"


async def test_programs_of_models_start_two_at_a_time(bench):
    priced = msgspec.structs.replace(
        bench.context.entries["demo"], prices=bench.context.entries["claude"].prices
    )
    bench.context.entries = {**bench.context.entries, "demo": priced}
    for number in (1, 2, 3, 4):
        bench.bead(number)
        bench.sling(f"gt-{number}")
    most, clock = 0, bench.clock
    for _ in range(30):
        before = len(bench.host.spawned)
        bench.controller._look()
        for task in list(bench.controller._tasks.values()):
            await task
        most = max(most, len(bench.host.spawned) - before)
        clock.wall += 1.0
    assert len(bench.host.spawned) == 4
    assert most <= 2


async def test_max_working_is_changed_in_the_file_with_all_else_left(bench, tmp_path):
    file = tmp_path / "town.toml"
    file.write_text('# mine\nid = "t"\n\n[limits]\ngates = 3  # few\n')
    bench.context.paths = msgspec.structs.replace(bench.context.paths, town=tmp_path)
    table = Capacity(bench.context, MemoryLook(), set_max_working).table
    assert "is 9 now, and was 4" in await table["max_working"]("9", {}, "overseer")
    assert file.read_text() == '# mine\nid = "t"\n\n[limits]\ngates = 3  # few\nmax_working = 9\n'
    assert read_town(file.read_text()).limits.max_working == 9
    file.write_text('id = "t"\n# [limits]\n')
    set_max_working(tmp_path, 2)
    assert read_town(file.read_text()).limits.max_working == 2
    for strange in ("0", "101", "-1", "x", ""):
        with pytest.raises(BadInput):
            await table["max_working"](strange, {}, "overseer")


def test_what_a_session_takes_counts_its_children_wherever_they_went():
    grow = "x = bytearray(40_000_000); x[::4096] = b'y' * len(x[::4096]); print(1, flush=True)"
    child = f"{grow}; input()"
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]],"
        " start_new_session=True, stdin=0); p.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as made:
        made.stdout.readline()
        assert taken_by(made.pid) > 40_000_000
        found = MemoryLook().look({"a": made.pid})
        assert found.agents["a"] > 40_000_000
        assert 0 < found.free <= found.total
        made.stdin.close()


async def test_a_bead_that_no_polecat_is_free_for_says_so(bench):
    limits = Limits(polecats=1)
    bench.context.config = msgspec.structs.replace(bench.context.config, limits=limits)
    for number in (1, 2):
        bench.bead(number)
        bench.sling(f"gt-{number}")
    await bench.settle()
    assert row(bench, "gt-1")["why"] == ""
    assert row(bench, "gt-2")["why"].startswith("waits for a polecat: 1 of r")
