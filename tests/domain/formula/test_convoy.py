from __future__ import annotations

import pytest

from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.prompts import render

REVIEW = '''
    formula = "review"
    agent = "claude"
    [inputs.pr]
    required_unless = ["files"]
    [inputs.files]
    required_unless = ["pr"]
    [prompts]
    base = """
    {{if .pr_number -}} PR {{.pr_number}} {{- else -}} {{range .files}}<{{.}}>{{end}} {{- end}}
    Look at {{.leg.focus}}: {{.leg.description}} Write {{.output_path}}."""
    [output]
    directory = "out/{{.review_id}}"
    leg_pattern = "{{.leg.id}}.md"
    synthesis = "all.md"
    [[legs]]
    id = "logic"
    title = "Logic of {{pr}}"
    focus = "bugs"
    description = "Find {{.leg.focus}}."
    [[legs]]
    id = "style"
    focus = "form"
    agent = "codex"
    [synthesis]
    description = "Read {{.output.directory}}, write {{.output.directory}}/{{.output.synthesis}}"
    depends_on = ["logic", "style"]
    [presets.quick]
    legs = ["style"]
'''


def test_legs_run_side_by_side_and_the_synthesis_brings_them_together(book):
    proto = book.cook(REVIEW, pr="7", run="r1")
    assert [(s.id, s.parallel, s.agent) for s in proto.steps] == [
        ("logic", True, "claude"), ("style", True, "codex"), ("synthesis", False, ""),
    ]  # fmt: skip
    assert proto.steps[2].needs == ("logic", "style")
    assert proto.steps[0].title == "Logic of 7"
    assert proto.steps[0].description.split("\n") == [
        "PR 7",
        "Look at bugs: Find bugs. Write out/r1/logic.md.",
    ]
    assert proto.steps[2].description == "Read out/r1, write out/r1/all.md"


def test_a_preset_or_named_legs_choose(book):
    assert [s.id for s in book.cook(REVIEW, files="a b", preset="quick").steps] == [
        "style",
        "synthesis",
    ]
    proto = book.cook(REVIEW, files="a,b", legs=("logic",))
    assert proto.steps[1].needs == ("logic",)
    assert proto.steps[0].description.startswith("<a><b>")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "needs a value: pr, files"),
        ({"pr": "1", "preset": "quik"}, "no preset 'quik': did you mean quick?"),
        ({"pr": "1", "legs": ("logik",)}, "legs: there is no leg 'logik': did you mean logic?"),
    ],
)
def test_what_a_convoy_refuses(book, request_, said):
    with pytest.raises(FormulaError, match=said.replace("?", r"\?")):
        book.cook(REVIEW, **request_)


def test_a_run_is_called_the_same_for_the_same_values(book):
    texts = {book.cook(REVIEW, pr=pr).steps[2].description for pr in ("1", "1", "2")}
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a {{.x.y}} b {{.none}}{{.x}}", "a 1 b "),
        ("{{if .none}}a{{else}}b{{end}}", "b"),
        ("{{range .l}}{{.k}},{{end}}", "1,2,"),
        ("{{range .none}}a{{else}}none{{end}}", "none"),
        ("a \n {{- .s -}} \n b", "a{{v}}b"),
        ("{{#if x}} {{v}} {{w}} {{ printf .s }}", "{{#if x}} V {{w}} {{ printf .s }}"),
    ],
)
def test_templates(template, text):
    data = {"x": {"y": 1}, "l": [{"k": 1}, {"k": 2}], "s": "{{v}}", "v": "V"}
    assert render(template, data) == text


@pytest.mark.parametrize("text", ["{{if .x}}", "{{end}}", "{{else}}", "{{range .x}}{{end}}{{end}}"])
def test_templates_that_are_refused(text):
    with pytest.raises(ValueError, match=r"\{\{"):
        render(text, {})
