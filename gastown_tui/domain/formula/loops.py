"""Loops, unrolled: `<loop>.iterN.<step>`, each round after the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.formula import expressions, runtime
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.marks import UNTIL, WITH
from gastown_tui.domain.formula.schema import MAX_NESTING, MAX_STEPS, MAX_TEXT, Loop
from gastown_tui.domain.formula.steps import Step, after, flat, length, sinks, spliced
from gastown_tui.domain.formula.variables import filled_both, mapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TOO_MUCH: Final = f"makes more than {MAX_STEPS} steps, or {MAX_TEXT} characters"


def unrolled(
    steps: Sequence[Step], values: Mapping[str, str], path: str, depth: int = 0
) -> list[Step]:
    """The steps with every loop replaced by its rounds.

    The rounds of an `until` loop are all there, `max` of them; from the second on, the first steps
    of a round carry a label with the condition and say that they are skipped once it holds. What
    the condition asks about a step of the body is asked of the round before; `step` alone is the
    last step of that.

    Args:
        steps: with loops.
        values: of the variables, for ranges.
        path: of the formula, for messages.
        depth: how many loops these are inside of.

    Raises:
        FormulaError: a loop that says too little, too much, or repeats too often.
    """
    groups: dict[str, list[Step]] = {}
    total = said = 0
    for step in steps:
        if step.loop is None:
            continue
        if depth == MAX_NESTING:
            raise FormulaError(path, f"{step.source}.loop", f"loops are {MAX_NESTING} deep at most")
        groups[step.id] = _rounds(step, step.loop, values, path, depth)
        total += len(groups[step.id])
        said += length(groups[step.id])
        if total > MAX_STEPS or said > MAX_TEXT:
            raise FormulaError(path, f"{step.source}.loop", _TOO_MUCH)
    return spliced(steps, groups) if groups else list(steps)


def _rounds(step: Step, loop: Loop, values: Mapping[str, str], path: str, depth: int) -> list[Step]:
    key = f"{step.source}.loop"
    if not loop.body:
        raise FormulaError(path, f"{key}.body", f"the loop {step.id} has no body")
    found: list[Step] = []
    before: tuple[str, ...] = ()
    said = 0
    for number, value in enumerate(_numbers(loop, values, path, key), 1):
        names = _names(loop, value, values, path, key)
        body = flat(loop.body, f"{key}.body")
        if names:
            body = _filled(body, names)
        body = unrolled(body, {**values, **names}, path, depth + 1)
        body = _prefixed(body, f"{step.id}.iter{number}.")
        if loop.until and number > 1:
            until = _of_round(loop, f"{step.id}.iter{number - 1}.", before)
            body = _skippable(body, until, loop.max or 0, number)
        body = after(body, before)
        before = sinks(body)
        found += body
        said += length(body)
        if len(found) > MAX_STEPS or said > MAX_TEXT:
            raise FormulaError(path, key, _TOO_MUCH)
    return found


def _filled(body: Sequence[Step], names: Mapping[str, str]) -> list[Step]:
    return [mapped(step, lambda text: filled_both(text, names, names)) for step in body]


def _numbers(loop: Loop, values: Mapping[str, str], path: str, key: str) -> range:
    forms = [loop.count is not None, bool(loop.until), bool(loop.range)]
    if sum(forms) != 1:
        raise FormulaError(path, key, "one of count, until and range is needed")
    if loop.until:
        if loop.max is None:
            raise FormulaError(path, f"{key}.max", "a loop with until needs it")
        numbers = range(1, loop.max + 1)
    elif loop.count is not None:
        numbers = range(1, loop.count + 1)
    else:
        try:
            numbers = expressions.bounds(loop.range, values)
        except ValueError as error:
            raise FormulaError(path, f"{key}.range", str(error)) from error
    if numbers.stop - numbers.start > MAX_STEPS:
        raise FormulaError(path, key, f"makes more than {MAX_STEPS} rounds")
    return numbers


def _names(
    loop: Loop, value: int, values: Mapping[str, str], path: str, key: str
) -> dict[str, str]:
    """What the body may call its numbers in this round."""
    names = {loop.var: str(value)} if loop.var else {}
    for name, text in loop.let.items():
        try:
            names[name] = str(expressions.evaluate(text, {**values, **names}))
        except ValueError as error:
            raise FormulaError(path, f"{key}.let.{name}", str(error)) from error
    return names


def _prefixed(body: Sequence[Step], prefix: str) -> list[Step]:
    """The steps of one round under names of their own."""
    ids = {step.id for step in body}

    def named(name: str) -> str:
        return prefix + name if name in ids else name

    return [
        msgspec.structs.replace(
            step,
            id=prefix + step.id,
            parent=named(step.parent),
            needs=tuple(named(need) for need in step.needs),
            waits_for=_renamed_wait(step.waits_for, prefix, ids),
        )
        for step in body
    ]


def _renamed_wait(text: str, prefix: str, ids: set[str]) -> str:
    inner = text.strip().removeprefix("children-of(").removesuffix(")").strip()
    return f"children-of({prefix}{inner})" if inner in ids else text


def _of_round(loop: Loop, prefix: str, last: Sequence[str]) -> str:
    """The condition of a loop, asked of the round before."""
    ids = {table.id for table in loop.body}

    def named(name: str) -> str:
        return prefix + name if name in ids else last[-1] if name == runtime.BEFORE else name

    return runtime.renamed(loop.until, named)


def _skippable(body: Sequence[Step], until: str, most: int, number: int) -> list[Step]:
    ids = {step.id for step in body}
    note = f"Round {number} of at most {most}: skip it if {until} already holds."
    first = [step.id for step in body if not ids & {*step.needs, step.parent}]
    return [
        msgspec.structs.replace(
            step,
            labels=(*step.labels, UNTIL + until),
            description=f"{note}\n\n{step.description}".rstrip(),
        )
        if step.id in first
        else msgspec.structs.replace(step, labels=(*step.labels, WITH + first[0]))
        for step in body
    ]
