"""Beads as a graph: what hangs on what, walked both ways, and the circles in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.ids import natural_key

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from gastown_tui.domain.bead import Bead

DOWN: Final = "down"
"""To what a bead depends on."""
UP: Final = "up"
"""To what depends on it."""
PARENT: Final = "parent-child"
ORDERING: Final = frozenset({"blocks", "conditional-blocks"})
"""Edges that must form no circle with each other."""


class Link(msgspec.Struct, frozen=True):
    """The bead at the other end of an edge."""

    bead: str
    type: str


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a drawn tree."""

    bead: str
    depth: int
    parent: str = ""
    """The bead that it hangs on in the drawing."""
    edge: str = ""
    """The type of the edge between the two."""
    again: bool = False
    """It stands further up with all that hangs on it."""
    cut: bool = False
    """More hangs on it, deeper than was asked for."""


def walk(root: str, links: Callable[[str], Sequence[Link]], *, depth: int = 50) -> list[Node]:
    """The tree below a bead, each bead before what hangs on it.

    A bead that several lead to is followed where it comes first; so circles end.

    Args:
        root: where it begins.
        links: what hangs directly on a bead.
        depth: how deep it is followed.
    """
    found: list[Node] = []
    seen: set[str] = set()
    stack = [Node(bead=root, depth=0)]
    while stack:
        node = stack.pop()
        below = links(node.bead)
        again = node.bead in seen and bool(below)
        cut = not again and node.depth >= depth and bool(below)
        found.append(msgspec.structs.replace(node, again=again, cut=cut))
        if node.bead in seen or cut:
            continue
        seen.add(node.bead)
        stack += [
            Node(bead=link.bead, depth=node.depth + 1, parent=node.bead, edge=link.type)
            for link in reversed(below)
        ]
    return found


def depends_on(bead: Bead, kinds: Container[str] | None = None) -> list[Link]:
    """What a bead depends on, in the order of its line."""
    return [
        Link(edge.depends_on_id, edge.type)
        for edge in bead.dependencies
        if kinds is None or edge.type in kinds
    ]


def naturally(links: Iterable[Link]) -> list[Link]:
    """Links in the order in which people read ids."""
    return sorted(links, key=lambda link: (natural_key(link.bead), link.type))


def circles(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The groups of beads that depend on each other all around, each sorted, by first id.

    Tarjan's strongly connected components, without recursion: chains may be thousands long.

    Args:
        edges: bead to what it depends on.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[list[str]] = []
    for start in edges:
        work = [(start, 0)] if start not in index else []
        while work:
            node, place = work.pop()
            if place == 0:
                index[node] = low[node] = len(index)
                path.append(node)
                on_path.add(node)
            targets = edges.get(node, ())
            if place:
                low[node] = min(low[node], low[targets[place - 1]])
            nearer = _next(targets, place, index, low, (node, on_path))
            if nearer is not None:
                work += [(node, nearer + 1), (targets[nearer], 0)]
                continue
            if low[node] == index[node]:
                group = [path.pop()]
                while group[-1] != node:
                    group.append(path.pop())
                on_path.difference_update(group)
                if len(group) > 1 or node in targets:
                    found.append(sorted(group, key=natural_key))
    return sorted(found, key=lambda group: natural_key(group[0]))


def _next(
    targets: Sequence[str],
    place: int,
    index: Mapping[str, int],
    low: dict[str, int],
    here: tuple[str, set[str]],
) -> int | None:
    """The place of the first target from `place` on that was not visited; takes in the others."""
    node, on_path = here
    for number in range(place, len(targets)):
        target = targets[number]
        if target not in index:
            return number
        if target in on_path:
            low[node] = min(low[node], index[target])
    return None


def beads_in_circles(beads: Iterable[Bead]) -> list[list[str]]:
    """Circles of edges that order work, and of parents."""
    kept = list(beads)
    found: list[list[str]] = []
    for kinds in (ORDERING, frozenset({PARENT})):
        edges = {
            bead.id: [edge.depends_on_id for edge in bead.dependencies if edge.type in kinds]
            for bead in kept
        }
        found += circles(edges)
    return found
