"""Single decisions of the plan, each in the smallest town that calls for it."""

from __future__ import annotations

import msgspec
import pytest

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import (
    CloseConvoy,
    Dispatch,
    EndSession,
    Escalate,
    FinishLanding,
    MarkStopped,
    PrepareSandbox,
    PutAway,
    StartEvidence,
    StartLanding,
    StartSession,
    Submit,
    Tell,
)
from gastown_tui.domain.config import Limits, RigConfig
from gastown_tui.domain.plan import GIVE_UP, plan
from gastown_tui.domain.town import (
    Agent,
    AgentFact,
    Convoy,
    Now,
    Outcome,
    Request,
    Rig,
    RunFact,
    Town,
)

NOW = Now(wall=1_000_000.0, awake=5000.0)
NUX, SLIT = "r/polecats/nux", "r/polecats/slit"


def agent(address=NUX, **fields):
    name = address.rpartition("/")[2]
    base = {"sandbox_for": "gt-1", "branch": "polecat/nux/gt-1@a", "run": "run1"}
    return Agent(**({"address": address, "record": f"hq-{name}", "rig": "r", "name": name} | base
                    | fields))  # fmt: skip


def bead(number=1, *labels, **fields):
    base = {"status": "hooked", "assignee": NUX, "created_at": f"2026-01-0{number}T00:00:00Z"}
    return Bead(**({"id": f"gt-{number}", "labels": ("town:t", *labels)} | base | fields))


def slung(number, wish="any", **fields):
    return bead(number, f"sling:{wish}", **({"status": "open", "assignee": ""} | fields))


def run(alive=True, name=NUX, run_id="run1", **fields):
    base = {"kind": "agent", "started": NOW.wall - 100, "note": {"bead": "gt-1"}}
    return RunFact(**({"run": run_id, "name": name, "alive": alive} | base | fields))


def request(**fields):
    base = {"id": "mr1", "rig": "r", "bead": "gt-1", "agent": NUX, "submitted": "c1"}
    return Request(**(base | {"updated": NOW.wall - 50, "branch": "b"} | fields))


def town(*things, **fields):
    found = {"agents": {}, "beads": {}, "requests": {}, "runs": {}, "convoys": {}}
    for one in things:
        kind = {"Agent": "agents", "Bead": "beads", "Request": "requests", "RunFact": "runs",
                "Convoy": "convoys"}[type(one).__name__]  # fmt: skip
        key = getattr(one, "address", "") or getattr(one, "id", "") or one.run
        found[kind][key] = one
    config = RigConfig(name="r", prefix="gt", upstream="u", gates=["true"], gate_timeout_s=600.0)
    base = {
        "id": "t", "rigs": {"r": Rig(config=config, tip="base")}, **found,
        "rig_of": dict.fromkeys(found["beads"], "r"),
        "ready": frozenset(b.id for b in found["beads"].values() if b.status == "open"),
    }  # fmt: skip
    return Town(**(base | fields))


def decided(*things, **fields):
    return plan(town(*things, **fields), NOW)


def of(kind, commands):
    return [one for one in commands if isinstance(one, kind)]


def test_an_exit_of_its_own_stops_an_agent_and_a_crash_does_not():
    left = decided(agent(), bead(), run(alive=False, why="exit", code=0, ended=NOW.wall - 1))
    assert of(MarkStopped, left)
    assert not of(StartSession, left)
    died = decided(agent(), bead(), run(alive=False, why="exit", code=1, ended=NOW.wall - 1))
    assert [one.is_respawn for one in of(StartSession, died)] == [True]


def test_a_program_that_ends_after_done_is_started_for_the_rework():
    """Agents that exit when their turn is over have not been left by anybody."""
    ended = run(alive=False, why="exit", code=0, ended=NOW.wall - 80)
    came_back = request(state="rework", attempt=2)
    commands = decided(agent(), bead(), ended, came_back)
    assert of(StartSession, commands)
    assert not of(MarkStopped, commands)


def test_an_exit_after_an_earlier_bead_says_nothing_of_this_one():
    ended = run(alive=False, why="exit", code=0, note={"bead": "gt-0"})
    commands = decided(agent(), bead(), ended)
    assert of(StartSession, commands)
    assert not of(MarkStopped, commands)


def test_a_restart_is_a_new_start_whatever_was_done_before():
    start = of(StartSession, decided(agent(run=""), bead()))[0]
    outcome = Outcome(version=start.version, ok=True)
    again = decided(agent(run="", wanted_at="now"), bead(), outcomes={start.key: outcome})
    assert of(StartSession, again)


