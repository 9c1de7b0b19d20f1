"""Everything that is known of a bead, for the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from gastown_tui import protocol
from gastown_tui.domain import bead_history
from gastown_tui.domain.bead import Bead, instant, to_row
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.operations import Entry
from gastown_tui.services.bead_verbs import store_of
from gastown_tui.services.books import Books

HISTORY_SHOWN: Final = 500
"""Newest entries of a bead's history; older ones are left out."""
LINKS_SHOWN: Final = 2_000
_PARENT: Final = "parent-child"


class BeadSource(Protocol):
    """What is needed of a beads directory."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def dependents(self, bead: str, /) -> Sequence[tuple[str, str]]:
        """Id and type of edge of every bead that depends on this one."""

    def history(self, bead: str, /) -> Sequence[Entry]:
        """What was done to a bead, oldest first."""


def bead_of_town(books: Books, bead: str) -> protocol.BeadText:
    """A bead of any rig, or one of the town's own, by its full id.

    Raises:
        NotFound: there is no such bead.
    """

    def source_of(name: str) -> tuple[str, BeadSource]:
        rig, store = store_of(books, name)
        return rig, cast("BeadSource", store)

    ready = frozenset[str]().union(*(rig.ready for rig in books.rigs.values()))
    return bead_text(bead, source_of, ready)


def bead_text(
    bead: str,
    source_of: Callable[[str], tuple[str, BeadSource]],
    ready: frozenset[str] = frozenset(),
) -> protocol.BeadText:
    """A bead with its links and its history.

    Args:
        bead: its full id.
        source_of: the rig and the beads of an id, or NotFound.
        ready: beads that can be worked on now.

    Raises:
        NotFound: there is no such bead.
    """
    rig, source = source_of(bead)
    found = source.get(bead)
    links: list[protocol.BeadLink] = []
    for edge in found.dependencies:
        way = "parent" if edge.type == _PARENT else "needs"
        links.append(_link(edge.depends_on_id, way, edge.type, source_of))
    for name, kind in source.dependents(bead):
        way = "child" if kind == _PARENT else "holds"
        links.append(_link(name, way, kind, source_of))
    history = [
        protocol.BeadEntry(at=instant(entry.at), actor=entry.actor, text=bead_history.words(entry))
        for entry in source.history(bead)[-HISTORY_SHOWN:]
    ]
    return protocol.BeadText(
        req=0, rig=rig, bead=to_row(found), links=links[:LINKS_SHOWN], history=history,
        ready=bead in ready,
    )  # fmt: skip


def _link(
    name: str, way: str, kind: str, source_of: Callable[[str], tuple[str, BeadSource]]
) -> protocol.BeadLink:
    try:
        other = source_of(name)[1].get(name)
    except NotFound:
        return protocol.BeadLink(id=name, way=way, type=kind)
    return protocol.BeadLink(
        id=name, way=way, type=kind, title=other.title, status=other.status, kind=other.issue_type
    )
