"""Conflicts that are settled by keeping both sides.

Reads the markers that git writes with `merge.conflictStyle=diff3`. That style matters: with the
default one git pulls lines that both sides happen to share out of the conflict, and a union of
what is left would mix two functions into one.
"""

from __future__ import annotations

from typing import TypeAlias

from gastown_tui.domain.errors import BadInput

_OURS, _BASE, _THEIRS, _END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
Lines: TypeAlias = list[str]


def union(text: str) -> str:
    """The file with every conflict replaced by both sides, the first side first.

    Raises:
        BadInput: no conflict, or markers that do not belong together.
    """
    kept: Lines = []
    sides: dict[str, Lines] = {}
    at = ""
    conflicts = 0
    for line in text.splitlines(keepends=True):
        mark = next((mark for mark in (_OURS, _BASE, _THEIRS, _END) if _is_mark(line, mark)), "")
        if not at and mark == _OURS:
            sides, at = {_OURS: [], _BASE: [], _THEIRS: []}, _OURS
            conflicts += 1
        elif at and mark == _END and at == _THEIRS:
            kept += both(sides[_OURS], sides[_BASE], sides[_THEIRS])
            at = ""
        elif at and mark in {_BASE, _THEIRS} and at not in {mark, _THEIRS}:
            at = mark
        elif at:
            sides[at].append(line)
        else:
            kept.append(line)
    if at or not conflicts:
        raise BadInput("the file has no whole conflict")
    return "".join(kept)


def _is_mark(line: str, mark: str) -> bool:
    return line.startswith(mark) and line[len(mark) : len(mark) + 1] in {" ", "\n", "\r", ""}


def both(ours: Lines, base: Lines, theirs: Lines) -> Lines:
    """Both sides: what either removed from the base is gone, what either added stays."""
    if not base:
        return ours + ([] if theirs == ours else theirs)
    added = [line for line in theirs if line not in base and line not in ours]
    removed = [line for line in base if line not in theirs]
    return [line for line in ours if line not in removed] + added