def test_a_run_that_the_host_forgot_does_not_stop_its_agent():
    first = of(StartSession, decided(agent(run=""), bead()))[0]
    done = {first.key: Outcome(version=first.version, ok=True)}
    assert of(StartSession, decided(agent(run="run9"), bead(), outcomes=done))


def test_the_same_bead_slung_again_to_the_same_agent_gets_a_sandbox_again():
    empty = agent(sandbox_for="", branch="")
    first = of(PrepareSandbox, decided(empty, bead(updated_at="1")))[0]
    done = {first.key: Outcome(version=first.version, ok=True)}
    assert of(PrepareSandbox, decided(empty, bead(updated_at="2"), outcomes=done))


@pytest.mark.parametrize(("ago", "starts"), [(1.0, False), (3.9, False), (4.1, True)])
def test_deaths_in_a_row_wait_longer(ago, starts):
    dead = run(alive=False, why="signal", ended=NOW.wall - ago)
    commands = decided(agent(), bead(1, "respawns:2"), dead)
    assert bool(of(StartSession, commands)) is starts


def test_after_the_last_respawn_the_overseer_is_told_and_others_get_the_place():
    dead = run(alive=False, why="signal", ended=0.0)
    limits = Limits(max_working=1)
    commands = decided(agent(), bead(1, "respawns:3"), dead, slung(2), limits=limits)
    assert [one.subject for one in of(Escalate, commands)] == ["gt-1"]
    assert not of(StartSession, commands)
    assert [one.bead for one in of(Dispatch, commands)] == ["gt-2"]


def test_labels_that_others_wrote_do_not_stop_the_town():
    assert of(StartSession, decided(agent(), bead(1, "respawns:many")))
    assert decided(agent(), slung(2, "../../x/polecats/y"), slung(3, "other/polecats/y"))


def test_a_place_taken_by_rework_is_not_given_away():
    limits = Limits(max_working=1)
    back = request(state="rework", attempt=2, told=1)
    commands = decided(agent(), bead(), run(), back, slung(2), limits=limits)
    assert [one.request for one in of(Tell, commands)] == ["mr1"]
    assert not of(Dispatch, commands)
    busy = (agent(SLIT, sandbox_for="gt-2", run="run2"), bead(2, assignee=SLIT),
            run(name=SLIT, run_id="run2", note={"bead": "gt-2"}))  # fmt: skip
    assert not of(Tell, decided(agent(), bead(), run(), back, *busy, limits=limits))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"wanted": "stopped"}, "is stopped"),
        (None, "has gone"),
    ],
)
def test_a_change_that_comes_back_to_nobody_is_said_once(fields, why):
    back = request(state="rework", attempt=2)
    agents = [agent(**fields)] if fields is not None else []
    told = [one for one in of(Escalate, decided(*agents, bead(), back)) if one.subject == "mr1"]
    assert why in told[0].why
    done = {told[0].key: Outcome(version=told[0].version, ok=True)}
    again = of(Escalate, decided(*agents, bead(), back, outcomes=done))
    assert not [one for one in again if one.subject == "mr1"]


def test_a_change_whose_bead_was_closed_is_shown_when_it_comes_back_and_keeps_its_sandbox():
    commands = decided(agent(), run(), request(state="rework", attempt=2))
    assert "is closed" in of(Escalate, commands)[0].why
    assert not of(PutAway, commands)


def test_a_closed_bead_without_a_request_frees_its_polecat():
    assert [one.bead for one in of(PutAway, decided(agent(), run()))] == ["gt-1"]
    blocked = decided(agent(), bead(status="blocked"), run())
    assert not of(PutAway, blocked), "the agent's own word that it is stuck is no reason"


def test_sessions_of_a_rig_that_cannot_be_read_are_left_alone():
    commands = decided(agent(), run(), request(state="landed"), rigs={})
    assert commands == []


def test_two_beads_on_one_hook_are_worked_one_after_the_other_and_said():
    commands = decided(agent(), bead(1), bead(2, created_at="2020-01-01T00:00:00Z"))
    assert [one.bead for one in of(StartSession, commands)] == ["gt-1"]
    assert [one.subject for one in of(Escalate, commands)] == ["gt-2"]


def test_a_hand_in_waits_while_the_change_is_being_landed():
    for state, submits in (("landing", 0), ("landed", 0), ("approved", 1), ("testing", 1)):
        commands = decided(agent(), bead(1, "done:x"), run(), request(state=state))
        assert len(of(Submit, commands)) == submits, state


def gate(**fields):
    note = {"purpose": "evidence", "request": "mr1", "rig": "r"}
    base = {"name": "gate/r/mr1", "run_id": "g1", "kind": "gate", "note": note}
    return run(**(base | fields))


