"""Two edits of a whole bead file become one, over the file that both started from.

Every line that nobody changed stays byte for byte; beads are merged one by one. Lines that are no
beads come and go by what they say. A line that has gone is a deletion, unless the other side edited
the bead. A file with conflict markers, or with a damaged line that the common file has not, is not
merged at all: what was cut off cannot be told from what was deleted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from gastown_tui.domain import bead_line
from gastown_tui.domain.bead import decode
from gastown_tui.domain.bead_file import scan
from gastown_tui.domain.errors import Damaged
from gastown_tui.domain.merge_beads import MergedBeads, merge_beads
from gastown_tui.domain.merge_fields import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOM: Final = bead_line.BOM.encode()
_MARKERS: Final = (b"<<<<<<<", b">>>>>>>", b"=======", b"|||||||")
_SAMPLE: Final = 200
"""Lines that show how a file is written."""
_Name: TypeAlias = tuple[str, bytes, int]
"""What a line is: the id of a bead; or another line by its bytes and how many of it came before."""
_Place: TypeAlias = tuple[bool, bytes, int]
"""Where a line that is no bead stands: at the end, before a bead, after how many others."""


class MergedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A merged file."""

    data: bytes
    beads: MergedBeads = MergedBeads(lines={})
    """What was done to its beads; empty where one side had not changed the file."""


class _Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A file, cut into lines."""

    lines: list[tuple[str, bytes]]
    """The id of the line's bead, or an empty text, and the line."""
    bad: list[tuple[int, bytes, str]]
    """Lines that are damaged, with their numbers and why."""
    open_end: bool
    bom: bool

    def is_sorted(self) -> bool:
        """Whether beads stand in the byte order of their ids."""
        ids = [bead.encode() for bead, _ in self.lines if bead]
        return ids == sorted(ids)

    def repeated(self) -> set[str]:
        """The beads that have several lines."""
        times = Counter(bead for bead, _ in self.lines if bead)
        return {bead for bead, count in times.items() if count > 1}

    def names(self, twice: set[str]) -> list[_Name]:
        """The names of all lines; beads in `twice` are told apart by their bytes."""
        times = Counter[tuple[str, bytes]]()
        named: list[_Name] = []
        for bead, line in self.lines:
            if bead and bead not in twice:
                named.append((bead, b"", 0))
            else:
                named.append((bead, line, times[bead, line]))
                times[bead, line] += 1
        return named


def merge_files(base: bytes, ours: bytes, theirs: bytes, rules: Rules) -> MergedFile:
    """Merge two edits of a bead file; the bytes are the same whichever side is called ours.

    Args:
        base: the file that both sides started from; empty for none.
        ours: our file.
        theirs: the other side's.
        rules: how the file is written.

    Raises:
        Damaged: a side cannot be merged; names the line. Nothing of it may be thrown away.
    """
    if theirs in (ours, base):
        return MergedFile(data=ours)
    if ours == base:
        return MergedFile(data=theirs)
    known: dict[bytes, str] = {}
    before, mine, other = sheets = [_cut(data, known) for data in (base, ours, theirs)]
    for name, sheet in (("our side", mine), ("the other side", other)):
        _refuse_damage(name, sheet, {line for _, line, _ in before.bad})
    twice = before.repeated() | mine.repeated() | other.repeated()
    sides = [{b: line for b, line in sheet.lines if b and b not in twice} for sheet in sheets]
    beads = merge_beads(sides[0], sides[1], sides[2], rules)
    if beads.failed:
        raise Damaged("{} cannot be merged ({})".format(*beads.failed[0]))
    named = [sheet.names(twice) for sheet in sheets]
    lines: dict[_Name, bytes] = {(bead, b"", 0): line for bead, line in beads.lines.items()}
    lines |= _taken_whole(named)
    if _either(*(sheet.is_sorted() for sheet in sheets)):
        order = _by_id(named, lines)
    else:
        order = _in_order(named, lines)
    data = b"\n".join(lines[name] for name in order)
    head = _BOM if _either(before.bom, mine.bom, other.bom) else b""
    end = b"" if not lines or _either(*(sheet.open_end for sheet in sheets)) else b"\n"
    return MergedFile(data=head + data + end, beads=beads)


def rules_for(base: bytes, ours: bytes, theirs: bytes) -> Rules:
    """How a file in git is merged; the same whichever side is called ours."""
    lines = (base or max(ours, theirs)).split(b"\n")
    said = [line for line in lines[_SAMPLE:] if b'"comments"' in line]
    layout = scan(b"\n".join([*lines[:_SAMPLE], *said[:1]]), "").layout
    return Rules(style=layout.style, text_ids=layout.text_ids)


