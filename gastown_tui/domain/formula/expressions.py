"""Arithmetic in formulas: the bounds of a range, and the names that a loop works out.

Whole numbers, `+ - * / % ^ & |` (`^` is power, `/` and `%` round down), parentheses, and variables
as `{name}` or `name`. From loosest to tightest: `|`, `&`, `+ -`, `* / %`, sign, `^`.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST: Final = 300
"""Characters of an expression."""
LARGEST: Final = 10**15
"""Neither a result nor a part of it may be larger."""
_TOKEN: Final = re.compile(
    r"\s*(?:(\d{1,16})|\{\s*([A-Za-z_]\w*)\s*\}|([A-Za-z_]\w*)|([-+*/%^&|()]))"
)
_LEVELS: Final[tuple[dict[str, Callable[[int, int], int]], ...]] = (
    {"|": operator.or_},
    {"&": operator.and_},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.floordiv, "%": operator.mod},
)


def evaluate(text: str, names: Mapping[str, str]) -> int:
    """The value of an expression.

    Args:
        text: the expression.
        names: variables; their values must be whole numbers.

    Raises:
        ValueError: with what is wrong.
    """
    if len(text) > LONGEST:
        raise ValueError(f"an expression has at most {LONGEST} characters")
    reader = _Reader(_tokens(text, names))
    value = reader.level(0)
    if reader.peek():
        raise ValueError(f"{reader.peek()!r} is not expected in {text!r}")
    return value


def bounds(text: str, names: Mapping[str, str]) -> range:
    """The numbers of `start..end`, both included.

    Raises:
        ValueError: with what is wrong.
    """
    start, dots, end = text.partition("..")
    if not dots:
        raise ValueError(f"{text!r} is no range: write start..end")
    return range(evaluate(start, names), evaluate(end, names) + 1)


def _tokens(text: str, names: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    place, bare = 0, text.rstrip()
    while place < len(bare):
        match = _TOKEN.match(bare, place)
        if match is None:
            raise ValueError(f"{bare[place:].strip()[:20]!r} is not expected in {text!r}")
        number, braced, name, sign = match.groups()
        if braced or name:
            number = _number(braced or name, names)
        found.append(number or sign)
        place = match.end()
    return found


def _number(name: str, names: Mapping[str, str]) -> str:
    value = names.get(name)
    if value is None:
        raise ValueError(f"{name!r} has no value here")
    if not re.fullmatch(r"-?\d{1,16}", value.strip()):
        raise ValueError(f"{name!r} is {value[:30]!r}, and not a whole number")
    return value.strip()


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self) -> str:
        token = self.peek()
        self._place += 1
        return token

    def level(self, depth: int) -> int:
        """What the operators from this level on give."""
        if depth == len(_LEVELS):
            return self._signed()
        value = self.level(depth + 1)
        while self.peek() in _LEVELS[depth]:
            sign = self._take()
            other = self.level(depth + 1)
            if sign in {"/", "%"} and other == 0:
                raise ValueError("division by zero")
            value = _limited(_LEVELS[depth][sign](value, other))
        return value

    def _signed(self) -> int:
        if self.peek() == "-":
            self._take()
            return -self._signed()
        return self._power()

    def _power(self) -> int:
        base = self._atom()
        if self.peek() != "^":
            return base
        self._take()
        exponent = self._signed()
        if not 0 <= exponent <= 64 or (abs(base) > 1 and abs(base) ** exponent > LARGEST):
            raise ValueError(f"{base}^{exponent} is out of bounds")
        return int(base**exponent)

    def _atom(self) -> int:
        token = self._take()
        if token == "(":  # noqa: S105
            value = self.level(0)
            if self._take() != ")":
                raise ValueError("a parenthesis is not closed")
            return value
        if not token.lstrip("-").isdigit():
            raise ValueError(
                f"a number is expected, not {token!r}" if token else "it ends too soon"
            )
        return _limited(int(token))


def _limited(value: int) -> int:
    if abs(value) > LARGEST:
        raise ValueError("a number is out of bounds")
    return value
