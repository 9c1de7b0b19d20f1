"""What a step may be called: its id is typed at `gastown step`, and stands in labels and lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gastown_tui.domain.formula.errors import FormulaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_tui.domain.formula.schema import Formula, StepTable

LONGEST: Final = 200
"""Characters of an id."""
_APART: Final = frozenset(",;()[]{}")
"""What lists of ids and the texts of steps are written with."""
_PLACES: Final = re.compile(r"\{+[^{}]*\}+")
"""What is filled in when the formula is cooked."""


def problem(name: str) -> str:
    """Why a step cannot be called so; empty when it can."""
    if not 0 < len(name) <= LONGEST:
        return f"an id has 1 to {LONGEST} characters"
    if name.startswith("-"):
        return "it would be read as an option"
    if any(sign.isspace() for sign in name):
        return "an id has no blanks"
    if not name.isprintable():
        return "an id has no control characters"
    if not _APART.isdisjoint(name):
        return "an id has no commas, semicolons or brackets"
    return ""


def refusal(path: str, key: str, name: str, why: str) -> FormulaError:
    """The error that says so."""
    return FormulaError(path, key, f"{name[:80]!r} cannot be an id: {why}")


def check_ids(formula: Formula, path: str) -> None:
    """Raise FormulaError when anything in a file is called as no step may be.

    Also what would get another name first, or is left out by a condition.
    """
    for key, name in _all(formula):
        if why := problem(_PLACES.sub("x", name)):
            raise refusal(path, f"{key}.id", name, why)


def _all(formula: Formula) -> Iterator[tuple[str, str]]:
    """Where every id stands, and the id."""
    yield from _tables("steps", formula.steps)
    yield from _tables("template", formula.template)
    for place in ("legs", "aspects"):
        for number, leg in enumerate(getattr(formula, place)):
            yield f"{place}[{number}]", leg.id


def _tables(place: str, tables: Iterable[StepTable]) -> Iterator[tuple[str, str]]:
    for number, table in enumerate(tables):
        here = f"{place}[{number}]"
        yield here, table.id
        yield from _tables(f"{here}.children", table.children)
        if table.loop is not None:
            yield from _tables(f"{here}.loop.body", table.loop.body)
