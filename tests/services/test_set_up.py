"""Set-up as the controller does it: where it runs, with what, and what it keeps out."""

from __future__ import annotations

from service_fakes import NUX

from gastown_tui.domain.config import Setup
from gastown_tui.domain.workplaces import SetUp
from gastown_tui.services.ports import Handed


async def test_set_up_gates_and_agent_have_the_same_of_their_worktree(make):
    bench = make(gates=["test"])
    bench.bead()
    bench.sling()
    await bench.settle()
    agent = bench.host.spawned[-1]
    bench.done()
    await bench.settle()
    gate = bench.host.spawned[-1]
    for frame in (agent, gate):
        assert frame.env["GASTOWN_PORT_BASE"] == "20600"
        assert frame.env["GASTOWN_SLOT"] == "7"
        assert frame.env["TMPDIR"].endswith("/tmp")
    assert agent.env["TMPDIR"] != gate.env["TMPDIR"]


async def test_gates_set_up_only_what_is_not_done(make):
    bench = make(gates=["test"], setup=Setup(run=["npm ci"], inputs=["x"]))
    bench.git.set_up = SetUp(record="/r", digest="d", is_done=True)
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    assert [frame.kind for frame in bench.host.spawned] == ["agent", "gate"]
    assert "npm ci" not in bench.host.spawned[-1].argv[-1]


async def test_a_folder_that_the_project_has_not_starts_nobody(make):
    bench = make(folder="services/api")
    bench.bead()
    bench.sling()
    await bench.settle()
    assert bench.host.spawned == []
    told = [one.description + one.title for one in bench.books.events.values()]
    assert any("'services/api' of r is no folder of the project" in text for text in told)


async def test_what_may_not_be_changed_is_said_to_the_agent_and_not_handed_in(make):
    bench = make()
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.git.handed = Handed(tip="c1", base="b", commits=1, outside=(".beads/issues.jsonl",))
    bench.done()
    await bench.settle()
    assert not bench.books.requests
    agent = next(iter(bench.books.agents))
    assert bench.nudger.said[-1][0] == agent != NUX
    assert ".beads/issues.jsonl" in bench.nudger.said[-1][1]
    assert "done-refused" in bench.kinds()
