"""What a step waits for outside of its molecule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gastown_tui.domain.formula.schema import Gate

GATES: Final = ("human", "timer", "bead", "mail", "gh:run", "gh:pr")
"""Types that become beads of their own."""
CONDITIONAL: Final = "conditional"
"""The type that only puts a condition on its step."""
_NAMED: Final = frozenset({"bead", "gh:run", "gh:pr"})
"""Types that wait for something with a name."""
_SHORT: Final = frozenset({"bead", "gh:pr"})
"""Those whose names have no blanks; a workflow's may."""
_UNITS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
                 "h": 3600 * 10**9, "d": 86_400 * 10**9}  # fmt: skip
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ns|us|ms|s|m|h|d)")


def nanoseconds(text: str) -> int:
    """A length of time as `30m`, `1h30m` or `2d` says it; 0 when nothing is said.

    Raises:
        ValueError: it is written in another way.
    """
    bare = text.strip()
    parts = _PART.findall(bare)
    if "".join(number + unit for number, unit in parts) != bare:
        raise ValueError(f"{text!r} is no length of time: write 30m, 1h30m or 2d")
    return sum(round(float(number) * _UNITS[unit]) for number, unit in parts)


def awaited(gate: Gate) -> str:
    """What the gate names: a run, a pull request, a bead."""
    return gate.await_id or gate.id


def problem(gate: Gate) -> str:
    """Why a gate can never open, or not be made; empty when it is in order."""
    if gate.type == CONDITIONAL:
        return "" if gate.condition else "a conditional gate needs a condition"
    if gate.type not in GATES:
        return f"{gate.type!r} is none of {', '.join((*GATES, CONDITIONAL))}"
    try:
        length = nanoseconds(gate.timeout)
    except ValueError as error:
        return str(error)
    if gate.type == "timer" and not length:
        return "a timer needs a timeout, as in 30m"
    if gate.type in _NAMED and not awaited(gate):
        return f"{gate.type} needs an await_id"
    name = awaited(gate)
    is_option = gate.type in _NAMED and name.startswith("-")
    if is_option or not name.isprintable() or (gate.type in _SHORT and " " in name):
        return f"{name[:80]!r} is nothing that a {gate.type} gate can wait for"
    return ""
