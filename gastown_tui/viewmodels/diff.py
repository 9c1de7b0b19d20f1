"""A diff in git's unified format as files, hunks and rows that a list can show.

Parsed once; a row is a small tuple, so ten thousand lines cost a few megabytes. Inside a hunk the
counts of its header say where it ends: a removed line that reads `-- a/x` is content, not a header.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)", re.DOTALL)
_QUOTED: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b'"': b'"', b"\\": b"\\"}
NOTES: Final = ("comment", "stale", "sent", "town")
"""Kinds of rows that are no part of the diff, but are said of it."""
_MODES: Final = {
    "100755": "executable", "120000": "a symbolic link", "160000": "a submodule's commit",
}  # fmt: skip
"""Of git's modes, those that say more than a plain file."""
TAB: Final = 4
LONGEST: Final = 4_000
"""Characters of one line that are shown."""


class Row(NamedTuple):
    """One line of the unified view."""

    kind: str
    """`file`, `meta`, `hunk`, ` ` (both sides), `-`, `+`."""
    old: int
    """Line number on the old side; 0 where there is none."""
    new: int
    text: str
    """Without the leading sign; foreign, not yet cleaned."""
    file: int


class FileDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a diff."""

    path: str
    before: str = ""
    """The former path of a renamed file, else empty."""
    change: str = "M"
    """A added, D deleted, M modified, R renamed, B binary."""
    plus: int = 0
    minus: int = 0
    row: int = 0
    """The index of its first row."""
    blob: str = ""
    """Git's name of the new content, which tells binary files apart."""


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed diff."""

    files: tuple[FileDiff, ...]
    rows: tuple[Row, ...]
    hunks: tuple[int, ...]
    """Indexes of the rows that begin a hunk."""

    @property
    def plus(self) -> int:
        """Added lines."""
        return sum(each.plus for each in self.files)

    @property
    def minus(self) -> int:
        """Removed lines."""
        return sum(each.minus for each in self.files)


def unquote(path: str) -> str:
    """A path as git writes it in a header, without its quotes and escapes."""
    path = path.rstrip("\t")
    if not (len(path) > 1 and path[0] == path[-1] == '"'):
        return path

    def plain(found: re.Match[bytes]) -> bytes:
        what = found[1]
        return bytes([int(what, 8) & 0xFF]) if len(what) == 3 else _ESCAPES.get(what, what)

    raw = path[1:-1].encode("utf-8", "surrogateescape")
    return _QUOTED.sub(plain, raw).decode("utf-8", "replace")


class _Parser:
    """Walks the lines of a diff once."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.hunks: list[int] = []
        self.files: list[dict[str, object]] = []
        self._counts: list[list[int]] = []
        self._old = self._new = self._left_old = self._left_new = 0

    def feed(self, line: str) -> None:
        if self._left_old > 0 or self._left_new > 0:
            self._content(line)
        elif line.startswith("diff --git "):
            self._open(line[11:])
        elif line.startswith("@@ ") and (found := _HUNK.match(line)):
            self._hunk(found)
        elif line.startswith("\\"):
            self._row("meta", line[2:])
        elif self.files:
            self._header(line)
        elif line.startswith("--- "):
            self._open("")
            self._header(line)

    def _row(self, kind: str, text: str, old: int = 0, new: int = 0) -> None:
        self.rows.append(Row(kind, old, new, text, max(0, len(self.files) - 1)))

    def _open(self, names: str) -> None:
        quoted = names.endswith('"')
        path = names[names.rfind(' "b/') + 1 :] if quoted else names[names.rfind(" b/") + 1 :]
        self.files.append({"path": unquote(path).removeprefix("b/"), "row": len(self.rows)})
        self._counts.append([0, 0])
        self._row("file", "")

    def _hunk(self, found: re.Match[str]) -> None:
        if not self.files:
            self._open("")
        old, old_count, new, new_count, where = found.groups()
        self._old, self._new = int(old[:9]), int(new[:9])
        self._left_old = int((old_count or "1")[:9])
        self._left_new = int((new_count or "1")[:9])
        self.hunks.append(len(self.rows))
        self._row("hunk", where.strip(), self._old, self._new)

    def _content(self, line: str) -> None:
        sign = line[:1]
        if sign == "-":
            self._row("-", line[1:], old=self._old)
            self._counts[-1][1] += 1
            self._old, self._left_old = self._old + 1, self._left_old - 1
        elif sign == "+":
            self._row("+", line[1:], new=self._new)
            self._counts[-1][0] += 1
            self._new, self._left_new = self._new + 1, self._left_new - 1
        elif sign == "\\":
            self._row("meta", line[2:])
        elif sign in (" ", ""):
            self._row(" ", line[1:], self._old, self._new)
            self._old, self._left_old = self._old + 1, self._left_old - 1
            self._new, self._left_new = self._new + 1, self._left_new - 1
        else:
            self._left_old = self._left_new = 0
            self.feed(line)

    def _header(self, line: str) -> None:
        at = self.files[-1]
        word, _, rest = line.partition(" ")
        if word == "---":
            if unquote(rest) == "/dev/null":
                at["change"] = "A"
            else:
                at["path"] = unquote(rest).removeprefix("a/")
        elif word == "+++":
            if unquote(rest) == "/dev/null":
                at["change"] = "D"
            else:
                at["path"] = unquote(rest).removeprefix("b/")
        elif word == "index":
            at["blob"] = rest.partition(" ")[0].rpartition("..")[2]
        elif word == "rename":
            side, _, path = rest.partition(" ")
            at["before" if side == "from" else "path"] = unquote(path)
            at["change"] = "R"
        elif line.startswith(("new file", "deleted file")):
            at["change"] = "A" if word == "new" else "D"
            kind = _MODES.get(line.rpartition(" ")[2], "")
            if kind and word == "new":
                self._row("meta", f"new: {kind}")
        elif line.startswith("old mode "):
            at["mode"] = line.rpartition(" ")[2]
        elif line.startswith("new mode "):
            before, after = str(at.get("mode", "")), line.rpartition(" ")[2]
            was, now = (_MODES.get(one, "a plain file") for one in (before, after))
            self._row("meta", f"mode {before} → {after}: {now}, was {was}")
        elif line.startswith(("Binary files", "GIT binary patch")):
            what = {"A": "new binary file", "D": "deleted binary file"}
            self._row("meta", f"{what.get(str(at.get('change')), 'binary file')}, not shown")
            at["change"] = "B"

    def result(self) -> Diff:
        files = tuple(
            FileDiff(
                path=str(each["path"]),
                before=str(each.get("before", "")),
                change=str(each.get("change", "M")),
                plus=plus,
                minus=minus,
                row=int(str(each["row"])),
                blob=str(each.get("blob", "")),
            )
            for each, (plus, minus) in zip(self.files, self._counts, strict=True)
        )
        return Diff(files=files, rows=tuple(self.rows), hunks=tuple(self.hunks))


