"""`on_complete`: a molecule bonded for each part of what a step brought, when it is done."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.marks import ON_COMPLETE
from gastown_tui.domain.formula.pour import Pouring, pour, wisp
from gastown_tui.domain.formula.runtime import at
from gastown_tui.domain.formula.schema import OnComplete
from gastown_tui.domain.formula.variables import text_of
from gastown_tui.domain.operations import AddDependency

if TYPE_CHECKING:
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.formula.resolve import Library
    from gastown_tui.domain.operations import Operation

MOST: Final = 200
"""Molecules that one step may bring about."""
_PLACE: Final = re.compile(r"\{(item|index)((?:\.\w{1,100}){0,8})\}")
"""`{item}`, a part of it as in `{item.name}`, or `{index}`, which counts from 0."""


def wanted(step: Bead) -> OnComplete | None:
    """What is to be bonded when this step is done; None for nothing.

    Raises:
        BadInput: its label is not what was poured.
    """
    for label in step.labels:
        if label.startswith(ON_COMPLETE):
            try:
                return msgspec.json.decode(label.removeprefix(ON_COMPLETE), type=OnComplete)
            except (msgspec.DecodeError, RecursionError) as error:
                raise BadInput(
                    f"{step.id}: its label {ON_COMPLETE} cannot be read: {error}"
                ) from error
    return None


def fan_out(step: Bead, what: OnComplete, output: Any, library: Library) -> list[Operation]:
    """A molecule below the step for each item of its output, side by side or one after another.

    Args:
        step: the bead of the step that is done.
        what: its `on_complete`.
        output: what it brought: plain data.
        library: where the formula is found.

    Raises:
        BadInput: the output holds no list where one is expected.
        FormulaError: the formula cannot be cooked.
    """
    items = at({"output": output}, what.for_each)
    if items is None:
        items = []
    if not isinstance(items, list | tuple):
        raise BadInput(f"{step.id}: {what.for_each} is no list", hint="give --output as JSON")
    if len(items) > MOST:
        raise BadInput(f"{step.id}: {what.for_each} has {len(items)} parts; {MOST} are allowed")
    document = library.load(what.bond)
    found: list[Operation] = []
    edges: list[Operation] = []
    for number, item in enumerate(items):
        values = {
            name: _PLACE.sub(partial(_filled, number, item), text_of(value))
            for name, value in what.vars.items()
        }
        proto = cook(document, library, Request(values=values))
        title = f"{proto.title[:200]} ({number + 1} of {len(items)})"
        how = Pouring(name=f"~fan{number}", title=title, parent=step.id)
        made = wisp(proto, how, is_poured=True) if step.ephemeral else pour(proto, how)
        found += made
        if what.sequential and number:
            edges.append(AddDependency(f"~fan{number}", f"~fan{number - 1}"))
    return [*found, *edges]


def _filled(number: int, item: Any, match: re.Match[str]) -> str:
    if match[1] == "index":
        return str(number)
    value = at(item, match[2][1:]) if match[2] else item
    if value is None:
        return ""
    if isinstance(value, str | bool | int | float):
        return text_of(value)
    return msgspec.json.encode(value).decode()
