"""Notes between the lines of a diff: comments, and what the town has to say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from gastown_tui.domain.review import Comment, Look
from gastown_tui.viewmodels.diff import Diff, FileDiff, Row
from gastown_tui.viewmodels.text import wrap

_WIDE: Final = 88
"""Characters of a line of a note."""
MARKS: Final = {
    "comment": "▌ you: ",
    "stale": "▌ you, on a line that has gone: ",
    "sent": "▌ you asked: ",
    "town": "▌ ",
}
"""What stands in front of the first line of a note, by its kind."""


class Note(NamedTuple):
    """Lines that stand below a row of a diff."""

    kind: str
    """A key of `MARKS`."""
    text: str
    after: int
    """The row that they stand below; -1 for above everything."""


def place_of(comment: Comment, diff: Diff) -> tuple[int, bool]:
    """The row that a comment belongs to, and whether its line is still there; -1 without its file.

    The same line at its number counts first, then the nearest one that reads the same.
    """
    at = next((n for n, one in enumerate(diff.files) if comment.path in (one.path, one.before)), -1)
    if at < 0:
        return -1, False
    head = diff.files[at].row
    if not comment.side:
        return head, True
    old = comment.side == "old"
    best, distance = head, -1
    for index in range(head + 1, _end(diff, at)):
        row = diff.rows[index]
        number = row.old if old else row.new
        if row.kind == ("+" if old else "-") or not number or row.kind == "hunk":
            continue
        away = abs(number - comment.line)
        if row.text == comment.code and (distance < 0 or away < distance):
            best, distance = index, away
    return best, distance >= 0


def _end(diff: Diff, file: int) -> int:
    return diff.files[file + 1].row if file + 1 < len(diff.files) else len(diff.rows)


def comment_of(diff: Diff, index: int, text: str, tip: str) -> Comment:
    """A comment on the line of a row; on a hunk's header on its first change, else on the file."""
    row = diff.rows[index]
    if row.kind == "hunk":
        row = changed_in(diff, index) or row
    path = diff.files[row.file].path
    if row.kind not in ("+", "-", " "):
        return Comment(path=path, side="", text=text, tip=tip)
    old = row.kind == "-"
    return Comment(
        path=path, side="old" if old else "new", line=row.old if old else row.new, code=row.text,
        text=text, tip=tip,
    )  # fmt: skip


def changed_in(diff: Diff, index: int) -> Row | None:
    """The first changed line of the hunk that a row is in, a new one if there is any."""
    rows, file = diff.rows, diff.rows[index].file
    start = next((at for at in range(index, -1, -1) if rows[at].kind in ("hunk", "file")), 0)
    found: Row | None = None
    for row in rows[start + 1 : _end(diff, file)]:
        if row.kind == "hunk" or rows[start].kind != "hunk":
            break
        if row.kind == "+":
            return row
        found = found or (row if row.kind == "-" else None)
    return found


def notes_of(diff: Diff, look: Look, town: Sequence[str] = ()) -> tuple[Note, ...]:
    """What stands between the lines: the town's words on top, comments below their lines."""
    found = [Note("town", text, -1) for text in town]
    for kind, comments in (("sent", look.sent), ("comment", look.comments)):
        for one in comments:
            at, there = place_of(one, diff)
            if at < 0 and kind == "sent":
                continue
            stale = kind == "comment" and not there
            text = one.text if not stale else f"{one.code.strip()[:60]}  {one.text}".strip()
            if at < 0:
                text = f"{one.path}: {text}"
            found.append(Note("stale" if stale else kind, text, at))
    return tuple(found)


def with_notes(diff: Diff, notes: Sequence[Note]) -> Diff:
    """The diff with notes as rows of their own; the other rows are the same objects."""
    if not notes:
        return diff
    below: dict[int, list[Note]] = {}
    for note in notes:
        below.setdefault(min(note.after, len(diff.rows) - 1), []).append(note)
    rows: list[Row] = []
    moved: list[int] = []
    _add(rows, below.get(-1, ()), 0)
    for index, row in enumerate(diff.rows):
        moved.append(len(rows))
        rows.append(row)
        _add(rows, below.get(index, ()), row.file)
    files = tuple(msgspec.structs.replace(one, row=moved[one.row]) for one in diff.files)
    return Diff(files=files, rows=tuple(rows), hunks=tuple(moved[at] for at in diff.hunks))


def _add(rows: list[Row], notes: Sequence[Note], file: int) -> None:
    for note in notes:
        mark = MARKS[note.kind]
        for number, line in enumerate(_lines(mark + note.text)):
            rows.append(Row(note.kind, 0, 0, line if not number else f"▌   {line}", file))


def _lines(text: str) -> list[str]:
    """Text in lines that fit, its own line ends kept; unclean, as the text is."""
    found = []
    for line in text.splitlines():
        wrapped = wrap(((line, "text"),), _WIDE) or (((line, "text"),),)
        found += ["".join(part for part, _ in one) for one in wrapped]
    return found


def fingerprint(diff: Diff, file: int) -> str:
    """What a file's diff says, wherever its lines stand: the same after a rebase."""
    found: FileDiff = diff.files[file]
    blob = found.blob if found.change == "B" else ""
    head = "\0".join((found.before, found.path, found.change, blob))
    total = hashlib.sha256(head.encode("utf-8", "replace"))
    for row in diff.rows[found.row : _end(diff, file)]:
        if row.kind in ("+", "-", "meta"):
            total.update(f"\0{row.kind}{row.text}".encode("utf-8", "replace"))
    return total.hexdigest()[:16]


def seen_files(diff: Diff, look: Look) -> frozenset[int]:
    """Numbers of the files that were marked as seen, and have not changed since."""
    return frozenset(
        at
        for at, one in enumerate(diff.files)
        if one.path in look.seen and look.seen[one.path] == fingerprint(diff, at)
    )
