from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.formula.hooks import Subject
from gastown_tui.domain.formula.pour import Pouring, pour, wisp
from gastown_tui.domain.formula.runtime import Outside
from gastown_tui.domain.molecule import Ending, joined
from gastown_tui.domain.operations import AddDependency, Close
from gastown_tui.services import molecule_ends, molecules
from gastown_tui.services.molecules import Worker
from tests.domain.formula.conftest import Book

START = datetime(2026, 1, 1, tzinfo=UTC)
CHAIN = 'formula = "chain"\nsteps = [{id = "a", description = "How"}, {id = "b", needs = ["a"]}, {id = "c", needs = ["b"]}]'


class Clock:
    now = START

    def __call__(self):
        return self.now


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    opened = init_store(tmp_path / ".beads", "x", clock=clock)
    yield opened
    opened.close()


def who(agent="nux", **outside):
    place = Outside(exists=lambda p: p in outside.get("files", ()), env=outside.get("env", {}))
    return Worker(agent=agent, now=START.timestamp(), outside=place)


class Agent:
    """Takes steps of one molecule."""

    def __init__(self, store, root, book, name="nux", **outside):
        self.store, self.root, self.book, self.who = store, root, book, who(name, **outside)

    def next(self, **how):
        return molecules.next_step(self.store, self.root, self.who, **how)

    def end(self, step="", **how):
        ending = Ending(agent=self.who.agent, **how)
        return molecules.end_step(self.store, self.root, step, ending, self.who, self.book)

    def at(self):
        step = self.next(begins=False).step
        return step and step.step


def poured(store, book, text, is_wisp=None, **how):
    proto = book.cook(text)
    made = (
        pour(proto, Pouring(**how))
        if is_wisp is None
        else wisp(proto, Pouring(**how), is_poured=is_wisp)
    )
    return Agent(store, molecules.make(store, made, "mayor").root, book)


@pytest.mark.parametrize("is_wisp", [None, True, False], ids=["poured", "wisp", "root-only"])
def test_steps_are_begun_and_done_in_order_to_the_end(store, book, is_wisp):
    mine = poured(store, book, CHAIN, is_wisp)
    assert (mine.next().step.step, mine.next().text) == ("a", "How")
    with pytest.raises(Conflict, match="b waits for"):
        mine.end("b")
    assert mine.end(note="it went well").step == "a"
    assert mine.end("a").state == "done", "done twice is done once"
    with pytest.raises(BadInput, match="no step is begun"):
        mine.end()
    assert mine.end("b", skipped="not  needed").step == "b"
    mine.next()
    mine.end()
    last = mine.next()
    assert (last.step, last.done, last.total, last.is_finished) == (None, 3, 3, True)
    assert store.get(mine.root).is_closed
    states = molecules.standing(store, mine.root, 0).progress.steps
    assert [one.state for one in states] == ["done", "skipped", "done"]
    assert "it went well" in "".join(
        one.notes for one in store.list(include_closed=True, include_wisps=True)
    )


def test_a_step_is_closed_by_who_did_it(store, book, clock):
    mine = poured(store, book, CHAIN)
    step = mine.next().step
    clock.now += timedelta(seconds=90)
    mine.end()
    bead = store.get(step.bead)
    assert (bead.assignee, bead.close_reason) == ("nux", "done")
    assert store.history(step.bead)[-1].actor == "nux"
    assert mine.next(begins=False).remaining_s == 180


def test_what_another_has_begun_is_not_taken(store, book):
    mine = poured(store, book, CHAIN)
    mine.next()
    other = Agent(store, mine.root, book, "slit")
    assert (other.next().step, other.next().waits_for) == (None, ("nux",))
    with pytest.raises(Conflict, match="nux is working on a"):
        other.end("a")
    assert molecules.take_over(store, mine.root, "nux", who("slit")) == 3
    assert other.next().step.step == "a"


