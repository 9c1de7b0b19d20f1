"""What the town wants of the agent, as `gastown prime --json` says it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from gastown_tui.domain.errors import BadInput


class Rework(NamedTuple):
    """Why a change came back."""

    kind: str
    """`conflict`, `gate` or `review`."""
    reason: str
    files: tuple[str, ...]
    log: str


class Orders(NamedTuple):
    """The bead on the hook and where it is worked on."""

    agent: str
    rig: str
    bead: str
    title: str
    description: str
    branch: str
    target: str
    attempt: int
    rework: Rework | None
    hooked: bool


def parse_orders(output: str) -> Orders:
    """Orders from the JSON that `gastown prime --json` printed.

    Raises:
        BadInput: it is not that.
    """
    row = _object(output, "gastown prime --json")
    rework = row.get("rework")
    back = None
    if isinstance(rework, dict):
        files = rework.get("files")
        back = Rework(
            _text(rework, "kind"),
            _text(rework, "reason"),
            tuple(str(name) for name in files) if isinstance(files, list) else (),
            _text(rework, "log"),
        )
    attempt = row.get("attempt")
    return Orders(
        agent=_text(row, "agent"),
        rig=_text(row, "rig"),
        bead=_text(row, "bead"),
        title=_text(row, "title"),
        description=_text(row, "description"),
        branch=_text(row, "branch"),
        target=_text(row, "target"),
        attempt=attempt if isinstance(attempt, int) else 1,
        rework=back,
        hooked=row.get("state") == "hooked" and bool(row.get("bead")),
    )


def parse_bead(output: str) -> str:
    """The description from what `gastown bead show ID --json` printed (a bead or a list of one).

    Raises:
        BadInput: it is not that.
    """
    text = output.strip()
    if text.startswith("["):
        text = text[1:].rstrip("]").strip()
    return _text(_object(text, "gastown bead show"), "description")


def _object(output: str, source: str) -> dict[str, Any]:
    start = output.find("{")
    try:
        row = json.loads(output[start:] if start >= 0 else output)
    except ValueError as error:
        raise BadInput(f"{source} did not print JSON: {_first(output)}") from error
    if not isinstance(row, dict):
        raise BadInput(f"{source} did not print an object")
    return row


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _first(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[0].strip()[:200] if lines else "nothing at all"
