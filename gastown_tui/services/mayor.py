"""The mayor: an interactive agent without a hook that plans with the overseer and files work."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from gastown_tui import protocol
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.launch import LaunchContext
from gastown_tui.domain.town import RUNNING, Agent
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.env_files import agent_secrets
from gastown_tui.services.launching import prepare_launch

ADDRESS = "mayor"
COLUMNS, ROWS = 120, 40
_PROMPT = "You are the mayor of this town. Run `gastown prime`, then wait for the overseer."


async def open_mayor(context: Context, can_resume: Callable[[AgentEntry, Agent], bool]) -> str:
    """Start the mayor's session unless it lives; it goes on in its conversation if it can.

    Raises:
        GastownError: its program cannot be started.
    """
    agent = _agent(context)
    for row in context.run_table.rows.values():
        if row.name == ADDRESS and not row.ended:
            return "the mayor is at work already"
    entry = context.entry(agent)
    resume = can_resume(entry, agent)
    run = context.new_run()
    conversation = agent.conversation if resume else str(uuid.uuid4())
    home = context.paths.sandbox(agent)
    home.mkdir(exist_ok=True, mode=0o700)
    context.books.write_town(
        records.change_agent(agent, run=run, conversation=conversation, wanted=RUNNING),
        actor=ACTOR,
    )
    context.sync()
    start = _launch_context(context, agent, run, conversation, resume=resume)
    spec = prepare_launch(context, agent, entry, start)
    await context.spawn(
        protocol.Spawn(
            req=0,
            run=run,
            name=ADDRESS,
            argv=spec.argv,
            cwd=str(home),
            env=spec.env,
            cols=COLUMNS,
            rows=ROWS,
            fence=[agent.run] if agent.run else [],
            key=str(home),
        )
    )
    context.note("started", ADDRESS, f"the mayor is at its desk (run {run})")
    return "the mayor is at its desk"


def _agent(context: Context) -> Agent:
    known = context.books.agents.get(ADDRESS)
    if known is not None:
        return known
    agent = Agent(address=ADDRESS, record="hq-mayor", rig="", role="mayor", name="mayor")
    context.books.write_town([records.create_agent(agent)], actor=ACTOR, transaction="agent-mayor")
    context.sync()
    return context.books.agents[ADDRESS]


def _launch_context(
    context: Context, agent: Agent, run: str, conversation: str, *, resume: bool
) -> LaunchContext:
    tmp_dir = context.paths.session_file(agent, "tmp")
    tmp_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LaunchContext(
        town=str(context.paths.town),
        role="mayor",
        agent=ADDRESS,
        run=run,
        cwd=str(context.paths.sandbox(agent)),
        conversation=conversation,
        resume=resume,
        read_only=[str(context.paths.town / name / "repo") for name in sorted(context.books.rigs)],
        settings_path=str(context.paths.session_file(agent, "settings.json")),
        hooks_path=str(context.paths.session_file(agent, "hooks")),
        bin_dir=str(context.paths.bin),
        bd_dir=str(context.paths.bd) if context.config.bd else "",
        tmp_dir=str(tmp_dir),
        caller_env=context.person_env,
        secrets=agent_secrets(context, context.entry(agent), None),
        prompt="" if resume else _PROMPT,
    )
