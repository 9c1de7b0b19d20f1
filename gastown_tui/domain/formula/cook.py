"""From a formula and its values to a protomolecule: what is poured, step by step."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.formula import compose, convoy, hooks
from gastown_tui.domain.formula.conditions import holds
from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.hooks import Subject
from gastown_tui.domain.formula.loops import unrolled
from gastown_tui.domain.formula.resolve import all_variables, companions, find, resolved
from gastown_tui.domain.formula.schema import (
    MAX_NESTING,
    MAX_TEXT,
    Kind,
    Overlay,
    Squash,
    kind_of,
)
from gastown_tui.domain.formula.steps import Step, check, flat, length, ordered, spliced
from gastown_tui.domain.formula.variables import (
    TooLong,
    filled,
    mapped,
    names_in,
    sample,
    settle,
    text_of,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_tui.domain.formula.parse import Document
    from gastown_tui.domain.formula.resolve import Library
    from gastown_tui.domain.formula.schema import Var

LONGEST_TITLE: Final = 500
"""Bytes of a title, as beads allow."""
TARGET: Final = "main"
"""The id of the step that a template is made for when an expansion is cooked by itself."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a formula."""

    values: dict[str, str] = {}
    """Of its variables and inputs."""
    preset: str = ""
    """Of a convoy: which legs."""
    legs: tuple[str, ...] = ()
    """Of a convoy: further legs, by id."""
    overlay: Overlay | None = None
    run: str = ""
    """What a convoy calls its files; made from name and values when empty."""
    subject: Subject | None = None
    """The bead that the molecule is for, which the hooks of the formula ask about."""
    is_sample: bool = False
    """Stand-ins for values that are missing, to look at the formula without any."""


