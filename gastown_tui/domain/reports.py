"""Work that ends with a report instead of a change: reviews, research, the legs of a convoy.

Such a bead has the label `result:report`. Its report is what its agent has written on it, as a
comment or a note, since it was put on the hook; `asked:<comments>.<notes>` says how many comments
of the agent's and how many characters of notes there were then. Both only grow.
"""

from __future__ import annotations

from typing import Final

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.operations import Operation, SetState

RESULT: Final = "result"
REPORT: Final = "report"
LABEL: Final = f"{RESULT}:{REPORT}"
_ASKED: Final = "asked"


def is_wanted(bead: Bead) -> bool:
    """Whether a report is what the bead asks for."""
    return LABEL in bead.labels


def asked(bead: Bead, agent: str) -> list[Operation]:
    """What notes, as the bead goes onto an agent's hook, what is written on it already."""
    if not is_wanted(bead):
        return []
    text = f"{_comments(bead, agent)}.{len(bead.notes)}"
    return [SetState(bead=bead.id, dimension=_ASKED, value=text)]


def is_written(bead: Bead, agent: str) -> bool:
    """Whether an agent has reported on a bead that asks for it, since it got it."""
    if not is_wanted(bead):
        return False
    comments, _, notes = (bead.label(_ASKED) or "").partition(".")
    if _comments(bead, agent) > _number(comments, 0):
        return True
    return len(bead.notes) > _number(notes, len(bead.notes))


def _comments(bead: Bead, agent: str) -> int:
    return sum(one.author == agent and bool(one.text.strip()) for one in bead.comments)


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default
