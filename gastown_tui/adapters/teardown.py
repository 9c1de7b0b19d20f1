"""Undoes the set-up of a rig's worktrees when the rig goes away, with or without a host."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from gastown_tui.adapters.agents.env_file import read_env_file
from gastown_tui.adapters.git.setup_copy import how_set_up
from gastown_tui.adapters.ports import take_slot
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.workplaces import Workplace, teardown_script, work_env


def tear_down_all(town: Path, rig: RigConfig, env: Mapping[str, str]) -> list[str]:
    """Run the rig's teardown in each of its worktrees; what went wrong, a line each.

    Args:
        town: the town's folder.
        rig: its settings.
        env: the person's environment.
    """
    if not rig.setup.teardown:
        return []
    home = town / rig.name
    places = [*(home / "polecats").glob("*"), *(home / "refinery").glob("*")]
    wrong = []
    for work in sorted(path for path in places if (path / ".git").exists()):
        try:
            why = _tear_down(town, rig, env, work)
        except (GastownError, OSError) as error:
            why = str(error)
        if why:
            wrong.append(f"{work}: its teardown failed: {why}")
    return wrong


def _tear_down(town: Path, rig: RigConfig, env: Mapping[str, str], work: Path) -> str:
    private = town / ".gastown" / "agents" / rig.name
    is_sandbox = work.parent.name == "polecats"
    tmp = (private if is_sandbox else private / ".refinery") / work.name / "tmp"
    tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
    slot = take_slot(work, env, town)
    place = Workplace(top=str(work), slot=slot, tmp=str(tmp), allowed=str(private / ".direnv"))
    record = how_set_up(work, rig.folder, (), ()).record
    whole = work_env(env, _secrets(town, rig, env), str(town), rig.name, place)
    with _started(teardown_script(rig, place, record), work, whole) as process:
        try:
            said, _ = process.communicate(timeout=rig.setup.timeout_s)
        except subprocess.TimeoutExpired:
            return f"it took longer than {rig.setup.timeout_s:g} s"
    if process.returncode == 0:
        return ""
    last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
    return " ".join(last)[:200] or f"exit code {process.returncode}"


@contextlib.contextmanager
def _started(
    argv: list[str], work: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own; all of it that still runs is killed at the end."""
    process = subprocess.Popen(
        argv, cwd=work, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:  # not waited for: the id is still its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _secrets(town: Path, rig: RigConfig, env: Mapping[str, str]) -> dict[str, str]:
    if not rig.env_file:
        return {}
    name, home = rig.env_file, env.get("HOME", "")
    if name.startswith("~/") and home:
        name = home + name[1:]
    return read_env_file(town / rig.name / name)
