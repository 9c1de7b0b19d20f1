"""The town's own entities as beads of its directory (prefix `hq`), and back.

Facts live in labels `dimension:value`, which every tool keeps; free text in `notes` and
`description`. A record is changed by operations on single labels, so two writers never overwrite
each other.

============== =================================================================================
type           labels
============== =================================================================================
agent          address rig role entry wanted wanted-by wanted-at run conversation sandbox branch
               base slot nudged; notes: why it is wanted so
merge-request  rig bead agent branch base target state submitted evidence approved approved-by
               landed attempt reds lost told suspect rework gate-run plus minus source
               pull pull-url pushed;
               leftovers;
               notes: why; description: log; design: left out; acceptance criteria: flagged
rig            rig held landing tries
convoy         staged launched proposed owned; edges `tracks` to its beads; notes: why dropped
event          wisps: `event_kind`, `actor`, `target`, title
============== =================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.bead_edit import LONGEST_TITLE
from gastown_tui.domain.operations import Create, Operation, SetField, SetState
from gastown_tui.domain.town import Agent, Convoy, Request, Rig

AGENT: Final = "agent"
REQUEST: Final = "merge-request"
RIG: Final = "rig"
CONVOY: Final = "convoy"
EVENT: Final = "event"
TOWN: Final = "town"
OWNED: Final = "owned"
"""Label of a convoy that only its owner closes."""
STAGED: Final = "staged"
"""Dimension of a convoy that waits for its launch: `ready` or `warnings`."""
LAUNCHED: Final = "launched"
"""Dimension of a convoy whose ready work is slung by itself."""
CUSTOM_TYPES: Final = (AGENT, REQUEST, RIG, CONVOY, TOWN)
"""To be declared in the town directory's `types.custom`."""
TOWN_RECORD: Final = "hq-town"
LOG_LINES: Final = 100
"""Of a gate's output, kept with the request."""

_AGENT_LABELS: Final = {
    "address": "address", "rig": "rig", "role": "role", "name": "name", "entry": "entry",
    "wanted": "wanted", "wanted_by": "wanted-by", "wanted_at": "wanted-at", "run": "run",
    "conversation": "conversation", "sandbox_for": "sandbox", "branch": "branch", "base": "base",
    "slot": "slot", "nudged": "nudged",
}  # fmt: skip
_REQUEST_LABELS: Final = {
    "rig": "rig", "bead": "bead", "agent": "agent", "branch": "branch", "base": "base",
    "target": "target", "state": "state", "submitted": "submitted", "evidence": "evidence",
    "approved": "approved", "approved_by": "approved-by", "landed": "landed",
    "attempt": "attempt", "reds": "reds", "lost": "lost", "told": "told", "suspect": "suspect",
    "plus": "plus", "minus": "minus",
    "rework": "rework", "gate_run": "gate-run", "leftovers": "leftovers",
    "source": "source", "pull": "pull", "pull_url": "pull-url", "pushed": "pushed",
}  # fmt: skip
_REQUEST_FIELDS: Final = {
    "why": "notes", "log": "description", "left_out": "design", "flagged": "acceptance_criteria",
}  # fmt: skip
_RIG_LABELS: Final = {"held": "held", "landing": "landing", "tries": "tries"}
_NUMBERS: Final = frozenset(
    {"slot", "nudged", "attempt", "reds", "lost", "told", "suspect", "plus", "minus"}
    | {"pull", "tries"}
)


def _labels(bead: Bead) -> dict[str, str]:
    found: dict[str, str] = {}
    for label in bead.labels:
        dimension, colon, value = label.partition(":")
        if colon:
            found.setdefault(dimension, value)
    return found


def _read(bead: Bead, names: dict[str, str]) -> dict[str, Any]:
    labels = _labels(bead)
    row: dict[str, Any] = {}
    for field, dimension in names.items():
        value = labels.get(dimension)
        if value is None:
            continue
        if field in _NUMBERS:
            if value.isdigit():
                row[field] = int(value)
        else:
            row[field] = value
    return row


def agent_of(bead: Bead) -> Agent | None:
    """The agent of a record; None when the record lacks an address."""
    row = _read(bead, _AGENT_LABELS)
    if not row.get("address"):
        return None
    row.setdefault("rig", "")
    return Agent(record=bead.id, wanted_why=bead.notes, **row)


def request_of(bead: Bead) -> Request | None:
    """The merge request of a record; None when it names no rig, bead or agent."""
    row = _read(bead, _REQUEST_LABELS)
    if not {"rig", "bead", "agent"} <= row.keys():
        return None
    return Request(
        id=bead.id,
        title=bead.title,
        priority=bead.priority,
        created=instant(bead.created_at),
        updated=instant(bead.updated_at),
        why=bead.notes,
        log=bead.description,
        left_out=bead.design,
        flagged=bead.acceptance_criteria,
        **row,
    )


def rig_with(rig: Rig, bead: Bead | None) -> Rig:
    """The rig with what its record says."""
    if bead is None:
        return rig
    return msgspec.structs.replace(rig, record=bead.id, **_read(bead, _RIG_LABELS))