def parse(text: str) -> Diff:
    """A diff from git's text; what it does not understand it leaves out, it never fails."""
    parser = _Parser()
    for line in text.split("\n"):
        parser.feed(line)
    return parser.result()


def pairs(rows: Sequence[Row]) -> tuple[tuple[int, int], ...]:
    """Rows side by side: indexes of the left and the right row, -1 where a side is empty.

    A run of removed lines stands beside the run of added ones that follows it; what is neither
    has the same index on both sides. Notes on the lines of such a pair stand below it.
    """
    found: list[tuple[int, int]] = []
    at, end = 0, len(rows)
    while at < end:
        if rows[at].kind not in ("-", "+"):
            found.append((at, at))
            at += 1
            continue
        gone: list[int] = []
        come: list[int] = []
        notes: list[int] = []
        while at < end and (rows[at].kind in NOTES or rows[at].kind == "+" or not come):
            if rows[at].kind not in ("-", "+", *NOTES):
                break
            where = gone if rows[at].kind == "-" else come if rows[at].kind == "+" else notes
            where.append(at)
            at += 1
        found.extend(
            (gone[step] if step < len(gone) else -1, come[step] if step < len(come) else -1)
            for step in range(max(len(gone), len(come)))
        )
        found.extend((one, one) for one in notes)
    return tuple(found)


def visible(text: str) -> str:
    """A line of code, tabs expanded, with every invisible mark made visible.

    Escape sequences and direction overrides in a change are what a reviewer has to see.
    """
    text = text[:LONGEST].rstrip("\r")
    if "\t" in text:
        text = text.expandtabs(TAB)
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else _picture(mark) for mark in text)


def _picture(mark: str) -> str:
    code = ord(mark)
    if code < 0x20:
        return chr(0x2400 + code)
    return " " if unicodedata.category(mark) == "Zs" else "⍰"
