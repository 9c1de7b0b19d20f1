"""Carries out what the plan says of agents: dispatch, sandboxes, sessions, hand-ins."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from gastown_tui import protocol
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.launch import LaunchContext, launch
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import (
    CloseConvoy,
    Dispatch,
    EndSession,
    Escalate,
    MarkStopped,
    PrepareSandbox,
    PutAway,
    StartSession,
    Submit,
    Tell,
)
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.names import split_address
from gastown_tui.domain.operations import Close, Hook, Operation, Require, SetState
from gastown_tui.domain.town import RUNNING, STOPPED, Agent, Request
from gastown_tui.domain.view import is_hooked, respawns_of
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.files import write_private
from gastown_tui.services.gates import run_setup
from gastown_tui.services.nudger import Nudger

COLUMNS, ROWS = 120, 40
"""Of an agent's terminal; the width is never changed by what the screen shows."""


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
        self._can_resume = can_resume

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
            context.books.write_town(
                [records.create_agent(agent)], actor=ACTOR, transaction=f"agent-{agent.record}"
            )
        town = context.config.id
        context.books.write_rig(
            command.rig,
            [
                Require(bead=command.bead, status="open", label=f"town:{town}"),
                Hook(bead=command.bead, assignee=command.agent, town=town),
                SetState(bead=command.bead, dimension="sling"),
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

    async def prepare(self, command: PrepareSandbox) -> None:
        """Make the worktree, run the rig's set-up in it, and record that it is ready."""
        context = self._context
        agent, _bead = self._still_hooked(command.agent, command.bead)
        sandbox = context.paths.sandbox(agent)
        branch = agent.branch
        if f"/{command.bead}@" not in branch:
            token = context.new_run().partition("-")[0]
            branch = context.rig_git(agent.rig).branch_for(agent.name, command.bead, token)
            self._write_agent(agent, branch=branch)  # first, so that no try leaves a stray one
        request = self._request_of(command.bead)
        start = request.submitted if request else ""
        base = await context.in_git(agent.rig, lambda git: git.prepare(sandbox, branch, start))
        await run_setup(context, agent.rig, sandbox, name=f"setup/{agent.rig}/{agent.name}")
        self._write_agent(agent, sandbox_for=command.bead, base=base)

    async def put_away(self, command: PutAway) -> None:
        """Keep what a sandbox holds on its branch, and free its polecat for other work."""
        context = self._context
        agent = context.agent(command.agent)
        bead = context.books.rigs[agent.rig].beads.get(command.bead)
        if agent.sandbox_for != command.bead or (bead and bead.assignee == agent.address):
            return
        await context.end_sessions(agent.address, f"{command.bead} is no longer its work")
        sandbox = context.paths.sandbox(agent)
        kept = await context.in_git(
            agent.rig, lambda git: git.put_away(sandbox, agent.branch, agent.name)
        )
        operations: list[Operation] = records.change_agent(
            agent, sandbox_for="", branch="", base="", conversation=""
        )
        if kept:
            text = f"{command.bead} is no longer on {agent.address}: its work is kept on {kept}"
            operations.append(records.event("kept", command.bead, text, ACTOR, agent.rig))
        context.books.write_town(operations, actor=ACTOR)
        context.sync()

    def _still_hooked(self, address: str, bead: str) -> tuple[Agent, Bead]:
        """The agent and its bead, read anew.

        Raises:
            Conflict: the hook has changed since the plan was made.
        """
        agent, found = self._context.agent(address), self._context.books.bead(bead)
        if found.assignee != address or found.is_closed:
            raise Conflict(f"{bead} is no longer on the hook of {address}")
        return agent, found

    def _write_agent(self, agent: Agent, **values: str | int) -> None:
        self._context.books.write_town(records.change_agent(agent, **values), actor=ACTOR)
        self._context.sync()

    async def start(self, command: StartSession) -> None:
        """Record the run, then spawn it; the former run is fenced by the host."""
        context = self._context
        agent, bead = self._still_hooked(command.agent, command.bead)
        if agent.wanted != RUNNING or not agent.sandbox_for:
            raise Conflict(f"{agent.address} is not to be started any more")
        if command.is_respawn:
            count = respawns_of(bead) + 1
            context.books.write_rig(
                agent.rig,
                [SetState(bead=bead.id, dimension="respawns", value=str(count))],
                actor=ACTOR,
            )
        run = context.new_run()
        resume = command.resume and self._can_resume(context.entry(agent), agent)
        conversation = agent.conversation if resume else str(uuid.uuid4())
        former = agent.run
        self._write_agent(agent, run=run, conversation=conversation, nudged=0)
        spec = launch(context.entry(agent), self._launch_context(agent, bead, run, resume))
        for path, text in spec.files.items():
            write_private(path, text)
        await context.spawn(
            protocol.Spawn(
                req=0,
                run=run,
                name=agent.address,
                argv=spec.argv,
                cwd=str(context.paths.sandbox(agent)),
                env=spec.env,
                cols=COLUMNS,
                rows=ROWS,
                fence=[former] if former else [],
                key=str(context.paths.sandbox(agent)),
                note={"bead": bead.id, "conversation": conversation},
            )
        )
        self._after_start(agent, bead, run, is_respawn=command.is_respawn)

    def _after_start(self, agent: Agent, bead: Bead, run: str, *, is_respawn: bool) -> None:
        context, verb = self._context, "is back at" if is_respawn else "works on"
        operations: list[Operation] = [
            records.event(
                "resumed" if is_respawn else "started",
                agent.address,
                f"{agent.address} {verb} {bead.id} (run {run})",
                ACTOR,
                agent.rig,
            )
        ]
        request = self._request_of(bead.id)
        if request is not None and request.state == "rework":
            operations += records.change_request(request, told=request.attempt)
        context.books.write_town(operations, actor=ACTOR)
        context.sync()

    def _request_of(self, bead: str) -> Request | None:
        for request in self._context.books.requests.values():
            if request.bead == bead and request.state not in {"landed", "dropped"}:
                return request
        return None

    def _launch_context(
        self,
        agent: Agent,
        bead: Bead,
        run: str,
        resume: bool,  # noqa: FBT001
    ) -> LaunchContext:
        context = self._context
        rig = context.rig(agent.rig)
        sandbox = context.paths.sandbox(agent)
        fresh = context.books.agents[agent.address]
        tmp_dir = context.paths.session_file(agent, "tmp")
        tmp_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        git_env = context.rig_git(agent.rig).agent_env(sandbox, agent.branch)
        return LaunchContext(
            town=str(context.paths.town),
            rig=agent.rig,
            role=agent.role,
            agent=agent.address,
            bead=bead.id,
            run=run,
            slot=agent.slot,
            cwd=str(sandbox),
            conversation=fresh.conversation,
            resume=resume,
            permissions=rig.permissions,
            gate_commands=list(rig.gates),
            settings_path=str(context.paths.session_file(agent, "settings.json")),
            hooks_path=str(context.paths.session_file(agent, "hooks")),
            bin_dir=str(context.paths.bin),
            tmp_dir=str(tmp_dir),
            git_env=git_env,
            caller_env=context.person_env,
        )

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
            self._write_agent(agent, wanted=STOPPED, wanted_by="its exit", wanted_why=command.why)
            self._context.note("stopped", agent.address, f"{agent.address} was {command.why}")

    async def submit(self, command: Submit) -> None:
        """Commit what was left over and put the branch's tip into the queue."""
        context = self._context
        agent, bead = self._still_hooked(command.agent, command.bead)
        token = bead.label("done")
        if token is None:
            return
        sandbox = context.paths.sandbox(agent)
        handed = await context.in_git(
            agent.rig, lambda git: git.hand_in(sandbox, agent.branch, agent.base, agent.name)
        )
        clear = SetState(bead=bead.id, dimension="done")
        if handed.commits == 0:
            context.books.write_rig(agent.rig, [clear], actor=ACTOR)
            context.note(
                "done-refused", bead.id, f"{agent.address} has no commits on {agent.branch}"
            )
            context.sync()
            await self._nudger.nudge(
                agent.address, "`gastown done` was refused: your branch has no commits yet."
            )
            return
        request = self._request_of(bead.id)
        if request is not None and request.submitted == handed.tip and _is_under_way(request):
            context.books.write_rig(agent.rig, [clear], actor=ACTOR)
            context.sync()
            return
        text = f"{agent.address} handed in {bead.id} at {handed.tip[:10]}"
        if handed.left_out:
            text += f"; not committed: {', '.join(handed.left_out)}"
        context.books.write_town(
            [
                *self._handed_in(agent, bead, request, handed.tip, handed.base),
                *records.change_agent(agent, nudged=0),
                records.event("handed-in", bead.id, text, agent.address, agent.rig),
            ],
            actor=ACTOR,
            transaction=f"submit-{bead.id}-{token}",
        )
        context.books.write_rig(agent.rig, [clear], actor=ACTOR)
        context.sync()

    def _handed_in(
        self, agent: Agent, bead: Bead, request: Request | None, tip: str, base: str
    ) -> list[Operation]:
        if request is not None:
            state = "held" if request.state == "held" else "submitted"
            return records.change_request(
                request, state=state, submitted=tip, base=base, evidence="", approved="",
                approved_by="", rework="", gate_run="", suspect=0, lost=0, agent=agent.address,
                branch=agent.branch,
            )  # fmt: skip
        new = Request(
            id="~request",
            rig=agent.rig,
            bead=bead.id,
            agent=agent.address,
            title=bead.title,
            branch=agent.branch,
            base=base,
            target=self._context.rig(agent.rig).default_branch,
            priority=bead.priority,
            submitted=tip,
        )
        return [records.create_request(new)]

    async def tell(self, command: Tell) -> None:
        """Nudge an agent; what was to be told counts as told when the receipt says so."""
        receipt = await self._nudger.nudge(command.agent, command.text)
        if not receipt.startswith("submitted"):
            raise Conflict(f"{command.agent} could not be told: {receipt}")
        agent = self._context.books.agents.get(command.agent)
        if not command.request and agent is not None:
            self._write_agent(agent, nudged=agent.nudged + 1)
        elif command.request:
            request = self._context.books.requests.get(command.request)
            if request is not None:
                self._context.books.write_town(
                    records.change_request(request, told=command.attempt), actor=ACTOR
                )
        self._context.note("nudged", command.agent, f"{command.agent}: {command.text}")
        self._context.sync()

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


def _is_under_way(request: Request) -> bool:
    """Whether handing the same commit in again would only make it wait anew."""
    return request.state in {"submitted", "testing", "review", "approved", "held"}