def _either(*before_mine_other: bool) -> bool:
    """A fact about a file, which either side may have changed."""
    before, mine, other = before_mine_other
    return mine if other == before else other


def _cut(data: bytes, known: dict[bytes, str]) -> _Sheet:
    """Cut a file into lines.

    Args:
        data: the file.
        known: what lines that were read before are; new ones are added.
    """
    bom = data.startswith(_BOM)
    pieces = data.removeprefix(_BOM).split(b"\n")
    open_end = pieces[-1] != b""
    if not open_end:
        pieces.pop()
    lines: list[tuple[str, bytes]] = []
    bad: list[tuple[int, bytes, str]] = []
    for number, line in enumerate(pieces, start=1):
        bead = known.get(line)
        if bead is None:
            try:
                bead = known[line] = _read(line)
            except ValueError as error:
                bead = ""
                bad.append((number, line, f"is damaged ({str(error)[:120]})"))
        lines.append((bead, line))
    return _Sheet(lines=lines, bad=bad, open_end=open_end, bom=bom)


def _read(line: bytes) -> str:
    """The id of a line's bead; empty for a line of another kind.

    Raises:
        ValueError: it is neither; says why.
    """
    bare = line.strip()
    if not bare or bare.startswith(b"#"):
        return ""
    if not line.isascii():
        line.decode()
    try:
        return decode(line).id
    except ValueError:
        if _is_object(bare):  # a header, or a record without an id
            return ""
        raise


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except RecursionError:
        return False


def _refuse_damage(name: str, sheet: _Sheet, known: set[bytes]) -> None:
    """Raise Damaged, unless all that is damaged was so before."""
    for number, line, why in sorted(sheet.bad):
        if line.startswith(_MARKERS):
            raise Damaged(f"line {number} of {name} is a conflict marker of git")
        if line not in known:
            raise Damaged(f"line {number} of {name} {why}")


def _taken_whole(named: list[list[_Name]]) -> dict[_Name, bytes]:
    """The lines that stay of those that are no beads, and of beads that a side has twice.

    Of a bead with several lines nobody can say which is which: whatever a side wrote stays, until
    somebody decides.
    """
    before, mine, other = ({name for name in names if name[1] or not name[0]} for names in named)
    stay = (mine & other) | (mine - before) | (other - before)
    return {name: name[1] for name in stay}


def _by_id(named: list[list[_Name]], lines: dict[_Name, bytes]) -> list[_Name]:
    """Beads by id, and each other line before the bead that it stood before."""
    before, mine, other = (_places(names) for names in named)

    def rank(name: _Name) -> tuple[bool, bytes, bool, int, _Name]:
        if name[0]:
            return False, name[0].encode(), True, 0, name
        one, two, was = mine.get(name), other.get(name), before.get(name)
        if one is None or two is None:
            place = one if one is not None else two
        elif two == was:
            place = one
        else:
            place = two if one == was else max(one, two)
        at_end, bead, index = place or (True, b"", 0)
        return at_end, bead, False, index, name

    return sorted(lines, key=rank)


def _places(names: list[_Name]) -> dict[_Name, _Place]:
    found: dict[_Name, _Place] = {}
    waiting: list[_Name] = []
    for name in [*names, ("", b"", -1)]:
        if not name[0] and name[2] >= 0:
            waiting.append(name)
            continue
        place = (not name[0], name[0].encode())
        found |= {one: (*place, index) for index, one in enumerate(waiting)}
        waiting.clear()
    return found


def _in_order(named: list[list[_Name]], lines: dict[_Name, bytes]) -> list[_Name]:
    """The order of the side that changed it, with the other's own lines after those before them."""
    base, mine, other = ([name for name in names if name in lines] for names in named)
    shared = {*mine} & {*other}
    old = [name for name in base if name in shared]
    one, two = ([name for name in names if name in shared] for names in (mine, other))
    known = {*old}
    moved = [[name for name in names if name in known] != old for names in (one, two)]
    spine = max(one, two) if moved[0] == moved[1] else (one if moved[0] else two)
    runs: dict[_Name | None, list[list[_Name]]] = {}
    for names in (mine, other):
        _add_runs(runs, names, shared)
    order: list[_Name] = []
    for name in (None, *spine):
        order += () if name is None else (name,)
        for run in sorted(runs.get(name, ())):
            order += run
    placed = {*order}
    return order + sorted(name for name in lines if name not in placed)


def _add_runs(
    runs: dict[_Name | None, list[list[_Name]]], names: Iterable[_Name], shared: set[_Name]
) -> None:
    """Add the runs of lines that only one side has, each by the shared line it comes after."""
    last: _Name | None = None
    run: list[_Name] = []
    for name in names:
        if name in shared:
            last, run = name, []
            continue
        if not run:
            runs.setdefault(last, []).append(run)
        run.append(name)
