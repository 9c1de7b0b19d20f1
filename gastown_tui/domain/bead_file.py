"""A bead file as bytes: its lines, what is wrong with it, and how it is written.

One bead a line. Blank lines, headers and records of other kinds (`_type` other than "issue", or
`_schema`) are kept as they are, at their place. Bad lines, conflict markers and repeated ids are
problems: what can be read is read, but such a file is never written over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from gastown_tui.domain.bead import Bead, decode, instant
from gastown_tui.domain.bead_line import Line, Style

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_PROBLEMS: Final = 200
"""So many are told; a binary file has no end of them."""
_MARKER: Final = re.compile(rb"(<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)( |\r?$)|=======\r?$")
_ESCAPE: Final = re.compile(rb"\\u(?!00|202[89])[0-9a-fA-F]{4}")
"""An escape that only writers use which escape all that is not ASCII."""
_BOM: Final = b"\xef\xbb\xbf"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a bead file."""

    file: str
    line: int
    """Counted from 1."""
    what: str
    kind: Literal["bad-line", "conflict-marker", "duplicate-id"]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """One bead of a file."""

    id: str
    line: bytes
    number: int
    decoded: Bead | None = None
    """Not decoded where the line was known already."""

    def bead(self) -> Bead:
        """What the line says."""
        return decode(self.line) if self.decoded is None else self.decoded


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is no bead; it stands before bead `before`, or at the end when that is empty."""

    line: bytes
    before: str


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is written, beyond its beads' lines."""

    style: Style = Style()
    by_id: bool = True
    """Beads stand in the byte order of their ids."""
    typed: bool = False
    """Lines begin with `_type`."""
    text_ids: bool = False
    """Comments have ids that are texts."""
    newline: str = "\n"
    """Between lines that we add."""
    open_end: bool = False
    """The last line has no newline."""


class BeadFile(msgspec.Struct, frozen=True, kw_only=True):
    """A scanned file; of a repeated id, `beads` holds the latest line."""

    beads: dict[str, Scanned]
    others: tuple[Other, ...]
    layout: Layout
    problems: tuple[Problem, ...]


def scan(data: bytes, name: str, known: Mapping[bytes, str] | None = None) -> BeadFile:
    """Read a bead file as far as it is true.

    Args:
        data: the file.
        name: what problems call it.
        known: ids of lines that were read before; they are not decoded again.
    """
    beads: dict[str, Scanned] = {}
    waiting: list[bytes] = []
    others: list[Other] = []
    problems: list[Problem] = []
    lines = data.split(b"\n")
    open_end = lines[-1] != b""
    for number, line in enumerate(lines if open_end else lines[:-1], start=1):
        found = _read(line, name, number, (known or {}).get(line))
        if isinstance(found, Problem):
            problems.append(found)
        elif found is None:
            waiting.append(line)
        else:
            others += (Other(line=other, before=found.id) for other in waiting)
            waiting.clear()
            if found.id in beads:
                problems.append(_duplicate(name, beads[found.id], found))
                found = max(beads[found.id], found, key=_recency)
            beads[found.id] = found
    others += (Other(line=other, before="") for other in waiting)
    return BeadFile(
        beads=beads,
        others=tuple(others),
        layout=_layout(data, beads, open_end=open_end),
        problems=tuple(problems[:MOST_PROBLEMS]),
    )


def _read(line: bytes, name: str, number: int, known: str | None) -> Scanned | Problem | None:
    """The bead of a line, what is wrong with it, or None for a line of another kind."""
    if known is not None:
        return Scanned(id=known, line=line, number=number)
    if _MARKER.match(line):
        what = "a conflict marker of git"
        return Problem(file=name, line=number, what=what, kind="conflict-marker")
    bare = line.removeprefix(_BOM).strip()
    if not bare:
        return None
    try:
        line.decode()
        if (bare.startswith((b'{"_', b'{ "_')) and _is_other(bare)) or bare.startswith(b"#"):
            return None
        bead = decode(line)
        if bead.id and "\n" not in bead.id:
            return Scanned(id=bead.id, line=line, number=number, decoded=bead)
        what = "a bead without an id"
    except ValueError as error:
        what = f"not a bead ({str(error)[:120]})"
    return Problem(file=name, line=number, what=what, kind="bad-line")


def _is_other(line: bytes) -> bool:
    line_type = msgspec.json.decode(line)
    if not isinstance(line_type, dict):
        return False
    return line_type.get("_type", "issue") != "issue" or "_schema" in line_type


def _recency(scanned: Scanned) -> tuple[float, int]:
    return instant(scanned.bead().updated_at), scanned.number


def _duplicate(name: str, first: Scanned, second: Scanned) -> Problem:
    what = f"{second.id} stands in line {first.number} already"
    return Problem(file=name, line=second.number, what=what, kind="duplicate-id")


def _layout(data: bytes, beads: dict[str, Scanned], *, open_end: bool) -> Layout:
    """How the file is written."""
    if not beads:
        return Layout()
    raw = any(character in data for character in (b"<", b">", b"&"))
    html = not raw or any(code in data for code in (b"\\u003c", b"\\u003e", b"\\u0026"))
    ascii_only = data.isascii() and b"\\u" in data and _ESCAPE.search(data) is not None
    keys = [bead.encode() for bead in beads]
    scanned = list(beads.values())
    first = scanned[0].line
    comments = (s.bead().comments for s in scanned if b'"comments"' in s.line)
    comment = next((found[0] for found in comments if found), None)
    return Layout(
        style=msgspec.structs.replace(Line(first, Style()).style, html=html, ascii=ascii_only),
        by_id=keys == sorted(keys),
        typed=first.lstrip().startswith(b'{"_type"'),
        text_ids=comment is not None and isinstance(comment.id, str),
        newline="\r\n" if first.endswith(b"\r") else "\n",
        open_end=open_end,
    )


def compose(
    lines: Iterator[tuple[str, bytes]], others: list[Other], *, open_end: bool
) -> Iterator[bytes]:
    """The file's bytes, piece by piece.

    Args:
        lines: id and line of every bead, in the file's order.
        others: lines that are no beads.
        open_end: leave out the last newline, as the file had none.
    """
    before: dict[str, list[bytes]] = {}
    for other in others:
        before.setdefault(other.before, []).append(other.line)
    last: bytes | None = None
    for bead, line in lines:
        for piece in (*before.pop(bead, ()), line):
            if last is not None:
                yield last + b"\n"
            last = piece
    for pieces in before.values():
        for piece in pieces:
            if last is not None:
                yield last + b"\n"
            last = piece
    if last is not None:
        yield last if open_end else last + b"\n"
