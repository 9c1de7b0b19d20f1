from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.bead import Bead, Comment, Dependency
from gastown_tui.domain.operations import AddComment, AddDependency, Create, SetField
from gastown_tui.domain.wisps import plan, time_to_live
from gastown_tui.services.wisps import sweep

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START.timestamp()


def wisp(name, hours=100, **fields):
    written = (START - timedelta(hours=hours)).isoformat()
    return Bead(id=name, ephemeral=True, created_at=written, updated_at=written, **fields)


def on(*targets, kind="blocks"):
    return tuple(Dependency(depends_on_id=one, type=kind) for one in targets)


def part_of(parent):
    return on(parent, kind="parent-child")


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"wisp_type": "heartbeat"}, 6), ({"wisp_type": "ping"}, 6), ({"wisp_type": "patrol"}, 24),
        ({"wisp_type": "gc_report"}, 24), ({"wisp_type": "error"}, 168), ({}, 24),
        ({"wisp_type": "escalation"}, 168), ({"wisp_type": "something new"}, 24),
        ({"issue_type": "event", "status": "closed", "event_kind": "slung"}, 14 * 24),
        ({"issue_type": "event", "status": "closed", "event_kind": "landed"}, 30 * 24),
    ],
)  # fmt: skip
def test_a_wisp_goes_when_its_time_is_over(fields, hours):
    assert time_to_live(wisp("w", **fields)) == hours * 3600
    assert plan([wisp("w", hours - 0.1, **fields)], NOW).deleted == ()
    assert plan([wisp("w", hours + 0.1, **fields)], NOW).deleted == (("w",),)


def test_durable_beads_are_no_business_of_the_sweep():
    assert plan([Bead(id="d", updated_at="2020-01-01T00:00:00Z")], NOW) == plan([], NOW)


@pytest.mark.parametrize(
    "fields",
    [{"status": "hooked"}, {"status": "in_progress"}, {"issue_type": "agent"},
     {"issue_type": "merge-request"}, {"issue_type": "event", "event_kind": "request.sling"}],
)  # fmt: skip
def test_what_is_worked_on_or_run_by_never_goes(fields):
    assert plan([wisp("w", 10_000, **fields)], NOW).deleted == ()


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ({"comments": (Comment(text="look"),)}, []),
        ({"labels": ("keep",)}, []),
        ({}, [Bead(id="d", dependencies=on("w"))]),
        ({}, [Bead(id="d", dependencies=on("w", kind="related"))]),
        ({}, [wisp("v", 1, comments=(Comment(text="x"),), dependencies=on("w"))]),
    ],
)
def test_what_somebody_needs_is_kept_for_good(fields, others):
    found = plan([wisp("w", **fields), *others], NOW)
    assert ("w",) in found.promoted
    assert found.deleted == ()


def test_what_a_closed_bead_depended_on_goes():
    found = plan([wisp("w"), Bead(id="d", status="closed", dependencies=on("w"))], NOW)
    assert found.deleted == (("w",),)


def test_a_wisp_stays_while_a_living_one_depends_on_it():
    assert plan([wisp("w"), wisp("v", 1, dependencies=on("w"))], NOW).deleted == ()
    both = plan([wisp("w"), wisp("v", dependencies=on("w"))], NOW)
    assert both.deleted == (("w",), ("v",))


def test_a_molecule_lives_and_goes_as_one():
    steps = [
        wisp("r"),
        wisp("r.1", 1, dependencies=part_of("r")),
        wisp("r.2", dependencies=part_of("r")),
    ]
    assert plan(steps, NOW).deleted == ()
    steps[1] = wisp("r.1", 90, dependencies=part_of("r"))
    assert plan(steps, NOW).deleted == (("r", "r.1", "r.2"),)
    steps[2] = wisp("r.2", comments=(Comment(text="x"),), dependencies=part_of("r"))
    assert plan(steps, NOW).promoted == (("r", "r.1", "r.2"),)


def test_parents_in_a_circle_do_not_hang():
    beads = [wisp("a", dependencies=part_of("b")), wisp("b", dependencies=part_of("a"))]
    assert {one for unit in plan(beads, NOW).deleted for one in unit} == {"a", "b"}


class Clock:
    now = START

    def __call__(self):
        return self.now


def test_a_sweep_of_a_store_leaves_what_is_touched_meanwhile(tmp_path):
    clock = Clock()
    store = init_store(tmp_path / ".beads", "x", clock=clock)

    def made(**fields):
        return store.create(actor="nux", title="t", ephemeral=True, **fields).id

    old, commented, kept, late, claimed = (made() for _ in range(5))
    store.apply([AddComment(commented, "look")], actor="nux")
    work = store.create(actor="nux", title="work").id
    store.apply([AddDependency(work, kept)], actor="nux")
    store.close()
    clock.now += timedelta(hours=25)
    store = open_store(tmp_path / ".beads", clock=clock)
    assert store.get(old).ephemeral, "wisps survive a restart"
    assert set(sweep(store, clock.now.timestamp(), actor="deacon", dry_run=True).deleted) == {
        old,
        late,
        claimed,
    }
    fresh = made()
    real = store.apply

    def meddled(operations, **kept):
        store.apply = real
        store.apply([SetField(claimed, "status", "in_progress")], actor="nux")
        store.apply([Create({"title": "new"}), AddDependency(work, late)], actor="nux")
        return real(operations, **kept)

    store.apply = meddled
    done = sweep(store, clock.now.timestamp(), actor="deacon")
    assert set(done.promoted) == {commented, kept}
    assert (done.deleted, done.skipped) == ((old,), 2)
    assert {one.id for one in store.list(include_wisps=True) if one.ephemeral} == {
        late,
        claimed,
        fresh,
    }
    assert not store.get(commented).ephemeral
    store.fold()
    text = (tmp_path / ".beads" / "issues.jsonl").read_text()
    assert commented in text
    assert late not in text.replace(f'"depends_on_id":"{late}"', "")
    assert set(sweep(store, clock.now.timestamp(), actor="deacon").promoted) == {late}
    store.close()


def test_steps_of_open_work_stay_however_old_and_go_with_it():
    edge = (Dependency(issue_id="w", depends_on_id="work", type="parent-child"),)
    step = Bead(id="w", ephemeral=True, dependencies=edge, created_at="2020-01-01T00:00:00Z")
    assert plan([step, Bead(id="work")], NOW).deleted == ()
    assert plan([step, Bead(id="work", status="closed")], NOW).deleted == (("w",),)
    assert plan([step], NOW).deleted == (("w",),)
