"""Requests of the overseer and of others: recorded, refused, carried out, taken up."""

from __future__ import annotations

import json
import signal

import pytest
from service_fakes import NUX

from gastown_tui.domain import records
from gastown_tui.domain.errors import BadInput, Conflict, Forbidden, NotFound
from gastown_tui.domain.operations import AddLabel, Create
from gastown_tui.domain.town import Agent, Request
from gastown_tui.protocol import Signals

TIP = "abcdef1234"


def with_agent(bench, alive=True, **fields):
    agent = Agent(address=NUX, record="hq-r-polecat-nux", rig="r", name="nux", run="run1",
                  **fields)  # fmt: skip
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    if alive:
        from gastown_tui.protocol import RunRow

        bench.table.update(RunRow(run="run1", name=NUX, started=1.0, pid=5))
    bench.context.sync()


def with_request(bench, **fields):
    bench.bead()
    bench.hook()
    base = {"id": "hq-mr1", "rig": "r", "bead": "gt-1", "agent": NUX, "submitted": TIP}
    request = Request(**(base | {"state": "review", "evidence": TIP} | fields))
    bench.town_store.apply([records.create_request(request)], actor="me")
    bench.context.sync()
    return request.id


def events(bench, kind):
    return [one for one in bench.books.events.values() if one.event_kind == kind]


@pytest.mark.parametrize(
    "verb", ["approve", "reject", "kill", "down", "estop", "release", "unhook", "retry", "drop",
             "stop", "restart", "approve_dialog", "mayor", "nudge"],
)  # fmt: skip
async def test_agents_may_not_do_what_is_the_overseers_and_it_is_written_down(bench, verb):
    with_agent(bench)
    name = with_request(bench)
    with pytest.raises(Forbidden):
        await bench.ask(verb, name, session=NUX, reason="x")
    assert bench.books.requests[name].state == "review"
    assert records.town_wanted(bench.books.town_record) == "up"
    refused = events(bench, "refused")
    assert [one.actor for one in refused] == [NUX]
    assert events(bench, f"request.{verb}")[0].is_closed


async def test_agents_may_file_and_sling_work(bench):
    _, text = await bench.ask("create_bead", "r", session=NUX, title="found a bug")
    assert text.endswith("is filed in r: found a bug")
    bead = text.split()[0]
    await bench.ask("sling", bead, session=NUX)
    assert bench.rig_store.get(bead).label("sling") == "any"


async def test_the_mayor_nudges_with_words_and_never_with_commands(bench):
    with_agent(bench)
    await bench.ask("nudge", NUX, session="mayor", text="/clear")
    mayor = Agent(address="mayor", record="hq-mayor", rig="", role="mayor", name="mayor")
    bench.town_store.apply([records.create_agent(mayor)], actor="me")
    bench.context.sync()
    await bench.ask("nudge", NUX, session="mayor", text="/clear")
    assert bench.nudger.may_command is False
    await bench.ask("nudge", NUX, text="/clear")
    assert bench.nudger.may_command is True


async def test_an_approval_is_for_the_commit_that_was_shown(bench):
    name = with_request(bench)
    for tip in ("fffffff", "ab"):
        with pytest.raises(Conflict, match="new commit"):
            await bench.ask("approve", name, tip=tip)
    await bench.ask("approve", name, tip=TIP[:8])
    request = bench.books.requests[name]
    assert (request.state, request.approved, request.approved_by) == ("approved", TIP, "overseer")


@pytest.mark.parametrize("state", ["rework", "landing", "rejected", "approved"])
async def test_only_what_waits_for_review_is_approved(bench, state):
    name = with_request(bench, state=state)
    with pytest.raises(Conflict):
        await bench.ask("approve", name)


async def test_without_green_gates_there_is_no_approval(bench):
    name = with_request(bench, evidence="other")
    with pytest.raises(Conflict, match="gates"):
        await bench.ask("approve", name)


@pytest.mark.parametrize("verb", ["reject", "hold", "drop", "retry"])
async def test_what_is_being_landed_is_left_alone(bench, verb):
    name = with_request(bench, state="landing")
    with pytest.raises(Conflict):
        await bench.ask(verb, name, reason="x")
    assert bench.books.requests[name].state == "landing"


def written(bench, verb, target="", actor="overseer", labels=(), **arguments):
    done = bench.town_store.apply(
        [Create(bead={"title": verb, "issue_type": "event", "event_kind": f"request.{verb}",
                      "actor": actor, "target": target, "payload": json.dumps(arguments),
                      "ephemeral": True}),
         *(AddLabel(bead="~x", label=one) for one in ())], actor=actor,
    )  # fmt: skip
    for label in labels:
        bench.town_store.apply([AddLabel(bead=done.ids[0], label=label)], actor=actor)
    bench.context.sync()
    return done.ids[0]


