"""What every agent is doing now: gathers the signs, derives the state, publishes it once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol, cast

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.dialog import Dialog
from gastown_tui.domain.agents.dialogs import names_folder
from gastown_tui.domain.agents.environment import money
from gastown_tui.domain.agents.launch import LaunchContext, environment
from gastown_tui.domain.agents.state import AgentState, Evidence, HookEvent, RegistryRecord, derive
from gastown_tui.domain.errors import GastownError, NotFound
from gastown_tui.domain.town import Agent, AgentFact, Now
from gastown_tui.domain.view import NEVER_RAN
from gastown_tui.protocol import RunRow, Signals
from gastown_tui.services.context import Context
from gastown_tui.services.env_files import agent_secrets

_COUNT_S: Final = 5.0
"""Between two looks into a transcript."""
_SOON_S: Final = 0.05
"""Two times at which to look again that are as good as one."""
_ENDED: Final = "ended: "
"""Before the reason, in how the host tells of a run that was ended."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation has cost so far."""

    tokens: int = 0
    cost: float = 0.0
    context: int = 0
    """Tokens that the conversation holds now."""
    again: float = 0.0
    """US dollars to send them again, when it is resumed after an absence."""
    money: str = ""
    """What pays for it: `subscription`, or `API key ...1234`; empty for what costs nothing."""


class TokenSum(Protocol):
    """Tokens of a conversation."""

    @property
    def total(self) -> int:
        """All of them."""


class Signs(Protocol):
    """Signs of an agent that lie outside its terminal."""

    def registry(self, entry: AgentEntry, pid: int, /) -> RegistryRecord | None:
        """What the program's own session file says."""

    def hooks(self, session: Agent, wall: float, awake: float, /) -> tuple[HookEvent, ...]:
        """The newest hook events of the agent's run, oldest first, their ages in awake seconds."""

    def prompts(self, session: Agent, /) -> int:
        """How many prompts the agent's run has taken, as far as `hooks` has read."""

    def usage(self, entry: AgentEntry, session: Agent, /) -> tuple[TokenSum, float]:
        """Tokens and US dollars of the conversation."""

    def resumption(self, session: Agent, /) -> tuple[int, float]:
        """Tokens that a resumed conversation sends again, and US dollars."""

    def can_resume(self, entry: AgentEntry, session: Agent, /) -> bool:
        """Whether the conversation can be continued."""


def is_news(known: AgentState, state: AgentState) -> bool:
    """Whether anybody has to be told of a state, or it is to be looked at sooner than thought."""
    if state.recheck_at and not 0 < known.recheck_at <= state.recheck_at + _SOON_S:
        return True
    same = msgspec.structs.replace(known, recheck_at=state.recheck_at)
    return same != state


def _without_session(
    agent: Agent, row: RunRow | None, previous: AgentState | None, now: Now
) -> AgentState:
    """The state of an agent that has not been started, or whose program could not be."""
    if row is not None:
        return AgentState(
            state="error", needs="start", since=row.ended, source="exit",
            evidence=row.why.removeprefix(NEVER_RAN),
        )  # fmt: skip
    state: Literal["stopped", "idle"] = "stopped" if agent.wanted == "stopped" else "idle"
    since = previous.since if previous and previous.state == state else now.wall
    return AgentState(
        state=state, since=since, source="wanted", evidence=agent.wanted_why or "no session yet"
    )


