"""Two edits of a list become one: elements come and go by what identifies them.

Labels and lists that we do not know are compared by value, edges by target and type, comments by
author, text and time. An element that one side took out is gone, unless the other side changed it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain import merge_comments
from gastown_tui.domain.bead import instant
from gastown_tui.domain.ready import BLOCKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOOK: Final = "town"
"""The dimension of labels that belongs to the assignee: which town the bead is hooked in."""


class Lost(msgspec.Struct, frozen=True):
    """What one side wrote and the merged list does not say."""

    words: str
    of_first: bool
    """Whether the earlier edit wrote it."""


class MergedList(msgspec.Struct, frozen=True, kw_only=True):
    """A merged list as JSON texts, and what had to give way."""

    elements: list[str]
    lost: tuple[Lost, ...] = ()


def merge_list(key: str, base: list[str], first: list[str], second: list[str]) -> MergedList:
    """Merge two edits of a list.

    Args:
        key: whose list; labels, dependencies and comments have rules of their own.
        base: JSON texts of the elements that both started from.
        first: the earlier edit.
        second: the later one, whose order is kept.
    """
    identify = _IDENTITY.get(key, _whole)
    before, one, two = (_named(elements, identify) for elements in (base, first, second))
    merged: dict[str, str] = {}
    lost: list[Lost] = []
    for name in (*two, *(name for name in one if name not in two)):
        found = _element(key, before.get(name), one.get(name), two.get(name))
        if found is not None:
            merged[name] = found.element
            lost += found.lost
    elements = list(merged.values())
    if key == "dependencies":
        elements, given_up = _one_edge_each(elements, first, second)
        lost += given_up
    elif key == "labels":
        elements = _by_value(elements, second)
    elif key == "comments":
        elements = merge_comments.by_time(elements, second)
    return MergedList(elements=elements, lost=tuple(lost))


class _Found(msgspec.Struct, frozen=True):
    element: str
    lost: tuple[Lost, ...] = ()


def _element(key: str, before: str | None, one: str | None, two: str | None) -> _Found | None:
    """One element of the three lists; None when it is gone."""
    if one is None or two is None:
        kept = one if one is not None else two
        if kept is None or (before is not None and _meaning(key, kept) == _meaning(key, before)):
            return None
        return _Found(kept)
    meant = [None if text is None else _meaning(key, text) for text in (before, one, two)]
    if meant[2] == meant[0] and meant[1] != meant[0]:
        return _Found(one)
    if meant[1] in (meant[0], meant[2]) or key != "dependencies":
        return _Found(two)
    extras = _extras(one)
    told = Lost(f"{_edge_words(one)} with {extras}", of_first=True)
    return _Found(two, (told,) if extras and extras != _extras(two) else ())


def _named(elements: Iterable[str], identify: Callable[[Any], str]) -> dict[str, str]:
    """Elements by identity; the second of two equal ones is another one."""
    times = Counter[str]()
    named: dict[str, str] = {}
    for element in elements:
        name = identify(json.loads(element))
        times[name] += 1
        named[f"{times[name]} {name}"] = element
    return named


def _meaning(key: str, element: str) -> str:
    """Equal for two texts of an element that say the same."""
    value = json.loads(element)
    if key == "dependencies" and isinstance(value, dict):
        kept = {k: v for k, v in value.items() if v not in ("", "{}", None)}
        if isinstance(made := kept.get("created_at"), str):
            kept["created_at"] = instant(made) or made
        return _whole(kept)
    return _whole(value)


def _whole(element: Any) -> str:
    return json.dumps(element, sort_keys=True)


def _edge(element: Any) -> str:
    if not isinstance(element, dict):
        return _whole(element)
    return _whole([element.get("depends_on_id"), element.get("type") or "blocks"])


_IDENTITY: Final[dict[str, Callable[[Any], str]]] = {
    "dependencies": _edge,
    "comments": merge_comments.identity,
}


def _by_value(elements: list[str], second: list[str]) -> list[str]:
    """Labels sorted, if the later edit's are."""
    values = [json.loads(element) for element in (*second, *elements)]
    if not all(isinstance(value, str) for value in values):
        return elements
    known = values[: len(second)]
    return sorted(elements, key=json.loads) if known == sorted(known) else elements


def _extras(element: str) -> str:
    edge = json.loads(element)
    told = {key: edge.get(key) for key in ("metadata", "thread_id")}
    return ", ".join(
        f"{key} {value}" for key, value in told.items() if value not in ("", "{}", None)
    )


def _edge_words(element: str) -> str:
    edge = json.loads(element)
    return f"{edge.get('type') or 'blocks'} {edge.get('depends_on_id')}"


def _one_edge_each(
    elements: list[str], first: list[str], second: list[str]
) -> tuple[list[str], list[Lost]]:
    """Readers take one edge to a target: where each side has another, one that blocks stands.

    Returns:
        The edges that stay, and in words those that do not.
    """
    most = Counter[Any]()
    for side in (first, second):
        counts = Counter(map(_target, side))
        for target in counts:
            most[target] = max(most[target], counts[target])
    have = Counter(map(_target, elements))
    seconds = {_edge(json.loads(element)) for element in second}
    kept: dict[int, str] = dict(enumerate(elements))
    lost: list[Lost] = []
    for target, count in have.items():
        if target is None or count <= most[target]:
            continue
        rivals = [n for n, element in enumerate(elements) if _target(element) == target]
        rivals.sort(key=lambda n: (_blocks(elements[n]), _edge(json.loads(elements[n])) in seconds))
        for n in rivals[: count - most[target]]:
            gone = kept.pop(n)
            of_first = _edge(json.loads(gone)) not in seconds
            lost += [Lost(_edge_words(gone), of_first)]
    return list(kept.values()), lost


def _target(element: str) -> str | None:
    edge = json.loads(element)
    target = edge.get("depends_on_id") if isinstance(edge, dict) else None
    return target if isinstance(target, str) else None


def _blocks(element: str) -> bool:
    return (json.loads(element).get("type") or "blocks") in BLOCKING


def one_state_each(
    merged: list[str], sides: tuple[list[str], list[str], list[str]], *, hook_of_first: bool
) -> MergedList:
    """Leave one value of a dimension `dimension:value` that both sides set to another.

    Args:
        merged: labels as JSON texts.
        sides: those of the common line, of the earlier and of the later edit.
        hook_of_first: whether the assignee is the earlier edit's, so that the town is, too.
    """
    base, first, second = (_states(side) for side in sides)
    gone: dict[str, bool] = {}
    for dimension, mine in first.items():
        other, before = second.get(dimension), base.get(dimension)
        if len(mine) != 1 or other is None or len(other) != 1 or mine == other:
            continue
        was_set = before is not None and len(before) == 1 and before not in (mine, other)
        if dimension == HOOK and mine != before != other:
            gone[next(iter(other if hook_of_first else mine))] = not hook_of_first
        elif was_set:
            gone[next(iter(mine))] = True
    elements = [element for element in merged if json.loads(element) not in [*gone]]
    lost = tuple(Lost(label, gone[label]) for label in sorted(gone))
    return MergedList(elements=elements, lost=lost)


def state_labels(elements: list[str]) -> list[str]:
    """Those labels that are a state, `dimension:value`, as JSON texts."""
    return [text for text in elements if isinstance(one := json.loads(text), str) and ":" in one]


def _states(elements: list[str]) -> dict[str, set[str]]:
    states: dict[str, set[str]] = {}
    for element in elements:
        label = json.loads(element)
        if isinstance(label, str) and ":" in label:
            states.setdefault(label.partition(":")[0], set()).add(label)
    return states
