"""Making work known to the town: beads, slings and convoys, written straight to the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gastown_tui.domain import proposals, records
from gastown_tui.domain.bead import WORK_TYPES
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.names import split_address
from gastown_tui.domain.operations import Create, Operation, Require, SetState
from gastown_tui.services import convoys, molecules
from gastown_tui.services.books import Books
from gastown_tui.services.molecule_ends import store_of
from gastown_tui.services.proposals import propose_bead

if TYPE_CHECKING:
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.formula.cook import Protomolecule

_NOBODYS: Final = frozenset({"gate", "message", "event"})
"""Types that are no work."""


def sling(
    books: Books,
    town: str,
    bead: str,
    arguments: dict[str, str],
    actor: str,
    molecule: Protomolecule | None = None,
) -> str:
    """Hand a bead to the town's dispatcher: it goes onto a hook as soon as it is ready.

    Args:
        books: of the town.
        town: its id.
        bead: the work.
        arguments: `rig` (must be the bead's own), `agent` (an address; any free polecat without).
        actor: who does it.
        molecule: the steps that it is done by; made in the same transaction.

    Raises:
        NotFound: no such bead.
        Conflict: it is closed, worked on, another town's, or done by other steps already.
    """
    rig = books.rig_of(bead)
    change = books.rigs[rig].store.last_change
    found = books.bead(bead)
    agent = _wished(bead, rig, arguments)
    if found.is_closed:
        raise Conflict(f"{bead} is closed", hint="reopen it first")
    other = found.label("town")
    if other not in {None, town}:
        raise Conflict(f"{bead} is worked on in the town {other}")
    if actor == proposals.MAYOR:
        return propose_bead(books, bead)
    is_proposed = proposals.is_proposed(found) and found.status == "deferred"
    if found.status in {"hooked", "in_progress"}:
        if agent in {"", found.assignee} and molecule is None:
            return f"{bead} is already on the hook of {found.assignee}"
        raise Conflict(f"{bead} is on the hook of {found.assignee}")
    _must_be_work(found)
    wish, before = agent or "any", found.label("sling") if other == town else None
    if before == wish and molecule is None:
        return f"{bead} is slung to {_whom(wish, rig)} already"
    operations: list[Operation] = [
        Require(
            bead=bead,
            status="deferred" if is_proposed else "open",
            change=change if molecule else None,
        ),
        *(proposals.freeing(bead) if is_proposed else ()),
        SetState(bead=bead, dimension="town", value=town),
        SetState(bead=bead, dimension="sling", value=wish),
    ]
    if molecule is not None:
        operations += attached(books, rig, bead, molecule)
    books.write_rig(rig, operations, actor=actor)
    books.write_town(
        [records.event("slung", bead, f"{bead} is slung to {agent or rig}", actor, rig)],
        actor=actor,
    )
    steps = f", with {molecule.formula}: {len(molecule.steps)} steps" if molecule else ""
    instead = f", no longer to {_whom(before, rig)}" if before and before != wish else ""
    return f"{bead} is slung to {_whom(wish, rig)}{instead}{steps}"


def _wished(bead: str, rig: str, arguments: dict[str, str]) -> str:
    """The polecat that is asked for; empty for any."""
    if arguments.get("rig") and arguments["rig"] != rig:
        raise Conflict(f"{bead} belongs to the rig {rig}, not to {arguments['rig']}")
    agent = arguments.get("agent", "")
    if agent and split_address(agent)[0] != rig:
        raise BadInput(f"{agent} does not work in {rig}")
    if agent and split_address(agent)[1] != "polecat":
        raise BadInput(f"{agent} is no polecat", hint="--agent NAME, or RIG/polecats/NAME")
    return agent


def _must_be_work(bead: Bead) -> None:
    """Raise BadInput for what nobody is sent to."""
    if bead.issue_type == "epic":
        raise BadInput(f"{bead.id} is an epic", hint="sling its children")
    if bead.issue_type in _NOBODYS:
        raise BadInput(f"{bead.id} is a {bead.issue_type}: nobody is sent to it")


def _whom(wish: str, rig: str) -> str:
    return f"the next free polecat of {rig}" if wish == "any" else wish


def attached(books: Books, rig: str, bead: str, molecule: Protomolecule) -> list[Operation]:
    """The operations that give a bead the steps of a formula.

    Raises:
        Conflict: it has a molecule already.
    """
    for one in molecules.molecules_of(store_of(books, rig), bead):
        if not one.is_closed:
            raise Conflict(f"{bead} has a molecule already: {one.id}",
                           hint=f"gastown mol burn {one.id} takes it away")  # fmt: skip
    return molecules.attach(molecule, bead)


def create_bead(books: Books, rig: str, arguments: dict[str, str], actor: str) -> str:
    """Make a bead in a rig; its id."""
    if rig not in books.rigs:
        raise BadInput(f"there is no rig {rig!r}", hint=", ".join(sorted(books.rigs)))
    title = " ".join(arguments.get("title", "").split())
    if not title or len(title) > 500:
        raise BadInput("a bead needs a title of at most 500 characters")
    kind = arguments.get("type") or "task"
    if kind not in WORK_TYPES:
        raise BadInput(f"{kind!r} is no type of work", hint=", ".join(sorted(WORK_TYPES)))
    priority = (arguments.get("priority") or "2").lower().removeprefix("p")
    if priority not in {"0", "1", "2", "3", "4"}:
        raise BadInput(f"{priority!r} is no priority", hint="0 (urgent) to 4")
    row = {
        "title": title,
        "description": arguments.get("description", ""),
        "issue_type": kind,
        "priority": int(priority),
    }
    made: list[Operation] = [Create(bead=row)]
    if actor == proposals.MAYOR:
        made = proposals.filed(made)
    return books.write_rig(rig, made, actor=actor).ids[0]


def convoy(books: Books, title: str, arguments: dict[str, str], actor: str) -> str:
    """Track beads together; `arguments["beads"]` is their ids, separated by blanks. Its id."""
    beads = arguments.get("beads", "").split()
    if not beads:
        raise BadInput("a convoy needs beads")
    return convoys.create(books, title, beads, actor=actor)
