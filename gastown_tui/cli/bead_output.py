"""Beads as text for a terminal and as JSON shaped like that of `bd --json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gastown_tui.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.bead_tree import Node


def plain(text: str) -> str:
    """Text of others as one line without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def paragraphs(text: str) -> str:
    """Text of others with its line breaks, but without other control characters."""
    return "\n".join(plain(line) for line in text.splitlines())


def dump(value: Any) -> str:
    """JSON for another program: indented, safe to print in any encoding."""
    import msgspec

    text = json.dumps(value, ensure_ascii=True)
    try:
        return msgspec.json.format(text, indent=2)  # a sixth of the time of json's own indenting
    except msgspec.DecodeError:  # numbers that JSON has not, such as NaN
        return json.dumps(value, indent=2, ensure_ascii=True)


def row(store: BeadStore, bead: Bead) -> dict[str, Any]:
    """A bead as an issue of `bd list --json`: what its line says, counts, and its parent."""
    return rows(store, [bead])[0]


def rows(store: BeadStore, beads: Sequence[Bead]) -> list[dict[str, Any]]:
    """Many beads of one store as `row`, looked up together.

    Raises:
        NotFound: one of them has been deleted meanwhile.
    """
    ids = [bead.id for bead in beads]
    lines, dependents = store.lines(ids), store.dependent_counts(ids)
    for bead in ids:
        if bead not in lines:
            raise NotFound(f"there is no bead {bead}")
    return [_row(bead, lines[bead.id], dependents.get(bead.id, 0)) for bead in beads]


def _row(bead: Bead, line: bytes, dependents: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    found.setdefault("status", bead.status)
    found.setdefault("priority", bead.priority)
    found.setdefault("issue_type", bead.issue_type)
    found["dependency_count"] = sum(edge.type != "parent-child" for edge in bead.dependencies)
    found["dependent_count"] = dependents
    found["comment_count"] = len(bead.comments)
    parent = next((e.depends_on_id for e in bead.dependencies if e.type == "parent-child"), None)
    if parent is not None:
        found["parent"] = parent
    return found


def detail(store: BeadStore, bead: Bead) -> dict[str, Any]:
    """A bead as in `bd show --json`: with the beads at the other end of its edges."""
    found = row(store, bead)
    found["dependencies"] = [
        _related(store, edge.depends_on_id, edge.type) for edge in bead.dependencies
    ]
    found["dependents"] = [
        _related(store, source, kind) for source, kind in store.dependents(bead.id)
    ]
    if bead.issue_type == "epic":
        parts = [one for one in found["dependents"] if one["dependency_type"] == "parent-child"]
        closed = sum(one.get("status") == "closed" for one in parts)
        found["epic_total_children"] = len(parts)
        found["epic_closed_children"] = closed
        found["epic_closeable"] = bool(parts) and closed == len(parts) and not bead.is_closed
    return found


def _related(store: BeadStore, bead: str, kind: str) -> dict[str, Any]:
    try:
        other: dict[str, Any] = json.loads(store.line(bead))
    except NotFound:
        other = {"id": bead}
    for key in ("dependencies", "comments"):
        other.pop(key, None)
    return {**other, "dependency_type": kind}


def line(bead: Bead, width: int) -> str:
    """One line of a list; ids are padded to `width`."""
    who = f" @{plain(bead.assignee)}" if bead.assignee else ""
    state = f"P{bead.priority} {plain(bead.status)} {plain(bead.issue_type)}"
    return f"{plain(bead.id):<{width}}  {state}{who}  {plain(bead.title)}"


def lines(beads: list[Bead]) -> str:
    """A list of beads, one a line."""
    width = max((len(bead.id) for bead in beads), default=0)
    return "\n".join(line(bead, width) for bead in beads)


def page(store: BeadStore, bead: Bead) -> str:
    """All that is known about one bead."""
    who = f" · {plain(bead.assignee)}" if bead.assignee else ""
    parts = [
        f"{plain(bead.id)}  {plain(bead.title)}",
        f"P{bead.priority} · {plain(bead.status)} · {plain(bead.issue_type)}{who}",
    ]
    if bead.labels:
        parts.append("labels: " + ", ".join(plain(label) for label in bead.labels))
    if bead.close_reason:
        parts.append(f"closed: {plain(bead.close_reason)}")
    texts = (
        ("", bead.description),
        ("Design", bead.design),
        ("Acceptance", bead.acceptance_criteria),
        ("Notes", bead.notes),
    )
    for heading, text in texts:
        if text:
            parts.append(f"\n{heading}\n{paragraphs(text)}" if heading else f"\n{paragraphs(text)}")
    edges = [f"  {plain(edge.type)} {plain(edge.depends_on_id)}" for edge in bead.dependencies]
    if edges:
        parts += ["\nDepends on", *edges]
    back = [f"  {plain(source)} ({plain(kind)})" for source, kind in store.dependents(bead.id)]
    if back:
        parts += ["\nNeeded by", *back]
    for comment in bead.comments:
        head = f"\n{plain(comment.author)} {plain(comment.created_at)}"
        parts.append(f"{head}\n{paragraphs(comment.text)}")
    return "\n".join(parts)


def _bead(store: BeadStore, bead: str) -> Bead | None:
    try:
        return store.get(bead)
    except NotFound:
        return None


def tree_rows(store: BeadStore, nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """A tree as in `bd dep tree --json`: flat, each bead with its depth and what it hangs on."""
    found = []
    for node in nodes:
        bead = _bead(store, node.bead)
        own = {"id": node.bead} if bead is None else row(store, bead)
        own |= {"depth": node.depth, "truncated": node.cut or node.again}
        if node.parent:
            own |= {"parent_id": node.parent, "edge_from_parent": node.edge}
        found.append(own)
    return found


def statuses(store: BeadStore, nodes: Iterable[Node]) -> dict[str, str]:
    """The status of every bead of a tree that is in this store."""
    found = {node.bead: _bead(store, node.bead) for node in nodes}
    return {name: bead.status for name, bead in found.items() if bead is not None}


def drawing(
    store: BeadStore, nodes: Sequence[Node], holders: Mapping[str, Sequence[str]]
) -> list[str]:
    """The lines of a drawn tree.

    Args:
        store: where the beads are.
        nodes: each before what hangs on it.
        holders: what beads wait for.
    """
    last = _last(nodes)
    lines: list[str] = []
    bars: list[bool] = []
    for number, node in enumerate(nodes):
        bead = _bead(store, node.bead)
        text = plain(node.bead) if bead is None else line(bead, 0)
        if node.edge and node.edge not in {"parent-child", "blocks"}:
            text = f"[{plain(node.edge)}] {text}"
        if node.again or node.cut:
            text += "  (see above)" if node.again else "  ..."
        if waits := holders.get(node.bead):
            text += f"  <- {plain(', '.join(waits))}"
        if not node.depth:
            bars = []
            lines.append(text)
            continue
        bars = [*bars[: node.depth - 1], number in last]
        stem = "".join("   " if is_last else "│  " for is_last in bars[:-1])
        lines.append(f"{stem}{'└─ ' if bars[-1] else '├─ '}{text}")
    return lines


def _last(nodes: Sequence[Node]) -> set[int]:
    """The places of those that are the last that hang on their bead."""
    found: set[int] = set()
    open_at: set[int] = set()
    for number in reversed(range(len(nodes))):
        depth = nodes[number].depth
        open_at = {one for one in open_at if one <= depth}
        if depth not in open_at:
            found.add(number)
            open_at.add(depth)
    return found
