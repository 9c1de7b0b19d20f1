"""A bead labelled `agent:NAME` is worked on by that entry of the catalogue."""

from __future__ import annotations

import pytest

from gastown_tui.domain.operations import AddLabel, RemoveLabel

FURIOSA = "r/polecats/furiosa"


def programs(bench):
    return [one.argv for one in bench.host.spawned if one.kind == "agent"]


async def start(bench, *labels):
    bench.bead(labels=list(labels))
    bench.sling()
    await bench.settle()
    return bench.books.agents[FURIOSA]


async def test_a_leg_chooses_who_works_on_it(bench):
    agent = await start(bench, "agent:shell", "leg:one")
    assert agent.entry == "shell"
    assert "demo" not in " ".join(programs(bench)[0])
    assert bench.context.entry(agent).name == "shell"


@pytest.mark.parametrize("labels", [(), ("agent:nobody",)])
async def test_else_the_towns_own_works_on_it(bench, labels):
    agent = await start(bench, *labels)
    assert (agent.entry, bench.context.entry(agent).name) == ("", "demo")
    told = [bead.title for bead in bench.books.events.values() if "nobody" in bead.title]
    assert len(told) == len(labels)


async def test_a_conversation_does_not_change_its_program(bench):
    first = await start(bench, "agent:shell")
    bench.rig_store.apply(
        [RemoveLabel("gt-1", "agent:shell"), AddLabel("gt-1", "agent:demo")], actor="me"
    )
    row = next(row for row in bench.table.rows.values() if row.kind == "agent" and not row.ended)
    bench.host.finish(row.run, code=1)
    await bench.settle()
    again = bench.books.agents[FURIOSA]
    assert again.entry == "demo"
    assert again.conversation != first.conversation
