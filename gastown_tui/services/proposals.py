"""Proposed convoys: shown, accepted by `convoys.launch`, changed, dropped with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gastown_tui.domain import proposals, records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import ReturnProposal
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.operations import Close, Operation, Require, SetField, SetState
from gastown_tui.services import convoys
from gastown_tui.services.books import Books
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.requests import Arguments


def waiting(books: Books) -> list[Bead]:
    """Every proposal that waits for the overseer, the oldest first."""
    found = [one for one in books.town.list() if one.issue_type == records.CONVOY]
    return sorted(filter(proposals.is_proposed, found), key=lambda one: (one.created_at, one.id))


def of(books: Books, convoy: str) -> Bead:
    """A proposal that waits.

    Raises:
        NotFound: there is no such convoy.
        Conflict: it is no proposal, or not any more.
    """
    found = convoys.of(books, convoy)
    if not proposals.is_proposed(found):
        raise Conflict(f"{convoy} is not proposed (any more)", hint="gastown proposal list")
    return found


def propose_bead(books: Books, bead: str) -> str:
    """What the mayor's sling of one bead makes: a proposal of it alone, unless one has it."""
    for one in waiting(books):
        if bead in convoys.tracked(one):
            return f"{bead} is proposed in {one.id}; the overseer decides"
    made = convoys.create(books, books.bead(bead).title, [bead], actor=proposals.MAYOR)
    return f"{bead} is proposed as {made}; the overseer decides"


def told(books: Books, convoy: str, room: int) -> list[str]:
    """A proposal in lines: its beads in waves, their rigs, errors and warnings."""
    found = of(books, convoy)
    worked_out = convoys.staging(books, [convoy], room)
    lines = [f"{found.id}  {found.title}"]
    for number, wave in enumerate(worked_out.waves, 1):
        lines.append(f"wave {number}")
        for name in wave:
            bead = books.bead(name)
            lines.append(f"  {name}  {books.rig_of(name)}  P{bead.priority}  {bead.title}")
    if worked_out.done:
        lines.append(f"closed already: {', '.join(worked_out.done)}")
    lines += [f"error: {one.text}" for one in worked_out.errors]
    lines += [f"warning: {one.text}" for one in worked_out.warnings]
    return lines


def change(books: Books, convoy: str, arguments: Arguments, actor: str) -> str:
    """Change a proposal: its `title`, or the beads to `remove` (separated by blanks).

    Raises:
        BadInput: there is nothing to change, or nothing would be left.
    """
    found = of(books, convoy)
    title, gone = arguments.get("title", ""), arguments.get("remove", "").split()
    if not title.strip() and not gone:
        raise BadInput("there is nothing to change", hint="--title, --remove")
    if gone and set(convoys.tracked(found)) <= set(gone):
        raise BadInput(f"nothing would be left of {convoy}", hint=f"gastown proposal drop {convoy}")
    if title.strip():
        books.write_town(
            [
                Require(bead=convoy, label=proposals.LABEL),
                SetField(bead=convoy, field="title", value=records.one_line(title, found.title)),
            ],
            actor=actor,
        )
    if gone:
        convoys.remove(books, convoy, gone, actor=actor)
    return f"{convoy} is changed"


def drop(books: Books, convoy: str, reason: str, actor: str) -> str:
    """Say no to a proposal: what was filed for it is closed, and the mayor hears the reason.

    Raises:
        BadInput: without a reason.
    """
    said = " ".join(reason.split())
    if not said:
        raise BadInput("why? The mayor is told", hint="--reason TEXT")
    found = of(books, convoy)
    books.write_town(
        [
            Require(bead=convoy, status="open", label=proposals.LABEL),
            SetState(bead=convoy, dimension=proposals.DIMENSION, value=proposals.DROPPED),
            SetField(bead=convoy, field="notes", value=said),
            records.event("dropped", convoy, f"{found.title}: {said}", actor),
        ],
        actor=actor,
    )
    return f"{convoy} is dropped; the mayor is told why"


class Proposals:
    """The overseer's verbs over proposals, and what follows from a no."""

    def __init__(self, context: Context, nudger: Nudger) -> None:
        self._context, self._nudger = context, nudger
        self.table: dict[str, Callable[[str, Arguments, str], Awaitable[str]]] = {
            "proposal_show": self._show, "proposal_accept": self._accept,
            "proposal_edit": self._edit, "proposal_drop": self._drop,
        }  # fmt: skip

    async def _show(self, target: str, _arguments: Arguments, _actor: str) -> str:
        return "\n".join(told(self._context.books, target, self._room()))

    async def _accept(self, target: str, arguments: Arguments, actor: str) -> str:
        context, force = self._context, arguments.get("force") == "yes"
        of(context.books, target)
        return convoys.launch(
            context.books, context.config.id, target, room=self._room(), actor=actor, force=force
        )

    async def _edit(self, target: str, arguments: Arguments, actor: str) -> str:
        return change(self._context.books, target, arguments, actor)

    async def _drop(self, target: str, arguments: Arguments, actor: str) -> str:
        return drop(self._context.books, target, arguments.get("reason", ""), actor)

    def _room(self) -> int:
        return self._context.config.limits.max_working

    async def give_back(self, command: ReturnProposal) -> None:
        """Close what was filed for a dropped proposal, tell the mayor, and close the record.

        Raises:
            Conflict: the mayor could not be told now.
        """
        context, name = self._context, command.convoy
        found = convoys.of(context.books, name)
        if found.is_closed or found.label(proposals.DIMENSION) != proposals.DROPPED:
            return
        self._close_beads(found)
        if not command.version:
            return  # the mayor is not there: it hears of it when it comes
        text = f"The overseer dropped your proposal {name} ({found.title}): {found.notes}"
        receipt = await self._nudger.nudge(proposals.MAYOR, text)
        if not receipt.startswith("submitted"):
            raise Conflict(f"the mayor could not be told: {receipt}")
        context.books.write_town(
            [Require(bead=name, status="open"), Close(bead=name, reason=found.notes)], actor=ACTOR
        )
        context.sync()

    def _close_beads(self, dropped: Bead) -> None:
        books = self._context.books
        kept = {bead for one in waiting(books) for bead in convoys.tracked(one)}
        for name in convoys.tracked(dropped):
            try:
                bead = books.bead(name)
            except NotFound:
                continue
            if name in kept or not proposals.is_proposed(bead):
                continue
            operations: list[Operation] = [
                Require(bead=name, label=proposals.LABEL),
                Close(bead=name, reason=f"Dropped with {dropped.id}: {dropped.notes}"),
            ]
            books.write_rig(books.rig_of(name), operations, actor=ACTOR)
