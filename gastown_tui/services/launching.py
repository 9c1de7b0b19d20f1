"""The last step before a spawn: command line, environment and files of one start, written down."""

from __future__ import annotations

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.explain import launched
from gastown_tui.domain.agents.launch import LaunchContext, LaunchSpec, launch
from gastown_tui.domain.town import Agent
from gastown_tui.services.context import Context
from gastown_tui.services.files import write_private

RECORD = "launch.json"
"""Beside a session's settings: what it was started with, without a value of its environment."""


def prepare_launch(
    context: Context, agent: Agent, entry: AgentEntry, start: LaunchContext
) -> LaunchSpec:
    """Make a start's specification and write its files.

    Raises:
        BadInput: as `launch`.
        Forbidden: as `launch`.
        OSError: a file cannot be written.
    """
    spec = launch(entry, start)
    for path, text in spec.files.items():
        write_private(path, text)
    record = msgspec.json.encode(launched(entry, start, spec))
    write_private(context.paths.session_file(agent, RECORD), record.decode())
    return spec
