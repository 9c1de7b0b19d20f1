from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gastown_tui.adapters.formulas import FormulaFiles
from gastown_tui.adapters.store import init_store
from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.pour import Pouring, pour, wisp
from gastown_tui.domain.formula.progress import closing, progress
from gastown_tui.domain.operations import AddDependency, AddLabel, Close, Create, SetField

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    opened = init_store(tmp_path / ".beads", "x", clock=clock)
    yield opened
    opened.close()


def beads(store):
    return store.list(include_closed=True, include_wisps=True)


def where(store, root):
    found = progress(root, beads(store), START.timestamp())
    return [one.step for one in found.current], found


def done(store, root, step, reason="done"):
    _, found = where(store, root)
    bead = next(one.bead for one in found.steps if one.step == step)
    store.apply(closing(bead, reason, root, beads(store)), actor="nux")


FLOW = """
    formula = "flow"
    description = "All of it"
    [[steps]]
    id = "a"
    title = "Begin"
    description = "How"
    acceptance = "It is begun"
    notes = "N"
    priority = 1
    labels = [" l "]
    type = "human"
    metadata = {k = [1]}
    assignee = "furiosa"
    interactive = true
    [[steps]]
    id = "group"
    needs = ["a"]
    [[steps.children]]
    id = "g1"
    parallel = true
    [[steps.children]]
    id = "g2"
    parallel = true
    review_only = true
    agent = "codex"
    [[steps]]
    id = "c"
    needs = ["group"]
    gate = {type = "gh:pr", await_id = "7", timeout = "1h30m"}
    [[steps]]
    id = "d"
    gate = {type = "conditional", condition = "c failed"}
    on_complete = {for_each = "output.x", bond = "arm", parallel = true}
"""


def test_a_pour_is_a_root_a_bead_for_each_step_and_the_edges(store, book):
    made = store.apply(
        pour(book.cook(FLOW), Pouring(title="My\nflow", labels=("mine",), priority=3)), actor="nux"
    )
    root, *steps = (store.get(one) for one in made.ids)
    assert made.ids[0].startswith("x-mol-")
    assert (root.title, root.issue_type, root.description) == ("My flow", "molecule", "All of it")
    assert (root.labels, root.source_formula, root.priority) == (
        ("formula:flow", "mine"),
        "flow",
        3,
    )
    assert [one.id for one in steps] == [f"{root.id}.{n}" for n in (1, 2, "2.1", "2.2", 3, 4, 5)]
    a, group, g1, g2, c, d, gate = steps
    assert (a.title, a.description, a.acceptance_criteria, a.notes) == (
        "Begin",
        "How",
        "It is begun",
        "N",
    )
    assert (a.priority, a.assignee, a.issue_type, a.metadata) == (1, "furiosa", "task", {"k": [1]})
    assert a.labels == ("interactive", "l", "step:a", "type:human")
    assert (group.issue_type, g1.priority) == ("epic", 3)
    assert g2.labels == ("agent:codex", "parallel", "review-only", "step:g2")
    assert {(e.depends_on_id, e.type) for e in c.dependencies} == {
        (root.id, "parent-child"), (group.id, "blocks"), (gate.id, "blocks"),
    }  # fmt: skip
    assert (gate.issue_type, gate.await_type, gate.await_id, gate.title) == (
        "gate",
        "gh:pr",
        "7",
        "Gate: gh:pr 7",
    )
    assert gate.timeout == 5400 * 10**9
    assert d.labels[0] == 'gate:{"condition": "c failed"}'
    assert d.labels[1] == 'on_complete:{"for_each":"output.x","bond":"arm","parallel":true}'


def test_progress_tells_the_next_step_from_the_beads(store, book, clock):
    root = store.apply(pour(book.cook(FLOW)), actor="nux").ids[0]
    now, found = where(store, root)
    assert (now, found.done, found.total, found.remaining_s) == (["a"], 0, 5, None)
    clock.now += timedelta(seconds=60)
    done(store, root, "a")
    now, found = where(store, root)
    assert (now, found.remaining_s) == (["g1", "g2"], 240.0)
    store.apply([SetField(found.current[0].bead, "status", "in_progress")], actor="nux")
    assert [one.state for one in where(store, root)[1].current] == ["working", "ready"]
    done(store, root, "g1")
    done(store, root, "g2", "skipped: not needed")
    assert store.get(f"{root}.2").status == "closed", "a container closes with its last child"
    now, found = where(store, root)
    assert now == ["d"]
    held = next(one for one in found.steps if one.step == "c")
    assert (held.state, held.waits_for) == ("waiting", (f"{root}.5",))
    store.apply(
        [
            Close(f"{root}.5", "merged"),
            SetField(f"{root}.4", "defer_until", "2026-02-01T00:00:00Z"),
        ],
        actor="x",
    )
    assert where(store, root)[0] == ["c"]
    done(store, root, "c", "failed: no")
    found = where(store, root)[1]
    assert [one.state for one in found.steps] == ["done", "done", "skipped", "failed", "deferred"]
    assert (found.done, found.current, found.is_finished) == (4, (), False)
    done(store, root, "d")
    assert where(store, root)[1].is_finished
    assert store.get(root).status == "closed"


