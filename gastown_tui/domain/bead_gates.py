"""Gates: beads that hold steps back until something outside has happened.

====== =================================== =============================== =======================
type   waits for (`await_id`)              opens                           calls the overseer
====== =================================== =============================== =======================
human  a person                            `gastown gate resolve`          past its `timeout`
timer  nothing                             `timeout` after it was made     never
bead   a bead, or `rig:bead`               when that is closed             that is gone; `timeout`
mail   a sender, or words of the subject   a message since it was made     past its `timeout`
gh:run a run's number, or a workflow       it succeeded or was skipped     it ended else; `timeout`
gh:pr  a pull request's number             it was merged                   closed; past `timeout`
====== =================================== =============================== =======================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.formula.gates import GATES
from gastown_tui.domain.operations import AddLabel, Close, Operation, Require, SetField

GATE: Final = "gate"
WAITS: Final = "waits"
OPENS: Final = "opens"
ESCALATES: Final = "escalates"
ESCALATED: Final = "gate:escalated"
"""Label of a gate that the overseer has been called to; it is not called twice for one cause."""

_RUN_OPENS: Final = frozenset({"success", "skipped"})
_NANO: Final = 1e-9


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about a gate now."""

    action: str
    """`WAITS`, `OPENS` or `ESCALATES`."""
    why: str
    """One line for a person: what it waits for, or what happened."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A question to GitHub."""

    kind: str
    """`gh:run` or `gh:pr`."""
    name: str
    """A run's number or a workflow's name; a pull request's number."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What GitHub said to a `Probe`."""

    state: str = ""
    """Of a run its status, `completed` at its end; of a pull request OPEN, MERGED or CLOSED."""
    conclusion: str = ""
    """Of an ended run: success, skipped, failure, cancelled, timed_out ..."""
    number: str = ""
    """Of the run that a workflow's name stood for."""
    problem: str = ""
    """Why there is no answer; then the rest is empty."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A letter, as far as a gate looks at it."""

    to: str
    sender: str
    subject: str
    sent: float


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What gates are judged by."""

    now: float
    """Seconds since the epoch."""
    status: Mapping[str, str] = {}
    """Bead to status, of those that gates wait for; one that is not there does not exist."""
    messages: Sequence[Message] = ()
    answers: Mapping[tuple[str, str], Answer] = {}
    """By kind and name of the probe."""


def needs_overseer(gate: Bead, verdict: Verdict) -> bool:
    """Whether a shut gate waits for a person: a human one, or one that cannot open by itself."""
    return verdict.action == ESCALATES or gate.await_type in {"", "human"}


def probe_of(gate: Bead) -> Probe | None:
    """What has to be asked of GitHub for a gate, or None."""
    if gate.await_type in {"gh:run", "gh:pr"} and gate.await_id:
        return Probe(kind=gate.await_type, name=gate.await_id)
    return None


def awaited_bead(gate: Bead) -> str:
    """The id that a bead gate waits for; a rig before a colon, as older ones have, is dropped."""
    return gate.await_id.rpartition(":")[2] if gate.await_type == "bead" else ""


def judge(gate: Bead, seen: Seen) -> Verdict:
    """What is to be done about an open gate."""
    found = _JUDGES.get(gate.await_type, _unknown)(gate, seen)
    if found.action != WAITS or gate.await_type == "timer":
        return found
    late = _late(gate, seen.now)
    if late:
        return Verdict(action=ESCALATES, why=f"overdue by {length(late)}: {found.why}")
    return found


def _late(gate: Bead, now: float) -> float:
    """Seconds past the gate's time, 0 while there is time or no limit."""
    created = instant(gate.created_at)
    if gate.timeout <= 0 or not created:
        return 0.0
    return max(0.0, now - created - gate.timeout * _NANO)


def _human(gate: Bead, _seen: Seen) -> Verdict:
    return _waits(f"a person decides: {gate.title}")


