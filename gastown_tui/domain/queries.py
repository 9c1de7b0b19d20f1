"""What is asked about many beads at once: what is stale, what is there twice, and figures."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import Bead, instant
from gastown_tui.domain.close_guards import epics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

STALE_DAYS: Final = 30
_DAY: Final = 86_400.0
_HOUR: Final = 3600.0
_SAME: Final = ("title", "description", "design", "acceptance_criteria")
"""Fields in which beads must agree to be the same work."""


def stale(beads: Iterable[Bead], now: float, days: float = STALE_DAYS) -> list[Bead]:
    """Open beads that nobody has touched for so many days, the longest first; no wisps."""
    found = [
        bead
        for bead in beads
        if bead.status in {"open", "in_progress", "hooked"}
        and not bead.ephemeral
        and instant(bead.updated_at) < now - days * _DAY
    ]
    return sorted(found, key=lambda bead: (instant(bead.updated_at), bead.id))


def content_hash(bead: Bead) -> str:
    """Names what a bead says, whatever its id, times, labels and edges are."""
    text = "\0".join(" ".join(getattr(bead, name).split()) for name in _SAME)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Double(msgspec.Struct, frozen=True, kw_only=True):
    """Beads that say the same."""

    kept: Bead
    """The one that most depends on, else the oldest."""
    others: tuple[Bead, ...]


def duplicates(beads: Iterable[Bead]) -> list[Double]:
    """Open beads of the same content, type and parts' owner, in the order of the kept ones.

    Parts of different beads are not the same work: every molecule has a step "Run the tests".
    """
    kept = [bead for bead in beads if not bead.is_closed]
    wanted_by = Counter(
        edge.depends_on_id
        for bead in kept
        for edge in bead.dependencies
        if edge.type not in {"duplicates", "supersedes"}
    )
    groups: dict[tuple[str, str, str], list[Bead]] = {}
    for bead in kept:
        above = next((e.depends_on_id for e in bead.dependencies if e.type == "parent-child"), "")
        groups.setdefault((content_hash(bead), bead.issue_type, above), []).append(bead)
    found = []
    for group in groups.values():
        if len(group) > 1:
            first, *rest = sorted(
                group, key=lambda bead: (-wanted_by[bead.id], instant(bead.created_at), bead.id)
            )
            found.append(Double(kept=first, others=tuple(rest)))
    return sorted(found, key=lambda double: double.kept.id)


def search(beads: Iterable[Bead], text: str) -> list[Bead]:
    """Beads with all words of a text, those that have them in the title first, then the newest."""
    words = text.lower().split()

    def rank(bead: Bead) -> tuple[int, bool, float, str]:
        title = f"{bead.id} {bead.title}".lower()
        missing = sum(word not in title for word in words)
        return missing, bead.is_closed, -instant(bead.updated_at), bead.id

    return sorted(beads, key=rank)


GROUPS: Final[dict[str, Callable[[Bead], Iterable[str]]]] = {
    "status": lambda bead: (bead.status,),
    "priority": lambda bead: (f"P{bead.priority}",),
    "type": lambda bead: (bead.issue_type,),
    "assignee": lambda bead: (bead.assignee or "(nobody)",),
    "label": lambda bead: bead.labels or ("(none)",),
}
"""By what beads can be counted; one with several labels counts for each."""


def counted(beads: Iterable[Bead], by: str) -> list[tuple[str, int]]:
    """How many beads there are of each kind, by its name."""
    counts = Counter(name for bead in beads for name in GROUPS[by](bead))
    return sorted(counts.items())


def stats(beads: Iterable[Bead], ready: int, blocked: int) -> dict[str, Any]:
    """Figures of a directory, named as `bd stats --json` names them.

    Args:
        beads: all that are no tombstones and no wisps.
        ready: how many can be worked on now.
        blocked: how many wait for others.
    """
    kept = list(beads)
    by_status: Mapping[str, int] = Counter(bead.status for bead in kept)
    leads = [
        instant(bead.closed_at) - instant(bead.created_at)
        for bead in kept
        if bead.status == "closed" and bead.closed_at and bead.created_at
    ]
    return {
        "total_issues": len(kept),
        "open_issues": by_status.get("open", 0),
        "in_progress_issues": by_status.get("in_progress", 0),
        "hooked_issues": by_status.get("hooked", 0),
        "closed_issues": by_status.get("closed", 0),
        "blocked_issues": blocked,
        "deferred_issues": by_status.get("deferred", 0),
        "ready_issues": ready,
        "pinned_issues": by_status.get("pinned", 0),
        "epics_eligible_for_closure": sum(epic.may_close for epic in epics(kept)),
        "average_lead_time_hours": round(sum(leads) / len(leads) / _HOUR, 2) if leads else 0.0,
    }
