"""Signs of agents that lie in files: session registry, hooks, transcripts."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.agents.claude_registry import ClaudeRegistry, config_folder
from gastown_tui.adapters.agents.hook_file import HookFile
from gastown_tui.adapters.agents.transcript import Transcript, transcript_path
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.state import HookEvent, RegistryRecord
from gastown_tui.domain.town import Agent
from gastown_tui.services.facts import Usage

_KEPT: Final = 12
"""Hook events remembered of an agent."""
_EVERY_S: Final = 5.0
"""Between two looks into a transcript."""


class OutsideSigns:
    """Reads what agents' programs write; everything in there is untrusted and bounded."""

    def __init__(self, private: Path, town: Path, entries: Mapping[str, AgentEntry]) -> None:
        self._private = private
        self._town = town
        self._entries = entries
        self._config = config_folder(dict(os.environ))
        self._claude = ClaudeRegistry(self._config)
        self._files: dict[str, HookFile] = {}
        self._events: dict[str, deque[HookEvent]] = {}
        self._transcripts: dict[str, tuple[Transcript, float]] = {}

    def _entry(self, name: str) -> AgentEntry | None:
        return self._entries.get(name)

    def registry(self, entry: str, pid: int) -> RegistryRecord | None:
        """What the program's own session file says."""
        found = self._entry(entry)
        if found is None or found.registry != "claude" or not pid:
            return None
        return self._claude.read(pid)

    def hooks(self, agent: Agent) -> tuple[HookEvent, ...]:
        """The newest hook events, oldest first."""
        path = self._private / "agents" / agent.rig / agent.name / "hooks"
        file = self._files.get(agent.address)
        if file is None:
            file = self._files[agent.address] = HookFile(path)
        events = self._events.setdefault(agent.address, deque(maxlen=_KEPT))
        now = time.time()
        fresh = file.read(now)
        if any(event.name == "SessionStart" for event in fresh):
            events.clear()
        events.extend(fresh)
        return tuple(
            msgspec.structs.replace(event, age_s=max(0.0, now - event.at)) for event in events
        )

    def prompts(self, agent: str) -> int:
        """How many prompts an agent's hooks have told of."""
        file = self._files.get(agent)
        return file.prompts if file else 0

    def usage(self, agent: Agent, entry: str) -> Usage:
        """Tokens and cost of the agent's conversation, at most a few seconds old."""
        found = self._entry(entry)
        if found is None or found.transcripts != "claude" or not agent.conversation:
            return Usage()
        key = agent.conversation
        known = self._transcripts.get(key)
        if known is None:
            cwd = self._town / agent.rig / "polecats" / agent.name
            path = transcript_path(self._config, cwd, agent.conversation)
            known = (Transcript(path, list(found.prices)), 0.0)
        transcript, looked = known
        if time.monotonic() - looked >= _EVERY_S:
            transcript.read()
            self._transcripts[key] = (transcript, time.monotonic())
        return Usage(tokens=transcript.usage.total, cost=round(transcript.cost, 4))