def test_the_last_two_steps_ended_at_once_close_the_root(store, book):
    mine = poured(
        store,
        book,
        'formula = "a"\nsteps = [{id = "x", parallel = true}, {id = "y", parallel = true}]',
    )
    real, overtaken = store.apply, []

    def slow(operations, **kept):
        if not overtaken and any(isinstance(one, Close) for one in operations):
            overtaken.append("")
            overtaken.append(Agent(store, mine.root, book, "slit").end("y").step)
        return real(operations, **kept)

    store.apply = slow
    mine.end("x")
    assert overtaken == ["", "y"]
    assert store.get(mine.root).is_closed


def test_rounds_of_a_loop_end_when_their_condition_holds(store, book):
    text = """
        formula = "retry"
        [[steps]]
        id = "try"
        loop = {max = 3, until = "check.output.ok == true", body = [{id = "fix"}, {id = "check", needs = ["fix"]}]}
        [[steps]]
        id = "end"
        needs = ["try"]
    """
    mine = poured(store, book, text)
    mine.end("try.iter1.fix")
    mine.end("try.iter1.check", output={"ok": False})
    mine.end("try.iter2.fix")
    mine.end("try.iter2.check", output={"ok": True})
    assert mine.next().step.step == "end"
    skipped = [
        s.step
        for s in molecules.standing(store, mine.root, 0).progress.steps
        if s.state == "skipped"
    ]
    assert skipped == ["try.iter3.fix", "try.iter3.check"]


@pytest.mark.parametrize("is_wisp", [None, False], ids=["poured", "root-only"])
def test_a_conditional_gate_opens_when_it_holds_and_prose_is_asked(store, book, is_wisp):
    text = """
        formula = "g"
        [[steps]]
        id = "a"
        gate = {type = "conditional", condition = "file.exists('go.mod')"}
        [[steps]]
        id = "b"
        needs = ["a"]
        gate = {type = "conditional", condition = "it rains"}
    """
    mine = poured(store, book, text, is_wisp)
    found = mine.next()
    assert (found.step, found.waits_for) == (None, ("file.exists('go.mod')",))
    with pytest.raises(Conflict, match=r"waits for file\.exists"):
        mine.end("a")
    there = Agent(store, mine.root, book, files=("go.mod",))
    assert there.end("a").step == "a"
    assert there.next(begins=False).step.asks == ("only if it rains",)


def test_what_a_step_brought_is_fanned_out_below_it(store, book):
    book.add(
        'formula = "arm"\nvars = {name = {}, n = {}}\nsteps = [{id = "look", title = "{{n}}: {{name}}"}, {id = "tell", needs = ["look"]}]'
    )
    text = """
        formula = "survey"
        [[steps]]
        id = "list"
        on_complete = {for_each = "output.found", bond = "arm", vars = {name = "{item.name}", n = "{index}"}, sequential = true}
        [[steps]]
        id = "sum"
        waits_for = "children-of(list)"
        needs = ["list"]
    """
    mine = poured(store, book, text)
    with pytest.raises(BadInput, match="is no list"):
        mine.end("list", output={"found": "x"})
    mine.end("list", output={"found": [{"name": "alpha"}, {"name": "beta"}]})
    done = []
    while step := mine.next().step:
        done.append(step.title)
        mine.end()
    assert done == ["0: alpha", "tell", "1: beta", "tell", "sum"]
    assert all(one.is_closed for one in store.list(include_closed=True))


def test_a_step_that_brings_nothing_lets_the_rest_go_on(store, book):
    book.add('formula = "arm"\nsteps = [{id = "look"}]')
    mine = poured(
        store,
        book,
        'formula = "s"\nsteps = [{id = "list", on_complete = {for_each = "output.x", bond = "arm"}}]',
    )
    mine.end("list")
    assert store.get(mine.root).is_closed