def test_sequential_steps_are_taken_one_at_a_time(store, book):
    proto = book.cook(
        'formula = "a"\nsteps = [{id = "x"}, {id = "y"}, {id = "p", parallel = true}, {id = "z"}]'
    )
    root = store.apply(pour(proto), actor="nux").ids[0]
    assert where(store, root)[0] == ["p"]
    done(store, root, "p")
    assert where(store, root)[0] == ["x"]
    store.apply([SetField(f"{root}.2", "status", "in_progress")], actor="nux")
    assert where(store, root)[0] == ["y"]


def test_who_waits_for_children_still_comes_after_what_it_needs(store, book):
    proto = book.cook(
        """
        formula = "fan"
        steps = [{id = "survey"}, {id = "sum", needs = ["survey"], waits_for = "all-children"}, {id = "end", needs = ["sum"]}]
        """
    )
    root = store.apply(pour(proto), actor="nux").ids[0]
    survey, waiting = f"{root}.1", f"{root}.2.1"
    made = store.apply([Create({"title": n}, survey) for n in ("arm1", "arm2")], actor="nux").ids
    assert {one.title for one in store.ready(START)} == {"survey", "arm1", "arm2"}
    store.apply([Close(made[0]), Close(made[1])], actor="nux")
    assert store.blockers(waiting) == [f"{root}.2"], "the arms are done, but the survey is not"
    extra = store.apply([Create({"title": "arm3"}, survey)], actor="nux").ids[0]
    done(store, root, "survey")
    assert store.blockers(waiting) == [extra]
    store.apply(closing(extra, "done", root, beads(store)), actor="nux")
    assert where(store, root)[0] == ["sum"]
    done(store, root, "sum")
    assert store.get(f"{root}.2").is_closed
    done(store, root, "end")
    assert where(store, root)[1].is_finished


def test_whose_children_and_how_many_of_them_are_waited_for(store, book):
    proto = book.cook(
        'formula = "a"\nsteps = [{id = "s"}, {id = "w", waits_for = "children-of(s)"}, '
        '{id = "v", needs = ["s"], waits_for = "any-children"}]'
    )
    root = store.apply(pour(proto), actor="nux").ids[0]
    one, two = store.apply([Create({"title": n}, f"{root}.1") for n in "ab"], actor="nux").ids
    assert store.blockers(f"{root}.2") == [one, two]
    store.apply([Close(one), Close(f"{root}.1")], actor="nux")
    assert store.blockers(f"{root}.2") == [two]
    assert store.blockers(f"{root}.3.1") == [], "one is enough"


def test_a_wisp_is_one_bead_with_its_steps_as_text(store, book):
    proto = book.cook(FLOW)
    root = store.apply(wisp(proto, Pouring(wisp_type="patrol"), is_poured=False), actor="nux").ids[
        0
    ]
    bead = store.get(root)
    gate = store.get(f"{root}.1")
    assert (bead.ephemeral, bead.wisp_type, len(beads(store))) == (True, "patrol", 2)
    assert (gate.issue_type, gate.ephemeral, gate.label("holds")) == ("gate", True, "c")
    assert root.startswith("x-wisp-")
    now, found = where(store, root)
    assert (now, found.total, found.current[0].bead) == (["a"], 5, root)
    for step, label, after in (
        ("a", "done:a", ["g1", "g2"]), ("g1", "done:g1", ["g2"]), ("g2", "skipped:g2", ["d"]),
        ("gate", "", ["c"]), ("c", "done:c", ["d"]), ("d", "done:d", []),
    ):  # fmt: skip
        store.apply([AddLabel(root, label) if label else Close(gate.id)], actor="nux")
        now, found = where(store, root)
        assert now == after, step
    assert [one.state for one in found.steps] == ["done", "done", "skipped", "done", "done"]


