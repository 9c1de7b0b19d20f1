"""Whether the town could start an agent, said before anybody waits for one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_tui.cli.common import noted

if TYPE_CHECKING:
    from gastown_tui.domain.agents.catalogue import AgentEntry


def tell_unstartable(town: Path, rigs: list[str], bead_entry: str = "") -> None:
    """Say on stderr which kinds of agent that these rigs run cannot be started, and why.

    Args:
        town: its folder.
        rigs: names; those that cannot be read are passed over.
        bead_entry: the kind that a bead asks for in place of its rig's; empty for none.
    """
    from gastown_tui.domain.errors import GastownError
    from gastown_tui.roots.town import catalogue, rig_config, town_config

    try:
        config = town_config(town)
        entries, used = catalogue(config), set[str]()
    except GastownError as error:
        noted(str(error))
        return
    for name in rigs:
        try:
            used.add(rig_config(town, name).agent or config.agent)
        except GastownError:  # said elsewhere, with its reason
            continue
    if bead_entry in entries:
        used = {bead_entry}
    for name in sorted(used or {config.agent}):
        if name not in entries:
            noted(f"no agent is called {name!r} in the catalogue: {', '.join(sorted(entries))}")
        elif why := _why_not(town, entries[name]):
            noted(why)


def _why_not(town: Path, entry: AgentEntry) -> str:
    from gastown_tui.adapters.agents.machine import why_lacking
    from gastown_tui.domain.agents.launch import LaunchContext, environment
    from gastown_tui.services.launching import what_to_do

    program = (entry.wrapper or [entry.command])[0]
    if "/" in program and not Path(program).is_absolute():
        return ""  # it counts from the agent's folder, which is not there yet
    start = LaunchContext(
        town=str(town), agent="", run="", bin_dir=str(town / ".gastown" / "bin"),
        caller_env=_person_env(town),
    )  # fmt: skip
    why = why_lacking(program, environment(entry, start).get("PATH", ""), str(town))
    return f"{why}: {what_to_do(entry, program, why)}" if why else ""


def _person_env(town: Path) -> Mapping[str, str]:
    """The environment that the town hands on: that of the shell it was started from."""
    import psutil

    from gastown_tui.adapters.callers import host_of

    host = host_of(town)
    if not host:
        return os.environ
    try:
        env: dict[str, str] = psutil.Process(host).environ()
    except psutil.Error:
        return os.environ
    return env
