"""Signs of agents that lie outside their terminals: registry, hooks and transcripts, kept open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from gastown_tui.adapters.agents.claude_registry import ClaudeRegistry, config_folder
from gastown_tui.adapters.agents.hook_file import HookFile
from gastown_tui.adapters.agents.transcript import Transcript, Usage, transcript_path
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.state import HookEvent, RegistryRecord

KEPT: Final = 20
"""Hook events kept of a session."""


class Session(Protocol):
    """What is needed to know of a session."""

    @property
    def address(self) -> str:
        """Of the agent, as in `rig/polecats/nux`."""

    @property
    def run(self) -> str:
        """Names this life of it."""

    @property
    def conversation(self) -> str:
        """Its UUID."""


class _Hooks(msgspec.Struct):
    run: str
    file: HookFile
    events: list[tuple[float, HookEvent]] = msgspec.field(default_factory=list)
    """With the awake time at which each was read."""


class AgentSigns:
    """Reads what changed since it was last asked; one object for a town."""

    def __init__(
        self,
        env: Mapping[str, str],
        hooks_path: Callable[[Session], Path],
        sandbox: Callable[[Session], Path],
    ) -> None:
        """Signs of a town.

        Args:
            env: the person's environment, which says where Claude keeps its configuration.
            hooks_path: where the hooks of a session append, as in its `LaunchContext`.
            sandbox: the folder that a session runs in.
        """
        self._config = config_folder(env)
        self._registry = ClaudeRegistry(self._config)
        self._hooks_path = hooks_path
        self._sandbox = sandbox
        self._hooks: dict[str, _Hooks] = {}
        self._transcripts: dict[str, Transcript] = {}

    @property
    def folders(self) -> list[Path]:
        """Folders whose changes mean news."""
        return [self._registry.folder]

    def registry(self, entry: AgentEntry, pid: int) -> RegistryRecord | None:
        """What the program's own session file says; None for a program that has none."""
        return self._registry.read(pid) if entry.registry == "claude" else None

    def hooks(self, session: Session, wall: float, awake: float) -> tuple[HookEvent, ...]:
        """The newest hook events of a session's run, their ages in awake seconds."""
        kept = self._hooks.get(session.address)
        if kept is None or kept.run != session.run:
            kept = _Hooks(run=session.run, file=HookFile(self._hooks_path(session)))
            self._hooks[session.address] = kept
        kept.events += [(awake, event) for event in kept.file.read(wall)]
        del kept.events[:-KEPT]
        return tuple(
            msgspec.structs.replace(event, age_s=max(0.0, awake - seen))
            for seen, event in kept.events
        )

    def prompts(self, session: Session) -> int:
        """How many prompts the session's run has taken, as far as `hooks` has read."""
        kept = self._hooks.get(session.address)
        return kept.file.prompts if kept and kept.run == session.run else 0

    def usage(self, entry: AgentEntry, session: Session) -> tuple[Usage, float]:
        """Tokens and US dollars of the session's conversation so far."""
        if entry.transcripts != "claude" or not session.conversation:
            return Usage(), 0.0
        known = self._transcripts.get(session.conversation)
        if known is None or not known.path.exists():
            path = transcript_path(self._config, self._sandbox(session), session.conversation)
            known = Transcript(path, entry.prices)
            self._transcripts[session.conversation] = known
        while known.read():
            pass
        return known.usage, known.cost

    def resumption(self, session: Session) -> tuple[int, float]:
        """Tokens that a resumed conversation sends again, and US dollars; as `usage` read it."""
        known = self._transcripts.get(session.conversation)
        return (known.context, known.resume_cost) if known else (0, 0.0)

    def can_resume(self, entry: AgentEntry, session: Session) -> bool:
        """Whether the conversation can be continued: an agent that died young has written none."""
        if not entry.resume_args or not session.conversation:
            return False
        if entry.transcripts != "claude":
            return True
        path = transcript_path(self._config, self._sandbox(session), session.conversation)
        return path.exists() and path.stat().st_size > 0

    def forget(self, session: Session) -> None:
        """Drop what is kept of a session that has ended for good."""
        self._hooks.pop(session.address, None)
        self._transcripts.pop(session.conversation, None)
