from __future__ import annotations

import pytest

from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.resolve import resolved
from gastown_tui.domain.formula.schema import Overlay, Override

SHINY = """
    formula = "shiny"
    description = "Do {{what}}"
    [vars.what]
    required = true
    [[steps]]
    id = "design"
    title = "Design {{what}}"
    [[steps]]
    id = "implement"
    title = "Implement {{ what }}"
    description = "Write {{what}}."
    needs = ["design"]
    [[steps]]
    id = "submit"
    title = "Submit"
    needs = ["implement"]
"""
TWO = """
    formula = "two"
    [vars.depth]
    default = "fully"
    [[template]]
    id = "{target}.draft"
    title = "Draft: {target.title} {depth}"
    description = "{target.description} ({unknown}) ${shell}"
    [[template]]
    id = "{target}.polish"
    title = "Polish {target.id}"
    needs = ["{target}.draft"]
"""


def edges(proto):
    return {step.id: list(step.needs) for step in proto.steps}


def test_values_are_put_in_once(book):
    proto = book.cook(SHINY, what="{{what}} & {target}")
    assert proto.steps[0].title == "Design {{what}} & {target}"
    assert proto.description == "Do {{what}} & {target}"


@pytest.mark.parametrize(
    ("declared", "values", "said"),
    [
        ("", {"v": "1"}, "vars: there is no variable 'v'"),
        ("required = true", {}, "vars.v: needs a value: v: give it as v=..."),
        ("", {"w": "1"}, "there is no variable 'w': known: v"),
        ("enum = ['a', 'b']", {"v": "c"}, "vars.v: 'c' is none of a, b"),
        ("pattern = '^[0-9]+$'", {"v": "1a"}, "vars.v: '1a' does not fit"),
        ("type = 'int'", {"v": "x"}, "vars.v: 'x' is no int"),
        ("type = 'bool'", {"v": "maybe"}, "'maybe' is no bool"),
        ("required = false", {"v": "\x1b[2J"}, "without control characters"),
        ("required = false", {"v": "\udc80"}, "without control characters"),
        ("description = 'no default'", {}, "needs a value: steps[0].title uses it"),
    ],
)
def test_values_must_be_what_is_declared(book, declared, values, said):
    table = f"[vars.v]\n{declared}\n" if declared or "w" in values else ""
    with pytest.raises(FormulaError) as refused:
        book.cook(f"formula = 'a'\n{table}[[steps]]\nid = 's'\ntitle = 'T {{{{v}}}}'", **values)
    assert said in str(refused.value)


def test_an_optional_variable_is_empty_and_an_undeclared_one_is_named(book):
    proto = book.cook(
        """
        formula = "a"
        vars = {opt = {required = false}, flag = true, number = 3}
        steps = [{id = "s", title = "[{{opt}}] {{flag}} {{number}} {{who}} {{else}} {{.x}}"}]
        """
    )
    assert proto.steps[0].title == "[] true 3 {{who}} {{else}} {{.x}}"
    assert proto.warnings == ("steps[0].title: {{who}} is not declared in vars",)


def test_a_child_wins_and_keeps_the_parents_place(book):
    book.add(SHINY)
    proto = book.cook(
        """
        formula = "mine"
        extends = ["shiny"]
        vars = {what = "tea"}
        steps = [{id = "announce", title = "Tell", needs = ["submit"]},
                 {id = "design", title = "Think about {{what}}"}]
        """
    )
    assert [(s.id, s.title) for s in proto.steps] == [
        ("design", "Think about tea"), ("implement", "Implement tea"), ("submit", "Submit"),
        ("announce", "Tell"),
    ]  # fmt: skip
    assert edges(proto)["implement"] == ["design"]


def test_what_a_parent_composes_and_advises_is_inherited(book):
    book.add(TWO)
    book.add(SHINY)
    book.add(
        """
        formula = "base"
        extends = ["shiny"]
        phase = "liquid"
        pour = true
        advice = [{target = "submit", before = {id = "{step.id}.check", title = "Check"}}]
        compose = {expand = [{target = "design", with = "two"}]}
        """
    )
    proto = book.cook(
        """
        formula = "child"
        extends = ["base"]
        compose = {expand = [{target = "implement", with = "two", vars = {depth = "twice"}}]}
        """,
        what="it",
    )
    assert (proto.phase, proto.pour) == ("liquid", True)
    assert [s.id for s in proto.steps] == [
        "design.draft", "design.polish", "implement.draft", "implement.polish", "submit.check", "submit",
    ]  # fmt: skip
    assert proto.steps[2].title == "Draft: Implement it twice"


