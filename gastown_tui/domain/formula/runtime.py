"""Conditions that are decided while a molecule is worked on: of gates, and of `until` loops.

::

    STEP.status == 'complete'                   also !=; `step` alone is the one before
    STEP.output.PATH OP VALUE                   == != < <= > >=
    children(STEP).all(status == 'complete')    also any(...), and count(...) OP NUMBER
    file.exists('PATH')                         within the folder of whoever works
    env.NAME OP VALUE

All of them may begin with `!`. What is none of these is prose, and left to whoever takes the step.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LONGEST: Final = 500
"""Characters of a condition; a longer one is prose."""
BEFORE: Final = "step"
"""The step that came before, in the place of an id."""
_ID: Final = r"[A-Za-z0-9][\w.-]{0,199}?"
_SIGN: Final = r"==|!=|<=|>=|<|>"
_VALUE: Final = r"'[^']{0,200}'|\"[^\"]{0,200}\"|[\w.+-]{1,200}"
_STATUS: Final = re.compile(rf"({_ID})\.status\s*(==|!=)\s*({_VALUE})")
_OUTPUT: Final = re.compile(rf"({_ID})\.output\.(\w[\w.-]{{0,99}})\s*({_SIGN})\s*({_VALUE})")
_CHILDREN: Final = re.compile(
    rf"children\(\s*({_ID})\s*\)\.(all|any|count)\(\s*status\s*(==|!=)\s*({_VALUE})\s*\)"
    rf"(?:\s*({_SIGN})\s*(\d{{1,6}}))?"
)
_FILE: Final = re.compile(r"file\.exists\(\s*(?:'([^']{1,300})'|\"([^\"]{1,300})\")\s*\)")
_ENV: Final = re.compile(rf"env\.([A-Za-z_]\w{{0,99}})\s*({_SIGN})\s*({_VALUE})")
_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_DONE: Final = frozenset({"complete", "completed", "closed", "done"})
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "done": _DONE,
    "skipped": frozenset({"closed", "skipped"}),
    "failed": frozenset({"closed", "failed"}),
    "working": frozenset({"in_progress", "working", "open"}),
    "ready": frozenset({"open", "pending", "ready"}),
    "waiting": frozenset({"open", "pending", "blocked", "waiting"}),
    "deferred": frozenset({"open", "pending", "deferred"}),
}
"""The words that a state answers to."""


class Outside(NamedTuple):
    """What conditions may ask about the place of whoever works."""

    exists: Callable[[str], bool]
    """Whether a relative path, which never leaves the folder, is there."""
    env: Mapping[str, str]


class Facts(NamedTuple):
    """What conditions may ask about the molecule."""

    states: Mapping[str, str]
    """Of steps, by their ids in the formula."""
    outputs: Mapping[str, Any]
    """What steps said when they were done."""
    children: Mapping[str, Sequence[str]]
    """States of what was bonded to a step."""
    outside: Outside | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One question, read."""

    kind: str
    """`status`, `output`, `all`, `any`, `count`, `file` or `env`."""
    subject: str
    """A step, a path or a name."""
    path: str = ""
    sign: str = "=="
    value: str = ""
    number: int = 0
    compared: str = ">="
    """Of a count, with `number`."""
    is_negated: bool = False


def read(text: str) -> Condition | None:
    """The condition that a text is; None when it is prose.

    A path that leaves the folder is prose, too: it is never asked for.
    """
    bare = text.strip()
    is_negated = bare.startswith("!")
    bare = bare.removeprefix("!").strip()
    found = None if len(text) > LONGEST else _children(bare) or _file(bare) or _value(bare)
    return found and msgspec.structs.replace(found, is_negated=is_negated)


def _children(text: str) -> Condition | None:
    found = _CHILDREN.fullmatch(text)
    if found is None:
        return None
    step, kind, sign, value, compared, number = found.groups()
    if (kind == "count") != (number is not None):
        return None
    asked = Condition(kind=kind, subject=step, sign=sign, value=_bare(value))
    if number is None:
        return asked
    return msgspec.structs.replace(asked, number=int(number), compared=compared)


def _file(text: str) -> Condition | None:
    found = _FILE.fullmatch(text)
    path = (found[1] or found[2]) if found else ""
    if not path or path.startswith(("/", "~", "-")) or ".." in path.split("/") or "\\" in path:
        return None
    return Condition(kind="file", subject=path)


def _value(text: str) -> Condition | None:
    for kind, form in (("env", _ENV), ("output", _OUTPUT), ("status", _STATUS)):
        if found := form.fullmatch(text):
            subject, *path, sign, value = found.groups()
            return Condition(
                kind=kind, subject=subject, path="".join(path), sign=sign, value=_bare(value)
            )
    return None


def renamed(text: str, names: Callable[[str], str]) -> str:
    """The text of a condition with the step that it is about under another name; prose as it is."""
    found = read(text)
    if found is None or found.kind in {"file", "env"}:
        return text
    name = names(found.subject)
    whole = re.compile(rf"(?<![\w.-]){re.escape(found.subject)}(?=\.(?:status|output)\b|\s*\))")
    return whole.sub(lambda _: name, text, count=1)


def holds(condition: Condition, facts: Facts) -> bool | None:
    """Whether a condition holds now; None when only somebody outside of the beads can say."""
    found = _held(condition, facts)
    return found if found is None else found != condition.is_negated


def _held(asked: Condition, facts: Facts) -> bool | None:
    if asked.kind in {"file", "env"}:
        if facts.outside is None:
            return None
        if asked.kind == "file":
            return facts.outside.exists(asked.subject)
        return _compared(facts.outside.env.get(asked.subject, ""), asked.sign, asked.value)
    if asked.kind == "status":
        return _is(facts.states.get(asked.subject, ""), asked)
    if asked.kind == "output":
        found = at(facts.outputs.get(asked.subject), asked.path)
        return _compared(found, asked.sign, asked.value)
    fitting = [_is(state, asked) for state in facts.children.get(asked.subject, ())]
    if asked.kind == "all":
        return bool(fitting) and all(fitting)
    if asked.kind == "any":
        return any(fitting)
    return _SIGNS[asked.compared](sum(fitting), asked.number)


def _is(state: str, asked: Condition) -> bool:
    words = _WORDS.get(state, frozenset())
    return (asked.value.lower() in words) == (asked.sign == "==")


def at(value: Any, path: str) -> Any:
    """What is at a dotted path in plain data; None when nothing is."""
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list | tuple) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _compared(found: Any, sign: str, wanted: str) -> bool:
    """Numbers as numbers, all else as text; what is absent is only unlike."""
    if found is None:
        return sign == "!="
    if isinstance(found, bool):
        found = str(found).lower()
    try:
        return _SIGNS[sign](float(str(found)), float(wanted))
    except ValueError:
        return _SIGNS[sign](str(found), wanted)


def _bare(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text
