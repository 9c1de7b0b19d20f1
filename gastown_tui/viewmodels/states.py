"""How states look: one glyph, one letter, one word and one role each, never a colour alone."""

from __future__ import annotations

from typing import Final, NamedTuple

from gastown_tui.viewmodels.text import Line, Record, Span, fit, string


class Mark(NamedTuple):
    """The look of a state."""

    glyph: str
    """One cell wide."""
    letter: str
    """Unlike that of any other state in the same table."""
    word: str
    role: str


AGENT: Final = {
    "working": Mark("●", "W", "working", "ok"),
    "starting": Mark("◌", "s", "starting", "muted"),
    "waiting": Mark("◆", "P", "waiting", "ask"),
    "idle": Mark("○", "I", "idle", "muted"),
    "stalled": Mark("▲", "T", "stalled", "warn"),
    "error": Mark("✗", "E", "error", "error"),
    "paused": Mark("‖", "Z", "paused", "muted"),
    "stopped": Mark("■", "S", "stopped", "faint"),
    "exited": Mark("†", "X", "exited", "faint"),
    "parked": Mark("⋯", "B", "parked", "muted"),
    "handed-in": Mark("↑", "M", "handed in", "muted"),
}
"""By the `state` of an agent."""

NEED: Final = {
    "permission": Mark("◆", "P", "PERM", "ask"),
    "question": Mark("?", "Q", "ASK", "ask"),
    "dialog": Mark("◈", "D", "DIALOG", "ask"),
    "error": Mark("✗", "E", "ERR", "error"),
    "stalled": Mark("▲", "T", "STALL", "warn"),
    "done": Mark("✓", "F", "DONE", "ok"),
}
"""By what an agent needs of the overseer, the most urgent first."""

QUEUE: Final = {
    "submitted": Mark("·", "s", "submitted", "muted"),
    "testing": Mark("▶", "t", "testing", "accent"),
    "review": Mark("◆", "R", "review", "ask"),
    "approved": Mark("✓", "a", "approved", "ok"),
    "landing": Mark("▶", "l", "landing", "accent"),
    "pull": Mark("↑", "p", "pull", "muted"),
    "landed": Mark("✔", "L", "landed", "faint"),
    "rework": Mark("↺", "w", "rework", "warn"),
    "rejected": Mark("✗", "r", "rejected", "error"),
    "failed": Mark("✗", "F", "failed", "error"),
    "conflict": Mark("≠", "C", "conflict", "warn"),
    "held": Mark("‖", "H", "held", "warn"),
    "dropped": Mark("-", "D", "dropped", "faint"),
}
"""By the `state` of a merge request."""

BEAD: Final = {
    "open": Mark("○", "o", "open", "text"),
    "in_progress": Mark("●", "w", "in progress", "ok"),
    "hooked": Mark("●", "h", "hooked", "ok"),
    "blocked": Mark("◍", "b", "blocked", "warn"),
    "deferred": Mark("◌", "d", "deferred", "faint"),
    "pinned": Mark("◇", "p", "pinned", "muted"),
    "closed": Mark("✓", "c", "closed", "faint"),
}
"""By the `status` of a bead."""

_LEGEND_COLUMNS: Final = 4
_UNKNOWN: Final = Mark("·", " ", "", "muted")


def need_of(row: Record) -> str:
    """What an agent needs, as a key of `NEED`; a word that is not known counts as a question."""
    needs = string(row, "needs")
    return needs if needs in NEED or not needs else "question"


def agent_mark(row: Record) -> Mark:
    """The mark of an agent: what it needs, if anything, else its state."""
    state = string(row, "state")
    if state in ("stopped", "exited", "paused"):
        return AGENT[state]
    need = NEED.get(need_of(row))
    if need is not None and need.word != "DONE":
        return need
    return AGENT.get(state, _UNKNOWN._replace(word=state))


def queue_mark(row: Record) -> Mark:
    """The mark of a merge request."""
    state = string(row, "state")
    return QUEUE.get(state, _UNKNOWN._replace(word=state))


def bead_mark(row: Record) -> Mark:
    """The mark of a bead; an open one that waits for others counts as blocked."""
    status = string(row, "status")
    if status == "open" and row.get("blocked_by") and not row.get("ready"):
        status = "blocked"
    return BEAD.get(status, _UNKNOWN._replace(word=status))


GATE: Final = {
    "shut": Mark("◇", "g", "gate", "muted"),
    "yours": Mark("◇", "G", "gate", "ask"),
}
"""A gate that opens by itself, and one that the overseer opens."""


def gate_mark(row: Record) -> Mark | None:
    """The mark of an open gate; None for anything else."""
    if string(row, "type") != "gate" or string(row, "status") == "closed":
        return None
    return GATE["yours" if row.get("yours") else "shut"]


def legend() -> tuple[Line, ...]:
    """What the letters in front of agents mean, in lines of at most 66 cells."""
    needs = {mark.letter: (mark, need) for need, mark in NEED.items() if need != "done"}
    states = {mark.letter: (mark, mark.word) for mark in AGENT.values()}
    parts: list[tuple[Span, Span]] = [
        ((f"  {mark.glyph} {mark.letter} ", mark.role), (fit(word, 10), "muted"))
        for mark, word in (states | needs).values()
    ]
    rows = [parts[at : at + _LEGEND_COLUMNS] for at in range(0, len(parts), _LEGEND_COLUMNS)]
    return tuple(tuple(span for part in row for span in part) for row in rows)