class Facts:
    """Signals in, states out; `refresh` is called before each plan."""

    def __init__(self, context: Context, signs: Signs, wake: Callable[[], None]) -> None:
        self._context = context
        self._signs = signs
        self._wake = wake
        self.signals: dict[str, Signals] = {}
        """By session."""
        self.states: dict[str, AgentState] = {}
        """By agent address."""
        self.usage: dict[str, Usage] = {}
        self._counted: dict[str, float] = {}
        self._runs: dict[str, str] = {}
        self._born: dict[str, float] = {}
        """Agent to the awake time when its run started."""
        self._output: dict[str, tuple[float, float]] = {}
        """Session to the time of its last output, and the awake time when we learned of it."""

    def on_signals(self, signals: Signals) -> None:
        """Screens says something of a session; a look follows if that changes what is told."""
        session = signals.session
        before, self.signals[session] = self.signals.get(session), signals
        agent, known = self._context.books.agents.get(session), self.states.get(session)
        row = self._context.run_table.rows.get(signals.run)
        if agent is None:
            return
        if before is None or known is None or row is None or row.ended or row.name != session:
            self._wake()
            return
        state = self.states[session] = self._state(agent, row, self._context.clock.now())
        is_asked_anew = state.needs and before.rows_hash != signals.rows_hash
        if is_asked_anew or is_news(known, state):
            self._wake()

    def on_gone(self) -> None:
        """Screens has gone: what it said is no longer fresh, but stays until it is back."""

    def refresh(self, now: Now) -> dict[str, AgentFact]:
        """Derive the state of every agent."""
        facts: dict[str, AgentFact] = {}
        living = {row.name: row for row in self._context.run_table.rows.values() if not row.ended}
        for address, agent in self._context.books.agents.items():
            row = living.get(address) or self.row_of(agent)
            state = self._state(agent, row, now)
            self.states[address] = state
            output = self._output.get(address, (0.0, now.awake))[1]
            self._count(agent, now)
            facts[address] = AgentFact(
                state=state.state,
                since=state.since,
                last_output=now.wall - (now.awake - output),
                prompts=self.prompts(address),
                runs_text=self._runs_text(agent),
                dialog=(asked := self._at_start(agent, state)),
                servers=self._servers(agent) if asked and asked.kind == "mcp" else (),
            )
        for address in set(self.states) - set(facts):
            del self.states[address]
        return facts

    def _at_start(self, agent: Agent, state: AgentState) -> Dialog | None:
        """A question of its start-up; one of trust only if it names the agent's own folder."""
        asked = state.dialog
        if asked is None or not asked.at_start:
            return None
        if asked.kind in {"trust", "trust_rules"}:
            folder = str(self._context.folder(agent))
            home = self._context.person_env.get("HOME", "")
            if not names_folder(asked, folder, home):
                return None
        return asked

    def _runs_text(self, agent: Agent) -> bool:
        try:
            return self._context.entry(agent).typing.executes
        except NotFound:
            return False

    def _servers(self, agent: Agent) -> tuple[str, ...]:
        return tuple(self._context.machine.mcp_servers(self._context.paths.sandbox(agent)))

    def _count(self, agent: Agent, now: Now) -> None:
        """Look at what the conversation costs, every few seconds."""
        if now.awake - self._counted.get(agent.address, -_COUNT_S) < _COUNT_S:
            return
        self._counted[agent.address] = now.awake
        try:
            entry = self._context.entry(agent)
            tokens, cost = self._signs.usage(entry, agent)
        except NotFound:
            return
        context, again = self._signs.resumption(agent)
        self.usage[agent.address] = Usage(
            tokens=tokens.total,
            cost=round(cost, 4),
            context=context,
            again=round(again, 4),
            money=self._money(entry, agent),
        )

    def _money(self, entry: AgentEntry, agent: Agent) -> str:
        """What pays for an agent that is started now."""
        if not entry.prices:
            return ""
        context = self._context
        rig = context.books.rigs.get(agent.rig)
        try:
            secrets = agent_secrets(context, entry, rig.config if rig else None)
        except GastownError:  # told as a problem of the town; it does not start without
            return ""
        start = LaunchContext(
            town="", agent="", run="", caller_env=context.person_env, secrets=secrets
        )
        return money(environment(entry, start), entry.keys)

    def _state(self, agent: Agent, row: RunRow | None, now: Now) -> AgentState:
        """Derive it; an agent whose entry the catalogue lost must not hide the others."""
        try:
            return self._derive(agent, row, now)
        except NotFound as error:
            before = self.states.get(agent.address)
            since = before.since if before and before.state == "error" else now.wall
            return AgentState(state="error", since=since, source="wanted", evidence=str(error))

    def _derive(self, agent: Agent, row: RunRow | None, now: Now) -> AgentState:
        previous = self.states.get(agent.address)
        if row is None or row.why.startswith(NEVER_RAN):
            return _without_session(agent, row, previous, now)
        if self._runs.get(agent.address) != row.run:
            self._runs[agent.address] = row.run
            self._output.pop(agent.address, None)
            self._born[agent.address] = now.awake - max(0.0, now.wall - row.started)
            previous = None
        signals = self.signals.get(agent.address)
        if signals is not None and signals.run and signals.run != row.run:
            signals = None
        seen = self._output.get(agent.address)
        output = signals.last_output if signals else row.started
        if seen is None or seen[0] != output:
            quiet = max(0.0, now.wall - output) if output else 0.0
            seen = (output, now.awake - quiet)
            self._output[agent.address] = seen
        quiet_s = max(0.0, now.awake - seen[1])
        entry = self._context.entry(agent)
        is_alive = not row.ended
        hooks = self._signs.hooks(agent, now.wall, now.awake) if is_alive else ()
        last_hook = hooks[-1].age_s if hooks else None
        evidence = Evidence(
            entry=entry,
            alive=is_alive,
            exit_code=row.code if row.ended else None,
            exit_signal=row.signal,
            frozen=agent.wanted == "paused" or self._context.is_frozen,
            wanted=cast("Literal['running', 'paused', 'stopped']", agent.wanted),
            wanted_why=agent.wanted_why,
            signals=signals,
            registry=self._signs.registry(entry, row.pid) if is_alive else None,
            hooks=hooks,
            age_s=now.awake - self._born[agent.address],
            quiet_s=quiet_s,
            progress_s=quiet_s if last_hook is None else last_hook,
            previous=previous,
        )
        found = derive(evidence, now.wall)
        if found.state == "exited" and row.why.startswith(_ENDED):
            # By the town, for a reason that says more than the signal it was done with.
            return msgspec.structs.replace(found, evidence=row.why.removeprefix(_ENDED))
        return found

    def memory(self, address: str) -> int:
        """Bytes that an agent's processes take; 0 while they were not measured."""
        return self._context.memory.agents.get(address, 0)

    def away_since(self) -> float:
        """When the town was last alive before an absence."""
        return self._context.away_since

    def row_of(self, agent: Agent) -> RunRow | None:
        """The agent's run as the host tells it."""
        return self._context.run_table.rows.get(agent.run)

    def folder(self, agent: Agent) -> str:
        """The folder an agent works in; empty while it has none."""
        has_one = bool(agent.sandbox_for) or agent.role == "mayor"
        return str(self._context.paths.sandbox(agent)) if has_one else ""

    def rows_hash(self, session: str) -> str:
        """Hash of the rows that a session shows; empty when unknown."""
        signals = self.signals.get(session)
        return signals.rows_hash if signals else ""

    def entry_name(self, agent: Agent) -> str:
        """The catalogue entry that an agent runs; empty when there is none such."""
        try:
            return self._context.entry(agent).name
        except NotFound:
            return ""

    def seen(self, session: str) -> tuple[Signals | None, AgentState | None, int]:
        """A session's signals, its state, and how many prompts it has taken, looked at anew."""
        agent = self._context.books.agents.get(session)
        row = self.row_of(agent) if agent else None
        if agent is not None and row is not None and not row.ended and session in self.states:
            self.states[session] = self._state(agent, row, self._context.clock.now())
        return self.signals.get(session), self.states.get(session), self.prompts(session)

    def prompts(self, session: str) -> int:
        """How many prompts a session has taken, as far as its hooks tell."""
        agent = self._context.books.agents.get(session)
        return self._signs.prompts(agent) if agent else 0

    def next_check(self, default: float) -> float:
        """The earliest time at which silence alone changes a state."""
        times = [one.recheck_at for one in self.states.values() if one.recheck_at]
        return min([default, *times])
