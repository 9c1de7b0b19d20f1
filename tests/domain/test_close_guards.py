"""What may be closed, and what comes with closing, opening and putting off."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gastown_tui.domain import close_guards
from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.close_guards import Around, guard
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import (
    AddDependency,
    Close,
    RemoveDependency,
    Reopen,
    Require,
    SetField,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def part(name, of, **fields):
    edges = (Dependency(depends_on_id=of, type="parent-child"),)
    return Bead(id=name, dependencies=edges, **fields)


OPEN, DONE = part("e.1", "e"), part("e.2", "e", status="closed")


@pytest.mark.parametrize(
    ("around", "closing", "why"),
    [
        (Around(bead=Bead(id="a")), (), ""),
        (Around(bead=Bead(id="a", pinned=True)), (), "pinned"),
        (Around(bead=Bead(id="a", status="pinned")), (), "pinned"),
        (Around(bead=Bead(id="a", is_template=True)), (), "template"),
        (Around(bead=Bead(id="a", issue_type="gate", await_type="gh:run")), (), "opens by itself"),
        (Around(bead=Bead(id="a", issue_type="gate", await_type="human")), (), ""),
        (Around(bead=Bead(id="a"), blockers=["b"]), (), "waits for b"),
        (Around(bead=Bead(id="a"), blockers=["b"]), ("b",), ""),
        (Around(bead=Bead(id="e"), parts=[OPEN, DONE]), (), "open children: e.1"),
        (Around(bead=Bead(id="e"), parts=[OPEN, DONE]), ("e.1",), ""),
        (Around(bead=Bead(id="e"), parts=[DONE]), (), ""),
        (Around(bead=Bead(id="a", status="closed", pinned=True)), (), ""),
    ],
)
def test_guards(around, closing, why):
    if not why:
        return guard(around, closing)
    with pytest.raises(Conflict, match=why) as caught:
        guard(around, closing)
    assert "--force" in caught.value.hint


def test_many_holders_are_not_all_named():
    with pytest.raises(Conflict, match="b4 and 2 more: "):
        guard(Around(bead=Bead(id="a"), blockers=[f"b{n}" for n in range(7)]))


def test_the_last_step_closes_what_it_is_part_of():
    root = Bead(id="m", issue_type="molecule")
    box = part("m.1", "m", issue_type="epic")
    beads = [
        root,
        box,
        part("m.1.1", "m.1", status="closed"),
        part("m.1.2", "m.1"),
        part("m.2", "m"),
    ]
    found = close_guards.closing(beads[3], "did it", beads, session="s")
    assert [(one.bead, one.session) for one in found] == [("m.1.2", "s"), ("m.1", "")]
    assert close_guards.closing(root, "r", beads) == [Close("m", "r")]
    assert close_guards.closing(OPEN, "r") == [Close("e.1", "r")]


def test_opened_again_nothing_of_the_end_is_left():
    shut = Bead(
        id="e.1",
        status="closed",
        defer_until="2030-01-01T00:00:00Z",
        dependencies=(
            Dependency(depends_on_id="e", type="parent-child"),
            Dependency(depends_on_id="x", type="duplicates"),
            Dependency(depends_on_id="y", type="blocks"),
        ),
    )
    above = [
        Bead(id="e", issue_type="epic", status="closed"),
        Bead(id="m", issue_type="molecule", status="closed"),
        Bead(id="t", issue_type="task", status="closed"),
        Bead(id="o", issue_type="epic"),
    ]
    assert close_guards.reopening(shut, above) == [
        Reopen("e.1"),
        SetField("e.1", "defer_until"),
        RemoveDependency("e.1", "x", "duplicates"),
        Reopen("e"),
        Reopen("m"),
    ]
    assert close_guards.reopening(Bead(id="a", defer_until="2030-01-01T00:00:00Z")) == [Reopen("a")]
    asleep = Bead(id="a", status="deferred")
    assert close_guards.reopening(asleep) == [Reopen("a"), SetField("a", "status", "open")]


def test_replaced_by_another():
    found = close_guards.replacing("a", "b", "duplicates")
    assert found == [AddDependency("a", "b", "duplicates"), Close("a", "duplicate of b")]
    with pytest.raises(BadInput):
        close_guards.replacing("a", "a", "supersedes")


def test_put_off_and_taken_up():
    bead = Bead(id="a", status="blocked")
    assert close_guards.deferring(bead, NOW) == [
        Require("a", status=("blocked", "open")),
        SetField("a", "status", "deferred"),
        SetField("a", "defer_until", "2026-03-10T12:00:00Z"),
    ]
    assert close_guards.deferring(bead, None)[2] == SetField("a", "defer_until", None)
    asleep = Bead(id="a", status="deferred")
    assert SetField("a", "status", "open") in close_guards.undeferring(asleep)
    for refused in (
        lambda: close_guards.deferring(DONE, None),
        lambda: close_guards.undeferring(OPEN),
    ):
        with pytest.raises(Conflict):
            refused()


def test_epics_tell_how_far_they_are():
    beads = [
        Bead(id="e", issue_type="epic"), OPEN, DONE,
        Bead(id="f", issue_type="epic"), part("f.1", "f", status="closed"),
        Bead(id="g", issue_type="epic"), Bead(id="h", issue_type="epic", status="closed"),
    ]  # fmt: skip
    told = [
        (one.bead.id, one.total, one.closed, one.may_close) for one in close_guards.epics(beads)
    ]
    assert told == [("e", 2, 1, False), ("f", 1, 1, True), ("g", 0, 0, False)]
