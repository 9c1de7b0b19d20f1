from __future__ import annotations

import pytest

from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.lint import lint
from gastown_tui.domain.formula.parse import parse, parse_overlay
from gastown_tui.domain.formula.schema import declared, kind_of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("formula = ", "x.toml: not TOML"),
        ("title = 'a'", "x.toml: formula: this key is missing"),
        ("formula = '../a'", "x.toml: formula: '../a' cannot be a name"),
        ("formula = '-a'", "cannot be a name"),
        ("formula = 'a'\ntype = 'flow'", "x.toml: type: 'flow' is none of workflow, convoy"),
        ("formula = 'a'\nphase = 'solid'", "phase: 'solid' is none of liquid, vapor"),
        ("formula = 'a'\nsteps = [{title = 'b'}]", "x.toml: steps[0].id: this key is missing"),
        ("formula = 'a'\nsteps = [{id='b', priority=9}]", "steps[0].priority: expected `int` <= 4"),
        ("formula = 'a'\nsteps = [{id='b', needs='c'}]", "steps[0].needs: expected `array`"),
        ("formula = 'a'\nx = " + "[" * 80 + "]" * 80, "nested too deep"),
    ],
)
def test_a_refusal_names_file_key_and_reason(text, said):
    with pytest.raises(FormulaError) as refused:
        parse(text.encode(), "x.toml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "path"),
    [(b"\xff", "x.toml"), (b"{", "x.json"), (b"[]", "x.json"), (b"formula: a", "x.yaml"),
     (b'{"a":' * 5000 + b"1" + b"}" * 5000, "x.json"), (b"a", "x.json"), (b"", "x.toml")],
)  # fmt: skip
def test_no_bytes_can_do_more_than_be_refused(data, path):
    with pytest.raises(FormulaError, match=path):
        parse(data, path)


def test_json_and_toml_say_the_same():
    toml = parse(b'formula = "a"\n[vars]\nx = "1"\n[[steps]]\nid = "b"\nneeds = []', "a.toml")
    json = parse(b'{"formula": "a", "vars": {"x": "1"}, "steps": [{"id": "b"}]}', "a.json")
    assert toml.formula == json.formula
    assert declared(toml.formula)["x"].default == "1"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("steps = [{id='b'}]", "workflow"), ("extends = ['b']", "workflow"), ("legs = [{id='b'}]", "convoy"),
     ("template = [{id='b'}]", "expansion"), ("advice = [{target='b'}]", "aspect"),
     ("aspects = [{id='b'}]", "aspect"), ("type = 'convoy'\nsteps = [{id='b'}]", "convoy")],
)  # fmt: skip
def test_a_missing_type_is_inferred(text, kind):
    assert kind_of(parse(f"formula = 'a'\n{text}".encode(), "a.toml").formula) == kind


def test_unknown_keys_are_named_with_the_nearest_known_one(book):
    document = book.add(
        """
        formula = "a"
        step = 1
        vars = {v = {defualt = "1"}, plain = "2"}
        steps = [{id = "b", title = "B", nedes = [], gate = {type = "human", tipe = 1}, metadata = {any = {thing = 1}}}]
        """,
        "a.toml",
    )
    said = {one.key: one.text for one in lint(document, book)}
    assert said == {
        "step": "unknown key 'step': did you mean steps?",
        "vars.v.defualt": "unknown key 'defualt': did you mean default?",
        "steps[0].nedes": "unknown key 'nedes': did you mean needs?",
        "steps[0].gate.tipe": "unknown key 'tipe': did you mean type?",
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("vars = {v = {default = 'z', enum = ['x']}}\nsteps = [{id='b', title='B'}]", "vars.v.default"),
        ("vars = {v = {pattern = '('}}\nsteps = [{id='b', title='B'}]", "vars.v.pattern"),
        ("inputs = {v = {required_unless = ['w']}}\nlegs = [{id='b', title='B'}]", "inputs.v.required_unless"),
        ("legs = [{id='b'}]\npresets = {p = {legs = ['c']}}", "presets.p.legs"),
        ("legs = [{id='b'}]\nsynthesis = {depends_on = ['c']}", "synthesis.depends_on"),
        ("type = 'aspect'", "advice"),
        ("extends = ['none']", "extends[0]"),
    ],
)  # fmt: skip
def test_lint_finds_what_cooking_without_values_would_not(book, text, key):
    found = lint(book.add(f"formula = 'a'\n{text}", "a.toml"), book)
    assert [one.key for one in found if one.level == "error"] == [key]


def test_lint_names_what_has_no_effect_here(book):
    text = "steps = [{id='b', title='B'}]\nsquash = {trigger = 'on_complete'}"
    [found] = lint(book.add(f"formula = 'a'\n{text}", "a.toml"), book)
    assert (found.key, found.level) == ("squash", "warning")
    assert "gastown mol squash" in found.text


def test_an_overlay_has_no_unknown_keys():
    text = b"[[overrides]]\nstep_id = 'a'\nmode = 'skip'\n"
    assert parse_overlay(text, "o.toml").overrides[0].mode == "skip"
    with pytest.raises(FormulaError, match=r"overrides\[0\].step"):
        parse_overlay(text + b"step = 'b'\n", "o.toml")
