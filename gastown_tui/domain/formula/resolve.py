"""A formula with all that it extends, and what it is composed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.parse import Document
from gastown_tui.domain.formula.schema import Compose, Formula, Leg, StepTable, Var, declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DEEPEST: Final = 30
"""How long a chain of formulas that extend each other may be."""
MOST: Final = 200
"""So many times in all a parent is merged: parents with common parents double at every level."""
_T = TypeVar("_T", StepTable, Leg)
_ALONE: Final = frozenset({"formula", "extends", "version"})
"""Keys that are the child's own."""


class Library(Protocol):
    """Where formulas are found by their names."""

    def load(self, name: str, beneath: str = "") -> Document:
        """The formula of this name.

        Args:
            name: of the formula.
            beneath: the path of one of this name; the one that it hides is meant.

        Raises:
            NotFound: there is none.
            FormulaError: it cannot be read.
        """
        ...


def resolved(document: Document, library: Library) -> Document:
    """The formula merged with its parents: the child wins, and what it replaces keeps its place.

    A formula may extend its own name: the one further down the search path.

    Raises:
        FormulaError: a parent is missing or cannot be read, or the parents go in a circle, or
            are too many.
    """
    formula = _merged(document, library, (), iter(range(MOST)))
    return msgspec.structs.replace(document, formula=formula)


def _merged(
    document: Document, library: Library, chain: Sequence[Document], left: Iterator[int]
) -> Formula:
    chain = (*chain, document)
    if document.path in {one.path for one in chain[:-1]} or len(chain) > DEEPEST:
        names = " -> ".join(one.name for one in chain)
        raise FormulaError(chain[0].path, "extends", f"formulas extend each other: {names}")
    base: Formula | None = None
    for number, name in enumerate(document.formula.extends):
        if next(left, None) is None:
            why = f"more than {MOST} formulas are merged, one that is reached twice counting twice"
            raise FormulaError(chain[0].path, "extends", why)
        beneath = document.path if name == document.name else ""
        parent = find(library, name, document.path, f"extends[{number}]", beneath)
        found = _merged(parent, library, chain, left)
        base = found if base is None else _joined(base, found)
    return document.formula if base is None else _joined(base, document.formula)


def find(library: Library, name: str, path: str, key: str, beneath: str = "") -> Document:
    """The formula that another one names.

    Raises:
        FormulaError: there is none; with the file and key that name it.
    """
    try:
        return library.load(name, beneath)
    except NotFound as error:
        raise FormulaError(path, key, error.message, hint=error.hint) from error


def _joined(base: Formula, child: Formula) -> Formula:
    """Two formulas as one."""
    changed: dict[str, Any] = {}
    for field in msgspec.structs.fields(Formula):
        name = field.name
        ours, theirs = getattr(child, name), getattr(base, name)
        if name in _ALONE:
            changed[name] = ours
        elif name in {"steps", "template", "legs", "aspects"}:
            changed[name] = _by_id(theirs, ours)
        elif name in {"advice", "pointcuts"}:
            changed[name] = (*theirs, *ours)
        elif name == "compose":
            changed[name] = _both(theirs, ours)
        elif isinstance(ours, dict):
            changed[name] = {**theirs, **ours}
        else:
            changed[name] = theirs if ours == field.default else ours
    return Formula(**changed)


def _by_id(base: Iterable[_T], child: Iterable[_T]) -> tuple[_T, ...]:
    """The parent's parts, replaced in their place by the child's; then the child's new ones."""
    found: dict[str, list[_T]] = {}
    mine = list(child)
    own = {part.id for part in mine}
    for part in base:
        kept = found.setdefault(part.id, [])
        if part.id not in own:
            kept.append(part)
    for part in mine:
        found.setdefault(part.id, []).append(part)
    return tuple(part for group in found.values() for part in group)


def _both(base: Compose, child: Compose) -> Compose:
    names = Compose.__struct_fields__
    return Compose(**{
        name: tuple(dict.fromkeys((*getattr(base, name), *getattr(child, name))))
        if name == "aspects"
        else (*getattr(base, name), *getattr(child, name))
        for name in names
    })  # fmt: skip


def companions(document: Document, library: Library) -> list[Document]:
    """The expansions and aspects that a resolved formula uses, those of expansions included.

    Raises:
        FormulaError: one is missing or cannot be read.
    """
    found: dict[str, Document] = {}
    queue = list(_used(document))
    for name, key in queue:
        if name in found:
            continue
        one = resolved(find(library, name, document.path, key), library)
        found[name] = one
        queue += _used(one)
    return list(found.values())


def _used(document: Document) -> Iterator[tuple[str, str]]:
    """Names of other formulas, and the keys that name them."""
    formula = document.formula
    for number, one in enumerate(formula.compose.expand):
        yield one.with_, f"compose.expand[{number}].with"
    for number, each in enumerate(formula.compose.map):
        yield each.with_, f"compose.map[{number}].with"
    for number, name in enumerate(formula.compose.aspects):
        yield name, f"compose.aspects[{number}]"
    for place, tables in (("steps", formula.steps), ("template", formula.template)):
        yield from _expanded(tables, place)


def _expanded(tables: Iterable[StepTable], place: str) -> Iterator[tuple[str, str]]:
    for number, table in enumerate(tables):
        here = f"{place}[{number}]"
        if table.expand:
            yield table.expand, f"{here}.expand"
        yield from _expanded(table.children, f"{here}.children")
        if table.loop is not None:
            yield from _expanded(table.loop.body, f"{here}.loop.body")


def all_variables(document: Document, others: Iterable[Document]) -> dict[str, Var]:
    """The variables of a formula, and those of what it uses, which are needed only when used."""
    found: dict[str, Var] = {}
    for one in others:
        for name, var in declared(one.formula).items():
            required = None if var.required else var.required
            found.setdefault(name, msgspec.structs.replace(var, required=required))
    return {**found, **declared(document.formula)}
