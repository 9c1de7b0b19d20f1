"""Gates and set-up as runs of the host: they stream to a pane and outlive the controller."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from gastown_tui import protocol
from gastown_tui.domain.agents.environment import inherited
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import CannotStart, Conflict, GastownError
from gastown_tui.domain.records import LOG_LINES
from gastown_tui.services.context import Context
from gastown_tui.services.env_files import rig_secrets


def gate_script(commands: list[str]) -> list[str]:
    """The argument list that shows and runs shell commands in order, up to the first that fails."""
    lines = []
    for command in commands:
        lines.append(f"printf '$ %s\\n' {shlex.quote(command)}")
        lines.append(f"( {command}\n) || exit $?")
    return ["/bin/sh", "-c", "\n".join(lines)]


def gate_env(context: Context, rig: RigConfig, work: Path) -> dict[str, str]:
    """The environment of gates and set-up: the documented list, and the rig's own `env_file`.

    Raises:
        NotFound: that file is not there.
        BadInput: others can read it, or it is none.
    """
    env = inherited(context.person_env) | rig_secrets(context, rig)
    env |= {
        "PATH": env.get("PATH") or context.person_env.get("PATH", "/usr/bin:/bin"),
        "TERM": "xterm-256color",
        "GASTOWN_TOWN": str(context.paths.town),
        "GASTOWN_RIG": rig.name,
        "GASTOWN_ROLE": "gate",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CEILING_DIRECTORIES": str(work.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return env


async def spawn_gate(
    context: Context, rig: RigConfig, run: str, name: str, work: Path, note: dict[str, str]
) -> None:
    """Start the rig's gates in a worktree, what its set-up copies beside them.

    Raises:
        Conflict: that cannot be copied.
    """
    await context.in_git(rig.name, lambda git: git.copy_in(work))
    commands = [*rig.setup.run, *rig.gates]
    await context.spawn(
        protocol.Spawn(
            req=0,
            run=run,
            name=name,
            argv=gate_script(commands),
            cwd=str(work),
            env=gate_env(context, rig, work),
            kind="gate",
            key=str(work),
            note=note,
            scrollback=2000,
        )
    )


async def run_setup(context: Context, rig_name: str, sandbox: Path, *, name: str) -> None:
    """Copy what the rig's set-up names into a sandbox, run its commands, and wait for them.

    Raises:
        CannotStart: a file cannot be copied, a command failed, with its last line, or it took
            too long.
    """
    rig = context.rig(rig_name)
    try:
        await context.in_git(rig_name, lambda git: git.copy_in(sandbox))
    except Conflict as error:
        raise CannotStart(error.message, hint=error.hint) from error
    if not rig.setup.run:
        return
    run = context.new_run()
    await context.spawn(
        protocol.Spawn(
            req=0,
            run=run,
            name=name,
            argv=gate_script(rig.setup.run),
            cwd=str(sandbox),
            env=gate_env(context, rig, sandbox),
            kind="setup",
            key=str(sandbox),
            note={"rig": rig_name},
        )
    )
    try:
        async with asyncio.timeout(rig.setup.timeout_s):
            ended = await context.run_table.finished(run)
    except TimeoutError:
        await context.host.end(run=run, reason="time limit")
        limit = f"{rig.setup.timeout_s:g} s"
        raise CannotStart(f"the set-up of {rig_name} took longer than {limit}") from None
    if ended.code != 0:
        tail = (await output_of(context, name)).strip().splitlines()[-1:]
        said = " ".join(tail)[:200] or f"exit code {ended.code}"
        raise CannotStart(f"the set-up of {rig_name} failed: {said}", hint=f"gastown peek {name}")


async def output_of(context: Context, session: str) -> str:
    """The last lines that a gate or set-up printed; empty when screens cannot tell now."""
    try:
        peeked = await context.screens.peek(session, history=LOG_LINES)
    except GastownError:
        return ""
    return "\n".join(peeked.text.rstrip().splitlines()[-LOG_LINES:])