def test_a_list_of_steps_cannot_be_forged_by_a_description(book):
    from gastown_tui.domain.formula import checklist

    proto = book.cook(
        """
        formula = "a"
        description = "x\\n## Steps\\n- [evil] Evil"
        steps = [{id = "one", title = "T", description = "## Steps\\n- [evil] x\\n    after: two\\n\\n    after: y"}, {id = "two", needs = ["one"]}]
        """
    )
    items = checklist.read(checklist.render(proto.description, proto.steps))
    assert [(one.id, one.title, one.needs) for one in items] == [
        ("one", "T", ()),
        ("two", "two", ("one",)),
    ]


def test_a_wisp_may_have_a_bead_for_each_step(store, book):
    proto = book.cook(
        "pour = true\n" + 'formula = "a"\nsteps = [{id = "x"}, {id = "y", needs = ["x"]}]'
    )
    root = store.apply(wisp(proto), actor="nux").ids[0]
    assert all(one.ephemeral for one in beads(store))
    assert len(beads(store)) == 3
    assert store.ready(START) == []
    assert where(store, root)[0] == ["x"]


def test_a_molecule_may_hang_on_a_bead_and_nest_deep(store, book):
    work = store.apply([Create({"title": "work"})], actor="nux").ids[0]
    children = '{id = "s6"}'
    for number in range(5, 0, -1):
        children = f'{{id = "s{number}", children = [{children}]}}'
    made = store.apply(
        pour(book.cook(f'formula = "a"\nsteps = [{children}]'), Pouring(parent=work)), actor="nux"
    )
    root = made.ids[0]
    assert ("x-mol-" in root, store.get(root).dependencies[0].depends_on_id) == (True, work)
    assert where(store, root)[0] == ["s6"]
    done(store, root, "s6")
    assert [one.id for one in beads(store) if not one.is_closed] == [work]


def test_a_pour_is_all_or_nothing(store, book):
    operations = [*pour(book.cook(FLOW)), AddDependency("~mol.1", "x-none")]
    with pytest.raises(NotFound):
        store.apply(operations, actor="nux")
    assert beads(store) == []


def test_a_transaction_poured_twice_is_poured_once(store, book):
    operations = pour(book.cook(FLOW))
    first = store.apply(operations, actor="nux", transaction="t1")
    assert store.apply(operations, actor="nux", transaction="t1").ids == first.ids
    assert len(beads(store)) == 8


def test_progress_of_nothing():
    with pytest.raises(NotFound):
        progress("x-1", [])
    assert progress("x-1", [Bead(id="x-1")]).is_finished


def test_a_blocker_outside_holds_only_when_it_is_known():
    root = Bead(id="m", issue_type="molecule")
    edges = (Dependency(depends_on_id="m", type="parent-child"), Dependency(depends_on_id="out"))
    step = Bead(id="m.1", dependencies=edges)
    assert progress("m", [root, step]).current[0].state == "ready"
    assert progress("m", [root, step, Bead(id="out")]).steps[0].waits_for == ("out",)


def walk(store, disks):
    files = FormulaFiles([])
    proto = cook(files.load("hanoi"), files, Request(values={"disks": str(disks)}))
    root = store.apply(pour(proto), actor="nux").ids[0]
    pegs = [list(range(disks, 0, -1)), [], []]
    titles = []
    while ready := store.ready(START):
        assert len(ready) == 1
        words = ready[0].title.split()
        if words[0] == "Move":
            source, goal = pegs[int(words[6])], pegs[int(words[9])]
            assert not goal or source[-1] < goal[-1]
            goal.append(source.pop())
        titles.append(ready[0].title)
        store.apply([Close(ready[0].id, "done")], actor="nux")
    assert sorted(map(len, pegs)) == [0, 0, disks]
    assert len(pegs[0]) == 0
    assert len(titles) == 2**disks + 1
    assert where(store, root)[1].is_finished


def test_the_towers_of_hanoi_are_moved_by_beads_alone(store):
    walk(store, 6)


@pytest.mark.slow
def test_the_towers_of_hanoi_with_1023_moves(store):
    walk(store, 10)


def test_a_list_in_one_bead_has_a_pace():
    text = "## Steps\n\n- [a] A\n\n- [b] B\n    after: a\n\n- [c] C\n    after: b\n"
    root = Bead(
        id="x-1", issue_type="molecule", description=text, ephemeral=True,
        created_at="2026-01-01T00:00:00Z", updated_at="2026-01-01T00:10:00Z",
    )  # fmt: skip

    def found(*labels):
        return progress("x-1", [msgspec.structs.replace(root, labels=labels)])

    assert (found().pace_s, found("doing:a").remaining_s) == (None, None)
    assert (found("done:a").pace_s, found("done:a").remaining_s) == (600, 1200)
    two = found("done:a", "skipped:b")
    assert (two.done, two.pace_s, two.remaining_s) == (2, 600, 600), "what is skipped took no time"
