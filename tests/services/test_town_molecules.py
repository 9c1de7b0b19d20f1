"""Molecules and reports in the town: made with a sling, handed over, closed with their work."""

from __future__ import annotations

import pytest
from service_fakes import NUX

from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.formula.cook import cook
from gastown_tui.domain.formula.parse import parse
from gastown_tui.domain.operations import AddComment, AppendNote, Close
from gastown_tui.services import convoy_runs, convoys, molecule_ends, molecules
from gastown_tui.services.molecules import Worker
from gastown_tui.services.ports import Handed
from gastown_tui.services.slinging import sling

FURIOSA = "r/polecats/furiosa"
NOTHING = Handed(tip="base000", base="base000", commits=0)
THREE = b"""
formula = "three"
pour = true
%b
[[steps]]
id = "a"
title = "A"
[[steps]]
id = "b"
title = "B"
needs = ["a"]
[[steps]]
id = "c"
title = "C"
needs = ["b"]
"""


def three(phase="liquid"):
    return cook(parse(THREE % f'phase = "{phase}"'.encode(), "three.toml"), {})


def slung(bench, molecule=None, bead="gt-1"):
    sling(bench.books, "t", bead, {}, "me", molecule)
    bench.context.sync()


def root_of(bench, bead="gt-1"):
    return molecules.molecules_of(bench.rig_store, bead)[0]


def begin(bench, agent):
    return molecules.next_step(bench.rig_store, root_of(bench).id, Worker(agent=agent, now=0.0))


def steps(bench, bead="gt-1"):
    store = bench.rig_store
    return [one.state for one in molecules.standing(store, root_of(bench).id, 0.0).progress.steps]


def report(bench, agent=FURIOSA, bead="gt-1"):
    bench.rig_store.apply([AddComment(bead=bead, text="It is fine.")], actor=agent)


async def to_work(bench, *labels, molecule=None):
    bench.bead(labels=list(labels))
    slung(bench, molecule)
    await bench.settle()
    assert bench.rig_store.get("gt-1").assignee == FURIOSA


@pytest.mark.parametrize("phase", ["liquid", "vapor"])
async def test_what_lands_takes_its_molecule_along(make, phase):
    bench = make(gates=[], review="none")
    await to_work(bench, molecule=three(phase))
    begin(bench, FURIOSA)
    bench.done()
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed
    assert root_of(bench).is_closed
    assert steps(bench) == ["done"] * 3
    assert FURIOSA not in [row.name for row in bench.table.rows.values() if not row.ended]


def test_a_bead_with_a_molecule_gets_no_second_one(bench):
    bench.bead()
    slung(bench, three())
    before = bench.rig_store.last_change
    with pytest.raises(Conflict, match="has a molecule already"):
        slung(bench, three())
    assert bench.rig_store.last_change == before
    slung(bench)  # without one it is only slung again
    assert len(molecules.molecules_of(bench.rig_store, "gt-1")) == 1


def test_of_two_slings_at_once_one_makes_the_molecule(bench, monkeypatch):
    bench.bead()
    look = molecules.molecules_of

    def late(store, work):
        found = look(store, work)
        monkeypatch.setattr(molecules, "molecules_of", look)
        slung(bench, three())
        return found

    monkeypatch.setattr(molecules, "molecules_of", late)
    with pytest.raises(Conflict):
        slung(bench, three())
    assert len(look(bench.rig_store, "gt-1")) == 1


def test_a_bead_on_a_hook_gets_no_molecule(bench):
    bench.bead()
    bench.hook()
    with pytest.raises(Conflict, match="on the hook"):
        slung(bench, three())


async def test_who_gets_the_bead_gets_its_steps(bench):
    await to_work(bench, molecule=three())
    step = begin(bench, FURIOSA).step
    assert step.step == "a"
    await bench.ask("stop", FURIOSA)
    await bench.ask("unhook", "gt-1")
    await bench.settle()
    assert bench.rig_store.get("gt-1").assignee == NUX
    assert begin(bench, NUX).step.bead == step.bead
    assert bench.rig_store.get(step.bead).assignee == NUX


async def test_work_that_is_closed_by_hand_skips_its_steps(bench):
    await to_work(bench, molecule=three())
    bench.rig_store.apply([Close(bead="gt-1")], actor="me")
    await bench.settle()
    assert steps(bench) == ["skipped"] * 3


async def test_a_dropped_change_skips_its_steps(bench):
    await to_work(bench, molecule=three())
    bench.done()
    await bench.settle()
    await bench.ask("drop", bench.request().id)
    await bench.settle()
    assert steps(bench) == ["skipped"] * 3


def test_a_part_that_goes_meanwhile_keeps_nobody_from_closing(bench, monkeypatch):
    bench.bead()
    slung(bench, three("vapor"))
    root, look = root_of(bench), molecule_ends.wrap_up

    def late(store, work, reason):
        found = look(store, work, reason)
        monkeypatch.setattr(molecule_ends, "wrap_up", look)
        molecule_ends.burn(store, root.id, "sweep")
        return found

    monkeypatch.setattr(molecule_ends, "wrap_up", late)
    molecule_ends.close_work(bench.rig_store, "gt-1", "landed", [Close(bead="gt-1")], "me")
    assert bench.rig_store.get("gt-1").is_closed


