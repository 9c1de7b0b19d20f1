"""Carries out what the plan says of agents: who gets what, who is ended, what they are told."""

from __future__ import annotations

from collections.abc import Callable

from gastown_tui.domain import records, reports
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.dialogs import start_up_answer
from gastown_tui.domain.agents.launch import consents_of
from gastown_tui.domain.commands import (
    AnswerDialog,
    CloseConvoy,
    Dispatch,
    EndSession,
    Escalate,
    FeedConvoy,
    MarkStopped,
    Tell,
)
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.names import split_address
from gastown_tui.domain.operations import Close, Hook, Require, SetState
from gastown_tui.domain.town import RUNNING, STOPPED, Agent
from gastown_tui.domain.view import is_hooked
from gastown_tui.services import convoys
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.hooks import write_agent
from gastown_tui.services.leaving import record_agent
from gastown_tui.services.molecule_ends import handed_over, store_of
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.proposals import Proposals
from gastown_tui.services.sandboxes import Sandboxes
from gastown_tui.services.sessions import Sessions


class Work:
    """Executes the commands about agents."""

    def __init__(
        self,
        context: Context,
        nudger: Nudger,
        can_resume: Callable[[AgentEntry, Agent], bool],
    ) -> None:
        self._context = context
        self._nudger = nudger
        self.proposals = Proposals(context, nudger)
        self.sandboxes = Sandboxes(context, nudger)
        self.sessions = Sessions(context, can_resume)

    async def dispatch(self, command: Dispatch) -> None:
        """Hook the bead; a new polecat is recorded first, so that the hook never points nowhere."""
        context = self._context
        rig, role, name = split_address(command.agent)
        if rig != command.rig or role != "polecat":
            raise Conflict(f"{command.agent} does not work in {command.rig}")
        self._must_be_free(command)
        if command.agent not in context.books.agents:
            agent = Agent(
                address=command.agent,
                record=records.agent_record(rig, role, name),
                rig=rig,
                role=role,
                name=name,
                slot=self._free_slot(),
                wanted_at=context.clock.utc().isoformat(timespec="seconds"),
            )
            record_agent(context.books.town, agent)
        town, store = context.config.id, store_of(context.books, command.rig)
        context.books.write_rig(
            command.rig,
            [
                Require(bead=command.bead, status="open", label=f"town:{town}"),
                Hook(bead=command.bead, assignee=command.agent, town=town),
                SetState(bead=command.bead, dimension="sling"),
                *reports.asked(store.get(command.bead), command.agent),
                *handed_over(store, command.bead, command.agent, context.clock.now().wall),
            ],
            actor=ACTOR,
        )
        context.note(
            "hooked", command.bead, f"{command.bead} is on the hook of {command.agent}",
            rig=command.rig,
        )  # fmt: skip
        context.sync()

    def _must_be_free(self, command: Dispatch) -> None:
        context = self._context
        agent = context.books.agents.get(command.agent)
        if agent is not None and (
            agent.wanted != RUNNING or agent.sandbox_for not in {"", command.bead}
        ):
            raise Conflict(f"{command.agent} is not free any more")
        for bead in context.books.rigs[command.rig].beads.values():
            if bead.assignee == command.agent and is_hooked(context.config.id, bead):
                raise Conflict(f"{command.agent} has {bead.id} on its hook")

    def _free_slot(self) -> int:
        taken = {agent.slot for agent in self._context.books.agents.values()}
        return next(slot for slot in range(1, len(taken) + 2) if slot not in taken)

    def _write_agent(self, agent: Agent, **values: str | int) -> None:
        self._context.books.write_town(records.change_agent(agent, **values), actor=ACTOR)
        self._context.sync()

    async def end(self, command: EndSession) -> None:
        """End a run and all its processes."""
        context = self._context
        await context.host.end(run=command.run, grace_s=2.0, reason=command.why)
        if command.agent:
            context.note("ended", command.agent, f"{command.agent}: {command.why}")

    async def mark_stopped(self, command: MarkStopped) -> None:
        """Record that an agent was left by its exit."""
        agent = self._context.agent(command.agent)
        if agent.wanted == RUNNING:
            write_agent(
                self._context, agent, wanted=STOPPED, wanted_by="its exit", wanted_why=command.why
            )
            self._context.note("stopped", agent.address, f"{agent.address} was {command.why}")

    async def tell(self, command: Tell) -> None:
        """Nudge an agent; what was to be told counts as told when the receipt says so."""
        receipt = await self._nudger.nudge(command.agent, command.text)
        if not receipt.startswith("submitted"):
            raise Conflict(f"{command.agent} could not be told: {receipt}")
        agent = self._context.books.agents.get(command.agent)
        if not command.request and agent is not None:
            write_agent(self._context, agent, nudged=agent.nudged + 1)
        elif command.request:
            request = self._context.books.requests.get(command.request)
            if request is not None:
                self._context.books.write_town(
                    records.change_request(request, told=command.attempt), actor=ACTOR
                )
        self._context.note("nudged", command.agent, f"{command.agent}: {command.text}")
        self._context.sync()

    async def answer(self, command: AnswerDialog) -> None:
        """Give a recorded yes, if that very dialog still stands there and the yes still holds.

        Raises:
            Conflict: one of them does not, or it could not be typed.
        """
        context, asked = self._context, command.dialog
        agent = context.agent(command.agent)
        if command.run not in context.living(agent.address):
            raise Conflict(f"{agent.address} has no such session any more")
        rig = context.rig(agent.rig)
        servers = context.machine.mcp_servers(context.paths.sandbox(agent))
        if start_up_answer(asked, consents_of(rig), servers) != command.option:
            raise Conflict(f"the yes of {rig.name} to its {asked.kind} dialog holds no longer")
        receipt = await self._nudger.answer(agent.address, asked, command.option)
        if not receipt.startswith("submitted"):
            raise Conflict(f"the {asked.kind} dialog of {agent.address} stays: {receipt}")
        given = rig.consent
        whose = f"{given.by or 'the overseer'} said so" + (f" on {given.at}" if given.at else "")
        text = f"{agent.address}: {asked.kind} dialog answered {command.option!r}: {whose}"
        context.note("answered", agent.address, f"{text} (rig.toml)", rig=agent.rig)
        context.sync()

    async def escalate(self, command: Escalate) -> None:
        """Write it down where the overseer looks; once, whatever is restarted."""
        self._context.books.write_town(
            [records.event("escalated", command.subject, command.why, ACTOR)],
            actor=ACTOR,
            transaction=f"{command.key}:{command.version}",
        )
        self._context.sync()

    async def close_convoy(self, command: CloseConvoy) -> None:
        """Close a convoy whose beads are all closed."""
        context = self._context
        context.books.write_town(
            [
                Require(bead=command.convoy, status="open"),
                Close(bead=command.convoy, reason="All its beads are closed"),
                records.event("convoy-landed", command.convoy, "every bead of it is closed", ACTOR),
            ],
            actor=ACTOR,
        )
        context.sync()

    async def feed_convoy(self, command: FeedConvoy) -> None:
        """Sling what has become ready in a convoy."""
        context = self._context
        for rig in sorted({context.books.rig_of(bead) for bead in command.beads}):
            mine = [bead for bead in command.beads if context.books.rig_of(bead) == rig]
            convoys.sling_all(context.books, rig, context.config.id, mine, ACTOR)
        context.note("fed", command.convoy, f"{command.convoy}: slung {', '.join(command.beads)}")
        context.sync()