def convoy_of(bead: Bead) -> Convoy:
    """The convoy of a record."""
    tracked = tuple(edge.depends_on_id for edge in bead.dependencies if edge.type == "tracks")
    return Convoy(
        id=bead.id,
        title=bead.title,
        tracked=tracked,
        created=instant(bead.created_at),
        owned=OWNED in bead.labels,
        staged=bead.label(STAGED) or "",
        launched=bead.label(LAUNCHED) is not None,
        proposed=bead.label("proposed") or "",
        why=bead.notes,
    )


def _creation(issue_type: str, names: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
    labels = sorted(
        f"{names[field]}:{value}"
        for field, value in values.items()
        if field in names and value not in {"", 0}
    )
    return {"issue_type": issue_type, "labels": labels}


def create_agent(agent: Agent) -> Create:
    """The operation that records a new agent under `agent.record`."""
    values = {name: getattr(agent, name) for name in _AGENT_LABELS}
    row = _creation(AGENT, _AGENT_LABELS, values)
    return Create(bead=row | {"id": agent.record, "title": agent.address, "status": "open"})


def create_request(request: Request) -> Create:
    """The operation that records a new merge request; its id may be `~word`."""
    values = {name: getattr(request, name) for name in _REQUEST_LABELS}
    row = _creation(REQUEST, _REQUEST_LABELS, values)
    return Create(
        bead=row
        | {
            "id": request.id,
            "title": one_line(request.title, request.bead),
            "priority": request.priority,
            "status": "open",
            "notes": request.why,
            "design": request.left_out,
            "acceptance_criteria": request.flagged,
        },
        kind="mr",
    )


def create_town() -> Create:
    """The operation that records the town itself."""
    return Create(bead={"id": TOWN_RECORD, "title": "this town", "issue_type": TOWN})


def town_wanted(bead: Bead | None) -> str:
    """What the overseer wants of the town: up, paused, down or estop."""
    return (bead.label("wanted") if bead else None) or "down"


def change_town(wanted: str, by: str, why: str) -> list[Operation]:
    """The operations that record what the overseer wants of the town."""
    return [
        SetState(bead=TOWN_RECORD, dimension="wanted", value=wanted),
        SetState(bead=TOWN_RECORD, dimension="wanted-by", value=by),
        SetField(bead=TOWN_RECORD, field="notes", value=why or None),
    ]


def create_convoy(title: str, beads: Sequence[str]) -> Create:
    """The operation that makes a convoy of beads; its id is made by the store."""
    return Create(
        bead={
            "title": title,
            "issue_type": CONVOY,
            "dependencies": [
                {"issue_id": "~convoy", "depends_on_id": bead, "type": "tracks"} for bead in beads
            ],
            "id": "~convoy",
        },
        kind="cv",
    )


def create_rig(name: str) -> Create:
    """The operation that records a rig."""
    return Create(
        bead={
            "id": rig_record(name),
            "title": f"rig {name}",
            "issue_type": RIG,
            "labels": [f"rig:{name}"],
        }
    )


def rig_record(name: str) -> str:
    """The id of a rig's record."""
    return f"hq-rig-{name}"


def agent_record(rig: str, role: str, name: str) -> str:
    """The id of an agent's record."""
    return f"hq-{rig}-{role}-{name}"


def one_line(text: str, default: str = "") -> str:
    """Text from anywhere as a title that a bead can have: one line, short enough in bytes."""
    flat = " ".join(text.split()) or default
    return flat.encode("utf-8", "replace")[:LONGEST_TITLE].decode("utf-8", "ignore").strip()


def event(kind: str, target: str, text: str, actor: str, rig: str = "") -> Create:
    """The operation that notes an event, as a wisp."""
    return Create(
        bead={
            "title": one_line(text, kind),
            "issue_type": EVENT,
            "status": "closed",
            "ephemeral": True,
            "event_kind": kind,
            "actor": actor,
            "target": target,
            "wisp_type": "patrol",
            "labels": [f"rig:{rig}"] if rig else [],
        }
    )


def _change(
    bead: str, names: dict[str, str], fields: dict[str, str], values: dict[str, Any]
) -> list[Operation]:
    operations: list[Operation] = []
    for name, value in values.items():
        if name in fields:
            operations.append(SetField(bead=bead, field=fields[name], value=value or None))
        else:
            text = str(value) if value not in {"", 0} else None
            operations.append(SetState(bead=bead, dimension=names[name], value=text))
    return operations


def change_agent(agent: Agent, **values: str | int) -> list[Operation]:
    """The operations that give an agent's record new values, by field name of `Agent`."""
    return _change(agent.record, _AGENT_LABELS, {"wanted_why": "notes"}, values)


def change_request(request: Request | str, **values: str | int) -> list[Operation]:
    """The operations that give a request's record new values, by field name of `Request`."""
    bead = request if isinstance(request, str) else request.id
    return _change(bead, _REQUEST_LABELS, _REQUEST_FIELDS, values)


def change_rig(rig: str, **values: str | int) -> list[Operation]:
    """The operations that give a rig's record new values, by field name of `Rig`."""
    return _change(rig_record(rig), _RIG_LABELS, {}, values)
