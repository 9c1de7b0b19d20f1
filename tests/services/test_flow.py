"""One bead from sling to closed, and every way it may come back, through the real executors."""

from __future__ import annotations

import asyncio

import pytest
from service_fakes import NUX

from gastown_tui.domain import records
from gastown_tui.domain.config import Setup
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.operations import Close, SetField
from gastown_tui.domain.ready import is_failure
from gastown_tui.services.context import Paths
from gastown_tui.services.ports import Handed, TargetMoved

FURIOSA = "r/polecats/furiosa"


async def handed_in(bench, bead="gt-1"):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    return bench.request()


async def to_review(bench):
    await handed_in(bench)
    bench.host.finish(bench.gate())
    await bench.settle()
    return bench.request()


async def test_a_bead_goes_all_the_way(bench):
    request = await handed_in(bench)
    assert request.state == "testing"
    assert [one.kind for one in bench.host.spawned] == ["agent", "gate"]
    bench.host.finish(bench.gate())
    await bench.settle()
    assert bench.request().state == "review"
    await bench.ask("approve", request.id)
    await bench.settle()
    assert bench.request().state == "landing"
    bench.host.finish(bench.gate())
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed
    assert bench.books.requests == {}
    agent = bench.books.agents[FURIOSA]
    assert (agent.sandbox_for, agent.branch) == ("", "")
    assert ("clean", f"polecat/furiosa/gt-1@{request.branch.partition('@')[2]}") in bench.git.calls
    assert "its work has landed" in [why for _, why in bench.host.ended]
    told = next(bead.title for bead in bench.books.events.values() if bead.event_kind == "landed")
    assert told == "gt-1 landed on gastown/main in r/repo at landed-c1c"
    fetch = f"fetch it: git fetch {bench.context.paths.town}/r/repo gastown/main"
    assert bench.rig_store.get("gt-1").close_reason.endswith(fetch)


@pytest.mark.parametrize(("land", "name"), [("push", "town"), ("local", "error town")])
async def test_the_reason_of_a_landed_bead_never_reads_like_a_failure(make, tmp_path, land, name):
    bench = make(land=land, gates=[], review="none")
    bench.context.paths = Paths(town=tmp_path / name)
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    reason = bench.rig_store.get("gt-1").close_reason
    assert reason.startswith("Merged in ")
    assert "fetch" not in reason
    assert not is_failure(reason)


async def test_a_rig_without_gates_lands_at_once(make):
    bench = make(gates=[], review="none")
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed


async def test_red_gates_send_it_back_with_their_last_lines_until_the_attempts_are_used_up(bench):
    request = await handed_in(bench)
    for attempt in (2, 3):
        bench.host.finish(bench.gate(), 1)
        await bench.settle()
        now = bench.request()
        assert (now.state, now.attempt, now.log) == ("rework", attempt, "1 failed")
        bench.git.handed = Handed(tip=f"c{attempt}c{attempt}c", base="base000", commits=attempt)
        bench.done(token=f"d{attempt}")
        await bench.settle()
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    assert bench.request().state == "rejected"
    assert bench.request().created == request.created


@pytest.mark.parametrize("why", ["host died", "ended: by hand", "signal"])
async def test_a_gate_that_says_nothing_blames_nobody(bench, why):
    await handed_in(bench)
    bench.host.finish(bench.gate(), None, why)
    await bench.settle()
    request = bench.request()
    assert (request.state, request.reds, request.lost) == ("testing", 0, 1)
    bench.host.finish(bench.gate())
    await bench.settle()
    assert (bench.request().state, bench.request().lost) == ("review", 0)


async def test_green_after_the_time_limit_is_red(bench):
    await handed_in(bench)
    bench.host.finish(bench.gate(), 0, "ended: time limit: the gates took longer than 600 s")
    await bench.settle()
    assert bench.request().state == "rework"
    assert "time limit" in bench.request().why


async def test_a_gate_that_changes_files_is_not_green(bench):
    await handed_in(bench)
    bench.git.clean_tree = False
    bench.host.finish(bench.gate())
    await bench.settle()
    assert bench.request().state == "rework"


