"""What goes away with a rig or a town: what would be lost, what is told, what records become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from gastown_tui.domain import ids, records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.operations import Close, Operation, RemoveDependency, Reopen
from gastown_tui.domain.town import STOPPED, Agent, Convoy, Request

MARK: Final = "rig.toml.leaving"
"""What `rig.toml` is called from the decision to remove a rig on: no controller opens it again."""
OURS: Final = frozenset(
    {
        "rig.toml", "rig.toml.new", MARK, "repo", ".beads", "polecats", "refinery", "crew",
        "checkouts",
    }
)  # fmt: skip
"""What a town puts into a rig's folder; anything else there is the person's."""
TOWN_OURS: Final = frozenset(
    {"town.toml", "town.toml.new", ".git", ".gitignore", ".beads", ".gastown", "mayor", "deacon"}
)
"""What is ours in a town's folder besides its rigs."""
_MANY: Final = 20
"""Lines of one kind that are shown; `--json` has all."""


class Unlanded(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be lost."""

    kind: str
    """request, hook, bead, branch, sandbox, checkout, unpublished, file, or unknown (not seen)."""
    what: str
    """Its name: an id, a branch, a path."""
    why: str
    """One line: what it holds."""
    rig: str = ""


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before a removal."""

    unlanded: tuple[Unlanded, ...] = ()
    outside: tuple[str, ...] = ()
    """What lies outside the town and is left there, a line each."""


def work_left(
    rig: str, town: str, beads: Iterable[Bead], requests: Iterable[Request]
) -> list[Unlanded]:
    """Requests that have not landed, hooks of this town, and other work that is still open.

    Args:
        rig: its name.
        town: the town's id.
        beads: of the rig that are not closed, wisps left out.
        requests: that are open, of any rig.
    """
    found = [
        Unlanded(kind="request", what=one.id, why=f"{one.state}: {one.title or one.bead}", rig=rig)
        for one in requests
        if one.rig == rig and one.state not in {"landed", "dropped"}
    ]
    in_queue = {one.bead for one in requests if one.rig == rig}
    for bead in beads:
        if bead.id in in_queue:
            continue
        if bead.status == "hooked" and bead.label("town") in {None, town}:
            why = f"on the hook of {bead.assignee}: {bead.title}"
            found.append(Unlanded(kind="hook", what=bead.id, why=why, rig=rig))
        else:
            why = f"{bead.status}: {bead.title}"
            found.append(Unlanded(kind="bead", what=bead.id, why=why, rig=rig))
    return found


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What the town's own directory says, of all rigs."""

    agents: tuple[Agent, ...] = ()
    requests: tuple[Request, ...] = ()
    """Those that are open."""
    convoys: tuple[Convoy, ...] = ()
    """Those that are open."""
    rigs: frozenset[str] = frozenset()
    """Names of rigs that have a record which is not closed."""


def farewell(rig: str, prefix: str, known: Records, *, actor: str) -> list[Operation]:
    """What the town's own records become when a rig goes: closed, nothing points to it any more.

    Args:
        rig: its name.
        prefix: of its beads.
        known: the records.
        actor: who removes it.
    """
    reason = f"The rig {rig} was removed"
    found: list[Operation] = []
    for agent in known.agents:
        if agent.rig == rig:
            gone = records.change_agent(
                agent, wanted=STOPPED, sandbox_for="", branch="", base="", conversation="", run=""
            )
            found += [*gone, Close(bead=agent.record, reason=reason)]
    for request in known.requests:
        if request.rig == rig:
            found += records.change_request(request, state="dropped", why=reason)
            found.append(Close(bead=request.id, reason=reason))
    for convoy in known.convoys:
        mine = [bead for bead in convoy.tracked if ids.prefix_of(bead, (prefix,)) == prefix]
        found += [RemoveDependency(bead=convoy.id, depends_on=one, type="tracks") for one in mine]
        if mine and len(mine) == len(convoy.tracked):
            found.append(Close(bead=convoy.id, reason=reason))
    if rig in known.rigs:
        found += [
            *records.change_rig(rig, held="", landing=""),
            Close(bead=records.rig_record(rig), reason=reason),
        ]
    if found:
        found.append(records.event("rig-removed", rig, f"the rig {rig} was removed", actor, rig))
    return found


def namesake(agent: Agent) -> list[Operation]:
    """What gives the closed record of a removed rig's agent to its namesake in a new one."""
    values = {
        name: getattr(agent, name)
        for name in agent.__struct_fields__
        if name not in {"record", "address", "rig", "role", "name"}
    }
    return [Reopen(bead=agent.record), *records.change_agent(agent, **values)]


def is_session_of(rig: str, name: str, note: Mapping[str, str]) -> bool:
    """Whether a session of this name is a rig's: of an agent, a gate, or a set-up."""
    parts = name.split("/")
    return parts[0] == rig or (len(parts) > 1 and parts[1] == rig) or note.get("rig") == rig


def in_words(unlanded: Sequence[Unlanded]) -> list[str]:
    """What would be lost, a line each, the first of each kind."""
    lines: list[str] = []
    shown: dict[str, int] = {}
    for one in unlanded:
        count = shown[one.kind] = shown.get(one.kind, 0) + 1
        if count <= _MANY:
            lines.append(f"  {one.kind:<11}  {one.what}  {one.why}")
    hidden = [f"{count - _MANY} more of {kind}" for kind, count in shown.items() if count > _MANY]
    if hidden:
        lines.append(f"  ... and {', '.join(hidden)}")
    return lines


def summary(unlanded: Sequence[Unlanded]) -> str:
    """How much would be lost, in half a line."""
    counts: dict[str, int] = {}
    for one in unlanded:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return ", ".join(_counted(kind, count) for kind, count in counts.items())


_PLURALS: Final = {
    "request": ("request that has not landed", "requests that have not landed"),
    "hook": ("bead on a hook", "beads on hooks"),
    "bead": ("open bead", "open beads"),
    "branch": ("branch with commits", "branches with commits"),
    "sandbox": ("sandbox with changes", "sandboxes with changes"),
    "unpublished": ("target that nobody has fetched", "targets that nobody has fetched"),
    "file": ("file of yours", "files of yours"),
    "unknown": ("thing that cannot be looked at", "things that cannot be looked at"),
}  # fmt: skip


def _counted(kind: str, count: int) -> str:
    one, many = _PLURALS.get(kind, (kind, f"{kind}s"))
    return f"{count} {one if count == 1 else many}"