def test_only_what_belongs_to_a_molecule_is_read(store, book):
    for number in range(20):
        store.create(actor="x", title=f"other {number}")
    work = store.create(actor="x", title="work")
    mine = poured(store, book, CHAIN, parent=work.id)
    assert len(molecules.gather(store, mine.root)) == 5
    assert [one.id for one in molecules.molecules_of(store, work.id)] == [mine.root]
    blocker = store.create(actor="x", title="first this")
    store.apply([AddDependency(work.id, blocker.id)], actor="x")
    assert mine.next().step is None, "what holds the work holds its molecule"


@pytest.mark.parametrize(
    ("how", "at", "order"),
    [
        ("sequential", "", "a b c new"),
        ("sequential", "a", "a b c new"),
        ("sequential", "late", "a b new c"),
        ("parallel", "", "a b c new"),
    ],
)
def test_a_formula_is_bonded_to_a_molecule(store, book, how, at, order):
    text = CHAIN + '\ncompose = {bond_points = [{id = "late", before_step = "c"}]}'
    mine = poured(store, book, text)
    proto = book.cook('formula = "extra"\nsteps = [{id = "new"}]')
    made = pour(proto, Pouring(name="~bond", parent=mine.root))
    molecule_ends.bond(store, mine.root, made, how, at=at, actor="mayor")
    done = []
    while step := mine.next().step:
        done.append(step.step)
        mine.end()
    assert " ".join(done) == order
    assert all(one.is_closed for one in store.list(include_closed=True))
    with pytest.raises(Conflict, match="is closed"):
        molecule_ends.bond(store, mine.root, made, how, at="", actor="mayor")


def test_a_bond_may_wait_for_a_failure(store, book):
    mine = poured(store, book, CHAIN)
    made = pour(
        book.cook('formula = "plan-b"\nsteps = [{id = "mend"}]'),
        Pouring(name="~b", parent=mine.root),
    )
    molecule_ends.bond(store, mine.root, made, "conditional", at="a", actor="mayor")
    store.apply([Close(f"{mine.root}.1", "failed: no")], actor="x")
    ready = {
        s.step for s in molecules.standing(store, mine.root, 0).progress.steps if s.state == "ready"
    }
    assert ready == {"b", "mend"}


def test_two_molecules_are_bonded(store, book):
    first, second, third = (poured(store, book, CHAIN, title=t) for t in "123")
    store.apply(joined(store.get(first.root), store.get(second.root), "sequential"), actor="m")
    assert second.next().step is None
    made = store.apply(joined(store.get(first.root), store.get(third.root), "parallel"), actor="m")
    assert molecules.standing(store, made.ids[0], 0).progress.total == 6
    for step in "abc":
        first.end(step)
    assert second.next().step.step == "a"


@pytest.mark.parametrize("is_wisp", [None, True, False], ids=["poured", "wisp", "root-only"])
def test_a_squashed_molecule_leaves_its_digest(store, book, is_wisp):
    work = store.create(actor="x", title="work").id
    mine = poured(store, book, CHAIN, is_wisp, parent=work)
    mine.end("a")
    digest, gone = molecule_ends.squash(store, mine.root, "All is well.", "mayor")
    bead = store.get(digest)
    assert (bead.is_closed, bead.ephemeral, bead.title) == (True, False, "Digest: chain")
    assert bead.description.startswith("All is well.")
    assert "- done: a" in bead.description
    assert mine.root in gone
    left = {one.id for one in store.list(include_wisps=True)}
    assert left == {work}


def test_what_somebody_needs_is_not_burned(store, book):
    mine = poured(store, book, CHAIN, True)
    other = store.create(actor="x", title="other")
    store.apply([AddDependency(other.id, f"{mine.root}.2")], actor="x")
    for forced in (
        lambda: molecule_ends.burn(store, mine.root, "m"),
        lambda: molecule_ends.squash(store, mine.root, "", "m"),
    ):
        with pytest.raises(Conflict, match=f"{other.id} depends on"):
            forced()
    assert len(molecule_ends.burn(store, mine.root, "m", force=True)) == 4
    with pytest.raises(NotFound):
        mine.next()