def test_a_circle_of_parents_is_shown_whole(book):
    book.add("formula = 'a'\nextends = ['b']", "a.toml")
    book.add("formula = 'b'\nextends = ['c']", "b.toml")
    book.add("formula = 'c'\nextends = ['a']", "c.toml")
    with pytest.raises(FormulaError, match="a -> b -> c -> a"):
        resolved(book.load("a"), book)


def test_parents_with_common_parents_do_not_double_without_end(book):
    for level in range(24):
        for side in "ab":
            book.add(f"formula = '{side}{level}'\nextends = ['a{level + 1}', 'b{level + 1}']")
    for side in "ab":
        book.add(f"formula = '{side}24'\n[[steps]]\nid = '{side}'\ntitle = 'T'")
    with pytest.raises(FormulaError, match="more than 200 formulas are merged"):
        book.cook("formula = 'x'\nextends = ['a0', 'b0']")
    assert len(book.cook("formula = 'x'\nextends = ['a20', 'b20']").steps) == 2


def test_a_formula_may_extend_the_one_it_hides(book):
    book.add(SHINY)
    proto = book.cook(
        """
        formula = "shiny"
        extends = ["shiny"]
        steps = [{id = "submit", title = "Send", needs = ["implement"]}]
        """,
        what="it",
    )
    assert [s.title for s in proto.steps] == ["Design it", "Implement it", "Send"]


def test_parents_side_by_side_are_merged_in_order(book):
    book.add(
        "formula = 'p'\nsteps = [{id = 'x', title = 'p'}, {id = 'y', title = 'p'}]\nvars = {a = '1'}"
    )
    book.add(
        "formula = 'q'\nsteps = [{id = 'y', title = 'q'}, {id = 'z', title = 'q'}]\nvars = {a = '2'}"
    )
    proto = book.cook("formula = 'c'\nextends = ['p', 'q']")
    assert [(s.id, s.title) for s in proto.steps] == [("x", "p"), ("y", "q"), ("z", "q")]
    assert proto.values == {"a": "2"}


def loop(table, extra=""):
    return f"""
        formula = "a"
        vars = {{n = {{type = "int", default = 2}}}}
        {extra}
        [[steps]]
        id = "first"
        [[steps]]
        id = "l"
        needs = ["first"]
        [steps.loop]
        {table}
        [[steps]]
        id = "last"
        needs = ["l"]
    """


BODY = 'body = [{id = "do", title = "Do {i}"}, {id = "see", title = "See {{i}}", needs = ["do"]}]'


def test_a_counted_loop_is_a_chain_of_rounds(book):
    proto = book.cook(loop(f'count = 2\nvar = "i"\n{BODY}'))
    assert edges(proto) == {
        "first": [], "l.iter1.do": ["first"], "l.iter1.see": ["l.iter1.do"],
        "l.iter2.do": ["l.iter1.see"], "l.iter2.see": ["l.iter2.do"], "last": ["l.iter2.see"],
    }  # fmt: skip
    assert [s.title for s in proto.steps[3:5]] == ["Do 2", "See 2"]


def test_a_range_is_worked_out_from_variables(book):
    text = loop(f'range = "{{n}}..2^({{n}}+1)-3"\nvar = "i"\nlet = {{j = "i * 10"}}\n{BODY}')
    assert len(book.cook(text, n="2").steps) == 2 + 2 * 4
    assert book.cook(text.replace("Do {i}", "Do {j}"), n="3").steps[1].title == "Do 30"


def test_loops_inside_of_loops(book):
    proto = book.cook(
        loop(
            """
            count = 2
            var = "i"
            body = [{id = "in", loop = {range = "1..{i}", var = "k", body = [{id = "x", title = "{i}/{k}"}]}},
                    {id = "end", needs = ["in"]}]
            """
        )
    )
    assert [s.title for s in proto.steps if s.id.endswith("x")] == ["1/1", "2/1", "2/2"]
    assert edges(proto)["l.iter2.in.iter1.x"] == ["l.iter1.end"]
    assert edges(proto)["l.iter2.end"] == ["l.iter2.in.iter2.x"]


def test_later_rounds_of_an_until_loop_can_be_skipped(book):
    proto = book.cook(loop(f"""until = "step.status == 'complete'"\nmax = 3\n{BODY}"""))
    marked = [s.id for s in proto.steps if any(x.startswith("until:") for x in s.labels)]
    assert marked == ["l.iter2.do", "l.iter3.do"]
    assert "skip it if l.iter1.see.status == 'complete'" in proto.steps[3].description
    assert [s.labels for s in proto.steps if s.id.endswith("see")] == [
        (),
        ("with:l.iter2.do",),
        ("with:l.iter3.do",),
    ]