async def test_what_was_asked_without_a_controller_is_carried_out_once(bench):
    request = written(bench, "pause_town")
    bench.start()
    await bench.verbs.take_up()
    assert records.town_wanted(bench.books.town_record) == "paused"
    assert bench.town_store.get(request).is_closed
    await bench.ask("up")
    bench.start()
    await bench.verbs.take_up()
    assert records.town_wanted(bench.books.town_record) == "up"


async def test_what_had_begun_is_answered_and_not_repeated(bench):
    request = written(bench, "down", labels=["begun"])
    await bench.verbs.take_up()
    assert records.town_wanted(bench.books.town_record) == "up"
    assert "indeterminate" in bench.town_store.get(request).close_reason


@pytest.mark.parametrize("actor", [NUX, "unknown", "run abc", "mayor"])
async def test_a_written_request_of_a_session_is_held_to_the_same_rules(bench, actor):
    with_agent(bench)
    mayor = Agent(address="mayor", record="hq-mayor", rig="", role="mayor", name="mayor")
    bench.town_store.apply([records.create_agent(mayor)], actor="me")
    bench.context.sync()
    written(bench, "down", actor=actor)
    await bench.verbs.take_up()
    assert records.town_wanted(bench.books.town_record) == "up"


@pytest.mark.parametrize("payload", ["no json", "[1]", '{"a": 1}'])
async def test_a_request_that_cannot_be_read_is_answered(bench, payload):
    bench.town_store.apply(
        [Create(bead={"title": "x", "issue_type": "event", "event_kind": "request.approve",
                      "actor": "overseer", "target": "nothing", "payload": payload,
                      "ephemeral": True})], actor="me",
    )  # fmt: skip
    bench.context.sync()
    await bench.verbs.take_up()
    assert not [one for one in bench.books.events.values() if not one.is_closed]


async def test_taking_up_again_leaves_what_is_under_way(bench):
    with_agent(bench)
    bench.nudger.receipt = "queued"
    _, text = await bench.ask("nudge", NUX, text="hello")
    assert text.startswith("queued")
    await bench.verbs.take_up()
    assert len(bench.nudger.said) == 1
    bench.nudger.waiting[0]("submitted")
    assert not [one for one in bench.books.events.values() if not one.is_closed]


async def test_what_waits_for_an_agent_is_seen_and_has_a_limit(bench):
    with_agent(bench)
    bench.nudger.receipt = "queued: it shows a permission dialog: Do you want to proceed?"
    _, text = await bench.ask("nudge", NUX, text="hello")
    assert text.startswith("queued: ")
    assert "permission dialog" in text
    assert "30 minutes" in text
    await bench.settle()
    assert bench.feed.tables["agents"][NUX]["queued"] == 1
    bench.nudger.waiting[0]("submitted")
    await bench.settle()
    assert bench.feed.tables["agents"][NUX]["queued"] == 0


async def test_not_without_bound_many_texts_wait_for_one_agent(bench):
    with_agent(bench)
    bench.nudger.receipt = "queued"
    for _ in range(20):
        await bench.ask("nudge", NUX, text="hello")
    with pytest.raises(Conflict, match="20 texts"):
        await bench.ask("nudge", NUX, text="hello")


async def test_a_queued_text_is_not_delivered_after_its_time(bench):
    with_agent(bench)
    bench.nudger.receipt = "queued"
    await bench.ask("nudge", NUX, text="hello")
    bench.clock.wall += 3600
    bench.start()
    await bench.verbs.take_up()
    assert len(bench.nudger.said) == 0
    reasons = [one.close_reason for one in events(bench, "request.nudge")]
    assert any("waited too long" in reason for reason in reasons)


async def test_a_receipt_says_what_was_done(bench):
    with_agent(bench)
    bench.nudger.receipt = "submitted: its hook says so"
    _, text = await bench.ask("nudge", NUX, text="hello")
    assert text == f"submitted: {NUX} has it (its hook says so)"


def asking(bench):
    rows = [
        "─" * 60,
        " curl x",
        " Do you want to proceed?",
        " ❯ 1. Yes",
        "   2. No",
        "",
        " Esc to cancel",
    ]
    bench.facts.on_signals(Signals(session=NUX, bottom=rows, rows_hash="h1"))


@pytest.mark.parametrize(
    ("receipt", "told"),
    [("submitted", "and told what to do instead"), ("queued: it works", "is queued: "),
     ("refused: its session has ended", "not delivered: refused")],
)  # fmt: skip
async def test_the_reason_of_a_denial_is_the_next_message(bench, receipt, told):
    with_agent(bench)
    asking(bench)
    bench.nudger.receipt = receipt
    _, text = await bench.ask("deny_dialog", NUX, if_rows="h1", reason="use make instead")
    assert bench.nudger.answers == [(NUX, "Do you want to proceed?", "deny")]
    assert bench.nudger.said == [(NUX, "use make instead")]
    assert "was answered (deny)" in text
    assert told in text


