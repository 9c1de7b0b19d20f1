"""Two edits of one text become one, line by line.

Lines that both sides added at one place are all kept. Lines `key: value`, in which `gt` keeps
facts inside descriptions, are a map of their own: a value is merged by its key wherever its line
stands. Where both sides changed the same lines, the later edit's stand.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES: Final = 1000
"""Changed lines that are still compared one by one; more of them count as one change."""
_FACT: Final = re.compile(r"([a-z][a-z0-9_]{0,40}):(?: .*)?\r?")


class MergedText(NamedTuple):
    """A merged text."""

    text: str
    lost: bool
    """Whether something that the earlier edit wrote is not in it."""


class _Block(NamedTuple):
    """`size` equal lines, at `base` of the common text and at `side` of an edited one."""

    base: int
    side: int
    size: int


def merge_text(base: str, first: str, second: str) -> MergedText:
    """Merge two edits of a text.

    Args:
        base: what both started from; empty for nothing.
        first: the earlier edit; of two additions at one place its one comes first.
        second: the later edit, which stands where both changed the same lines.
    """
    texts = [text.split("\n") if text else [] for text in (base, first, second)]
    facts, lost = _facts(texts)
    tokens = [[_token(line, facts) for line in lines] for lines in texts]
    merged, overruled = _merge_lines(*tokens)
    lines = [facts.get(token[1:], "") if token[:1] == "\0" else token[1:] for token in merged]
    return MergedText("\n".join(lines), lost or overruled)


def _token(line: str, facts: dict[str, str]) -> str:
    """What stands for a line while lines are compared: of a fact only its key."""
    found = _FACT.fullmatch(line)
    return f"\0{found[1]}" if found and found[1] in facts else f" {line}"


def _facts(texts: list[list[str]]) -> tuple[dict[str, str], bool]:
    """The merged line of every fact that is one: stated once a text, and taken out by nobody.

    Returns:
        Lines by key, and whether a value of the earlier edit had to give way.
    """
    found = [_facts_of(lines) for lines in texts]
    _, first, second = found
    merged: dict[str, str] = {}
    lost = False
    for key in {*first, *second}:
        lines = [text.get(key) for text in found]
        before, one, two = lines
        stated = [line for line in lines if line is not None]
        if "" in stated or (before is not None and len(stated) < len(lines)):
            continue
        if one is None or two is None:
            merged[key] = stated[0]
        else:
            merged[key] = one if two == before else two
            lost |= before != one != two != before
    return merged, lost


def _facts_of(lines: list[str]) -> dict[str, str]:
    """Line of every fact; an empty text for one that is stated more than once."""
    keys = Counter[str]()
    facts: dict[str, str] = {}
    for line in lines:
        if found := _FACT.fullmatch(line):
            keys[found[1]] += 1
            facts[found[1]] = line
    return {key: line if keys[key] == 1 else "" for key, line in facts.items()}


def _merge_lines(base: list[str], first: list[str], second: list[str]) -> tuple[list[str], bool]:
    merged: list[str] = []
    lost = False
    at = (0, 0, 0)
    for start, one, two, size in _common(base, first, second):
        chunk, overruled = _merge_chunk(
            base[at[0] : start], first[at[1] : one], second[at[2] : two]
        )
        merged += chunk
        merged += base[start : start + size]
        lost |= overruled
        at = (start + size, one + size, two + size)
    return merged, lost


def _merge_chunk(base: list[str], first: list[str], second: list[str]) -> tuple[list[str], bool]:
    """Lines between two places where all three agree."""
    if first in (base, second):
        return second, False
    if second == base:
        return first, False
    if base:
        return second, True
    if _holds(second, first) or _holds(first, second):
        return max(first, second, key=len), False
    shorter = min(len(first), len(second))
    head = 0
    while head < shorter and first[head] == second[head]:
        head += 1
    tail = 0
    while tail < shorter - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    facts = {token for token in second if token[:1] == "\0"}
    middle = [token for token in first[head : len(first) - tail] if token not in facts]
    return [*first[:head], *middle, *second[head:]], False


def _holds(lines: list[str], part: list[str]) -> bool:
    """Whether all lines of `part` are in `lines`, in their order."""
    rest = iter(lines)
    return all(line in rest for line in part)


def _common(
    base: list[str], first: list[str], second: list[str]
) -> list[tuple[int, int, int, int]]:
    """Places and sizes of the runs of lines that all three have, the end included."""
    ones, twos = _blocks(base, first), _blocks(base, second)
    found: list[tuple[int, int, int, int]] = []
    i = j = 0
    while i < len(ones) and j < len(twos):
        one, two = ones[i], twos[j]
        start = max(one.base, two.base)
        end = min(one.base + one.size, two.base + two.size)
        if end > start:
            at = (start, one.side + start - one.base, two.side + start - two.base, end - start)
            found.append(at)
        if one.base + one.size < two.base + two.size:
            i += 1
        else:
            j += 1
    found.append((len(base), len(first), len(second), 0))
    return found


def _blocks(base: Sequence[str], side: Sequence[str]) -> list[_Block]:
    """Runs of lines that an edit left as they were."""
    shorter = min(len(base), len(side))
    head = 0
    while head < shorter and base[head] == side[head]:
        head += 1
    tail = 0
    while tail < shorter - head and base[-1 - tail] == side[-1 - tail]:
        tail += 1
    blocks = [_Block(0, 0, head)]
    middle = base[head : len(base) - tail], side[head : len(side) - tail]
    if all(middle) and max(map(len, middle)) <= MOST_LINES:
        matcher = SequenceMatcher(None, *middle, autojunk=False)
        blocks += [_Block(a + head, b + head, n) for a, b, n in matcher.get_matching_blocks()]
    blocks.append(_Block(len(base) - tail, len(side) - tail, tail))
    return [block for block in blocks if block.size]