def test_a_loop_without_rounds_leaves_the_order(book):
    assert edges(book.cook(loop(f"count = 0\n{BODY}"))) == {"first": [], "last": ["first"]}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("count = 1", "steps[1].loop.body: the loop l has no body"),
        (BODY, "one of count, until and range is needed"),
        (f"count = 1\nrange = '1..2'\n{BODY}", "one of count, until and range"),
        (f"until = 'x'\n{BODY}", "steps[1].loop.max"),
        (f"range = '1..x'\n{BODY}", "'x' has no value here"),
        (f"range = '1..2^99'\n{BODY}", "out of bounds"),
        (f"range = '1..9 9'\n{BODY}", "is not expected"),
        (f"range = '1..(2'\n{BODY}", "not closed"),
        (f"range = '1..4/0'\n{BODY}", "division by zero"),
        (f"range = '1'\n{BODY}", "write start..end"),
        (f"count = 9999999\n{BODY}", "more than 10000"),
        (f"count = 6000\n{BODY}", "more than 10000 steps"),
    ],
)
def test_loops_that_are_refused(book, table, said):
    with pytest.raises(FormulaError) as refused:
        book.cook(loop(table))
    assert said in str(refused.value)


STEPS = 'formula = "a"\nsteps = [{id = "a"}, {id = "b"}, {id = "c"}, {id = "d", needs = ["b"]}]\n'


def test_a_branch_lies_between_two_steps(book):
    proto = book.cook(STEPS + 'compose = {branch = [{from = "a", steps = ["b", "c"], join = "d"}]}')
    assert edges(proto) == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    with pytest.raises(FormulaError, match=r"compose.branch\[0\]: there is no step 'x'"):
        book.cook(STEPS + 'compose = {branch = [{from = "a", steps = ["x"], join = "d"}]}')


def test_a_composed_gate_is_a_label(book):
    proto = book.cook(
        STEPS + """compose = {gate = [{before = "b", condition = "a.status == 'x'"}]}"""
    )
    assert proto.steps[1].labels == ("""gate:{"condition": "a.status == 'x'"}""",)


ASPECT = """
    formula = "safe"
    pointcuts = [{glob = "impl*"}, {glob = "submit"}]
    [[advice]]
    target = "*"
    around = {before = [{id = "{step.id}-pre", title = "Before {step.title}"}], after = [{id = "{step.id}-post", args = {k = "{step.id}"}}]}
"""


def test_an_aspect_is_woven_around_the_steps_it_fits(book):
    book.add(ASPECT)
    proto = book.cook(SHINY + '\n    [compose]\n    aspects = ["safe"]', what="it")
    assert edges(proto) == {
        "design": [], "implement-pre": ["design"], "implement": ["implement-pre"],
        "implement-post": ["implement"], "submit-pre": ["implement-post"], "submit": ["submit-pre"],
        "submit-post": ["submit"],
    }  # fmt: skip
    assert proto.steps[1].title == "Before Implement it"
    assert proto.steps[3].metadata == {"args": {"k": "implement"}}


def test_advice_does_not_meet_what_advice_brought(book):
    proto = book.cook(
        """
        formula = "a"
        steps = [{id = "x"}, {id = "y"}]
        advice = [{target = "y", before = {id = "y.p"}}, {target = "*.p", after = {id = "never"}}]
        """
    )
    assert [s.id for s in proto.steps] == ["x", "y.p", "y"]


def test_a_pointcut_asks_for_all_that_it_says(book):
    proto = book.cook(
        """
        formula = "a"
        steps = [{id = "x", labels = ["l"]}, {id = "y", labels = ["l"], type = "bug"}, {id = "z", type = "bug"}]
        pointcuts = [{label = "l", type = "bug"}]
        advice = [{before = {id = "{step.id}.p"}}]
        """
    )
    assert [s.id for s in proto.steps] == ["x", "y.p", "y", "z"]


def test_an_aspect_that_fits_nothing_is_told(book):
    book.add(ASPECT)
    assert book.cook(STEPS + 'compose = {aspects = ["safe"]}').warnings == (
        "compose.aspects: safe fits no step",
    )
    with pytest.raises(FormulaError, match="an aspect has no steps of its own"):
        book.cook(ASPECT)