async def test_a_denial_of_what_is_gone_says_nothing_to_anybody(bench):
    with_agent(bench)
    asking(bench)
    with pytest.raises(Conflict, match="no longer"):
        await bench.ask("deny_dialog", NUX, if_rows="h0", reason="use make instead")
    assert bench.nudger.said == bench.nudger.answers == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("review", "is handed in (hq-mr1, review)"),
        ("rejected", "rejected"),
        ("held", "held by you"),
        ("rework", "starts again"),
    ],
)
async def test_a_restart_says_whether_anything_runs(bench, state, said):
    with_agent(bench, wanted="stopped")
    with_request(bench, state=state)
    _, text = await bench.ask("restart", NUX)
    assert said in text
    assert ("nothing needs to" in text) == (state != "rework")
    assert bench.books.agents[NUX].wanted == "running"
    assert (bench.host.ended == []) == (state != "rework")


async def test_a_restart_of_the_mayor_opens_its_desk_again(bench):
    mayor = Agent(address="mayor", record="hq-mayor", rig="", role="mayor", name="mayor")
    bench.town_store.apply([records.create_agent(mayor)], actor="me")
    bench.context.sync()
    assert (await bench.ask("restart", "mayor"))[1] == "open"


async def test_what_the_controller_died_over_is_nudged_by_the_next(bench):
    with_agent(bench)
    bench.nudger.receipt = "queued"
    await bench.ask("nudge", NUX, text="hello")
    bench.start()
    await bench.verbs.take_up()
    assert bench.nudger.said == [(NUX, "hello")]


async def test_a_bug_in_a_verb_is_answered_too(bench):
    async def boom(*_):
        raise ZeroDivisionError("boom")

    bench.verbs._verbs["up"] = boom
    with pytest.raises(ZeroDivisionError):
        await bench.ask("up")
    assert all(one.is_closed for one in bench.books.events.values())


async def test_unknown_verbs_and_endless_texts_are_refused(bench):
    with pytest.raises(BadInput):
        await bench.ask("dance")
    with pytest.raises(BadInput):
        await bench.ask("reject", "x", reason="y" * 20_000)


async def test_a_stop_of_everything_freezes_all_even_if_one_has_just_ended(bench):
    with_agent(bench)
    from gastown_tui.protocol import RunRow

    bench.table.update(RunRow(run="run2", name="r/polecats/slit", started=1.0, pid=6))
    send = bench.host.signal

    async def fails_once(run, sign, /, *, group=False):
        if run == "run1":
            raise Conflict("it has ended")
        await send(run, sign, group=group)

    bench.host.signal = fails_once
    await bench.ask("estop")
    assert bench.host.signals == [("run2", signal.SIGSTOP)]
    assert records.town_wanted(bench.books.town_record) == "estop"


async def test_a_thaw_leaves_frozen_whom_the_overseer_froze(bench):
    with_agent(bench)
    await bench.ask("pause", NUX)
    await bench.ask("estop")
    bench.host.signals.clear()
    await bench.ask("thaw")
    assert bench.host.signals == []
    assert bench.books.agents[NUX].wanted == "paused"


async def test_a_session_that_was_on_its_way_is_frozen_when_it_arrives(bench):
    bench.bead()
    bench.sling()
    spawn = bench.host.spawn

    async def slow(frame):
        done = await spawn(frame)
        await bench.ask("estop")
        bench.host.signals.clear()
        return done

    bench.host.spawn = slow
    await bench.settle()
    assert [sign for _, sign in bench.host.signals] == [signal.SIGSTOP]


async def test_a_frozen_agent_whose_session_has_gone_can_go_on(bench):
    with_agent(bench, alive=False, wanted="paused")
    await bench.ask("resume", NUX)
    assert bench.books.agents[NUX].wanted == "running"
    assert bench.went_on == [frozenset({NUX})]


async def test_a_fresh_start_forgets_the_conversation_before_the_session_ends(bench):
    with_agent(bench, conversation="old")
    end = bench.host.end

    async def look(**fields):
        seen.append(bench.books.agents[NUX].conversation)
        return await end(**fields)

    seen = []
    bench.host.end = look
    await bench.ask("restart", NUX, fresh="1")
    assert seen == [""]


async def test_killed_and_stopped_agents_stay_so(bench):
    bench.bead()
    bench.sling()
    await bench.settle()
    address = next(iter(bench.books.agents))
    await bench.ask("kill", address)
    await bench.settle()
    count = len(bench.host.spawned)
    bench.start()
    await bench.settle()
    assert len(bench.host.spawned) == count
    await bench.ask("restart", address)
    await bench.settle()
    assert len(bench.host.spawned) == count + 1


async def test_a_bead_in_the_queue_is_not_unhooked(bench):
    with_request(bench)
    with pytest.raises(Conflict, match="reject or drop"):
        await bench.ask("unhook", "gt-1")


def test_a_part_of_a_requests_id_is_enough(bench):
    name = with_request(bench)
    bench.books.refresh(bench.context.clock.utc())
    assert bench.context.request(name).id == name
    assert bench.context.request(name.rpartition("-")[2][:2]).id == name
    with pytest.raises(NotFound):
        bench.context.request("zzzz")
