"""What the store answers with."""

from __future__ import annotations

import msgspec

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.bead_file import Problem


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that is safely on disk."""

    change: int
    """Its change number; the last one there was when it changed nothing."""
    ids: tuple[str, ...]
    """Of the beads it created, in order."""
    beads: tuple[Bead, ...]
    """Every bead it named that exists afterwards, as it is now."""


class AbsorbResult(msgspec.Struct, frozen=True, kw_only=True):
    """What other programs had done to the file."""

    changed: tuple[str, ...] = ()
    """Beads that are different now, new ones included."""
    put_back: int = 0
    """Lines that had gone from the file; the next fold writes them again."""
    problems: tuple[Problem, ...] = ()


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a fold did."""

    written: bool
    """Whether the file is a new one."""
    through: int
    """The file holds everything up to this change."""
    beads: int
    """Lines of beads in the file; 0 when nothing was written."""
    absorbed: AbsorbResult
