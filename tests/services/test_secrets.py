"""Secrets reach the programs they are for, and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from service_fakes import NUX

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.town import Agent
from gastown_tui.services.feed_rows import build

SECRET = "s3cret-4711"
FILE = {"TOKEN": SECRET, "PATH": "/of/the/file", "GASTOWN_RIG": "another", "HOME": "/elsewhere"}


def everything_written(bench):
    tables = build(bench.controller.snapshot(bench.facts.refresh(bench.clock.now())),
                   bench.context, bench.facts)  # fmt: skip
    beads = [*bench.town_store.list(include_closed=True, include_wisps=True),
             *bench.rig_store.list(include_closed=True)]  # fmt: skip
    frames = [msgspec.structs.replace(one, env={}) for one in bench.host.spawned]
    return f"{tables}{beads}{frames}"


async def test_agents_and_gates_of_a_rig_get_its_env_file(make, caplog):
    bench = make(env_file="~/keys.env")
    bench.machine.files[type(bench.context.paths.town)("/srv/ann/keys.env")] = FILE
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    agent, gate = bench.host.spawned[0].env, bench.host.spawned[1].env
    assert bench.host.spawned[1].kind == "gate"
    for env in (agent, gate):
        assert env["TOKEN"] == SECRET
        assert "/of/the/file" in env["PATH"]
        assert env["GASTOWN_RIG"] == "r"
    assert SECRET not in everything_written(bench) + caplog.text


async def test_without_its_env_file_nothing_starts_and_nothing_is_lost(make):
    bench = make(env_file="keys.env")
    bench.bead()
    bench.sling()
    for _ in range(3):
        bench.controller._look()
        for task in list(bench.controller._tasks.values()):
            await task
    assert bench.host.spawned == []
    assert bench.rig_store.get("gt-1").status == "hooked"
    bench.machine.files[bench.context.paths.town / "r" / "keys.env"] = FILE
    bench.clock.wall += 100
    await bench.settle()
    assert [one.kind for one in bench.host.spawned] == ["agent"]


@pytest.mark.parametrize(
    ("file", "said"),
    [({}, "subscription"), ({"ANTHROPIC_API_KEY": "sk-0123456789"}, "API key ...6789")],
)
async def test_what_pays_is_told_of_a_key_in_a_file_too(bench, file, said):
    bench.context.entries = load_entries(shipped_entries(), {"claude": {"env_file": "k"}})
    bench.machine.files[bench.context.paths.town / "k"] = file
    agent = Agent(address=NUX, record="hq-r-polecat-nux", rig="r", name="nux", entry="claude")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.context.sync()
    bench.facts.refresh(bench.clock.now())
    assert bench.facts.usage[NUX].money == said
