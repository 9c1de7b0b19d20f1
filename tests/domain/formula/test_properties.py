from __future__ import annotations

import contextlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.store import init_store
from gastown_tui.domain.formula import checklist
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.expressions import evaluate
from gastown_tui.domain.formula.parse import parse
from gastown_tui.domain.formula.pour import pour, wisp
from gastown_tui.domain.formula.progress import closing, progress
from tests.domain.formula.conftest import Book

COMPANIONS = (
    'formula = "chain"\ntemplate = [{id = "{target}.1"}, {id = "{target}.2", needs = ["{target}.1"]}]',
    'formula = "fan"\ntemplate = [{id = "{target}.1"}, {id = "{target}.2"}]',
    'formula = "guard"\nadvice = [{target = "s*", around = {before = [{id = "{step.id}-b"}], after = [{id = "{step.id}-a"}]}}]',
)  # fmt: skip


@st.composite
def tables(draw, prefix="s", most=7, depth=1):
    """Steps whose needs point at earlier ones, in any order of the file."""
    count = draw(st.integers(1, most))
    steps = []
    for number in range(count):
        step = {"id": f"{prefix}{number}"}
        if number:
            step["needs"] = draw(
                st.lists(st.sampled_from([s["id"] for s in steps]), unique=True, max_size=3)
            )
        extra = draw(
            st.sampled_from(
                ["", "", "", "loop", "children", "chain", "fan", "no", "yes", "parallel"]
            )
        )
        if extra == "loop" and depth:
            step["loop"] = {
                "count": draw(st.integers(0, 3)),
                "body": draw(tables(f"{prefix}b", 3, 0)),
            }
        elif extra == "children" and depth:
            step["children"] = draw(tables(f"{prefix}{number}c", 3, 0))
        elif extra in {"chain", "fan"} and "children" not in step:
            step["expand"] = extra
        elif extra in {"no", "yes"}:
            step["condition"] = "{{v}} == " + extra
        elif extra == "parallel":
            step["parallel"] = True
        steps.append(step)
    return draw(st.permutations(steps))


@st.composite
def formulas(draw):
    raw = {"formula": "f", "vars": {"v": "yes"}, "steps": draw(tables())}
    if draw(st.booleans()):
        raw["compose"] = {"aspects": ["guard"]}
    return json.dumps(raw).encode()


def cooked(data):
    book = Book()
    for text in COMPANIONS:
        book.add(text)
    try:
        return cook(parse(data, "f.json"), book)
    except FormulaError as error:
        if "every condition is false" not in str(error):
            raise
        return None


def reached(steps):
    """For each id all that comes before it, by needs and by what it is part of."""
    before = {}
    for step in steps:
        near = {*step.needs} | ({step.parent} if step.parent else set())
        before[step.id] = set(step.needs).union(*(before.get(one, set()) for one in near))
    return before


@given(formulas())
@settings(max_examples=200, deadline=None)
def test_what_is_cooked_is_the_same_unique_and_in_order(data):
    proto = cooked(data)
    if proto is None:
        return
    assert proto == cooked(data)
    seen = set()
    for step in proto.steps:
        assert step.id not in seen
        assert seen.issuperset(step.needs)
        assert not step.parent or step.parent in seen
        seen.add(step.id)


@given(formulas())
@settings(max_examples=100, deadline=None)
def test_order_of_the_file_survives_everything_that_is_done_to_it(data):
    proto = cooked(data)
    if proto is None:
        return
    raw = json.loads(data)
    needs = {step["id"]: step.get("needs", []) for step in raw["steps"]}
    order = {name: set() for name in needs}
    for name in sorted(needs, key=lambda one: int(one[1:])):
        order[name] = set(needs[name]).union(*(order[one] for one in needs[name]))
    before = reached(proto.steps)
    kin = {s.id: s.id.removesuffix("-a").removesuffix("-b").split(".")[0] for s in proto.steps}
    for later in proto.steps:
        for earlier in proto.steps:
            if kin[earlier.id] in order.get(kin[later.id], ()):
                known = before[later.id]
                assert known & {earlier.id, earlier.parent}, (earlier.id, later.id)


@given(formulas(), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_a_poured_molecule_is_done_in_an_order_that_respects_needs(data, random):
    proto = cooked(data)
    if proto is None:
        return
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        store = init_store(Path(folder) / ".beads", "x", clock=lambda: now)
        root = store.apply(pour(proto), actor="nux").ids[0]
        by_id = {step.id: step for step in proto.steps}
        containers = {step.parent for step in proto.steps}
        closed = set()
        while not (found := progress(root, store.list(include_closed=True))).is_finished:
            beads = store.list(include_closed=True)
            open_ = [one for one in store.ready(now) if one.label("step") not in containers]
            assert {one.bead for one in found.current} <= {one.id for one in open_}
            bead = random.choice(open_)
            step = by_id[bead.label("step")]
            while step is not None:
                assert closed.issuperset(step.needs), (step.id, step.needs)
                step = by_id.get(step.parent)
            closing_ = closing(bead.id, "done", root, beads)
            store.apply(closing_, actor="nux")
            closed |= {store.get(one.bead).label("step") for one in closing_}
        assert closed - {None} == set(by_id)
        store.close()


@given(formulas())
@settings(max_examples=60, deadline=None)
def test_a_list_of_steps_reads_back_as_it_was_written(data):
    proto = cooked(data)
    if proto is None:
        return
    items = checklist.read(wisp(proto, is_poured=False)[0].bead["description"])
    assert [(i.id, i.title, i.needs, i.parent, i.parallel) for i in items] == [
        (s.id, s.title, s.needs, s.parent, s.parallel) for s in proto.steps
    ]


@given(st.text(alphabet="{}vx .'=\n", max_size=30))
@settings(max_examples=100, deadline=None)
def test_a_value_is_text_and_nothing_else(value):
    book = Book()
    document = book.add(
        'formula = "f"\nvars = {v = ""}\nsteps = [{id = "s", description = "[{{v}}]"}]'
    )
    assert cook(document, book, Request(values={"v": value})).steps[0].description == f"[{value}]"


NUMBERS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*&|"), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"-({one})"),
    ),
    max_leaves=8,
)


@given(NUMBERS)
@settings(max_examples=100, deadline=None)
def test_arithmetic_is_pythons(text):
    try:
        expected = eval(text)
    except SyntaxError:
        return
    if abs(expected) < 10**9:
        assert evaluate(text, {}) == expected


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_expression_does_more_than_be_refused(text):
    with contextlib.suppress(ValueError):
        assert isinstance(evaluate(text, {"a": "1"}), int)


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda t: f"formula = 'a'\n{t}".encode()))
@settings(max_examples=200, deadline=None)
def test_no_file_does_more_than_be_refused(data):
    for path in ("x.toml", "x.json"):
        with contextlib.suppress(FormulaError):
            parse(data, path)
