"""Which beads can be worked on now, by the rules of `bd`.

Blocked is computed from edges alone; a stored status `blocked` only keeps its own bead from being
ready. A bead is blocked

- by `blocks`, while the target exists and is neither closed nor pinned;
- by `conditional-blocks`, until the target closed with a word of failure in its reason;
- by `waits-for`, while children of the target are open (`all-children`), or while some are open
  and none is closed (`any-children`);
- by `parent-child`, while its parent is blocked, at any depth.

Versions of `bd` differ in parts of this: `Rules` has what differs. `blocked` and `ready` work
everything out anew; `blocking` keeps the same answer up to date.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from gastown_tui.domain.bead import Dependency

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
_EXTERNAL: Final = "external:"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What versions of `bd` see differently; see `RULES` for the sets of them."""

    name: str
    blocking: frozenset[str] | None = None
    """Statuses of a target that block; None for all but `DONE`, custom ones included."""
    conditional: frozenset[str] | None = None
    """The same for `conditional-blocks`."""
    after_failure: bool = True
    """`conditional-blocks` is released by a failure only, not by any close."""
    needs_closed_child: bool = False
    """`any-children` waits for a closed child even when there are no children."""
    spawner: bool = False
    """`waits-for` asks about the children of its metadata's `spawner_id`, where there is one."""
    external: bool = False
    """A `blocks` edge to `external:...` blocks, as nothing here can say that it is met."""
    children_sleep: bool = True
    """Children of a deferred parent wait as well."""
    wakes: bool = True
    """The status `deferred` ends when its date has passed; without a date it never does."""
    hidden_ids: tuple[str, ...] = ()
    """Beads with one of these in their id are not work to pick up."""


GASTOWN: Final = Rules(name="gastown")
"""As current `bd`, but a conditional step runs only after a failure, as it was meant."""
CLASSIC: Final = Rules(
    name="classic",
    blocking=frozenset({"open", "in_progress", "blocked", "deferred", "hooked"}),
    conditional=frozenset({"open", "in_progress", "blocked", "deferred"}),
    needs_closed_child=True,
    spawner=True,
    external=True,
    children_sleep=False,
    wakes=False,
    hidden_ids=("-mol-", "-wisp-"),
)
"""As `bd` up to 0.49 with its SQLite file."""
CURRENT: Final = Rules(name="current", after_failure=False)
"""As `bd` on Dolt."""
RULES: Final = {rules.name: rules for rules in (GASTOWN, CLASSIC, CURRENT)}


def rules_named(name: str) -> Rules:
    """The rules of this name.

    Raises:
        BadInput: there are none.
    """
    if name not in RULES:
        raise BadInput(
            f"there are no rules {name!r} of readiness", hint=f"one of {', '.join(RULES)}"
        )
    return RULES[name]


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
    spawner: str = ""
    """Whose children a waits-for edge means, when it is not the target's."""


def edge_of(bead: str, dependency: Dependency) -> Edge:
    """What readiness needs of a bead's dependency."""
    if dependency.type != "waits-for":
        return Edge(bead, dependency.depends_on_id, dependency.type, any_child=False)
    try:
        found: Any = json.loads(dependency.metadata or "{}")
    except (ValueError, RecursionError):
        found = None
    found = found if isinstance(found, dict) else {}
    spawner = found.get("spawner_id")
    return Edge(
        bead,
        dependency.depends_on_id,
        dependency.type,
        any_child=found.get("gate") == "any-children",
        spawner=spawner if isinstance(spawner, str) and spawner.isprintable() else "",
    )


def is_failure(close_reason: str) -> bool:
    """Whether a reason for closing tells of a failure."""
    text = close_reason.lower()
    return any(word in text for word in _FAILURE)


def is_open(node: Node | None) -> bool:
    """Whether a bead is there and not done."""
    return node is not None and node.status not in DONE


def source(edge: Edge, rules: Rules) -> str:
    """The bead whose children a waits-for edge is about."""
    return edge.spawner if rules.spawner and edge.spawner else edge.target