def test_work_that_was_found_on_the_way_is_not_burned(store, book):
    mine = poured(store, book, CHAIN)
    found = store.create(actor="nux", title="found", parent=f"{mine.root}.1").id
    with pytest.raises(Conflict, match=f"{found} is part of {mine.root}, and did not come from"):
        molecule_ends.burn(store, mine.root, "m")
    store.apply([Close(found)], actor="nux")
    assert len(molecule_ends.burn(store, mine.root, "m")) == 5


def test_a_text_makes_no_molecule_of_a_record(store):
    record = store.create(
        actor="x", title="t", issue_type="event", description="## Steps\n- [a] A\n"
    )
    assert molecules.molecules_of(store, record.id) == []


def test_what_is_left_open_ends_with_the_work(store, book):
    work = store.create(actor="x", title="work").id
    proto = book.cook(CHAIN)
    assert molecules.subject_of(store.get(work)) == Subject(issue_type="task")
    store.apply(molecules.attach(proto, work, "rig/polecats/nux"), actor="mayor")
    store.apply(
        [*molecule_ends.wrap_up(store, work, "landed"), Close(work, "landed")], actor="refinery"
    )
    assert store.list(include_wisps=True) == []


class Killed(BaseException):
    """The process is gone."""


def test_a_molecule_survives_a_kill_at_every_write(tmp_path, book):
    """A worker is killed before and after each write; whoever comes next ends it all the same."""
    book.add('formula = "arm"\nsteps = [{id = "look"}]')
    text = """
        formula = "all"
        [[steps]]
        id = "list"
        on_complete = {for_each = "output.x", bond = "arm", parallel = true}
        [[steps]]
        id = "group"
        needs = ["list"]
        children = [{id = "g1"}, {id = "g2", needs = ["g1"]}]
        [[steps]]
        id = "again"
        needs = ["group"]
        loop = {max = 2, until = "tell.output.ok == true", body = [{id = "tell"}]}
    """
    proto = book.cook(text)
    seen = set()
    for number, after in ((n, late) for n in itertools.count() for late in (False, True)):
        folder = tmp_path / f"{number}-{after}"
        store, count, killed = init_store(folder / ".beads", "x"), 0, False
        real = store.apply

        def dying(operations, **kept):
            nonlocal count, killed
            count += 1
            if count - 1 == number and not after:
                killed = True
                raise Killed
            done = real(operations, **kept)
            if count - 1 == number:
                killed = True
                raise Killed
            return done

        store.apply = dying
        try:
            walk(store, book, proto)
        except Killed:
            store.close()
            store = open_store(folder / ".beads", prefix="x")
        else:
            store.apply = real
        seen.add(killed)
        order = walk(store, book, proto)
        assert all(one.is_closed for one in store.list(include_closed=True, include_wisps=True))
        assert order == ["list", "look", "look", "g1", "g2", "again.iter1.tell"]
        store.close()
        if not killed:
            break
    assert seen == {True, False}
    assert number > 10


def walk(store, book, proto):
    """Pour unless it is there, and work to the end; the steps in the order they were closed in."""
    root = molecules.make(store, pour(proto), "mayor", transaction="the one").root
    mine = Agent(store, root, book)
    while step := mine.next().step:
        mine.end(step.bead, output={"x": [1, 2]} if step.step == "list" else {"ok": True})
    closes = {}
    for bead in store.list(include_closed=True):
        closed = [e.change for e in store.history(bead.id) if isinstance(e.operation, Close)]
        assert len(closed) == 1, "each is closed once"
        if bead.label("step") and bead.close_reason == "done":
            closes[closed[0]] = bead.label("step")
    return [closes[change] for change in sorted(closes)]