def test_an_expansion_takes_the_place_of_its_target(book):
    book.add(TWO)
    proto = book.cook(
        SHINY + '\n    [[compose.expand]]\n    target = "implement"\n    with = "two"', what="it"
    )
    assert edges(proto) == {
        "design": [], "implement.draft": ["design"], "implement.polish": ["implement.draft"],
        "submit": ["implement.polish"],
    }  # fmt: skip
    assert proto.steps[1].title == "Draft: Implement it fully"
    assert proto.steps[1].description == "Write it. ({unknown}) ${shell}"


def test_what_follows_an_expansion_waits_for_all_its_ends(book):
    book.add('formula = "fan"\ntemplate = [{id = "{target}.a"}, {id = "{target}.b"}]')
    proto = book.cook(
        """
        formula = "a"
        steps = [{id = "s"}, {id = "x", expand = "fan", needs = ["s"]}, {id = "e", needs = ["x"]}]
        """
    )
    assert edges(proto) == {"s": [], "x.a": ["s"], "x.b": ["s"], "e": ["x.a", "x.b"]}


def test_steps_map_and_expand_each_other(book):
    book.add(TWO)
    proto = book.cook(
        """
        formula = "a"
        steps = [{id = "x.1"}, {id = "x.2", needs = ["x.1"]}, {id = "y", needs = ["x.2"]}]
        compose = {map = [{select = "x.*", with = "two"}]}
        """
    )
    assert edges(proto) == {
        "x.1.draft": [], "x.1.polish": ["x.1.draft"], "x.2.draft": ["x.1.polish"],
        "x.2.polish": ["x.2.draft"], "y": ["x.2.polish"],
    }  # fmt: skip


def test_an_expansion_alone_is_made_for_main(book):
    assert [s.id for s in book.cook(TWO).steps] == ["main.draft", "main.polish"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('steps = [{id = "x", expand = "two"}, {id = "x.draft"}]', "two steps are called x.draft"),
        ('steps = [{id = "x", expand = "endless"}]', "expansions are 5 deep at most"),
        ('steps = [{id = "x", expand = "none"}]', "steps[0].expand: there is no formula 'none'"),
        ('steps = [{id = "x"}]\ncompose = {expand = [{target = "z", with = "two"}]}', "no step 'z'"),
        ('steps = [{id = "x", expand = "two", expand_vars = {dpth = 1}}]', "no variable 'dpth': did you mean depth?"),
        ('steps = [{id = "x", expand = "two", children = [{id = "y"}]}]', "its container x was replaced"),
        ('steps = [{id = "x", expand = "plain"}]', "plain has no template"),
        ('compose = {aspects = ["plain"]}\nsteps = [{id = "x"}]', "plain has no advice"),
    ],
)  # fmt: skip
def test_expansions_that_are_refused(book, text, said):
    book.add(TWO)
    book.add('formula = "endless"\ntemplate = [{id = "{target}.x", expand = "endless"}]')
    book.add('formula = "plain"\nsteps = [{id = "x"}]')
    with pytest.raises(FormulaError) as refused:
        book.cook(f'formula = "a"\n{text}')
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("{{v}}", True), ("!{{v}}", False), ("{{v}} == yes", True), ("{{v}} != 'yes'", False),
     ("{{w}}", False), ("! {{w}}", True), ("{{w}} == ''", False), ('{{w}} == "off"', True)],
)  # fmt: skip
def test_a_step_whose_condition_is_false_is_bridged(book, condition, kept):
    proto = book.cook(
        f"""
        formula = "a"
        vars = {{v = "yes", w = "off"}}
        steps = [
            {{id = "x"}},
            {{id = "y", needs = ["x"], condition = '''{condition}''', children = [{{id = "y1"}}]}},
            {{id = "z", needs = ["y"]}},
        ]
        """
    )
    assert [s.id for s in proto.steps] == (["x", "y", "y1", "z"] if kept else ["x", "z"])
    assert edges(proto)["z"] == (["y"] if kept else ["x"])