def _timer(gate: Bead, seen: Seen) -> Verdict:
    created = instant(gate.created_at)
    if gate.timeout <= 0 or not created:
        return _calls("the timer has no length")
    left = created + gate.timeout * _NANO - seen.now
    return _opens("its time has passed") if left <= 0 else _waits(f"{length(left)} to go")


def _bead(gate: Bead, seen: Seen) -> Verdict:
    target = awaited_bead(gate)
    status = seen.status.get(target)
    if status is None or status == "tombstone":
        return _calls(f"there is no bead {target or '(none named)'}")
    return _opens(f"{target} is closed") if status == "closed" else _waits(f"{target} is {status}")


def _mail(gate: Bead, seen: Seen) -> Verdict:
    since = instant(gate.created_at)
    readers = {*gate.waiters, gate.assignee} - {""}
    for one in seen.messages:
        if one.sent < since or (readers and one.to not in readers):
            continue
        wanted = gate.await_id.lower()
        if not wanted or wanted == one.sender.lower() or wanted in one.subject.lower():
            return _opens(f"{one.sender} wrote: {one.subject}")
    return _waits(f"a letter{f' about {gate.await_id}' if gate.await_id else ''}")


def _run(gate: Bead, seen: Seen) -> Verdict:
    found = seen.answers.get(("gh:run", gate.await_id), Answer())
    name = f"the run {found.number or gate.await_id}"
    if found.problem:
        return _waits(found.problem)
    if found.state != "completed":
        return _waits(f"{name} is {found.state or 'not looked at yet'}")
    if found.conclusion in _RUN_OPENS:
        return _opens(f"{name}: {found.conclusion}")
    return _calls(f"{name}: {found.conclusion or 'ended without a result'}")


def _request(gate: Bead, seen: Seen) -> Verdict:
    found = seen.answers.get(("gh:pr", gate.await_id), Answer())
    name = f"the pull request {gate.await_id}"
    if found.problem:
        return _waits(found.problem)
    if found.state == "MERGED":
        return _opens(f"{name} is merged")
    if found.state == "CLOSED":
        return _calls(f"{name} was closed without merging")
    return _waits(f"{name} is {found.state.lower() or 'not looked at yet'}")


def _unknown(gate: Bead, _seen: Seen) -> Verdict:
    if gate.await_type:
        return _calls(f"nobody knows what {gate.await_type!r} is: {', '.join(GATES)}")
    return _waits(f"a person decides: {gate.title}")


_JUDGES: Final = {
    "human": _human, "timer": _timer, "bead": _bead, "mail": _mail, "gh:run": _run,
    "gh:pr": _request,
}  # fmt: skip


def _waits(why: str) -> Verdict:
    return Verdict(action=WAITS, why=why)


def _opens(why: str) -> Verdict:
    return Verdict(action=OPENS, why=why)


def _calls(why: str) -> Verdict:
    return Verdict(action=ESCALATES, why=why)


def length(seconds: float) -> str:
    """A length of time for people, in its two largest units."""
    left, parts = max(0, round(seconds)), list[str]()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def opening(gate: Bead, why: str) -> list[Operation]:
    """The operations that open a gate: they fail if somebody else was first."""
    return [Require(bead=gate.id, status=(gate.status,)), Close(bead=gate.id, reason=why)]


def escalating(gate: Bead) -> list[Operation]:
    """The operations that note on a gate that the overseer was called."""
    return [AddLabel(bead=gate.id, label=ESCALATED)]


def named_run(gate: Bead, answer: Answer) -> list[Operation]:
    """The operations that fix which run a workflow's name stands for."""
    if gate.await_type == "gh:run" and answer.number and answer.number != gate.await_id:
        return [SetField(bead=gate.id, field="await_id", value=answer.number)]
    return []


def held_by(gate: str, beads: Iterable[Bead]) -> list[str]:
    """Beads that wait for a gate."""
    return sorted(
        bead.id
        for bead in beads
        if any(one.depends_on_id == gate and one.type == "blocks" for one in bead.dependencies)
    )
