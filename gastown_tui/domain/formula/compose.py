"""What formulas do to each other's steps: branches, gates, advice, expansions, overlays."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.loops import unrolled
from gastown_tui.domain.formula.marks import condition_label
from gastown_tui.domain.formula.schema import (
    MAX_NESTING,
    MAX_STEPS,
    MAX_TEXT,
    AdviceStep,
    declared,
)
from gastown_tui.domain.formula.steps import Step, flat, length, spliced
from gastown_tui.domain.formula.variables import (
    filled_both,
    filled_single,
    mapped,
    text_of,
    value_problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_tui.domain.formula.parse import Document
    from gastown_tui.domain.formula.schema import (
        Advice,
        Branch,
        ComposeGate,
        Expand,
        Map,
        Overlay,
        Pointcut,
        Scalar,
    )

_TOO_MANY: Final = f"makes more than {MAX_STEPS} steps"


def branched(steps: Sequence[Step], branches: Sequence[Branch], path: str) -> list[Step]:
    """The steps with each branch between the one it starts from and the one that joins it."""
    added: dict[str, list[str]] = {}
    ids = {step.id for step in steps}
    for number, branch in enumerate(branches):
        key = f"compose.branch[{number}]"
        for name in (branch.from_, branch.join, *branch.steps):
            if name not in ids:
                raise FormulaError(path, key, f"there is no step {name!r}",
                                   hint=closest(name, ids))  # fmt: skip
        for name in branch.steps:
            added.setdefault(name, []).append(branch.from_)
        added.setdefault(branch.join, []).extend(branch.steps)
    return [
        msgspec.structs.replace(step, needs=tuple(dict.fromkeys((*step.needs, *added[step.id]))))
        if step.id in added
        else step
        for step in steps
    ]


def gated(steps: Sequence[Step], gates: Sequence[ComposeGate], path: str) -> list[Step]:
    """The steps with the conditions to hold before them."""
    ids = {step.id for step in steps}
    labels: dict[str, list[str]] = {}
    for number, gate in enumerate(gates):
        if gate.before not in ids:
            raise FormulaError(path, f"compose.gate[{number}].before",
                               f"there is no step {gate.before!r}",
                               hint=closest(gate.before, ids))  # fmt: skip
        labels.setdefault(gate.before, []).append(condition_label(gate.condition))
    return [
        msgspec.structs.replace(step, labels=(*step.labels, *labels[step.id]))
        if step.id in labels
        else step
        for step in steps
    ]


def woven(
    steps: Sequence[Step], advice: Sequence[Advice], pointcuts: Sequence[Pointcut], source: str
) -> list[Step]:
    """The steps with those of an aspect before and after the ones it is meant for.

    Advice is for the steps that its target fits and, if there are pointcuts, one of them; never
    for what other advice of the same aspect brought in.
    """
    found = list(steps)
    mine: set[str] = set()
    for number, one in enumerate(advice):
        place = f"{source}advice[{number}]"
        groups: dict[str, list[Step]] = {}
        for step in found:
            if step.id not in mine and _is_meant(step, one, pointcuts):
                groups[step.id] = _surrounded(step, one, place)
                mine |= {part.id for part in groups[step.id] if part.id != step.id}
        found = spliced(found, groups) if groups else found
    return found


def _is_meant(step: Step, advice: Advice, pointcuts: Sequence[Pointcut]) -> bool:
    if advice.target and not fnmatch.fnmatchcase(step.id, advice.target):
        return False
    if not pointcuts:
        return bool(advice.target)
    return any(
        (one.glob or one.type or one.label)
        and (not one.glob or fnmatch.fnmatchcase(step.id, one.glob))
        and (not one.type or step.type == one.type)
        and (not one.label or one.label in step.labels)
        for one in pointcuts
    )


def _surrounded(step: Step, advice: Advice, place: str) -> list[Step]:
    """The step with what comes before and after it, one after another."""
    names = {"step.id": step.id, "step.title": step.title, "step.description": step.description}
    first = [_advised(one, names, place, step) for one in
             (*_several(advice.before), *advice.around.before)]  # fmt: skip
    last = [_advised(one, names, place, step) for one in
            (*advice.around.after, *_several(advice.after))]  # fmt: skip
    chain = [*first, step, *last]
    return [
        msgspec.structs.replace(one, needs=(chain[n - 1].id,) if n else ())
        for n, one in enumerate(chain)
    ]


def _several(given: AdviceStep | tuple[AdviceStep, ...] | None) -> tuple[AdviceStep, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, AdviceStep) else given


def _advised(given: AdviceStep, names: Mapping[str, str], place: str, around: Step) -> Step:
    extra = {key: part for key, part in (("args", given.args), ("output", given.output)) if part}
    step = Step(
        id=given.id,
        title=given.title,
        description=given.description,
        type=given.type or "task",
        metadata=extra,
        parallel=around.parallel,
        source=place,
    )
    return mapped(step, lambda text: filled_single(text, names))


class Expander:
    """Replaces steps by the templates of expansions."""

    def __init__(
        self, load: Callable[[str], Document], values: Mapping[str, str], path: str
    ) -> None:
        """For the formula in file `path`; `load` finds expansions by name."""
        self._load = load
        self._values = values
        self._said = 0
        self._path = path

    def template(self, target: Step, name: str) -> list[Step]:
        """The template of an expansion, made for one step."""
        return self._group(target, name, {}, "template")

    def inline(self, steps: Sequence[Step], depth: int = 0) -> list[Step]:
        """The steps with each that names an expansion itself replaced by it."""
        groups: dict[str, list[Step]] = {}
        total = 0
        for step in steps:
            if not step.expand:
                continue
            if depth == MAX_NESTING:
                raise FormulaError(self._path, f"{step.source}.expand",
                                   f"expansions are {MAX_NESTING} deep at most")  # fmt: skip
            group = self._group(step, step.expand, step.expand_vars, f"{step.source}.expand")
            groups[step.id] = self.inline(group, depth + 1)
            total += len(groups[step.id])
            if total > MAX_STEPS:
                raise FormulaError(self._path, f"{step.source}.expand", _TOO_MANY)
        return _checked(spliced(steps, groups), self._path) if groups else list(steps)

    def composed(
        self, steps: Sequence[Step], expands: Sequence[Expand], maps: Sequence[Map]
    ) -> list[Step]:
        """The steps with those that `compose.expand` and `compose.map` name replaced."""
        found = list(steps)
        for number, one in enumerate(expands):
            key = f"compose.expand[{number}]"
            targets = [step for step in found if step.id == one.target]
            if not targets:
                ids = [step.id for step in found]
                raise FormulaError(self._path, f"{key}.target", f"there is no step {one.target!r}",
                                   hint=closest(one.target, ids))  # fmt: skip
            found = self._replaced(found, targets, one, key)
        mine: set[str] = set()
        for number, each in enumerate(maps):
            left_out = mine | {step.parent for step in found}
            targets = [
                step
                for step in found
                if step.id not in left_out and fnmatch.fnmatchcase(step.id, each.select)
            ]
            before = {step.id for step in found}
            found = self._replaced(found, targets, each, f"compose.map[{number}]")
            mine |= {step.id for step in found} - before
        return found

    def _replaced(
        self, steps: Sequence[Step], targets: Sequence[Step], how: Expand | Map, key: str
    ) -> list[Step]:
        groups = {
            step.id: self.inline(self._group(step, how.with_, how.vars, key), 1) for step in targets
        }
        return _checked(spliced(steps, groups), self._path) if groups else list(steps)

    def _group(self, target: Step, name: str, given: Mapping[str, Scalar], key: str) -> list[Step]:
        """The template of an expansion, made for one step."""
        document = self._load(name)
        expansion = document.formula
        if not expansion.template:
            raise FormulaError(self._path, key, f"{name} has no template: it is no expansion")
        known = declared(expansion)
        for var in given:
            if var not in known:
                raise FormulaError(self._path, key, f"{name} has no variable {var!r}",
                                   hint=closest(var, known))  # fmt: skip
        double: dict[str, str] = {}
        for var, value in given.items():
            double[var] = text_of(value)
            if problem := value_problem(double[var], known[var]):
                raise FormulaError(self._path, f"{key}.vars.{var}", problem)
        single = {
            "target": target.id,
            "target.id": target.id,
            "target.title": target.title or target.id,
            "target.description": target.description,
            **{var: self._values[var] for var in known if var in self._values},
            **double,
        }
        group = [
            mapped(step, lambda text: filled_both(text, double, single))
            for step in flat(expansion.template, f"{name}: template")
        ]
        group = unrolled(group, {**self._values, **single}, self._path)
        self._said += length(group)
        if self._said > MAX_TEXT:
            raise FormulaError(self._path, key, f"makes more than {MAX_TEXT} characters")
        return group


def _checked(steps: list[Step], path: str) -> list[Step]:
    if len(steps) > MAX_STEPS:
        raise FormulaError(path, "steps", _TOO_MANY)
    ids: set[str] = set()
    for step in steps:
        if step.id in ids:
            raise FormulaError(path, f"{step.source}.id", f"two steps are called {step.id}")
        ids.add(step.id)
    return steps


def overlaid(steps: Sequence[Step], overlay: Overlay) -> tuple[list[Step], list[str]]:
    """The steps with a town's or rig's changes, and the ids that fit no step."""
    by_id = {one.step_id: one for one in overlay.overrides}
    ids = {step.id for step in steps}
    found: list[Step] = []
    for step in steps:
        override = by_id.get(step.id)
        if override is None or override.mode == "skip":
            found.append(step)
            continue
        text = override.description
        if override.mode == "append":
            text = f"{step.description.rstrip()}\n\n{text}".lstrip("\n")
        found.append(msgspec.structs.replace(step, description=text))
    skipped = {name: () for name, one in by_id.items() if one.mode == "skip" and name in ids}
    return spliced(found, skipped), [name for name in by_id if name not in ids]
