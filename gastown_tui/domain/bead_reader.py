"""One pass over the lines of a bead file: its beads, what else is there, and what is wrong.

What is read is what a repair writes: repeated lines and both sides of a conflict are one bead,
merged; beads between other text are beads; what is left over is put aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from gastown_tui.domain.bead import Bead, decode
from gastown_tui.domain.bead_salvage import salvage
from gastown_tui.domain.merge_beads import merge_beads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_tui.domain.bead_conflict import Block, Conflicts, Side
    from gastown_tui.domain.bead_salvage import Part
    from gastown_tui.domain.merge_fields import Rules

BOM: Final = b"\xef\xbb\xbf"
Kind: TypeAlias = Literal["bad-line", "conflict-marker", "duplicate-id", "encoding", "more"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a bead file."""

    file: str
    line: int
    """Counted from 1."""
    what: str
    kind: Kind
    repair: str = ""
    """What repairing would do."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a damaged file that a repaired one does not hold."""

    line: int
    data: bytes
    why: str


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


class _Seen(msgspec.Struct):
    """A line of a bead that has several."""

    found: Scanned
    side: Side | None
    block: int
    """Index of the conflict it stands in; -1 outside of one."""


class Reader:
    """One pass over the lines of a file."""

    def __init__(self, name: str, known: Mapping[bytes, str], *, ascii_only: bool) -> None:
        self.beads: dict[str, Scanned] = {}
        self.others: list[Other] = []
        self.problems: list[Problem] = []
        self.asides: list[Aside] = []
        self._name = name
        self._known = known
        self._ascii_only = ascii_only
        self._several: dict[str, list[_Seen]] = {}
        self._places: dict[str, tuple[Side | None, int]] = {}
        """Of ids first seen within a conflict."""
        self._mended: dict[str, Scanned] = {}
        self._bare: list[str] = []
        """Ids whose place tells nothing about the order of the file."""
        self._waiting: list[bytes] = []
        self._bad: list[tuple[bytes, str]] = []
        """The last lines, if they are bad, and why."""

    def problem(self, line: int, what: str, kind: Kind, repair: str = "") -> None:
        """Note one."""
        self.problems.append(
            Problem(file=self._name, line=line, what=what, kind=kind, repair=repair)
        )

    def read(self, lines: Sequence[bytes], conflicts: Conflicts) -> None:
        """Read all lines."""
        if not conflicts.markers:
            self._stretch(lines, 1, None, -1)
        else:
            self._with_conflicts(lines, conflicts)
        self.others += (Other(line=other, before="") for other in self._waiting)

    def _with_conflicts(self, lines: Sequence[bytes], conflicts: Conflicts) -> None:
        place = index = 0
        blocks = conflicts.blocks
        for number in (*sorted(conflicts.markers), len(lines) + 1):
            while index < len(blocks) and blocks[index].last < number:
                index += 1
            block = blocks[index] if index < len(blocks) else None
            inside = block is not None and block.first < number and number > place + 1
            side = block.side(place + 1) if block is not None and inside else None
            self._stretch(lines[place : number - 1], place + 1, side, index if inside else -1)
            if number in conflicts.strays:
                what = "a conflict marker of git without its others"
                self.problem(number, what, "conflict-marker", "it is taken out")
            place = number
        for block in blocks:
            self._tell(block)

    def _tell(self, block: Block) -> None:
        what = f"a conflict of git, down to line {block.last}"
        ancestor = ", with the common ancestor shown" if block.bar else ""
        repair = f"both sides are merged field by field{ancestor}"
        self.problem(block.first, what, "conflict-marker", repair)

    def _stretch(self, lines: Sequence[bytes], start: int, side: Side | None, block: int) -> None:
        """Read lines without markers, all on one side of a conflict or outside of one."""
        known, beads = self._known.get, self.beads
        plain = side is None and not self._several
        for number, line in enumerate(lines, start=start):
            found: Scanned | str | None
            if (bead := known(line)) is not None:
                found = Scanned(id=bead, line=line, number=number)
            else:
                found = self._read(line, number)
            if isinstance(found, str):
                self._bad.append((line, found))
                continue
            if self._bad:
                self._flush(number, side, block)
            if found is None:
                if side != "base":
                    self._waiting.append(line)
            elif plain and found.id not in beads and not self._waiting:
                beads[found.id] = found
            else:
                self._take(found, side, block)
                plain = False
        if self._bad:
            self._flush(start + len(lines), side, block)

    def _read(self, line: bytes, number: int) -> Scanned | str | None:
        """The bead of a line, what is wrong with it, or None for a line of another kind."""
        try:
            if not line.startswith(b'{"id":'):
                bare = line.removeprefix(BOM).strip()
                if not bare or bare.startswith(b"#"):
                    return None
                if bare.startswith((b'{"_', b'{ "_')) and _is_other(bare):
                    return None
            if not (self._ascii_only or line.isascii()):
                line.decode()
            bead = decode(line)
            if bead.id:
                return Scanned(id=bead.id, line=line, number=number, decoded=bead)
        except ValueError as error:
            return f"not a bead ({str(error)[:120]})"
        return "a bead without an id"

    def _flush(self, end: int, side: Side | None, block: int) -> None:
        """See what is left in the bad lines before line `end`."""
        bad, self._bad = self._bad, []
        for part in salvage([line for line, _ in bad]):
            number = end - len(bad) + part.first
            if not part.beads:
                why = bad[part.first][1]
                self.problem(number, why, "bad-line", "the line is put aside")
                self.asides.append(Aside(line=number, data=part.rest, why=why))
                continue
            self._tell_part(part, number, bad[part.first][1])
            for whole in part.beads:
                bead = decode(whole.line)
                found = Scanned(id=bead.id, line=whole.line, number=number, decoded=bead)
                self._bare.append(bead.id)
                if whole.mended and side != "base":
                    self._mended.setdefault(bead.id, found)
                elif not whole.mended:
                    self._take(found, side, block)

    def _tell_part(self, part: Part, number: int, why: str) -> None:
        ids = [decode(whole.line).id for whole in part.beads]
        named = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        over = (
            f"lines {number} to {number + part.last - part.first}" if part.last > part.first else ""
        )
        what = f"{over or 'the line'} is not one bead, but holds {named}"
        repair = f"{named}: kept, a line each"
        if any(whole.mended for whole in part.beads):
            what = f"damaged characters in {named} ({why.removeprefix('not a bead ').strip('()')})"
            repair = f"{named}: kept, with U+FFFD or null for what cannot be read"
        if part.rest:
            repair += "; what is left is put aside"
            self.asides.append(Aside(line=number, data=part.rest, why=what))
        self.problem(number, what, "bad-line", repair)

    def _take(self, found: Scanned, side: Side | None, block: int) -> None:
        """Note a line of a bead."""
        first = self.beads.get(found.id)
        if side != "base":
            self.others += (Other(line=other, before=found.id) for other in self._waiting)
            self._waiting.clear()
        if first is None and side != "base" and found.id not in self._several:
            self.beads[found.id] = found
            if side is not None:
                self._places[found.id] = (side, block)
                self._bare.append(found.id)
            return
        if found.id not in self._several:
            self._several[found.id] = []
            if first is not None:
                was = self._places.get(found.id, (None, -1))
                self._several[found.id].append(_Seen(first, *was))
        seen = self._several[found.id]
        if side != "base":
            if first is None:
                self.beads[found.id] = found
                self._bare.append(found.id)
            elif side is None or all(s.block != block or s.side == side for s in seen):
                what = f"{found.id} stands in line {first.number} already"
                self.problem(found.number, what, "duplicate-id", "its lines are merged into one")
        seen.append(_Seen(found, side, block))

    def in_order(self) -> Iterable[str]:
        """The ids whose places show how the file is sorted."""
        skipped = {*self._bare}
        return (bead for bead in self.beads if bead not in skipped)

    def merged(self, rules: Rules) -> dict[str, Scanned]:
        """The beads, one line each; mended ones where there is no better."""
        if self._several:
            self._merge_all(rules)
        known = {*self._known.values()} if self._mended else set()
        for bead, found in self._mended.items():
            if bead not in self.beads and bead not in known:
                self.beads[bead] = found
        return self.beads

    def _merge_all(self, rules: Rules) -> None:
        """Merge all lines of each bead: the two sides of a conflict, then what else repeats it."""
        base, ours, later = self._sides()
        while later:
            theirs = {bead: found[0] for bead, found in later.items()}
            merged = merge_beads(base, ours, {b: f.line for b, f in theirs.items()}, rules)
            for bead, why in merged.failed:
                lost = theirs[bead]
                words = f"{bead} cannot be merged ({why})"
                self.asides.append(Aside(line=lost.number, data=lost.line, why=words))
            for old, new in merged.moved:
                number = theirs[old].number
                what = f"{old} names two beads; one of them becomes {new}"
                self.problem(number, what, "duplicate-id", "they are kept apart")
                self.beads[new] = Scanned(id=new, line=b"", number=number)
            for bead, line in merged.lines.items():
                first = self.beads.get(bead, theirs.get(bead))
                number = first.number if first is not None else 1
                self.beads[bead] = Scanned(id=bead, line=line, number=number)
            later = {bead: found[1:] for bead, found in later.items() if found[1:]}
            base, ours = {}, {bead: self.beads[bead].line for bead in later}

    def _sides(self) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, list[Scanned]]]:
        """Common lines, our lines, and in their order all others, of what is to be merged.

        A bead that stands on one side of a conflict only has no common line, so that it is kept.
        What is on the other side alone is there for the edges in it.
        """
        base: dict[str, bytes] = {}
        ours: dict[str, bytes] = {}
        later: dict[str, list[Scanned]] = {}
        for bead, (side, _) in self._places.items():
            if side == "theirs" and bead not in self._several:
                later[bead] = [self.beads[bead]]
        for bead, seen in self._several.items():
            common = next((s.found for s in seen if s.side == "base"), None)
            lines = [s for s in seen if s.side != "base"]
            if not lines:
                why = f"{bead} was taken out on both sides"
                self.asides += (
                    Aside(line=s.found.number, data=s.found.line, why=why) for s in seen
                )
                continue
            first = next((s for s in lines if s.side != "theirs"), lines[0])
            ours[bead] = first.found.line
            rest = [s.found for s in lines if s is not first]
            if rest:
                later[bead] = rest
                if common is not None:
                    base[bead] = common.line
        return base, ours, later


def _is_other(line: bytes) -> bool:
    line_type = msgspec.json.decode(line)
    if not isinstance(line_type, dict):
        return False
    return line_type.get("_type", "issue") != "issue" or "_schema" in line_type
