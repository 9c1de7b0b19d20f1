"""The steps of a convoy: its legs side by side, then the synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.formula import prompts
from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.steps import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_tui.domain.formula.parse import Document
    from gastown_tui.domain.formula.schema import Formula, Leg

SYNTHESIS: Final = "synthesis"
"""The id of the step that brings the legs together."""


def chosen(document: Document, preset: str, legs: Sequence[str]) -> tuple[Leg, ...]:
    """The legs to run: those named, those of a preset, or all.

    Raises:
        FormulaError: there is no such preset or leg.
    """
    formula = document.formula
    every = formula.legs or formula.aspects
    names, key = list(legs), "legs"
    if preset:
        if preset not in formula.presets:
            raise FormulaError(document.path, "presets", f"there is no preset {preset!r}",
                               hint=closest(preset, formula.presets))  # fmt: skip
        names += formula.presets[preset].legs
        key = f"presets.{preset}.legs"
    known = {leg.id for leg in every}
    for name in names:
        if name not in known:
            raise FormulaError(document.path, key, f"there is no leg {name!r}",
                               hint=closest(name, known))  # fmt: skip
    return tuple(leg for leg in every if leg.id in names) if names else every


def steps(
    document: Document, legs: Sequence[Leg], values: Mapping[str, str], run: str
) -> list[Step]:
    """A step for each leg, and one for the synthesis.

    Args:
        document: a resolved formula.
        legs: those to run.
        values: of its inputs and variables.
        run: what this run is called in the paths that the legs write to.

    Raises:
        FormulaError: a template that cannot be read, or a synthesis of what is no leg.
    """
    formula = document.formula
    data = _data(formula, values, run)
    place = "legs" if formula.legs else "aspects"
    found = [_leg(document, leg, data, f"{place}[{n}]") for n, leg in enumerate(legs)]
    if formula.synthesis is not None:
        known = {leg.id for leg in (*formula.legs, *formula.aspects)}
        ids = [leg.id for leg in legs]
        for name in formula.synthesis.depends_on:
            if name not in known:
                raise FormulaError(document.path, "synthesis.depends_on",
                                   f"there is no leg {name!r}",
                                   hint=closest(name, known))  # fmt: skip
        wanted = [name for name in formula.synthesis.depends_on if name in ids]
        found.append(
            Step(
                id=SYNTHESIS,
                title=_rendered(document, "synthesis.title", formula.synthesis.title, data)
                or "Synthesis",
                description=_rendered(
                    document, "synthesis.description", formula.synthesis.description, data
                ),
                needs=tuple(wanted or ids),
                source="synthesis",
            )
        )
    return found


def _data(formula: Formula, values: Mapping[str, str], run: str) -> dict[str, Any]:
    """What the templates of a convoy can say, apart from the leg."""
    data: dict[str, Any] = {
        "formula_name": formula.formula,
        "target_description": _target(values),
        "run": run,
        **{f"{name}_number": values[name] for name in ("pr",) if name in values},
        **values,
    }
    for text in (formula.output.directory, formula.output.leg_pattern):
        for name in prompts.fields(text):
            if name.endswith("_id") and name not in data:
                data[name] = run
    return data


def _target(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value)


def _leg(document: Document, leg: Leg, data: Mapping[str, Any], place: str) -> Step:
    formula = document.formula
    own: dict[str, Any] = {**data, "leg": msgspec.to_builtins(leg) | {"title": leg.title or leg.id}}
    directory, path = _paths(document, own)
    own |= {"output": {"directory": directory}, "output_path": path}
    description = _rendered(document, f"{place}.description", leg.description, own)
    base = formula.prompts.get("base", "")
    if base:
        own["leg"] = {**own["leg"], "description": description}
        description = _rendered(document, "prompts.base", base, own)
    else:
        focus = f"Focus: {leg.focus}" if leg.focus else ""
        target = f"Write what you find to {path}" if path else ""
        description = "\n\n".join(part for part in (description, focus, target) if part)
    return Step(
        id=leg.id,
        title=_rendered(document, f"{place}.title", leg.title, own) or leg.id,
        description=description,
        agent=leg.agent or formula.agent,
        review_only=leg.review_only or formula.review_only,
        parallel=True,
        source=place,
    )


def _paths(document: Document, data: Mapping[str, Any]) -> tuple[str, str]:
    """The directory that is written to, and the leg's file in it."""
    output = document.formula.output
    directory = _rendered(document, "output.directory", output.directory, data).rstrip("/")
    file = _rendered(document, "output.leg_pattern", output.leg_pattern, data)
    return directory, f"{directory}/{file}" if directory and file else file


def _rendered(document: Document, key: str, text: str, data: Mapping[str, Any]) -> str:
    formula = document.formula
    if "output" not in data and key.startswith("synthesis"):
        directory = _rendered(document, "output.directory", formula.output.directory, data)
        output = {"directory": directory.rstrip("/"), "synthesis": formula.output.synthesis}
        data = {**data, "output": output}
    try:
        return prompts.render(text, data)
    except ValueError as error:
        raise FormulaError(document.path, key, str(error)) from error
