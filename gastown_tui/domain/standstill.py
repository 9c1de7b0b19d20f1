"""Time in which nothing ran: the machine slept, the town was stopped, or a clock was set."""

from __future__ import annotations

from typing import Final

from gastown_tui.domain.town import Now

JUMP_S: Final = 30.0
"""Wall and waking clock drift apart by so much at once: that was no waiting."""


def jump(behind: float | None, now: Now) -> float:
    """Seconds that the clock on the wall has moved and the waking one has not; 0 for next to none.

    Args:
        behind: `apart` of the look before; None when there was none.
        now: this look.
    """
    moved = 0.0 if behind is None else apart(now) - behind
    return moved if abs(moved) > JUMP_S else 0.0


def apart(now: Now) -> float:
    """How far the two clocks are apart."""
    return now.wall - now.awake


def late_since(now: Now, *moments: float) -> float:
    """The moment before which nobody is late; one that a clock set back left in the future is none.

    Args:
        now: the time of the decision.
        moments: when the town became what it is, when it woke up ..., in seconds since the epoch.
    """
    return max((one for one in moments if one <= now.wall), default=now.wall)


def told(moved: float) -> str:
    """What the overseer hears of it, once."""
    if moved < 0:
        return f"the clock was set back by {_long(-moved)}: nobody is late because of that"
    return (
        f"nothing ran here for {_long(moved)} (asleep, stopped, or the clock was set):"
        " everybody's time begins anew"
    )


def _long(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.0f} days"
