"""The templates in convoy formulas: the part of Go's text/template that they use.

`{{.path.to.value}}`, `{{if .x}}`, `{{else}}`, `{{range .list}}` with `{{.}}` and `{{.key}}`,
`{{end}}`, the white-space marks `{{-` and `-}}`; and `{{name}}` for a variable. What it does not
know stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ACTION: Final = re.compile(r"\{\{(-\s)?([^{}]{0,300}?)(\s-)?\}\}")
"""Bounded, so that a file of nothing but braces is read in no time."""
_PATH: Final = re.compile(r"\.|(\.[A-Za-z_]\w*)+")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_BLOCK: Final = re.compile(r"(if|range)\s+(\S+)")
DEEPEST: Final = 20
"""Blocks inside of blocks."""


class _Block(msgspec.Struct):
    """A piece of a template: text, a value, or a block with its two bodies."""

    kind: str = "text"
    text: str = ""
    body: list[_Block] = []
    other: list[_Block] = []


def render(text: str, data: Mapping[str, Any]) -> str:
    """The text with its actions carried out on `data`; an absent value is empty.

    Raises:
        ValueError: a block that is not closed, or one too many is.
    """
    return _rendered(_parsed(text), data, data)


def fields(text: str) -> list[str]:
    """The first names of all paths in a template, as in `leg` for `{{.leg.id}}`."""
    found = (match[2].split()[-1] for match in _ACTION.finditer(text) if match[2].split())
    return [path.split(".")[1] for path in found if _PATH.fullmatch(path) and path != "."]


def _parsed(text: str) -> list[_Block]:
    root = _Block(kind="root")
    stack: list[tuple[_Block, list[_Block]]] = [(root, root.body)]
    place = 0
    for match in _ACTION.finditer(text):
        before = text[place : match.start()]
        stack[-1][1].append(_Block(text=before.rstrip() if match[1] else before))
        place = match.end()
        while match[3] and text[place : place + 1].isspace():
            place += 1
        _take(match, stack)
    stack[-1][1].append(_Block(text=text[place:]))
    if len(stack) > 1:
        raise ValueError(f"{{{{{stack[-1][0].kind} {stack[-1][0].text}}}}} has no {{{{end}}}}")
    return root.body


def _take(match: re.Match[str], stack: list[tuple[_Block, list[_Block]]]) -> None:
    """Add what one action says to the innermost open body."""
    action = match[2].strip()
    block = _BLOCK.fullmatch(action)
    if block is not None and _PATH.fullmatch(block[2]):
        if len(stack) > DEEPEST:
            raise ValueError(f"blocks are {DEEPEST} deep at most")
        found = _Block(kind=block[1], text=block[2])
        stack[-1][1].append(found)
        stack.append((found, found.body))
    elif action in {"else", "end"}:
        if len(stack) == 1:
            raise ValueError(f"{{{{{action}}}}} has nothing to belong to")
        opened, _ = stack.pop()
        if action == "else":
            stack.append((opened, opened.other))
    elif _PATH.fullmatch(action):
        stack[-1][1].append(_Block(kind="value", text=action))
    elif _NAME.fullmatch(action):
        stack[-1][1].append(_Block(kind="name", text=action, body=[_Block(text=match[0])]))
    else:
        stack[-1][1].append(_Block(text=match[0]))


def _rendered(blocks: list[_Block], here: Any, data: Mapping[str, Any]) -> str:
    return "".join(_RENDERERS[block.kind](block, here, data) for block in blocks)


def _name(block: _Block, _: Any, data: Mapping[str, Any]) -> str:
    value = data.get(block.text)
    return value if isinstance(value, str) else block.body[0].text


def _value(block: _Block, here: Any, data: Mapping[str, Any]) -> str:
    value = _found(block.text, here, data)
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _if(block: _Block, here: Any, data: Mapping[str, Any]) -> str:
    is_true = bool(_found(block.text, here, data))
    return _rendered(block.body if is_true else block.other, here, data)


def _range(block: _Block, here: Any, data: Mapping[str, Any]) -> str:
    value = _found(block.text, here, data)
    items = value if isinstance(value, list) else re.split(r"[\s,]+", str(value or "").strip())
    parts = [_rendered(block.body, item, data) for item in items if item]
    return "".join(parts) if parts else _rendered(block.other, here, data)


def _found(path: str, here: Any, data: Mapping[str, Any]) -> Any:
    if path == ".":
        return here if not isinstance(here, dict) else None
    value: Any = here if isinstance(here, dict) else data
    for name in path.split(".")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


_RENDERERS: Final[Mapping[str, Callable[[_Block, Any, Mapping[str, Any]], str]]] = {
    "text": lambda block, _here, _data: block.text,
    "name": _name,
    "value": _value,
    "if": _if,
    "range": _range,
}