async def test_a_report_closes_its_bead_and_frees_hook_and_sandbox(bench):
    bench.git.handed = NOTHING
    await to_work(bench, "result:report", molecule=three())
    report(bench)
    bench.done()
    await bench.settle()
    bead = bench.rig_store.get("gt-1")
    assert (bead.is_closed, bead.close_reason) == (True, "Reported in its comments")
    assert bench.books.requests == {}
    assert root_of(bench).is_closed
    assert bench.books.agents[FURIOSA].sandbox_for == ""
    assert not [row for row in bench.table.rows.values() if not row.ended]
    assert bench.kinds().count("reported") == 1


async def test_a_report_that_a_controller_died_over_is_told_once(bench):
    bench.git.handed = NOTHING
    await to_work(bench, "result:report")
    report(bench)
    bench.done()
    store, calls = bench.rig_store, []
    apply = store.apply

    def dying(operations, **how):
        if any(isinstance(one, Close) for one in operations) and not calls:
            calls.append(1)
            raise Conflict("killed")
        return apply(operations, **how)

    store.apply = dying
    bench.controller._look()
    for task in list(bench.controller._tasks.values()):
        await task
    assert not bench.rig_store.get("gt-1").is_closed
    bench.start()
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed
    assert bench.kinds().count("reported") == 1


async def test_nothing_is_reported_before_somebody_writes(bench):
    bench.git.handed = NOTHING
    bench.bead(labels=["result:report"], notes="what the overseer noted")
    report(bench)  # by the same name, on another hook
    slung(bench)
    await bench.settle()
    report(bench, agent="somebody")
    for token in ("d1", "d2"):
        bench.done(token=token)
        await bench.settle()
        assert not bench.rig_store.get("gt-1").is_closed
    assert "no comment of yours" in bench.nudger.said[0][1]
    bench.rig_store.apply([AppendNote(bead="gt-1", text="Found it.")], actor=FURIOSA)
    bench.done(token="d3")
    await bench.settle()
    assert bench.rig_store.get("gt-1").is_closed


async def test_a_change_is_handed_in_whatever_was_asked_for(bench):
    await to_work(bench, "result:report")
    report(bench)
    bench.done()
    await bench.settle()
    assert bench.request().state == "testing"
    assert not bench.rig_store.get("gt-1").is_closed


async def test_a_comment_is_no_result_where_a_change_is_asked_for(bench):
    bench.git.handed = NOTHING
    await to_work(bench)
    report(bench)
    bench.done()
    await bench.settle()
    assert not bench.rig_store.get("gt-1").is_closed
    assert bench.rig_store.get("gt-1").label("done") is None


async def test_a_report_never_hides_a_change_under_way(bench):
    await to_work(bench, "result:report")
    bench.done()
    await bench.settle()
    bench.host.finish(bench.gate(), 1)
    await bench.settle()
    report(bench)
    bench.git.handed = NOTHING
    bench.done(token="d2")
    await bench.settle()
    assert not bench.rig_store.get("gt-1").is_closed
    assert bench.request().state == "rework"


CONVOY = b"""
formula = "readings"
review_only = true
[[legs]]
id = "logic"
[[legs]]
id = "proof"
[synthesis]
title = "Both"
"""


async def test_a_convoy_of_reports_ends_by_itself(bench):
    bench.git.handed = NOTHING
    proto = cook(parse(CONVOY, "readings.toml"), {})
    name, beads = convoy_runs.run(bench.books, "r", proto, title="", writes=True, actor="me")
    *legs, last = beads
    convoys.launch(bench.books, "t", name, room=4, actor="me", force=True)
    bench.context.sync()
    await bench.settle()
    at_work = {one: bench.rig_store.get(one) for one in beads}
    assert len({at_work[one].assignee for one in legs}) == 2  # side by side
    assert (at_work[last].status, at_work[last].assignee) == ("open", "")
    for turn in (legs, [last]):
        for bead in turn:
            report(bench, bench.rig_store.get(bead).assignee, bead)
            bench.done(bead)
        await bench.settle()
        assert all(bench.rig_store.get(one).is_closed for one in turn)
        assert bench.rig_store.get(last).status == ("hooked" if turn is legs else "closed")
    assert bench.town_store.get(name).is_closed
    assert bench.books.requests == {}
    assert not any(one.sandbox_for for one in bench.books.agents.values())


def test_labels_of_others_make_no_report():
    from gastown_tui.domain import reports
    from gastown_tui.domain.bead import Bead, Comment

    said = (Comment(author="a", text="x"),)
    for asked in ("asked:-1.-1", "asked:x", "asked:", "asked:" + "9" * 99, "asked:².²"):
        bead = Bead(id="gt-1", labels=("result:report", asked), notes="n")
        assert not reports.is_written(bead, "a")
        assert reports.is_written(Bead(id="gt-1", labels=bead.labels, comments=said), "a")
    assert not reports.is_written(Bead(id="gt-1", comments=said), "a")
