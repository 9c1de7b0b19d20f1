"""What the overseer is called for: the causes there are now, and which of them is told when.

A cause is told once, when it has lasted a moment, nobody is at the screen, and the last call is a
while ago; what came up meanwhile goes with it in one line. A cause that went and came back within
a minute is the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gastown_tui.domain.config import Notify

LASTS_S: Final = 2.0
"""Seconds that a cause must last; what a tool call or a restart causes for a moment is none."""
_SAME_S: Final = 60.0
"""A cause that is back so soon is the one that was told."""
_NEW_S: Final = 600.0
"""An escalation older than this is no news to a controller that starts."""
_LONGEST: Final = 240
_ASKS: Final = {
    "permission": "asks for permission", "question": "asks", "dialog": "stands at a dialog",
}  # fmt: skip
_RANK: Final = (
    "waits", "limit", "error", "escalated", "problem", "queue", "rejected", "review", "done",
)  # fmt: skip

Row = Mapping[str, object]
Tables = Mapping[str, Mapping[str, Row]]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Something that wants the overseer."""

    kind: str
    """One of `config.NOTICES`."""
    subject: str = ""
    """The agent, request or rig it is about."""
    text: str


def causes(tables: Tables, wall: float) -> dict[str, Cause]:
    """What wants the overseer now, by a key that stays the same while the cause does.

    Args:
        tables: of the feed.
        wall: seconds since the epoch.
    """
    found = _agents(tables.get("agents", {}))
    held = tables.get("town", {}).get("town", {}).get("resume_held")
    if isinstance(held, list) and held:
        who = "1 agent waits" if len(held) == 1 else f"{len(held)} agents wait"
        found["absence"] = Cause(kind="waits", text=f"{who} for your word to go on")
    found |= _queue(tables)
    problems = tables.get("town", {}).get("town", {}).get("problems")
    for problem in problems if isinstance(problems, list) else ():
        found[f"problem:{problem}"] = Cause(kind="problem", text=line(str(problem)))
    for key, row in tables.get("events", {}).items():
        if row.get("kind") == "escalated" and wall - _number(row, "at") < _NEW_S:
            found[f"event:{key}"] = Cause(
                kind="escalated", subject=_text(row, "target"), text=_text(row, "text")
            )
    return found


def _agents(agents: Mapping[str, Row]) -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    for key, row in agents.items():
        needs, state = _text(row, "needs"), _text(row, "state")
        if not needs or state == "paused":
            continue
        name = _text(row, "name") or line(key)
        why = _text(row, "question") or _text(row, "evidence")
        if needs == "limit":  # of the account: one cause, however many run into it
            text = f"{_text(row, 'entry')} has reached its usage limit: {why}"
            found[f"limit:{_text(row, 'entry')}"] = Cause(kind="limit", subject=key, text=text)
            continue
        kind = "error" if needs in {"error", "stalled", "auth"} else "waits"
        what = _ASKS.get(needs, needs)
        found[f"agent:{key}:{needs}:{why}"] = Cause(
            kind=kind, subject=key, text=line(f"{name} {what}: {why}".removesuffix(": "))
        )
    return found


def _queue(tables: Tables) -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    for key, row in tables.get("mq", {}).items():
        about = f"{_text(row, 'bead')} {_text(row, 'title')}".strip()
        state, why = _text(row, "state"), _text(row, "why")
        if state in {"review", "rejected"}:
            said = "waits for your review" if state == "review" else f"is rejected: {why}"
            tip = _text(row, "submitted")
            found[f"{state}:{key}:{tip}"] = Cause(
                kind=state, subject=key, text=line(f"{about} {said}")
            )
        elif row.get("stranded"):
            found[f"stranded:{key}:{why}"] = Cause(
                kind="error", subject=key, text=line(f"{about}: {why}")
            )
    for key, row in tables.get("rigs", {}).items():
        if why := _text(row, "held"):
            found[f"queue:{key}:{why}"] = Cause(
                kind="queue", subject=key, text=line(f"the merge queue of {key} is held: {why}")
            )
    return found


def is_busy(tables: Tables) -> bool:
    """Whether something goes on, or will without the overseer."""
    over = {"landed", "dropped", "rejected", "held", "review"}
    if any(_text(row, "state") not in over for row in tables.get("mq", {}).values()):
        return True
    agents = tables.get("agents", {}).values()
    if any(_text(row, "state") in {"working", "starting"} and row.get("bead") for row in agents):
        return True
    beads = tables.get("beads", {}).values()
    return any(row.get("slung") and row.get("ready") for row in beads)


class Teller:
    """Decides what is told; `told` is what an earlier one has told and is still so."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._since: dict[str, float] = {}
        self._told: dict[str, float | None] = dict.fromkeys(told)
        """Cause to the awake time since when it is gone; None while it is there."""
        self._last: float | None = None
        self._was_busy = False

    @property
    def told(self) -> tuple[str, ...]:
        """What has been told and may still be so."""
        return tuple(self._told)

    def look(
        self, found: Mapping[str, Cause], now: float, settings: Notify, *, busy: bool, here: bool
    ) -> Cause | None:
        """What is to be told now, if anything.

        Args:
            found: by `causes`.
            now: awake seconds.
            settings: what is told at all, and how often.
            busy: by `is_busy`.
            here: whether a person is at the screen, where all of it stands.
        """
        self._was_busy |= busy
        there = dict(found)
        if self._was_busy and not busy and not found:
            there["done"] = Cause(kind="done", text="all work is done: nothing is left to do")
        if busy or found:
            there.pop("done", None)
        for key, gone in list(self._told.items()):
            if gone is not None and now - gone >= _SAME_S:
                del self._told[key]
            elif key in there:
                self._told[key] = None
            elif gone is None:
                self._told[key] = now
        for key in there:
            self._since.setdefault(key, now)
        self._since = {key: since for key, since in self._since.items() if key in there}
        due = [
            key
            for key, since in self._since.items()
            if key not in self._told and now - since >= LASTS_S and there[key].kind in settings.on
        ]
        if not due or here or (self._last is not None and now - self._last < settings.every_s):
            return None
        self._last = now
        self._told |= dict.fromkeys(due)
        due.sort(key=lambda key: (_RANK.index(there[key].kind), self._since[key], key))
        first = there[due[0]]
        if len(due) == 1:
            return first
        return msgspec.structs.replace(first, text=f"{first.text} (and {len(due) - 1} more)")


def line(text: str) -> str:
    """Text from anywhere as one plain line of bounded length."""
    flat = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return line(value) if isinstance(value, str) else ""


def _number(row: Row, column: str) -> float:
    value = row.get(column)
    return float(value) if isinstance(value, int | float) else 0.0