class Protomolecule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cooked formula: all of it in the order it is done, with nothing left to fill in."""

    formula: str
    version: int = 1
    type: Kind = "workflow"
    title: str = ""
    description: str = ""
    steps: tuple[Step, ...] = ()
    """Each after those it needs and the one it is part of."""
    values: dict[str, str] = {}
    phase: str = ""
    """`liquid` or `vapor`, when the formula says which it is meant for."""
    pour: bool = False
    """Whether a wisp of it has a bead for each step."""
    agent: str = ""
    review_only: bool = False
    squash: Squash | None = None
    bond_points: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    """What was left as it is and may not be meant so."""


def cook(document: Document, library: Library, request: Request | None = None) -> Protomolecule:
    """Cook a formula; the same formula and request always give the same.

    The order: extends, values, loops, branches, gates, own advice, expansions of steps, composed
    expansions and maps, aspects, overlay, conditions, variables, hooks.

    Raises:
        FormulaError: with the file, the key and the reason.
    """
    try:
        return _cooked(document, library, request or Request(), 0)
    except TooLong as error:
        raise FormulaError(document.path, "vars", str(error)) from error


def _cooked(document: Document, library: Library, request: Request, depth: int) -> Protomolecule:
    whole = resolved(document, library)
    others = companions(whole, library)
    variables = all_variables(whole, others)
    values = _values(request, variables, whole.path)
    shown = _shown(request, variables, values)
    warnings: list[str] = []
    steps = _structure(whole, others, (values, shown), request, warnings)
    steps = _conditioned(steps, values, whole.path)
    if not steps:
        raise FormulaError(whole.path, "steps", "nothing is left to do: every condition is false")
    steps = _filled(steps, shown, variables, whole.path, warnings)
    steps = _hooked(whole, library, steps, request, depth)
    check(steps, whole.path)
    _check_texts(steps, whole.path)
    formula = whole.formula
    return Protomolecule(
        formula=formula.formula,
        version=formula.version,
        type=kind_of(formula),
        title=_title(values.get("title", "")) or formula.formula,
        description=filled(formula.description, shown).strip(),
        steps=tuple(ordered(steps) or steps),
        values=values,
        phase=formula.phase or "",
        pour=bool(formula.pour),
        agent=formula.agent,
        review_only=formula.review_only,
        squash=formula.squash,
        bond_points=tuple(msgspec.to_builtins(one) for one in formula.compose.bond_points),
        warnings=tuple(warnings),
    )


def _hooked(
    whole: Document, library: Library, steps: list[Step], request: Request, depth: int
) -> list[Step]:
    """The steps with those of every formula that a hook brings along."""
    points = {point.id: point for point in whole.formula.compose.bond_points}
    for number, hook in enumerate(whole.formula.compose.hooks):
        key = f"compose.hooks[{number}]"
        if hook.at and hook.at not in points:
            raise FormulaError(whole.path, f"{key}.at", f"there is no bond point {hook.at!r}",
                               hint=closest(hook.at, points))  # fmt: skip
        try:
            is_meant = hooks.fires(hook.trigger, request.subject or Subject(priority=-1))
        except ValueError as error:
            raise FormulaError(whole.path, f"{key}.trigger", str(error)) from error
        other = find(library, hook.attach, whole.path, f"{key}.attach")
        if not is_meant:
            continue
        if depth == MAX_NESTING:
            raise FormulaError(
                whole.path, key, f"hooks bring hooks along {MAX_NESTING} deep at most"
            )
        values = {name: filled(text_of(value), request.values) for name, value in hook.vars.items()}
        wanted = Request(values=values, subject=request.subject, is_sample=request.is_sample)
        group = hooks.prefixed(_cooked(other, library, wanted, depth + 1).steps, f"{other.name}.")
        steps = hooks.attached(steps, group, points.get(hook.at), whole.path)
    return steps


def _title(text: str) -> str:
    """One line that fits a bead."""
    short = " ".join(text.split()).encode()[:LONGEST_TITLE]
    return short.decode("utf-8", "ignore").strip()


def _values(request: Request, variables: Mapping[str, Var], path: str) -> dict[str, str]:
    if not request.is_sample:
        return settle(request.values, variables, path)
    given = {**{name: sample(one) for name, one in variables.items()}, **request.values}
    loose = {
        name: one
        if name in request.values
        else msgspec.structs.replace(one, pattern="", type="", enum=(), required_unless=())
        for name, one in variables.items()
    }
    return settle(given, loose, path)


def _shown(
    request: Request, variables: Mapping[str, Var], values: Mapping[str, str]
) -> Mapping[str, str]:
    """What stands in texts for each variable; a stand-in is not shown, but its name."""
    if not request.is_sample:
        return values
    return {
        name: value
        if name in request.values or name not in variables or variables[name].default is not None
        else f"{{{{{name}}}}}"
        for name, value in values.items()
    }


def _structure(
    whole: Document,
    others: Sequence[Document],
    both: tuple[Mapping[str, str], Mapping[str, str]],
    request: Request,
    warnings: list[str],
) -> list[Step]:
    """The steps, with all that changes which there are and how they follow each other."""
    formula, path = whole.formula, whole.path
    values, shown = both
    by_name = {one.name: one for one in others}
    expander = compose.Expander(lambda name: by_name[name], values, path)
    steps = unrolled(_base(whole, shown, request), values, path)
    steps, stale = _overlaid(steps, request.overlay, [])
    steps = compose.branched(steps, formula.compose.branch, path)
    steps = compose.gated(steps, formula.compose.gate, path)
    if kind_of(formula) != "aspect":
        steps = compose.woven(steps, formula.advice, formula.pointcuts, "")
    steps = expander.inline(steps)
    steps = expander.composed(steps, formula.compose.expand, formula.compose.map)
    for name in formula.compose.aspects:
        aspect = by_name[name].formula
        if not aspect.advice:
            raise FormulaError(path, "compose.aspects", f"{name} has no advice: it is no aspect")
        woven = compose.woven(steps, aspect.advice, aspect.pointcuts, f"{name}: ")
        if len(woven) == len(steps):
            warnings.append(f"compose.aspects: {name} fits no step")
        steps = woven
    steps, stale = _overlaid(steps, request.overlay, stale)
    warnings += [f"overlay: there is no step {name!r} any more" for name in stale]
    return steps


def _base(whole: Document, values: Mapping[str, str], request: Request) -> list[Step]:
    """The steps that the formula itself brings."""
    formula, kind = whole.formula, kind_of(whole.formula)
    if request.preset or request.legs or formula.legs or formula.aspects:
        run = request.run or _run_name(whole.name, values)
        legs = convoy.chosen(whole, request.preset, request.legs)
        found = [*convoy.steps(whole, legs, values, run), *flat(formula.steps, "steps")]
    elif kind == "expansion":
        title = values.get("title") or formula.description.strip().partition("\n")[0]
        target = Step(id=TARGET, title=title[:100], description=formula.description)
        expander = compose.Expander(lambda _: whole, values, whole.path)
        found = expander.template(target, whole.name) if formula.template else []
    else:
        found = flat(formula.steps, "steps")
    if not found:
        reason = "there are no steps"
        hint = ""
        if kind == "aspect":
            reason = "an aspect has no steps of its own"
            hint = "name it in compose.aspects of a workflow"
        key = {"convoy": "legs", "expansion": "template"}.get(kind, "steps")
        raise FormulaError(whole.path, key, reason, hint=hint)
    return found


def _run_name(name: str, values: Mapping[str, str]) -> str:
    """A name for a run that is the same for the same values."""
    text = "\0".join(f"{key}={value}" for key, value in sorted(values.items()))
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _overlaid(
    steps: list[Step], overlay: Overlay | None, stale: list[str]
) -> tuple[list[Step], list[str]]:
    """Apply what fits now; what fits nothing is tried again once all steps are there."""
    if overlay is None:
        return steps, []
    if stale:
        left = tuple(one for one in overlay.overrides if one.step_id in stale)
        overlay = Overlay(overrides=left)
    return compose.overlaid(steps, overlay)


def _conditioned(steps: list[Step], values: Mapping[str, str], path: str) -> list[Step]:
    """The steps without those whose condition is false."""
    gone: dict[str, tuple[Step, ...]] = {}
    for step in steps:
        if not step.condition:
            continue
        try:
            if not holds(step.condition, values):
                gone[step.id] = ()
        except ValueError as error:
            raise FormulaError(path, f"{step.source}.condition", str(error)) from error
    return spliced(steps, gone) if gone else steps


def _filled(
    steps: Sequence[Step],
    values: Mapping[str, str],
    variables: Mapping[str, Var],
    path: str,
    warnings: list[str],
) -> list[Step]:
    """The steps with every variable in its place; what nobody declared stays and is named."""
    found: list[Step] = []
    said = 0
    for step in steps:
        bare = msgspec.structs.replace(step, condition="", expand="", expand_vars={}, loop=None)
        texts = msgspec.to_builtins(bare)
        for key, text in ((k, t) for k, part in texts.items() for t in texts_of(part)):
            for name in names_in(text):
                if name in values:
                    continue
                if name in variables:
                    raise FormulaError(path, f"vars.{name}",
                                       f"needs a value: {step.source}.{key} uses it",
                                       hint=f"give it as {name}=...")  # fmt: skip
                warnings.append(f"{step.source}.{key}: {{{{{name}}}}} is not declared in vars")
        title = " ".join((bare.title or bare.id).split())
        bare = msgspec.structs.replace(bare, title=title)
        found.append(mapped(bare, lambda text: filled(text, values)))
        said += length(found[-1:])
        if said > MAX_TEXT:
            raise FormulaError(path, step.source, f"all texts are longer than {MAX_TEXT}")
    warnings[:] = dict.fromkeys(warnings)
    return found


def _check_texts(steps: Sequence[Step], path: str) -> None:
    """Refuse what beads could not hold."""
    for step in steps:
        if len(step.title.encode()) > LONGEST_TITLE:
            raise FormulaError(path, f"{step.source}.title",
                               f"{step.id}: a title has at most {LONGEST_TITLE} bytes")  # fmt: skip