@pytest.mark.parametrize("condition", ["v", "{{v}} < 3", "!{{v}} == 3", "{{none}}"])
def test_a_condition_that_is_none_is_refused(book, condition):
    with pytest.raises(FormulaError, match=r"steps\[0\].condition"):
        book.cook(
            f'formula = "a"\nvars = {{v = 1}}\nsteps = [{{id = "x", condition = "{condition}"}}]'
        )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ('{id = "x"}, {id = "x"}', "steps[1].id: two steps are called x (the other is steps[0])"),
        ('{id = "implement"}, {id = "y", needs = ["implment"]}', "there is no such step: did you mean implement?"),
        ('{id = "x", needs = ["y"]}, {id = "y", depends_on = ["x"]}', "wait for each other: x -> y -> x"),
        ('{id = "x", needs = ["x"]}', "x -> x"),
        ('{id = "x", children = [{id = "y", needs = ["x"]}]}', "wait for each other"),
        ('{id = "x", needs = ["y"], children = [{id = "y"}]}', "wait for each other"),
        ('{id = "a b"}', "steps[0].id: 'a b' cannot be an id: an id has no blanks"),
        ('{id = "--help"}', "steps[0].id: '--help' cannot be an id: it would be read as an option"),
        ('{id = "-x"}', "read as an option"),
        ('{id = "a", children = [{id = "b"}, {id = "-c"}]}', "steps[0].children[1].id: '-c'"),
        ('{id = "a", loop = {count = 2, body = [{id = "-c"}]}}', "steps[0].loop.body[0].id: '-c'"),
        ('{id = "-{{v}}"}', "read as an option"),
        ('{id = "a", condition = "{{v}} == no"}, {id = "-x", condition = "{{v}} == no"}', "read as an option"),
        (r'{id = "a\u0007b"}', "an id has no control characters"),
        (r'{id = "a\u202eb"}', "an id has no control characters"),
        (r'{id = "a\nb"}', "an id has no blanks"),
        (r'{id = "a\u00a0b"}', "an id has no blanks"),
        ('{id = ""}', "an id has 1 to 200 characters"),
        ('{id = "a,b"}', "an id has no commas"),
        ('{id = "x", waits_for = "some"}', "steps[0].waits_for: 'some' is none of all-children"),
        ('{id = "x", waits_for = "all-children"}', "name one in needs"),
        ('{id = "x", waits_for = "children-of(y)"}', "there is no step 'y'"),
        ('{id = "x", gate = {type = "moon"}}', "steps[0].gate: 'moon' is none of human"),
        ('{id = "x", gate = {type = "timer"}}', "a timer needs a timeout"),
        ('{id = "x", gate = {type = "timer", timeout = "soon"}}', "is no length of time"),
        ('{id = "x", gate = {type = "gh:pr"}}', "needs an await_id"),
    ],
)  # fmt: skip
def test_steps_that_cannot_be_done_are_refused(book, steps, said):
    with pytest.raises(FormulaError) as refused:
        book.cook(f'formula = "a"\nsteps = [{steps}]')
    assert said in str(refused.value)


def test_an_overlay_changes_steps_and_tells_what_is_stale(book):
    book.add(TWO)
    overlay = Overlay(overrides=(
        Override(step_id="design", mode="skip"),
        Override(step_id="implement", mode="append", description="And {{what}} again."),
        Override(step_id="submit.polish", description="New"),
        Override(step_id="gone", mode="skip"),
    ))  # fmt: skip
    text = SHINY + '\n    [[compose.expand]]\n    target = "submit"\n    with = "two"'
    proto = book.cook(text, what="it", overlay=overlay)
    assert edges(proto) == {
        "implement": [],
        "submit.draft": ["implement"],
        "submit.polish": ["submit.draft"],
    }
    assert proto.steps[0].description == "Write it.\n\nAnd it again."
    assert proto.steps[2].description == "New"
    assert proto.warnings == ("overlay: there is no step 'gone' any more",)


def test_steps_come_after_what_they_need_whatever_the_files_order(book):
    proto = book.cook(
        'formula = "a"\nsteps = [{id = "z", needs = ["y"]}, {id = "y", needs = ["x"]}, {id = "x"}]'
    )
    assert [s.id for s in proto.steps] == ["x", "y", "z"]


@pytest.mark.parametrize(
    "text",
    [
        f'vars = {{v = "{"x" * 40_000}"}}\nsteps = [{{id = "a", description = "{"{{v}}" * 200}"}}]',
        f'vars = {{v = "{"x" * 40_000}"}}\n' + "".join(
            f'[[steps]]\nid = "s{n}"\ndescription = "{"{{v}}" * 60}"\n' for n in range(9)),
        f'steps = [{{id = "a", expand = "wide", description = "{"x" * 2000}"}}]',
        f'[[steps]]\nid = "l"\n[steps.loop]\ncount = 5000\nvar = "i"\nbody = [{{id = "b", description = "{{i}}{"x" * 9000}"}}]',
    ],
)  # fmt: skip
def test_what_would_fill_the_memory_is_refused(book, text):
    steps = ", ".join(f'{{id = "{{target}}.{n}", expand = "wide"}}' for n in range(100))
    book.add(f'formula = "wide"\ntemplate = [{steps}]')
    with pytest.raises(FormulaError, match=r"longer than|makes more than|5 deep"):
        book.cook(f'formula = "a"\n{text}')
