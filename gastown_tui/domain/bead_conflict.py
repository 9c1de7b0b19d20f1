"""Where git left a conflict in a file: its blocks, and on which side of one a line stands.

The three ways in which git writes them (`merge`, `diff3`, `zdiff3`) differ in whether the common
ancestor's lines stand between the two sides. Markers of nested conflicts, which are longer than
seven characters, appear within an ancestor's lines only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

Side: TypeAlias = Literal["ours", "base", "theirs"]

_MARKER: Final = re.compile(rb"(<{7,}|>{7,}|\|{7,}|={7,})( |\r?$)")
_SIZE: Final = 7
_ANY: Final = (b"<<<<<<<", b">>>>>>>", b"=======", b"|||||||")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One conflict, from its first marker to its last; line numbers count from 1."""

    first: int
    bar: int
    """Of `|||||||`; 0 where the ancestor is not shown."""
    middle: int
    last: int

    def side(self, number: int) -> Side | None:
        """Where a line of the block stands; None for its markers."""
        if number in {self.first, self.bar, self.middle, self.last}:
            return None
        if number > self.middle:
            return "theirs"
        return "base" if self.bar and number > self.bar else "ours"


class Conflicts(msgspec.Struct, frozen=True, kw_only=True):
    """All conflicts of a file."""

    blocks: tuple[Block, ...] = ()
    strays: frozenset[int] = frozenset()
    """Lines of markers that belong to no whole block."""
    markers: frozenset[int] = frozenset()
    """Lines of all markers, those of blocks and nested ones included."""


def find(data: bytes, lines: Sequence[bytes]) -> Conflicts:
    """The conflicts of a file, given whole and in lines."""
    if not any(text in data for text in _ANY):
        return Conflicts()
    marks = [
        (number, found.group(1))
        for number, line in enumerate(lines, start=1)
        if line[:1] in {b"<", b">", b"=", b"|"} and (found := _MARKER.match(line))
    ]
    blocks = _blocks([(number, mark) for number, mark in marks if len(mark) == _SIZE])
    inside = {n for b in blocks for n in (b.first, b.bar, b.middle, b.last)}
    nested = {
        number
        for number, mark in marks
        if len(mark) > _SIZE and any(b.first < number < b.last for b in blocks)
    }
    every = frozenset(number for number, _ in marks)
    return Conflicts(blocks=tuple(blocks), strays=every - inside - nested, markers=every)


def _blocks(marks: list[tuple[int, bytes]]) -> list[Block]:
    """The markers that stand in one of the two orders git writes them in."""
    found: list[Block] = []
    index = 0
    while index < len(marks):
        shape = b"".join(mark[:1] for _, mark in marks[index : index + 4])
        numbers = [number for number, _ in marks[index : index + 4]]
        if shape == b"<|=>":
            found.append(
                Block(first=numbers[0], bar=numbers[1], middle=numbers[2], last=numbers[3])
            )
            index += 4
        elif shape[:3] == b"<=>":
            found.append(Block(first=numbers[0], bar=0, middle=numbers[1], last=numbers[2]))
            index += 3
        else:
            index += 1
    return found
