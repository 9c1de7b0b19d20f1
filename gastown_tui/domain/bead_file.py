"""A bead file as bytes: its lines, what is wrong with it, and how it is written.

One bead a line. Blank lines, headers and records of other kinds (`_type` other than "issue", or
`_schema`) are kept as they are, at their place. Bad lines, conflict markers and repeated ids are
problems: what can be read is read (`bead_reader`), but such a file is not written over before it
was repaired.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain import bead_conflict
from gastown_tui.domain.bead_line import Line, Style
from gastown_tui.domain.bead_reader import BOM, Aside, Other, Problem, Reader, Scanned
from gastown_tui.domain.merge_fields import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Aside", "BeadFile", "Layout", "Other", "Problem", "Scanned", "compose", "scan"]

MOST_PROBLEMS: Final = 200
"""So many are told; a binary file has no end of them."""
_ESCAPE: Final = re.compile(rb"\\u(?!00|202[89])[0-9a-fA-F]{4}")
"""An escape that only writers use which escape all that is not ASCII."""
_WIDE: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""What PowerShell writes when a command's output is sent to a file."""
_BINARY: Final = 8192
"""So many bytes are looked at for a zero, as git does."""


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
    bom: bool = False
    """The file begins with a byte order mark."""


class BeadFile(msgspec.Struct, frozen=True, kw_only=True):
    """A scanned file; of a repeated id, `beads` holds its lines merged."""

    beads: dict[str, Scanned]
    others: tuple[Other, ...]
    layout: Layout
    problems: tuple[Problem, ...]
    asides: tuple[Aside, ...] = ()


def scan(data: bytes, name: str, known: Mapping[bytes, str] | None = None) -> BeadFile:
    """Read a bead file as far as it is true.

    Args:
        data: the file.
        name: what problems call it.
        known: ids of lines that were read before; they are not decoded again, and a damaged line
            of such a bead is not taken for an edit.
    """
    text, encoding = _as_utf8(data)
    body = text.removeprefix(BOM)
    lines = body.split(b"\n")
    open_end = lines[-1] != b""
    if not open_end:
        lines.pop()
    reader = Reader(name, known or {}, ascii_only=body.isascii())
    if encoding:
        reader.problem(1, f"the file is {encoding}", "encoding", "it is written as UTF-8")
    reader.read(lines, bead_conflict.find(body, lines))
    layout = _layout(body, reader.beads, reader.in_order())
    beads = reader.merged(Rules(style=layout.style, text_ids=layout.text_ids))
    if not beads and b"\0" in body[:_BINARY] and reader.problems:
        what = "a binary file: no line of it is a bead"
        reader.problems.clear()
        reader.problem(1, what, "bad-line", "it is put aside whole")
        reader.asides = [Aside(line=1, data=data, why=what)]
    return BeadFile(
        beads=beads,
        others=tuple(reader.others),
        layout=msgspec.structs.replace(layout, open_end=open_end, bom=text.startswith(BOM)),
        problems=_told(reader.problems),
        asides=tuple(reader.asides),
    )


def _as_utf8(data: bytes) -> tuple[bytes, str]:
    """The file in UTF-8, and the name of its encoding when it was another."""
    encoding = _WIDE.get(data[:2])
    if encoding is None:
        return data, ""
    try:
        text = data[2:].decode(encoding)
    except UnicodeDecodeError:
        return data, ""
    return (text.encode(), encoding.upper()) if '"id"' in text else (data, "")


def _told(problems: list[Problem]) -> tuple[Problem, ...]:
    """At most so many, in order, and how many more there are."""
    problems.sort(key=lambda problem: problem.line)
    if len(problems) <= MOST_PROBLEMS:
        return tuple(problems)
    first = problems[MOST_PROBLEMS]
    what = f"from here on {len(problems) - MOST_PROBLEMS} more problems"
    rest = Problem(file=first.file, line=first.line, what=what, kind="more")
    return (*problems[:MOST_PROBLEMS], rest)


def _layout(data: bytes, beads: dict[str, Scanned], in_order: Iterable[str]) -> Layout:
    """How the file is written; `in_order` are ids in the file's own order."""
    if not beads:
        return Layout()
    raw = any(character in data for character in (b"<", b">", b"&"))
    html = not raw or any(code in data for code in (b"\\u003c", b"\\u003e", b"\\u0026"))
    ascii_only = data.isascii() and b"\\u" in data and _ESCAPE.search(data) is not None
    keys = [bead.encode() for bead in in_order]
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
    )


def compose(
    lines: Iterator[tuple[str, bytes]], others: list[Other], *, open_end: bool, bom: bool = False
) -> Iterator[bytes]:
    """The file's bytes, piece by piece.

    Args:
        lines: id and line of every bead, in the file's order.
        others: lines that are no beads.
        open_end: leave out the last newline, as the file had none.
        bom: begin with a byte order mark.
    """
    if bom:
        yield BOM
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
