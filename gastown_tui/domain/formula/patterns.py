r"""Patterns of variables, matched in a time that no pattern can blow up.

A formula file comes from anywhere, and the engine of `re` can take for ever on a pattern of twenty
characters. Here every state is followed at once instead of one after the other: at most
`MOST_STATES` steps for each character of the value, whatever the pattern says.

The usual language of `re.search`: `.`, classes, `\d \w \s` and their opposites, groups, `|`,
`* + ? {m,n}` (lazy or not: only whether it fits is asked), `^ $ \A \Z \b \B`, and `(?i)` at the
beginning. What looks around or back is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LONGEST: Final = 500
"""Characters of a pattern."""
LONGEST_VALUE: Final = 2_000
"""Characters of a value that has a pattern."""
MOST_STATES: Final = 1_000
DEEPEST: Final = 30
"""Groups inside of groups."""
_REPEAT: Final = re.compile(r"\{(\d{1,4})?(,)?(\d{1,4})?\}")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPES: Final = frozenset("dDwWsS")
_ANCHORS: Final = {"^": "A", "$": "$", "A": "A", "Z": "Z", "b": "b", "B": "B"}

_Tree: TypeAlias = tuple[str, object]
"""A node of a pattern: its kind, and what it holds."""


class _State(NamedTuple):
    """A place in the machine: what it takes, and where it goes on."""

    kind: str
    """`one` takes a character, `split` goes both ways, `at` asks where it is, `end` is a match."""
    test: object
    first: int
    second: int


class Pattern:
    """A pattern made ready; `search` says whether it is anywhere in a text."""

    def __init__(self, text: str) -> None:
        """Read the pattern.

        Raises:
            ValueError: it is none, or one that is not allowed, with the reason.
        """
        if len(text) > LONGEST:
            raise ValueError(f"a pattern has at most {LONGEST} characters")
        tree = _Reader(text).whole()
        self._states: list[_State] = [_State("end", None, -1, -1)]
        self._start = self._built(tree, 0)

    def search(self, value: str) -> bool:
        """Whether the pattern fits some part of the value.

        Raises:
            ValueError: the value is longer than `LONGEST_VALUE`.
        """
        if len(value) > LONGEST_VALUE:
            raise ValueError(f"a value with a pattern has at most {LONGEST_VALUE} characters")
        here: set[int] = set()
        for place in range(len(value) + 1):
            here = self._closed({*here, self._start}, value, place)
            if 0 in here:
                return True
            if place < len(value):
                here = {
                    self._states[one].first
                    for one in here
                    if _takes(self._states[one], value[place])
                }
        return False

    def _closed(self, states: Iterable[int], value: str, place: int) -> set[int]:
        """The states that can be reached without taking a character."""
        found: set[int] = set()
        queue = list(states)
        while queue:
            number = queue.pop()
            if number in found:
                continue
            found.add(number)
            state = self._states[number]
            if state.kind == "split":
                queue += [state.first, state.second]
            elif state.kind == "at" and _is_at(str(state.test), value, place):
                queue.append(state.first)
        return found

    def _add(self, kind: str, test: object, first: int, second: int = -1) -> int:
        if len(self._states) >= MOST_STATES:
            raise ValueError("the pattern repeats too much")
        self._states.append(_State(kind, test, first, second))
        return len(self._states) - 1

    def _built(self, tree: _Tree, then: int) -> int:
        """The state that a node begins with, when `then` comes after it."""
        kind, held = tree
        if kind in {"one", "at"}:
            return self._add(kind, held, then)
        assert isinstance(held, tuple)
        if kind == "all":
            for part in reversed(held):
                then = self._built(part, then)
            return then
        if kind == "any":
            first = self._built(held[-1], then)
            for part in reversed(held[:-1]):
                first = self._add("split", None, self._built(part, then), first)
            return first
        inner, least, most = held
        return self._repeated(inner, least, most, then)

    def _repeated(self, inner: _Tree, least: int, most: int | None, then: int) -> int:
        if most is None:
            loop = self._add("split", None, -1, then)
            first = self._built(inner, loop)
            self._states[loop] = _State("split", None, first, then)
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._add("split", None, self._built(inner, then), end)
        for _ in range(least):
            then = self._built(inner, then)
        return then


def _takes(state: _State, character: str) -> bool:
    return state.kind == "one" and state.test.fullmatch(character) is not None  # type: ignore[attr-defined]


def _is_at(anchor: str, value: str, place: int) -> bool:
    if anchor == "A":
        return place == 0
    if anchor == "Z":
        return place == len(value)
    if anchor == "$":
        return place == len(value) or (place == len(value) - 1 and value[place] == "\n")
    sides = [
        0 <= n < len(value) and (value[n].isalnum() or value[n] == "_") for n in (place - 1, place)
    ]
    return (sides[0] != sides[1]) == (anchor == "b")


class _Reader:
    """Recursive descent over the text of a pattern."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._flags = 0
        if text.startswith("(?i)"):
            self._place, self._flags = 4, re.IGNORECASE

    def whole(self) -> _Tree:
        found = self._choice(0)
        if self._place < len(self._text):
            raise ValueError("a parenthesis is closed that was not opened")
        return found

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _choice(self, depth: int) -> _Tree:
        if depth > DEEPEST:
            raise ValueError(f"groups are {DEEPEST} deep at most")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self._place += 1
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else ("any", tuple(branches))

    def _sequence(self, depth: int) -> _Tree:
        parts: list[_Tree] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._counted(self._atom(depth)))
        return ("all", tuple(parts))

    def _counted(self, atom: _Tree) -> _Tree:
        """An atom with the quantifier that follows it."""
        found = self._quantifier()
        if found is None:
            return atom
        if self._peek() == "?":
            self._place += 1
        before = self._place
        if self._peek() == "+" or self._quantifier() is not None:
            self._place = before
            raise ValueError(f"a second quantifier follows at {before}")
        return ("many", (atom, *found))

    def _quantifier(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._peek() in simple:
            self._place += 1
            return simple[self._text[self._place - 1]]
        match = _REPEAT.match(self._text, self._place)
        if match is None or match[0] in {"{}", "{,}"}:
            return None  # a brace by itself stands for itself
        self._place = match.end()
        least = int(match[1] or 0)
        most = int(match[3]) if match[3] else None if match[2] else least
        if most is not None and most < least:
            raise ValueError(f"{match[0]} counts down")
        return least, most

    def _atom(self, depth: int) -> _Tree:
        sign = self._peek()
        if sign == "(":
            return self._group(depth)
        if sign in {"*", "+", "?"}:
            raise ValueError(f"{sign!r} at {self._place} repeats nothing")
        if sign == "\\":
            return self._escape()
        if sign == "[":
            match = _CLASS.match(self._text, self._place)
            if match is None:
                raise ValueError("a class is not closed")
            self._place = match.end()
            return self._one(match[0])
        self._place += 1
        if sign in _ANCHORS and not sign.isalpha():
            return ("at", _ANCHORS[sign])
        return self._one("." if sign == "." else re.escape(sign))

    def _escape(self) -> _Tree:
        self._place += 2
        letter = self._text[self._place - 1 : self._place]
        if letter in _ANCHORS and letter.isalpha():
            return ("at", _ANCHORS[letter])
        if not letter or (letter.isalnum() and letter not in _ESCAPES and letter not in "nrtfv"):
            raise ValueError(f"\\{letter} is not allowed")
        return self._one(f"\\{letter}")

    def _group(self, depth: int) -> _Tree:
        self._place += 1
        named = re.compile(r"\?:|\?P<[A-Za-z_]\w{0,99}>").match(self._text, self._place)
        if named:
            self._place = named.end()
        elif self._peek() == "?":
            raise ValueError(f"(?{self._text[self._place + 1 : self._place + 2]} is not allowed")
        found = self._choice(depth + 1)
        if self._peek() != ")":
            raise ValueError("a parenthesis is not closed")
        self._place += 1
        return found

    def _one(self, text: str) -> _Tree:
        """What takes exactly one character; `re` says which, as it cannot take long over one."""
        compiled: Callable[..., re.Pattern[str]] = re.compile
        try:
            return ("one", compiled(text, self._flags))
        except (re.error, FutureWarning) as error:
            raise ValueError(str(error)) from error