def holders(
    edge: Edge,
    node: Callable[[str], Node | None],
    children: Callable[[str], Iterable[str]],
    rules: Rules,
) -> list[str]:
    """The ids that hold an open bead by one of its own edges, its parents apart.

    Args:
        edge: of the bead.
        node: finds a bead.
        children: the ids below a bead.
        rules: what version of `bd` is followed.
    """
    if edge.type == "waits-for":
        return _open_children(edge, children(source(edge, rules)), node, rules)
    if edge.type == "blocks":
        if edge.target.startswith(_EXTERNAL):
            return [edge.target] if rules.external else []
        return [edge.target] if _is_blocking(node(edge.target), rules.blocking) else []
    if edge.type == "conditional-blocks":
        target = node(edge.target)
        if target is not None and target.status == "closed":
            return [edge.target] if rules.after_failure and not target.failed else []
        return [edge.target] if _is_blocking(target, rules.conditional) else []
    return []


def _is_blocking(target: Node | None, statuses: frozenset[str] | None) -> bool:
    if target is None:
        return False
    return target.status not in DONE if statuses is None else target.status in statuses


def _open_children(
    edge: Edge, children: Iterable[str], node: Callable[[str], Node | None], rules: Rules
) -> list[str]:
    found = (node(child) for child in children)
    known = [child for child in found if child is not None and child.status != "tombstone"]
    still_open = [child.id for child in known if child.status not in DONE]
    if not edge.any_child:
        return still_open
    if len(still_open) < len(known):
        return []
    return still_open or ([source(edge, rules)] if rules.needs_closed_child else [])


def blocked(
    nodes: Mapping[str, Node], edges: Iterable[Edge], rules: Rules = GASTOWN
) -> dict[str, list[str]]:
    """Who waits for whom: the ids that hold each blocked bead, its blocked parent included.

    Args:
        nodes: at least every bead that is not done, every target of a conditional edge, and the
            children that a waits-for edge asks about.
        edges: at least all blocking ones of these.
        rules: what version of `bd` is followed.
    """
    found: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    kept = list(edges)
    for edge in kept:
        if edge.type == "parent-child":
            children.setdefault(edge.target, []).append(edge.bead)
    for edge in kept:
        if edge.type != "parent-child" and is_open(nodes.get(edge.bead)):
            held = holders(edge, nodes.get, lambda one: children.get(one, ()), rules)
            if held:
                found.setdefault(edge.bead, []).extend(held)
    _inherit(found, nodes, children)
    return found


def _inherit(
    found: dict[str, list[str]], nodes: Mapping[str, Node], children: Mapping[str, list[str]]
) -> None:
    """Block the open children of what is blocked, at any depth."""
    queue = list(found)
    for parent in queue:
        for child in children.get(parent, ()):
            if not is_open(nodes.get(child)):
                continue
            if child not in found:
                queue.append(child)
            held = found.setdefault(child, [])
            if parent not in held:
                held.append(parent)


def ready(
    nodes: Mapping[str, Node], edges: Iterable[Edge], now: float, rules: Rules = GASTOWN
) -> list[str]:
    """The ids that can be worked on: by priority, then the newest first, then by id.

    Args:
        nodes: as for `blocked`.
        edges: as for `blocked`.
        now: seconds since the epoch; what is deferred to a later time, and its children, wait.
        rules: what version of `bd` is followed.
    """
    kept = list(edges)
    held = blocked(nodes, kept, rules)
    asleep = {node.id for node in nodes.values() if is_open(node) and node.deferred_until > now}
    below = {e.bead for e in kept if e.type == "parent-child" and e.target in asleep}
    return pick((n for n in nodes.values() if n.id not in held), below, now, rules)


def pick(
    free: Iterable[Node], asleep: Collection[str], now: float, rules: Rules = GASTOWN
) -> list[str]:
    """The ids among beads that nothing blocks which can be worked on, in order.

    Args:
        free: beads that are not blocked.
        asleep: ids of the direct children of deferred parents.
        now: seconds since the epoch.
        rules: what version of `bd` is followed.
    """
    skipped = asleep if rules.children_sleep else ()
    found = [
        (node.priority, -node.created, node.id)
        for node in free
        if (node.status == "open" or is_awake(node.status, node.deferred_until, now, rules))
        and not node.hidden
        and node.issue_type not in HIDDEN_TYPES
        and node.deferred_until <= now
        and node.id not in skipped
        and not any(part in node.id for part in rules.hidden_ids)
    ]
    return [bead for _, _, bead in sorted(found)]


def is_awake(status: str, deferred_until: float, now: float, rules: Rules = GASTOWN) -> bool:
    """Whether a bead is deferred to a date that has passed: it counts as open again."""
    return rules.wakes and status == "deferred" and 0 < deferred_until <= now
