"""A bead: one unit of durable work, in the shape that bead files carry.

Names and order of the fields follow the lines of `issues.jsonl` as `bd` and `br` write them. A
`Bead` is what a line says, for reading; the line itself stays the truth, because it may hold keys
that no version of ours knows (see `bead_line`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

DEFAULT_PRIORITY: Final = 2
"""What a bead without a priority is shown and sorted as (0 critical, 4 backlog)."""
CLOSED: Final = "closed"
TOMBSTONE: Final = "tombstone"
WORK_TYPES: Final = frozenset(
    {"bug", "feature", "task", "epic", "chore", "decision", "message", "molecule", "gate"}
    | {"spike", "story", "milestone", "event"}
)
"""Types that current `bd` takes without being told; others need its `types.custom`."""
TYPE_ALIASES: Final = {
    "enhancement": "feature",
    "feat": "feature",
    "dec": "decision",
    "adr": "decision",
    "mr": "merge-request",
    "mol": "molecule",
}


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """An edge: `issue_id`, in parent-child the child, depends on `depends_on_id`."""

    issue_id: str = ""
    depends_on_id: str
    type: str = "blocks"
    created_at: str = ""
    created_by: str = ""
    metadata: str = ""
    """A JSON text, as `bd` keeps it."""
    thread_id: str = ""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A remark on a bead; ids are integers in classic files and strings in newer ones."""

    id: int | str = 0
    issue_id: str = ""
    author: str = ""
    text: str = ""
    created_at: str = ""


class Bead(msgspec.Struct, frozen=True, kw_only=True):
    """What one line says; a field that is absent, null or of the wrong type has its default."""

    id: str
    title: str = ""
    description: str = ""
    design: str = ""
    acceptance_criteria: str = ""
    notes: str = ""
    spec_id: str = ""
    status: str = "open"
    priority: int = DEFAULT_PRIORITY
    issue_type: str = "task"
    assignee: str = ""
    owner: str = ""
    estimated_minutes: int | None = None
    created_at: str = ""
    created_by: str = ""
    updated_at: str = ""
    started_at: str = ""
    closed_at: str = ""
    close_reason: str = ""
    closed_by_session: str = ""
    lease_expires_at: str = ""
    heartbeat_at: str = ""
    lease_granted_node: str = ""
    due_at: str = ""
    defer_until: str = ""
    external_ref: str = ""
    source_system: str = ""
    metadata: Any = None
    source_repo: str = ""
    labels: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    comments: tuple[Comment, ...] = ()
    deleted_at: str = ""
    deleted_by: str = ""
    delete_reason: str = ""
    original_type: str = ""
    sender: str = ""
    ephemeral: bool = False
    no_history: bool = False
    wisp_type: str = ""
    pinned: bool = False
    is_template: bool = False
    bonded_from: Any = None
    await_type: str = ""
    await_id: str = ""
    timeout: int = 0
    """Of a gate, in nanoseconds."""
    waiters: tuple[str, ...] = ()
    holder: str = ""
    source_formula: str = ""
    source_location: str = ""
    hook_bead: str = ""
    role_bead: str = ""
    agent_state: str = ""
    last_activity: str = ""
    role_type: str = ""
    rig: str = ""
    mol_type: str = ""
    work_type: str = ""
    event_kind: str = ""
    actor: str = ""
    target: str = ""
    payload: str = ""

    def label(self, dimension: str) -> str | None:
        """The value of the first label `dimension:value`, or None."""
        start = f"{dimension}:"
        for label in self.labels:
            if label.startswith(start):
                return label[len(start) :]
        return None

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left to do on it."""
        return self.status in {CLOSED, TOMBSTONE}


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A bead that is no more."""

    id: str


FIELD_ORDER: Final[tuple[str, ...]] = (
    "_type", *Bead.__struct_fields__[:28], "compaction_level", "compacted_at",
    "compacted_at_commit", "original_size", *Bead.__struct_fields__[28:43], "creator",
    "validations", "quality_score", "crystallizes", *Bead.__struct_fields__[43:],
    "dependency_count", "dependent_count", "comment_count", "parent",
)  # fmt: skip
"""Order of the keys on a line as `bd` writes them; a new key goes to its place in it."""
FIELD_RANK: Final = {key: rank for rank, key in enumerate(FIELD_ORDER)}
ALWAYS_WRITTEN: Final = frozenset(
    {"id", "title", "status", "priority", "issue_type", "created_at", "updated_at"}
)
"""Keys of a new line that are written even when empty; all others are left out then."""
_FIELD_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Bead)}
_DEFAULTS: Final = {
    field.name: field.default for field in msgspec.structs.fields(Bead) if not field.required
}
_decoder: Final = msgspec.json.Decoder(Bead)


def decode(line: bytes) -> Bead:
    """The bead of one line of a bead file.

    Args:
        line: one JSON object in UTF-8; a byte order mark and white space around it are ignored.

    Raises:
        ValueError: not JSON, not an object, or without a text `id`.
    """
    bare = line.removeprefix(b"\xef\xbb\xbf")
    try:
        try:
            return _decoder.decode(bare)
        except msgspec.ValidationError:
            return _lenient(msgspec.json.decode(bare))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _lenient(raw: Any) -> Bead:
    """A bead from decoded JSON, in which every field of a wrong type counts as absent."""
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str) or not raw["id"]:
        raise ValueError("an object with a text id is expected")
    fields: dict[str, Any] = {}
    for name, kind in _FIELD_TYPES.items():
        value = raw.get(name)
        if value is None:
            continue
        if name in {"dependencies", "comments"} and isinstance(value, list):
            item = Dependency if name == "dependencies" else Comment
            fields[name] = tuple(x for x in (_convert(i, item) for i in value) if x is not None)
        elif (converted := _convert(value, kind)) is not None:
            fields[name] = converted
    return Bead(**fields)


def _convert(value: Any, kind: Any) -> Any:
    if kind in {Dependency, Comment} and isinstance(value, dict):
        value = {key: part for key, part in value.items() if part is not None}
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def field_value(name: str, value: Any) -> Any:
    """`value` as field `name` of a bead holds it.

    Raises:
        ValueError: no such field, or a value of another type.
    """
    if name not in _FIELD_TYPES:
        raise ValueError(f"a bead has no field {name!r}")
    try:
        return msgspec.convert(value, _FIELD_TYPES[name])
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from error


def to_row(bead: Bead) -> dict[str, Any]:
    """The bead as JSON values in the order of a line; empty fields are left out."""
    row: dict[str, Any] = {}
    for name in Bead.__struct_fields__:
        value = getattr(bead, name)
        if name in ALWAYS_WRITTEN or not (value == _DEFAULTS.get(name) or is_empty(value)):
            row[name] = plain(value)
    return row


def plain(value: Any) -> Any:
    """A field's value as JSON values; edges and comments without their empty parts."""
    if isinstance(value, Dependency | Comment):
        return {k: v for k, v in msgspec.to_builtins(value).items() if not is_empty(v)}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return msgspec.to_builtins(value)


def is_empty(value: Any) -> bool:
    """Whether a value is left out of a line: null, false, or an empty text, list or map.

    A number never is: 0 minutes and priority 0 say something.
    """
    return value is None or value is False or (value != 0 and not value)


def instant(text: str) -> float:
    """Seconds since the epoch of a timestamp; 0.0 when there is none or it cannot be read.

    Zero to nine fractional digits, `Z` or an offset; without either it is taken as UTC.
    """
    if not text:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def timestamp(moment: datetime) -> str:
    """A moment as bead files write it: UTC, `Z`, trailing zeros of the fraction dropped."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
