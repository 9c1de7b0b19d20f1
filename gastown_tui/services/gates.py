"""Gates and set-up as runs of the host: they stream to a pane and outlive the controller."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from gastown_tui import protocol
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import CannotStart, Conflict, GastownError
from gastown_tui.domain.records import LOG_LINES
from gastown_tui.domain.workplaces import (
    Workplace,
    project_variables,
    set_up_script,
    teardown_script,
    work_env,
)
from gastown_tui.services.context import Context
from gastown_tui.services.env_files import rig_secrets
from gastown_tui.services.launching import told_as_start
from gastown_tui.services.patience import within


def workplace(
    context: Context, rig: RigConfig, work: Path, *, capture: Path | None = None
) -> Workplace:
    """A worktree with what belongs to it; the folder of its temporary files is made.

    Raises:
        Unavailable: no ports are free.
        OSError: the folder cannot be made.
    """
    tmp = context.paths.tmp(rig.name, work)
    tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Workplace(
        top=str(work),
        slot=context.machine.slot(work, context.paths.town, context.person_env),
        tmp=str(tmp),
        allowed=str(context.paths.private / "agents" / rig.name / ".direnv"),
        capture=str(capture or ""),
    )


async def spawn_gate(
    context: Context, rig: RigConfig, run: str, name: str, work: Path, note: dict[str, str]
) -> None:
    """Start the rig's gates in a worktree, its set-up first as far as it is not done.

    Raises:
        Conflict: what set-up copies cannot be copied.
        NotFound: the rig's `env_file` is not there.
        BadInput: others can read that file, or it is none.
    """
    await context.in_git(rig.name, lambda git: git.copy_in(work))
    done = await context.in_git(rig.name, lambda git: git.set_up_of(work))
    place = workplace(context, rig, work)
    argv = set_up_script(rig, place, done, rig.gates)
    like = protocol.Spawn(
        req=0, run=run, name=name, argv=[], cwd="", env={}, kind="gate", note=note
    )
    await context.spawn(_frame(context, rig, place, argv, like))


async def run_setup(context: Context, rig_name: str, sandbox: Path, *, name: str) -> None:
    """Put what the rig's set-up names into a sandbox, run its commands, and wait for them.

    Raises:
        CannotStart: a file cannot be copied, a command failed, with its last line, it took too
            long, or the rig's folder is not there.
    """
    rig = context.rig(rig_name)
    try:
        await context.in_git(rig_name, lambda git: git.copy_in(sandbox))
    except Conflict as error:
        raise CannotStart(error.message, hint=error.hint) from error
    _check_folder(rig, sandbox)
    capture = environment_file(context, rig, sandbox)
    if not rig.setup.run and capture is None:
        return
    done = await context.in_git(rig_name, lambda git: git.set_up_of(sandbox))
    if done.is_done and capture is None:
        return
    with told_as_start():
        place = workplace(context, rig, sandbox, capture=capture)
    why = await _finished(context, rig, name, place, set_up_script(rig, place, done))
    if why:
        raise CannotStart(f"the set-up of {rig_name} {why}", hint=f"gastown peek {name}")


async def tear_down(context: Context, rig_name: str, work: Path, *, name: str) -> None:
    """Undo the set-up of a worktree that is about to go; what goes wrong is told, and no more."""
    rig = context.rig(rig_name)
    if not rig.setup.teardown or not (work / ".git").exists():
        return
    try:
        done = await context.in_git(rig_name, lambda git: git.set_up_of(work))
        place = workplace(context, rig, work)
        argv = teardown_script(rig, place, done.record)
        why = await _finished(context, rig, name, place, argv)
    except (GastownError, OSError) as error:
        why = f"could not start: {error}"
    if why:
        context.note("problem", name, f"the teardown of {work} {why}", rig=rig_name)


def environment_file(context: Context, rig: RigConfig, work: Path) -> Path | None:
    """Where the project's own environment in a sandbox is kept; None if it has none."""
    if not rig.setup.environment:
        return None
    return context.paths.tmp(rig.name, work).with_name("environment")


def project_env(
    context: Context, rig: RigConfig, sandbox: Path, passed: Collection[str]
) -> dict[str, str]:
    """What the project's own environment adds to an agent's, as it was when it was set up.

    What the rig's `env_file` says is not replaced by it.
    """
    file = environment_file(context, rig, sandbox)
    try:
        captured = file.read_bytes() if file else b""
    except FileNotFoundError:
        return {}
    mine = rig_secrets(context, rig)
    found = project_variables(captured, passed)
    return {name: value for name, value in found.items() if name not in mine}


def _check_folder(rig: RigConfig, sandbox: Path) -> None:
    """Refuse a folder that is not there, or leads out of the sandbox."""
    folder = (sandbox / rig.folder).resolve()
    is_there = folder.is_dir() and folder.is_relative_to(sandbox.resolve())
    if rig.folder and not is_there:
        text = f"folder = {rig.folder!r} of {rig.name} is no folder of the project"
        raise CannotStart(text, hint=f"mend it in {rig.name}/rig.toml")


async def _finished(
    context: Context, rig: RigConfig, name: str, place: Workplace, argv: list[str]
) -> str:
    """Run a script as a session and wait for it; how it went wrong, empty when it did not."""
    run = context.new_run()
    note = {"rig": rig.name}
    like = protocol.Spawn(
        req=0, run=run, name=name, argv=[], cwd="", env={}, kind="setup", note=note
    )
    with told_as_start():
        frame = _frame(context, rig, place, argv, like)
    await context.spawn(frame)
    try:
        async with within(context.clock, rig.setup.timeout_s):
            ended = await context.run_table.finished(run)
    except TimeoutError:
        await context.host.end(run=run, reason="time limit")
        return f"took longer than {rig.setup.timeout_s:g} s"
    if ended.code == 0:
        return ""
    tail = (await output_of(context, name)).strip().splitlines()[-1:]
    said = " ".join(tail)[:200] or f"exit code {ended.code}"
    return f"failed: {said}"


def _frame(
    context: Context, rig: RigConfig, place: Workplace, argv: list[str], like: protocol.Spawn
) -> protocol.Spawn:
    """The frame `like`, which has run, name, kind and note, with what makes it run at a place."""
    secrets = rig_secrets(context, rig)
    town = str(context.paths.town)
    env = work_env(context.person_env, secrets, town, rig.name, place)
    return msgspec.structs.replace(
        like, argv=argv, cwd=place.top, key=place.top, env=env, scrollback=2000
    )


async def output_of(context: Context, session: str) -> str:
    """The last lines that a gate or set-up printed; empty when screens cannot tell now."""
    try:
        peeked = await context.screens.peek(session, history=LOG_LINES)
    except GastownError:
        return ""
    return "\n".join(peeked.text.rstrip().splitlines()[-LOG_LINES:])
