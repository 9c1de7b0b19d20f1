"""All that can be said against a formula without pouring it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gastown_tui.domain.formula import compose
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.errors import Finding, FormulaError, closest
from gastown_tui.domain.formula.patterns import Pattern
from gastown_tui.domain.formula.resolve import resolved
from gastown_tui.domain.formula.schema import declared, kind_of
from gastown_tui.domain.formula.steps import Step, check
from gastown_tui.domain.formula.variables import TooLong, text_of, value_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_tui.domain.formula.parse import Document
    from gastown_tui.domain.formula.resolve import Library
    from gastown_tui.domain.formula.schema import Formula

_SUFFIX = re.compile(r"(\.formula)?\.(toml|json)$")


def lint(document: Document, library: Library) -> list[Finding]:
    """What is wrong, errors first; a formula without an error can be cooked."""
    found = [*document.unknown, *_named(document), *_variables(document.formula)]
    try:
        whole = resolved(document, library)
        found += _structure(whole.formula)
        kind = kind_of(whole.formula)
        if kind == "aspect" and not whole.formula.aspects:
            found += _aspect(whole)
        else:
            found += _no_effect(whole.formula)
            for preset in ("", *whole.formula.presets):
                proto = cook(document, library, Request(is_sample=True, preset=preset))
                found += [Finding(key="", text=text) for text in proto.warnings if not preset]
    except FormulaError as error:
        text = f"{error.reason}: {error.hint}" if error.hint else error.reason
        if error.path != document.path:
            text = f"{error.path}: {text}"
        found.append(Finding(level="error", key=error.key, text=text))
    except TooLong as error:
        found.append(Finding(level="error", key="", text=str(error)))
    return sorted(found, key=lambda one: one.level != "error")


def _named(document: Document) -> Iterator[Finding]:
    """A file is found by its name, so the name within should be the same."""
    stem = _SUFFIX.sub("", document.path.rpartition("/")[2])
    if stem != document.name:
        text = f"the file is called {stem}, and is found by that name"
        yield Finding(key="formula", text=text)


def _variables(formula: Formula) -> Iterator[Finding]:
    known = declared(formula)
    for name, one in known.items():
        key = f"inputs.{name}" if name in formula.inputs else f"vars.{name}"
        if one.default is not None and one.required:
            yield Finding(key=key, text="has a default, so it is never required")
        if one.default is not None and (problem := value_problem(text_of(one.default), one)):
            yield Finding(level="error", key=f"{key}.default", text=problem)
        for other in one.required_unless:
            if other not in known:
                text = f"there is no input {other!r}: {closest(other, known)}"
                yield Finding(level="error", key=f"{key}.required_unless", text=text)
        try:
            Pattern(one.pattern)
        except ValueError as error:
            yield Finding(level="error", key=f"{key}.pattern", text=f"cannot be used: {error}")


def _structure(formula: Formula) -> Iterator[Finding]:
    for number, step in enumerate(formula.steps):
        if not (step.title or step.expand or step.loop):
            yield Finding(key=f"steps[{number}].title", text=f"{step.id} has no title")
    ids = {step.id for step in formula.steps}
    for number, point in enumerate(formula.compose.bond_points):
        for name in (point.after_step, point.before_step):
            if name and name not in ids:
                text = f"there is no step {name!r}: {closest(name, ids)}"
                yield Finding(key=f"compose.bond_points[{number}]", text=text)


def _no_effect(formula: Formula) -> Iterator[Finding]:
    """What other tools act upon, and this one leaves to whoever asks for it."""
    if formula.squash is not None:
        yield Finding(
            key="squash",
            text="has no effect: a molecule that ends is kept as it is; "
            "`gastown mol squash` makes a digest of it when you ask",
        )


def _aspect(whole: Document) -> Iterator[Finding]:
    """Weave the advice around steps made for it."""
    formula = whole.formula
    if not formula.advice:
        raise FormulaError(whole.path, "advice", "an aspect without advice does nothing")
    for number, one in enumerate(formula.advice):
        name = re.sub(r"[*?\[\]]", "x", one.target) or "main"
        woven = compose.woven([Step(id=name, source="main")], [one], (), "")
        check(woven, whole.path)
        if not one.target and not formula.pointcuts:
            yield Finding(
                key=f"advice[{number}]", text="neither a target nor pointcuts: fits no step"
            )