async def test_a_gate_that_cannot_be_started_is_tried_again_later(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.host.refuses = "no room"
    bench.done()
    for _ in range(4):
        bench.controller._look()
        for task in list(bench.controller._tasks.values()):
            await task
    assert bench.request().lost in {1, 2}
    bench.host.refuses = ""
    bench.clock.wall += 120
    await bench.settle()
    assert bench.request().state == "testing"


async def test_a_conflict_goes_back_uses_no_attempt_and_keeps_its_age(bench):
    request = await to_review(bench)
    bench.git.conflicts = {request.id: ("a.txt",)}
    await bench.ask("approve", request.id)
    await bench.settle()
    now = bench.request()
    assert (now.state, now.rework, now.reds, now.created) == (
        "rework", "conflict", 0, request.created,
    )  # fmt: skip
    assert now.log == "a.txt"
    assert ("note_conflict", request.id) in bench.git.calls


async def test_a_conflict_of_a_stopped_agent_waits_for_the_overseer_once(bench):
    request = await to_review(bench)
    await bench.ask("stop", FURIOSA)
    bench.git.conflicts = {request.id: ("a.txt",)}
    await bench.ask("approve", request.id)
    await bench.settle()
    bench.start()
    await bench.settle()
    told = [one for one in bench.books.events.values() if one.event_kind == "escalated"]
    assert len(told) == 1
    assert "stopped" in told[0].title
    row = bench.feed.tables["mq"][request.id]
    assert "waits for you" in row["why"]


async def test_a_new_tip_withdraws_the_approval_and_the_same_one_changes_nothing(bench):
    request = await to_review(bench)
    await bench.ask("hold", request.id)
    bench.done(token="d2")
    await bench.settle()
    assert bench.request().evidence == request.submitted
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.done(token="d3")
    await bench.settle()
    now = bench.request()
    assert (now.state, now.submitted, now.evidence) == ("held", "c2c2c2c2c2", "")
    await bench.ask("retry", request.id)
    await bench.settle()
    assert bench.request().state == "testing"


async def test_a_second_hand_in_ends_the_gate_of_the_first(bench):
    await handed_in(bench)
    first = bench.gate()
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.done(token="d2")
    await bench.settle()
    assert (first, "nobody waits for it") in bench.host.ended
    assert bench.request().state == "testing"
    assert bench.request().gate_run != first


async def test_nothing_to_hand_in_is_said_to_the_agent_and_no_request_is_made(bench):
    bench.git.handed = Handed(tip="base000", base="base000", commits=0)
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.done()
    await bench.settle()
    assert bench.books.requests == {}
    assert "no commits" in bench.nudger.said[0][1]
    assert bench.rig_store.get("gt-1").label("done") is None


async def test_a_moved_target_holds_the_queue_with_one_event_until_released(bench):
    request = await to_review(bench)
    bench.git.raises["stack"] = TargetMoved("main is at x, the town left it at y")
    await bench.ask("approve", request.id)
    await bench.settle()
    await bench.settle()
    assert bench.books.rig_views({})["r"].held.startswith("main is at x")
    assert bench.kinds().count("escalated") == 1
    assert bench.request().state == "approved"
    del bench.git.raises["stack"]
    await bench.ask("release", "r")
    assert ("accept",) in bench.git.calls
    await bench.settle()
    assert bench.request().state == "landing"


@pytest.mark.parametrize(
    ("error", "held"),
    [(Conflict("moved on"), False), (Unavailable("no answer"), False), (TargetMoved("no"), True)],
)
async def test_a_push_that_fails_loses_nothing(bench, error, held):
    request = await to_review(bench)
    await bench.ask("approve", request.id)
    await bench.settle()
    bench.git.raises["land"] = error
    bench.host.finish(bench.gate())
    bench.controller._look()
    for task in list(bench.controller._tasks.values()):
        await task
    assert bench.request().state in {"approved", "landing"}
    assert bool(bench.books.rig_views({})["r"].held) is held
    del bench.git.raises["land"]
    if held:
        await bench.ask("release", "r")
    await bench.settle()
    if not isinstance(error, Unavailable):  # then the same commit is pushed, tested as it is
        bench.host.finish(bench.gate())
        await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed


async def test_a_controller_that_dies_after_the_push_lands_it_once(bench):
    request = await to_review(bench)
    await bench.ask("approve", request.id)
    await bench.settle()
    bench.git.tip = "new1111"  # the target has moved, and nobody has written it down
    bench.host.finish(bench.gate())
    bench.start()
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed


async def test_what_changes_while_it_is_stacked_is_not_landed(bench):
    request = await to_review(bench)
    stack = bench.git.stack

    def slow(worktree, base, requests):
        bench.books.write_town(records.change_request(request.id, state="held"), actor="somebody")
        bench.context.sync()
        return stack(worktree, base, requests)

    bench.git.stack = slow
    await bench.ask("approve", request.id)
    await bench.settle()
    assert bench.request().state == "held"
    assert not bench.books.rig_views({})["r"].landing


async def test_a_dropped_change_frees_its_polecat_and_keeps_the_branch(bench):
    request = await to_review(bench)
    bench.git.kept = request.branch
    await bench.ask("drop", request.id)
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed
    assert bench.books.requests == {}
    assert ("put_away", request.branch) in bench.git.calls
    agent = bench.books.agents[FURIOSA]
    assert (agent.wanted, agent.sandbox_for) == ("running", "")
    assert "kept" in bench.kinds()


async def test_a_bead_closed_by_hand_is_put_away(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    bench.rig_store.apply([Close(bead="gt-1")], actor="somebody")
    await bench.settle()
    assert bench.books.agents[FURIOSA].sandbox_for == ""
    assert not [row for row in bench.table.rows.values() if not row.ended]


async def test_a_set_up_that_fails_leaves_the_branch_recorded_for_the_next_try(make):
    bench = make(setup=Setup(run=["make ready"]))
    bench.bead()
    bench.sling()
    for number in range(3):  # the first look only hooks the bead
        bench.controller._look()
        for _ in range(40):
            await asyncio.sleep(0.005)
            for row in list(bench.table.rows.values()):
                if row.kind == "setup" and not row.ended:
                    bench.host.finish(row.run, 0 if number == 2 else 1)
        for task in list(bench.controller._tasks.values()):
            await task
        bench.clock.wall += 60
    await bench.settle()
    branches = {call[1] for call in bench.git.calls if call[0] == "prepare"}
    assert len(branches) == 1
    assert [one.kind for one in bench.host.spawned if one.kind == "agent"]


async def test_an_unhooked_bead_goes_on_from_what_was_handed_in(bench):
    request = await to_review(bench)
    await bench.ask("reject", request.id, reason="other name, please")
    await bench.ask("stop", FURIOSA)
    await bench.ask("unhook", "gt-1")
    await bench.settle()
    prepared = [call for call in bench.git.calls if call[0] == "prepare"]
    assert prepared[-1][1].startswith("polecat/nux/gt-1@")
    assert prepared[-1][2] == request.submitted
    bench.git.handed = Handed(tip="c2c2c2c2c2", base="base000", commits=2)
    bench.done(token="d2")
    await bench.settle()
    now = bench.request()
    assert (now.id, now.agent, now.created) == (request.id, NUX, request.created)


async def test_a_foreign_hook_is_not_ours(bench):
    bench.bead()
    bench.rig_store.apply(
        [SetField(bead="gt-1", field="status", value="hooked"),
         SetField(bead="gt-1", field="assignee", value=NUX)], actor="other",
    )  # fmt: skip
    await bench.settle()
    assert bench.books.agents == {}
    assert bench.host.spawned == []


@pytest.mark.parametrize("permissions", ["default", "bypass"])
async def test_bypass_is_started_on_the_word_that_the_rigs_settings_keep(make, permissions):
    bench = make(permissions=permissions, agent="claude")
    bench.bead()
    bench.sling()
    await bench.settle()
    assert ("bypassPermissions" in bench.host.spawned[-1].argv) == (permissions == "bypass")


async def test_set_up_copies_files_before_agents_and_gates_start(bench):
    bench.git.raises["copy_in"] = Conflict("[setup] copy: .env: not there")
    bench.bead()
    bench.sling()
    bench.controller._look()
    await asyncio.gather(*bench.controller._tasks.values())
    assert bench.host.spawned == []
    bench.git.raises.clear()
    await bench.settle(100)
    bench.done()
    await bench.settle()
    copied = [call for call in bench.git.calls if call[0] == "copy_in"]
    assert copied[-2:] == [("copy_in", "furiosa"), ("copy_in", "evidence-1")]


@pytest.mark.parametrize("code", [0, 1])
async def test_gates_whose_tree_somebody_else_took_say_nothing(bench, code):
    await handed_in(bench)
    bench.git.elsewhere = True
    bench.host.finish(bench.gate(), code)
    bench.controller._look()
    await asyncio.gather(*bench.controller._tasks.values())
    assert (bench.request().state, bench.request().lost, bench.request().reds) == (
        "submitted",
        1,
        0,
    )
    assert "another commit" in bench.request().why
    bench.git.elsewhere = False
    await bench.settle()
    assert bench.request().state == "testing"


async def test_the_tree_of_gates_that_were_not_judged_yet_is_nobody_elses(bench):
    await handed_in(bench)
    first = bench.host.spawned[-1]
    assert first.key.endswith("/evidence-1")
    bench.host.finish(first.run)
    assert bench.refinery.evidence._free_worktree("r").name == "evidence-2"
    await bench.settle()
    assert bench.refinery.evidence._free_worktree("r").name == "evidence-1"
