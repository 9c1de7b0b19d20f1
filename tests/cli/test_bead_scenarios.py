"""What readiness, edges, claims and closings mean, case by case, in a real store.

Each case is named after the scenario of `bd`'s own suites that it mirrors; `tests/SCENARIOS.csv`
says which case stands for which scenario.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import init_store
from gastown_tui.domain.bead import timestamp
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.operations import (
    AddDependency,
    Claim,
    Close,
    Delete,
    RemoveDependency,
    Reopen,
    SetField,
)

NOW = datetime.now(UTC)
LATER, EARLIER = (timestamp(NOW + timedelta(hours=hours)) for hours in (1, -1))
ANY, ALL = '{"gate":"any-children"}', '{"gate":"all-children"}'


class World:
    """A store whose beads have short names."""

    def __init__(self, folder):
        self.store = init_store(folder / ".beads", "x")

    def make(self, names, **fields):
        for name in names.split():
            row = {"title": name, **fields, "id": f"x-{name}"}
            self.store.create(actor="t", **row)

    def edge(self, one, other, kind="blocks", metadata=""):
        target = other if ":" in other or "-" in other else f"x-{other}"
        self.do(AddDependency(f"x-{one}", target, kind, metadata))

    def part(self, one, of):
        self.edge(one, of, "parent-child")

    def close(self, *names, reason="Closed"):
        self.do(*(Close(f"x-{name}", reason) for name in names))

    def set(self, name, **fields):
        self.do(*(SetField(f"x-{name}", field, value) for field, value in fields.items()))

    def do(self, *operations, actor="t"):
        return self.store.apply(operations, actor=actor)

    def ready(self):
        return " ".join(bead.id[2:] for bead in self.store.ready(datetime.now(UTC)))

    def waits(self, name):
        return " ".join(sorted(one[2:] for one in self.store.blockers(f"x-{name}")))


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


CASES = {}


def case(function):
    """A scenario, by the name of its function."""
    CASES[function.__name__] = function
    return function


@case
def parent_blocker_blocks_children(w):
    w.make("b e c")
    w.part("c", "e")
    w.edge("e", "b")
    assert (w.ready(), w.waits("c")) == ("b", "e")


@case
def grandparent_blocker_blocks_grandchildren(w):
    w.make("b e c d")
    w.part("c", "e")
    w.part("d", "c")
    w.edge("e", "b")
    assert (w.ready(), w.waits("d")) == ("b", "c")


@case
def several_parents_one_blocked(w):
    w.make("b p q c")
    w.part("c", "p")
    w.part("c", "q")
    w.edge("p", "b")
    assert w.waits("c") == "p"


@case
def blocker_closed_unblocks_children(w):
    w.make("b e c")
    w.part("c", "e")
    w.edge("e", "b")
    w.close("b")
    assert set(w.ready().split()) == {"e", "c"}
    w.do(Reopen("x-b"))
    assert w.ready() == "b"


@case
def related_does_not_propagate(w):
    w.make("a b c")
    w.edge("a", "b", "related")
    w.edge("a", "c", "discovered-from")
    assert set(w.ready().split()) == {"a", "b", "c"}


@case
def deep_hierarchy(w):
    names = [f"n{number}" for number in range(60)]
    w.make("b " + " ".join(names))
    for child, parent in zip(names[1:], names, strict=False):
        w.part(child, parent)
    w.edge("n0", "b")
    assert w.ready() == "b"
    w.close("b")
    assert len(w.ready().split()) == 60


@case
def diamond(w):
    w.make("a b c d")
    for one, other in ("ba", "ca", "db", "dc"):
        w.edge(one, other)
    assert w.ready() == "a"
    w.close("a", "b")
    assert (w.ready(), w.waits("d")) == ("c", "c")
    w.close("c")
    assert w.ready() == "d"


@case
def a_chain_is_done_link_by_link(w):
    w.make("a b c")
    w.edge("b", "a")
    w.edge("c", "b")
    for name in "abc":
        assert w.ready() == name
        w.close(name)


@case
def removed_edge_unblocks(w):
    w.make("a b")
    w.edge("a", "b")
    assert w.ready() == "b"
    w.do(RemoveDependency("x-a", "x-b"))
    assert set(w.ready().split()) == {"a", "b"}


@case
def deleted_blocker_unblocks(w):
    w.make("a b")
    w.edge("a", "b")
    w.do(Delete("x-b"))
    assert w.ready() == "a"


@case
def pinned_blocks_nobody(w):
    w.make("a b")
    w.edge("a", "b")
    w.set("b", status="pinned")
    assert w.ready() == "a"


@case
def custom_status_blocks(w):
    w.make("a b")
    w.edge("a", "b")
    w.set("b", status="review")
    assert w.ready() == ""


@case
def stored_blocked_is_not_computed(w):
    w.make("a b")
    w.set("a", status="blocked")
    assert (w.ready(), w.waits("a")) == ("b", "")
    w.edge("b", "a")
    assert (w.ready(), w.store.get("x-b").status) == ("", "open")


@case
def open_parent_does_not_block(w):
    w.make("e c")
    w.part("c", "e")
    assert set(w.ready().split()) == {"e", "c"}


@case
def epic_of_closed_children_is_ready(w):
    w.make("e", issue_type="epic")
    w.make("c")
    w.part("c", "e")
    w.close("c")
    assert w.ready() == "e"


@case
def waits_for_all_children(w):
    w.make("a s c d")
    w.edge("a", "s", "waits-for", ALL)
    w.part("c", "s")
    w.part("d", "s")
    assert w.waits("a") == "c d"
    w.close("c")
    assert w.waits("a") == "d"
    w.close("d")
    assert "a" in w.ready().split()


@case
def waits_for_children_is_all_unless_told(w):
    w.make("a s c d")
    w.edge("a", "s", "waits-for")
    w.part("c", "s")
    w.part("d", "s")
    w.close("c")
    assert w.waits("a") == "d"


@case
def waits_for_any_child(w):
    w.make("a s c d")
    w.edge("a", "s", "waits-for", ANY)
    w.part("c", "s")
    w.part("d", "s")
    assert w.waits("a") == "c d"
    w.close("d")
    assert w.waits("a") == ""


@case
def a_closed_child_that_is_added_releases_any(w):
    w.make("a s c d")
    w.edge("a", "s", "waits-for", ANY)
    w.part("c", "s")
    w.close("d")
    assert w.waits("a") == "c"
    w.part("d", "s")
    assert w.waits("a") == ""


@case
def waits_for_no_children(w):
    w.make("a s")
    w.edge("a", "s", "waits-for", ALL)
    assert "a" in w.ready().split()


@case
def waits_for_children_that_come_later(w):
    w.make("a s c")
    w.edge("a", "s", "waits-for", ALL)
    assert w.waits("a") == ""
    w.part("c", "s")
    assert w.waits("a") == "c"


@case
def conditional_runs_after_failure_alone(w):
    w.make("a b")
    w.edge("a", "b", "conditional-blocks")
    assert w.waits("a") == "b"
    w.close("b", reason="all well")
    assert w.waits("a") == "b"
    for word in ("failed", "Rejected by review", "WONTFIX", "won't fix", "canceled", "cancelled",
                 "abandoned", "blocked", "an error", "timeout", "aborted"):  # fmt: skip
        w.do(Reopen("x-b"))
        w.close("b", reason=word)
        assert w.waits("a") == "", word


@case
def closed_dependent_is_never_blocked(w):
    w.make("a b")
    w.close("a")
    w.edge("a", "b")
    assert w.waits("a") == ""


@case
def deferred_sleeps_and_wakes(w):
    w.make("a b c d")
    w.set("a", status="deferred", defer_until=LATER)
    w.set("b", status="deferred")
    w.set("c", status="deferred", defer_until=EARLIER)
    w.set("d", defer_until=LATER)
    assert w.ready() == "c"


@case
def deferred_parent_hides_children(w):
    w.make("e c")
    w.part("c", "e")
    w.set("e", status="deferred", defer_until=LATER)
    assert w.ready() == ""
    w.set("e", defer_until=EARLIER)
    assert "c" in w.ready().split()


@case
def types_that_are_no_work(w):
    w.make("t")
    for number, kind in enumerate(
        ("gate", "molecule", "message", "merge-request", "agent", "role", "rig", "event")
    ):
        w.make(f"k{number}", issue_type=kind)
    assert w.ready() == "t"


@case
def ephemeral_is_no_work_to_pick_up(w):
    w.make("t")
    w.make("w", ephemeral=True)
    w.make("p", is_template=True)
    w.make("q", pinned=True)
    assert w.ready() == "t"


@case
def wisps_block_and_close_circles_too(w):
    w.make("a")
    w.make("w", ephemeral=True)
    w.edge("a", "w")
    assert w.waits("a") == "w"
    with pytest.raises(Conflict):
        w.edge("w", "a")


@case
def order_and_limit(w):
    w.make("low", priority=3)
    w.make("top", priority=0)
    w.make("mid", priority=2)
    assert w.ready() == "top mid low"
    assert [bead.id for bead in w.store.ready(NOW, limit=2)] == ["x-top", "x-mid"]


@case
def external_targets_are_recorded_and_do_not_hold(w):
    w.make("a b")
    w.edge("a", "external:other:y-1", "tracks")
    w.edge("b", "y-1")
    assert set(w.ready().split()) == {"a", "b"}
    assert [e.depends_on_id for e in w.store.get("x-b").dependencies] == ["y-1"]


@case
def own_prefix_needs_its_target(w):
    w.make("a")
    with pytest.raises(NotFound):
        w.edge("a", "none")


@case
def itself_for_every_type(w):
    w.make("a")
    for kind in ("blocks", "parent-child", "related", "waits-for", "tracks"):
        with pytest.raises(BadInput):
            w.edge("a", "a", kind)


@case
def circles_short_long_and_mixed(w):
    w.make("a b c d")
    w.edge("b", "a")
    w.edge("c", "b", "conditional-blocks")
    w.edge("d", "c")
    for other in "bcd":
        with pytest.raises(Conflict):
            w.edge("a", other)
    with pytest.raises(Conflict):
        w.edge("b", "d", "conditional-blocks")


@case
def no_circle_of_related_or_waits_for(w):
    w.make("a b")
    w.edge("a", "b", "relates-to")
    w.edge("b", "a", "relates-to")
    w.make("c d")
    w.edge("c", "d", "waits-for")
    w.edge("d", "c", "waits-for")


@case
def parents_form_no_circle(w):
    w.make("a b c")
    w.part("b", "a")
    w.part("c", "b")
    with pytest.raises(Conflict):
        w.part("a", "c")


@case
def epics_and_tasks_may_block_each_other(w):
    w.make("e", issue_type="epic")
    w.make("t")
    w.edge("t", "e")
    w.edge("e", "t", "related")
    assert w.ready() == "e"


@case
def a_second_type_for_a_pair_is_a_conflict(w):
    w.make("a b")
    w.edge("a", "b", "related")
    with pytest.raises(Conflict):
        w.edge("a", "b", "blocks")
    assert w.store.get("x-a").dependencies[0].type == "related"


@case
def claims(w):
    w.make("a b")
    w.do(Claim("x-a", "nux"), actor="nux")
    again = w.do(Claim("x-a", "nux"), actor="nux")
    assert (again.beads[0].status, again.beads[0].assignee) == ("in_progress", "nux")
    assert again.beads[0].started_at
    with pytest.raises(Conflict, match="claimed by nux"):
        w.do(Claim("x-a", "slit"), actor="slit")
    w.close("b")
    with pytest.raises(Conflict, match="cannot be claimed"):
        w.do(Claim("x-b", "slit"), actor="slit")


@case
def closing_brings_its_times_and_goes_with_reopening(w):
    w.make("a b")
    w.edge("b", "a", "related")
    w.close("a", reason="done")
    w.close("a", reason="again")
    assert (w.store.get("x-a").close_reason, bool(w.store.get("x-a").closed_at)) == ("done", True)
    w.do(Reopen("x-a"))
    bead = w.store.get("x-a")
    assert (bead.status, bead.closed_at, bead.close_reason) == ("open", "", "")
    assert w.store.dependents("x-a") == [("x-b", "related")]


@pytest.mark.parametrize("name", CASES)
def test_case(world, name):
    CASES[name](world)
