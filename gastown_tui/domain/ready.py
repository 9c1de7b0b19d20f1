"""Which beads can be worked on now, by the rules of `bd`.

Blocked is computed from edges alone; a stored status `blocked` only keeps its own bead from being
ready. A bead is blocked

- by `blocks`, while the target exists and is neither closed nor pinned;
- by `conditional-blocks`, until the target closed with a word of failure in its reason;
- by `waits-for`, while children of the target are open (`all-children`), or while some are open
  and none is closed (`any-children`);
- by `parent-child`, while its parent is blocked, at any depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DONE: Final = frozenset({"closed", "pinned", "tombstone"})
"""Statuses that block nobody, and whose beads are never blocked."""
BLOCKING: Final = frozenset({"blocks", "conditional-blocks", "waits-for", "parent-child"})
HIDDEN_TYPES: Final = frozenset(
    {"merge-request", "gate", "molecule", "message", "agent", "role", "rig", "convoy", "event"}
)
"""Types that are not work to pick up."""
_FAILURE: Final = (
    "failed", "rejected", "wontfix", "won't fix", "canceled", "cancelled", "abandoned", "blocked",
    "error", "timeout", "aborted",
)  # fmt: skip


class Node(NamedTuple):
    """What readiness needs of a bead; times in seconds since the epoch, 0 for none."""

    id: str
    status: str
    issue_type: str
    priority: int
    created: float
    deferred_until: float
    hidden: bool
    """Pinned, a template, or ephemeral."""
    failed: bool
    """Its close reason tells of a failure."""


class Edge(NamedTuple):
    """`bead` depends on `target`; `any_child` is the gate of a waits-for edge."""

    bead: str
    target: str
    type: str
    any_child: bool


def is_failure(close_reason: str) -> bool:
    """Whether a reason for closing tells of a failure."""
    text = close_reason.lower()
    return any(word in text for word in _FAILURE)


def blocked(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Who waits for whom: the ids that hold each blocked bead, its blocked parent included.

    Args:
        nodes: at least every bead that is not done, and every target of a conditional edge.
        edges: at least all blocking ones of these.
    """
    found: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    kept = list(edges)
    for edge in kept:
        if edge.type == "parent-child":
            children.setdefault(edge.target, []).append(edge.bead)
    for edge in kept:
        if _is_open(nodes.get(edge.bead)) and (holders := _holders(edge, nodes, children)):
            found.setdefault(edge.bead, []).extend(holders)
    _inherit(found, nodes, children)
    return found


def _inherit(
    found: dict[str, list[str]], nodes: Mapping[str, Node], children: Mapping[str, list[str]]
) -> None:
    """Block the open children of what is blocked, at any depth."""
    queue = list(found)
    for parent in queue:
        for child in children.get(parent, ()):
            if not _is_open(nodes.get(child)):
                continue
            if child not in found:
                queue.append(child)
            holders = found.setdefault(child, [])
            if parent not in holders:
                holders.append(parent)


def _is_open(node: Node | None) -> bool:
    return node is not None and node.status not in DONE


def _holders(edge: Edge, nodes: Mapping[str, Node], children: Mapping[str, list[str]]) -> list[str]:
    """The ids that hold a bead by one of its own edges."""
    if edge.type == "waits-for":
        return _open_children(edge, children.get(edge.target, ()), nodes)
    if edge.type in {"blocks", "conditional-blocks"} and _holds(edge, nodes.get(edge.target)):
        return [edge.target]
    return []


def _holds(edge: Edge, target: Node | None) -> bool:
    if target is None or target.status == "tombstone":
        return False
    if edge.type == "conditional-blocks" and target.status == "closed":
        return not target.failed
    return target.status not in DONE


def _open_children(edge: Edge, children: Iterable[str], nodes: Mapping[str, Node]) -> list[str]:
    known = [nodes[child] for child in children if child in nodes]
    still_open = [node.id for node in known if node.status not in DONE]
    if edge.any_child and any(node.status in DONE for node in known):
        return []
    return still_open


def ready(nodes: Mapping[str, Node], edges: Iterable[Edge], now: float) -> list[str]:
    """The ids that can be worked on: by priority, then the newest first, then by id.

    Args:
        nodes: as for `blocked`.
        edges: as for `blocked`.
        now: seconds since the epoch; what is deferred to a later time, and its children, wait.
    """
    kept = list(edges)
    held = blocked(nodes, kept)
    asleep = {node.id for node in nodes.values() if node.deferred_until > now}
    asleep |= {e.bead for e in kept if e.type == "parent-child" and e.target in asleep}
    found = [
        node
        for node in nodes.values()
        if node.status == "open"
        and not node.hidden
        and node.issue_type not in HIDDEN_TYPES
        and node.id not in held
        and node.id not in asleep
    ]
    found.sort(key=lambda node: (node.priority, -node.created, node.id))
    return [node.id for node in found]
