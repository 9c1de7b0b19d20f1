"""Secrets by reference: what the `env_file` of a rig, and of an agent's entry, hold now."""

from __future__ import annotations

from pathlib import Path

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.config import RigConfig
from gastown_tui.services.context import Context


def rig_secrets(context: Context, rig: RigConfig) -> dict[str, str]:
    """For everything that works in a rig: its agents, gates and set-up.

    Raises:
        NotFound: the file is not there.
        BadInput: others can read it, or it is none.
    """
    return _read(context, context.paths.town / rig.name, rig.env_file)


def agent_secrets(context: Context, entry: AgentEntry, rig: RigConfig | None) -> dict[str, str]:
    """For an agent: its rig's, and over them those of its entry.

    Raises:
        NotFound: a file is not there.
        BadInput: others can read it, or it is none.
    """
    of_rig = rig_secrets(context, rig) if rig is not None else {}
    return of_rig | _read(context, context.paths.town, entry.env_file)


def _read(context: Context, base: Path, name: str) -> dict[str, str]:
    if not name:
        return {}
    home = context.person_env.get("HOME", "")
    if name.startswith("~/") and home:
        name = home + name[1:]
    return dict(context.machine.secrets(base / name))
