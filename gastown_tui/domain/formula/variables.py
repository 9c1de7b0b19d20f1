"""Variables: their values settled, and put in the place of `{{name}}` and `{name}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gastown_tui.domain.formula.schema import Scalar, Var

LONGEST_VALUE: Final = 50_000
"""Characters of a value."""
LONGEST_TEXT: Final = 5_000_000
"""Characters of one text, with its values in place."""
DOUBLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
"""`{{name}}`."""
_SINGLE: Final = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_.]*)\}(?!\})")
_BOTH: Final = re.compile(f"{DOUBLE.pattern}|{_SINGLE.pattern}")
_TEMPLATE_WORDS: Final = frozenset({"else", "end", "this", "range", "if", "each", "with"})
"""What stands in double braces in other template languages, and is no variable."""
_TYPES: Final = {
    "int": r"-?\d+", "integer": r"-?\d+", "number": r"-?\d+(\.\d+)?", "float": r"-?\d+(\.\d+)?",
    "bool": r"true|false|yes|no|on|off|0|1", "boolean": r"true|false|yes|no|on|off|0|1",
}  # fmt: skip
_T = TypeVar("_T", bound=msgspec.Struct)


class TooLong(ValueError):  # noqa: N818 - reads as what it is
    """A text that its values make larger than any instruction needs to be."""


def text_of(value: Scalar) -> str:
    """A plain value as it is put into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def settle(given: Mapping[str, str], variables: Mapping[str, Var], path: str) -> dict[str, str]:
    """The values of all variables that have one.

    Args:
        given: what the caller sets; only what is declared.
        variables: the declarations.
        path: of the formula, for messages.

    Raises:
        FormulaError: an unknown name, a required one that is missing, or a value that its
            declaration does not allow.
    """
    for name in given:
        if name not in variables:
            raise FormulaError(path, "vars", f"there is no variable {name!r}",
                               hint=closest(name, variables))  # fmt: skip
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, declaration in variables.items():
        if name in given:
            values[name] = given[name]
        elif declaration.default is not None:
            values[name] = text_of(declaration.default)
        elif declaration.required:
            missing.append(name)
            continue
        elif declaration.required is False or declaration.required_unless:
            values[name] = ""
            continue
        else:
            continue
        if problem := value_problem(values[name], declaration):
            raise FormulaError(path, f"vars.{name}", problem)
    missing += [
        name
        for name, one in variables.items()
        if one.required_unless and not any(values.get(o) for o in (name, *one.required_unless))
    ]
    if missing:
        raise FormulaError(path, f"vars.{missing[0]}", f"needs a value: {', '.join(missing)}",
                           hint=f"give it as {missing[0]}=...")  # fmt: skip
    return values


def value_problem(value: str, declaration: Var) -> str:
    """Why a value is not allowed; empty when it is."""
    if len(value) > LONGEST_VALUE:
        return f"a value has at most {LONGEST_VALUE} characters"
    if any(c < " " and c not in "\n\t" for c in value) or re.search("[\ud800-\udfff]", value):
        return "a value is text without control characters"
    choices = [text_of(choice) for choice in declaration.enum]
    if choices and value not in choices:
        return f"{value[:60]!r} is none of {', '.join(choices)}"
    kind = _TYPES.get(declaration.type)
    if kind and value and not re.fullmatch(kind, value.lower()):
        return f"{value[:60]!r} is no {declaration.type}"
    try:
        fits = not declaration.pattern or Pattern(declaration.pattern).search(value)
    except ValueError as error:
        return f"the pattern {declaration.pattern[:60]!r} cannot be used: {error}"
    return "" if fits else f"{value[:60]!r} does not fit {declaration.pattern}"


def sample(declaration: Var) -> str:
    """A stand-in for a value, to look at a formula without having any."""
    if declaration.default is not None:
        return text_of(declaration.default)
    if declaration.enum:
        return text_of(declaration.enum[0])
    return "1" if declaration.type in {"int", "integer", "number", "float"} else "x"


def names_in(text: str) -> list[str]:
    """The names in double braces, in order; words of template languages are none."""
    return [name for name in DOUBLE.findall(text) if name not in _TEMPLATE_WORDS]


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with every `{{name}}` of `values` replaced, once; others stay as they are."""
    if "{{" not in text:
        return text
    return _replaced(DOUBLE, lambda match: values.get(match[1], match[0]), text)


def filled_single(text: str, values: Mapping[str, str]) -> str:
    """The text with every `{name}` of `values` replaced, once; `{{name}}` is none of them."""
    if "{" not in text:
        return text
    return _replaced(_SINGLE, lambda match: values.get(match[1], match[0]), text)


def filled_both(text: str, double: Mapping[str, str], single: Mapping[str, str]) -> str:
    """The text with `{{name}}` of `double` and `{name}` of `single` replaced, once."""
    if "{" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        names, name = (double, match[1]) if match[1] else (single, match[2])
        return names.get(name, match[0])

    return _replaced(_BOTH, value, text)


def _replaced(pattern: re.Pattern[str], value: Callable[[re.Match[str]], str], text: str) -> str:
    """Like `sub`, but never longer than a text may be."""
    size = len(text)

    def limited(match: re.Match[str]) -> str:
        nonlocal size
        found = value(match)
        size += len(found)
        if size > LONGEST_TEXT:
            raise TooLong(f"a text would be longer than {LONGEST_TEXT} characters")
        return found

    return pattern.sub(limited, text)


def mapped(value: _T, change: Callable[[str], str]) -> _T:
    """The record with every text in it changed, names of variables excepted."""
    plain = _texts(msgspec.to_builtins(value), change)
    return msgspec.convert(plain, type(value))


def texts_of(value: Any) -> Iterable[str]:
    """Every text in a record or in plain data."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_of(part)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _texts(part, change) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(part, change) for part in value]
    return value
