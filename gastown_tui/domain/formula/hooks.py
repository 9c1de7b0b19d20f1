"""`compose.hooks`: formulas that come along when the work they are for is of a certain kind.

A trigger is `label:NAME`, `type:NAME`, `priority:N` or `priority:N-M`, asked of the bead that a
molecule is made for. What is attached goes to the bond point that `at` names, else to the end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.steps import Step, after, sinks, spliced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_tui.domain.formula.schema import BondPoint

_TRIGGER: Final = re.compile(
    r"(label|type):\s*(\S.{0,99})|(priority):\s*([0-4])(?:\s*-\s*([0-4]))?"
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The bead that a molecule is made for, as far as triggers ask about it."""

    issue_type: str = ""
    labels: tuple[str, ...] = ()
    priority: int = 2


def fires(trigger: str, subject: Subject) -> bool:
    """Whether a trigger is meant for this bead.

    Raises:
        ValueError: it is no trigger.
    """
    found = _TRIGGER.fullmatch(trigger.strip())
    if found is None:
        raise ValueError(f"{trigger[:60]!r} is no trigger: write label:NAME, type:NAME, "
                         "priority:N or priority:N-M")  # fmt: skip
    if found[1] == "label":
        return found[2].strip() in subject.labels
    if found[1] == "type":
        return found[2].strip() == subject.issue_type
    first = int(found[4])
    return first <= subject.priority <= int(found[5] or first)


def prefixed(steps: Sequence[Step], prefix: str) -> list[Step]:
    """Steps of another formula under names of their own."""
    ids = {step.id for step in steps}

    def named(name: str) -> str:
        return prefix + name if name in ids else name

    return [
        msgspec.structs.replace(
            step,
            id=prefix + step.id,
            parent=named(step.parent),
            needs=tuple(named(need) for need in step.needs),
            waits_for=re.sub(r"\(\s*(\S+?)\s*\)", lambda m: f"({named(m[1])})", step.waits_for),
        )
        for step in steps
    ]


def attached(
    steps: Sequence[Step], group: Sequence[Step], point: BondPoint | None, path: str
) -> list[Step]:
    """The steps with a group of others at a bond point, or at the end.

    After a step, what followed it waits for the group, unless the point is `parallel`; before one,
    the group comes after all that this one needed.

    Raises:
        FormulaError: the point names no step.
    """
    if point is None:
        return [*steps, *after(group, sinks(steps))]
    name = point.after_step or point.before_step
    target = next((step for step in steps if step.id == name), None)
    if target is None:
        raise FormulaError(path, "compose.bond_points", f"{point.id}: there is no step {name!r}",
                           hint=closest(name, (step.id for step in steps)))  # fmt: skip
    if not point.after_step:
        ends = sinks(group)
        last = msgspec.structs.replace(target, needs=ends)
        return spliced(steps, {name: [*group, last]})
    if point.parallel:
        return [*steps, *after(group, (name,), target.parent)]
    return spliced(steps, {name: [target, *after(group, (name,))]})
