"""Carries out what the plan says of sessions: recorded, then spawned."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import msgspec

from gastown_tui import protocol
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.launch import LaunchContext, LaunchSpec, consents_of
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import StartSession
from gastown_tui.domain.errors import BadInput, CannotStart, Conflict, NotFound
from gastown_tui.domain.operations import Operation, SetState
from gastown_tui.domain.town import RUNNING, Agent
from gastown_tui.domain.view import respawns_of
from gastown_tui.domain.workplaces import own_variables
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.env_files import agent_secrets
from gastown_tui.services.gates import project_env, workplace
from gastown_tui.services.hooks import request_of, still_hooked, write_agent
from gastown_tui.services.launching import prepare_launch, told_as_start

COLUMNS, ROWS = 120, 40
"""Of an agent's terminal; the width is never changed by what the screen shows."""


class Sessions:
    """Starts agents' programs. `can_resume` says whether a conversation can be gone on with."""

    def __init__(self, context: Context, can_resume: Callable[[AgentEntry, Agent], bool]) -> None:
        self._context = context
        self._can_resume = can_resume

    async def start(self, command: StartSession) -> None:
        """Record the run, then spawn it; the former run is fenced by the host.

        Raises:
            Conflict: it is not to be started any more.
            CannotStart: it cannot be; the former run stays on record.
            Unavailable: the host does not answer, or there is no room.
        """
        context = self._context
        agent, bead = still_hooked(self._context, command.agent, command.bead)
        if agent.wanted != RUNNING or agent.sandbox_for != bead.id:
            raise Conflict(f"{agent.address} is not to be started any more")
        run = context.new_run()
        entry = self._entry_for(agent, bead)
        is_same = entry == agent.entry
        former, agent = agent, msgspec.structs.replace(agent, entry=entry)
        with told_as_start():
            resume = command.resume and is_same and self._can_resume(context.entry(agent), agent)
            if not resume:
                agent = msgspec.structs.replace(agent, conversation=str(uuid.uuid4()))
            start = self._launch_context(agent, bead, run, resume)
        spec = prepare_launch(context, agent, context.entry(agent), start)
        write_agent(context, agent, run=run, conversation=start.conversation, nudged=0, entry=entry)
        try:
            await context.spawn(self._frame(agent, bead, start, spec, former.run))
        except (BadInput, NotFound) as error:  # by the host, which has started nothing
            write_agent(context, agent, run=former.run, conversation=former.conversation)
            raise CannotStart(error.message, hint=error.hint) from error
        if command.is_respawn:
            self._count_respawn(agent, bead)
        self._after_start(agent, bead, run, is_respawn=command.is_respawn)

    def _count_respawn(self, agent: Agent, bead: Bead) -> None:
        count = str(respawns_of(bead) + 1)
        self._context.books.write_rig(
            agent.rig, [SetState(bead=bead.id, dimension="respawns", value=count)], actor=ACTOR
        )

    def _frame(
        self, agent: Agent, bead: Bead, start: LaunchContext, spec: LaunchSpec, former: str
    ) -> protocol.Spawn:
        sandbox = str(self._context.paths.sandbox(agent))
        folder = str(self._context.folder(agent))
        return protocol.Spawn(
            req=0,
            run=start.run,
            name=agent.address,
            argv=spec.argv,
            cwd=folder,
            env=spec.env,
            cols=COLUMNS,
            rows=ROWS,
            fence=[former] if former else [],
            key=sandbox,
            note={"bead": bead.id, "conversation": start.conversation},
        )

    def _entry_for(self, agent: Agent, bead: Bead) -> str:
        """The catalogue entry that a bead asks for by `agent:NAME`, as a convoy's leg may.

        Empty for that of the rig or the town; so, too, when there is none of that name, which is
        told: a formula of somebody else's must not hold up work.
        """
        wanted = bead.label("agent") or ""
        if not wanted or wanted in self._context.entries:
            return wanted
        known = ", ".join(sorted(self._context.entries))
        text = f"{bead.id} asks for the agent {wanted!r}, which the town has not: {known}"
        self._context.note("problem", agent.address, text, rig=agent.rig)
        return ""

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
        request = request_of(self._context, bead.id)
        if request is not None and request.state == "rework":
            operations += records.change_request(request, told=request.attempt)
        context.books.write_town(operations, actor=ACTOR)
        context.sync()

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
        entry, place = context.entry(agent), workplace(context, rig, sandbox)
        git_env = context.rig_git(agent.rig).agent_env(sandbox, agent.branch)
        return LaunchContext(
            town=str(context.paths.town),
            rig=agent.rig,
            role=agent.role,
            agent=agent.address,
            bead=bead.id,
            run=run,
            slot=place.slot.number or agent.slot,
            cwd=str(context.folder(agent)),
            conversation=agent.conversation,
            resume=resume,
            permissions=rig.permissions,
            consents=consents_of(rig),
            mcp_known=context.machine.mcp_servers(sandbox),
            gate_commands=list(rig.gates),
            settings_path=str(context.paths.session_file(agent, "settings.json")),
            hooks_path=str(context.paths.session_file(agent, "hooks")),
            bin_dir=str(context.paths.bin),
            bd_dir=str(context.paths.bd) if rig.bd or context.config.bd else "",
            tmp_dir=place.tmp,
            git_env=git_env,
            caller_env=context.person_env,
            secrets=agent_secrets(context, entry, rig),
            extra_env=project_env(context, rig, sandbox, entry.env_pass)
            | own_variables(rig.name, place),
        )