def test_gates_have_a_time_limit():
    testing = request(state="testing", gate_run="g1")
    young = decided(testing, gate(started=NOW.wall - 599))
    assert not of(EndSession, young)
    old = of(EndSession, decided(testing, gate(started=NOW.wall - 601)))
    assert "time limit" in old[0].why
    slept = decided(testing, gate(started=NOW.wall - 9000), since=NOW.wall - 10)
    assert not of(EndSession, slept), "time asleep or frozen does not count"


def test_gates_that_nobody_waits_for_are_ended_and_count_until_they_are():
    limits = Limits(gates=1)
    anew = request(state="submitted", submitted="c2")
    commands = decided(anew, gate(), limits=limits)
    assert [one.run for one in of(EndSession, commands)] == ["g1"]
    assert not of(StartEvidence, commands)
    assert of(StartEvidence, decided(anew, limits=limits))


def test_landing_goes_before_evidence():
    ready = request(state="approved", approved="c1", evidence="c1")
    other = request(id="mr2", bead="gt-2", state="submitted")
    commands = decided(ready, other, limits=Limits(gates=1))
    assert of(StartLanding, commands)
    assert not of(StartEvidence, commands)


def test_an_approval_holds_for_one_commit():
    assert not of(StartLanding, decided(request(state="approved", approved="c0")))


def test_what_finished_before_a_pause_lands_after_it():
    rig = Rig(config=RigConfig(name="r", prefix="gt", upstream="u"), landing="g1")
    for wanted, count in (("up", 1), ("paused", 0), ("down", 0), ("estop", 0)):
        commands = decided(rigs={"r": rig}, wanted=wanted)
        assert len(of(FinishLanding, commands)) == count, wanted


def idle(nudged=0, since=NOW.wall - 5000):
    fact = {NUX: AgentFact(state="idle", since=since, last_output=since)}
    return agent(nudged=nudged), bead(), run(started=NOW.wall - 9000), fact


def test_an_idle_agent_is_sent_back_each_time_with_growing_patience():
    nux, work, living, fact = idle()
    first = of(Tell, decided(nux, work, living, facts=fact))[0]
    done = {first.key: Outcome(version=first.version, ok=True)}
    assert not of(Tell, decided(nux, work, living, facts=fact, outcomes=done))
    nux, work, living, fact = idle(1, since=NOW.wall - 121)
    assert of(Tell, decided(nux, work, living, facts=fact, outcomes=done))
    nux, work, living, fact = idle(1, since=NOW.wall - 119)
    assert not of(Tell, decided(nux, work, living, facts=fact, outcomes=done))
    nux, work, living, fact = idle(5)
    commands = decided(nux, work, living, facts=fact)
    assert of(Escalate, commands)
    assert not of(Tell, commands)


def test_nobody_is_late_right_after_a_thaw():
    fact = {NUX: AgentFact(state="working", since=0.0, last_output=NOW.wall - 9000)}
    living = run(started=NOW.wall - 9999)
    assert of(EndSession, decided(agent(), bead(), living, facts=fact))
    assert not decided(agent(), bead(), living, facts=fact, since=NOW.wall - 5)


def test_the_polecat_that_has_the_sandbox_gets_its_bead_back():
    commands = decided(agent(SLIT, run=""), agent(sandbox_for=""), slung(1))
    assert [one.agent for one in of(Dispatch, commands)] == [SLIT]


def test_one_dispatch_at_a_time_when_one_is_under_way():
    assert not of(Dispatch, decided(slung(1), slung(2), in_flight=frozenset({"dispatch:gt-1"})))


def test_a_convoy_with_beads_that_cannot_be_seen_is_not_closed():
    assert of(CloseConvoy, decided(Convoy(id="hq-cv", tracked=("gt-1",))))
    assert not of(CloseConvoy, decided(Convoy(id="hq-cv", tracked=("gt-1", "zz-1"))))


def test_what_fails_again_and_again_is_said_once():
    command = of(PrepareSandbox, decided(agent(sandbox_for=""), bead()))[0]
    failed = Outcome(version=command.version, ok=False, why="no disk", tries=GIVE_UP, at=0.0)
    commands = decided(agent(sandbox_for=""), bead(), outcomes={command.key: failed})
    assert "no disk" in of(Escalate, commands)[0].why
    assert of(PrepareSandbox, commands)
    fresh = msgspec.structs.replace(failed, at=NOW.awake - 30)
    assert not of(PrepareSandbox, decided(agent(sandbox_for=""), bead(),
                                          outcomes={command.key: fresh}))  # fmt: skip
