"""Drives nudges: one at a time for each agent, by the signals of its terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gastown_tui.domain.agents.answering import DialogAnswer
from gastown_tui.domain.agents.dialog import Dialog
from gastown_tui.domain.agents.nudge import Mode, Nudge
from gastown_tui.domain.agents.state import AgentState
from gastown_tui.domain.agents.typist import (
    Command,
    Finish,
    Receipt,
    SignalsSeen,
    Tick,
    TypeBytes,
    TypedAnswer,
    Wait,
)
from gastown_tui.domain.errors import Unavailable
from gastown_tui.protocol import Signals
from gastown_tui.services.context import Context

PATIENCE_S: Final = 10.0
"""How long whoever asks waits for the agent to be ready."""
QUEUE_S: Final = 1800.0
"""How long a queued nudge is tried."""
TRY_S: Final = 0.5
"""How long one try of a queued nudge waits for the agent to be ready."""
BETWEEN_S: Final = 0.5
"""Between two tries."""
Look = Callable[[str], tuple[Signals | None, AgentState | None, int]]
"""Of a session: its signals, its state, and how many prompts it has taken."""


class Nudger:
    """Types texts into agents; every call ends in a receipt such as `submitted` or `held: why`."""

    def __init__(self, context: Context, look: Look) -> None:
        self._context = context
        self._look = look
        self._locks: dict[str, asyncio.Lock] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._queued: set[asyncio.Task[None]] = set()

    def on_signals(self, signals: Signals) -> None:
        """Screens says something of a session."""
        news = self._news.get(signals.session)
        if news is not None:
            news.set()

    async def nudge(
        self,
        session: str,
        text: str,
        *,
        mode: str = "now",
        patience_s: float = PATIENCE_S,
        may_command: bool = False,
        keeps: bool = False,
    ) -> str:
        """Put a text in front of an agent.

        Args:
            session: its address.
            text: any text; control characters are dropped.
            mode: `now` types while it works if it queues prompts; others wait until it is idle.
            patience_s: how long to wait for that; then the receipt is `queued`.
            may_command: the text is the overseer's own, and may start with `/` or `!`.
            keeps: it is tried again: whatever is in its way now, the receipt is `queued`.
        """
        lock = self._locks.setdefault(session, asyncio.Lock())
        async with lock:
            entry = self._context.entry(self._context.agent(session))
            machine = Nudge(
                entry.typing, may_command=may_command, patience_s=patience_s, keeps=keeps
            )
            chosen: Mode = "now" if mode == "now" else "wait"
            begun = machine.start(text, chosen, self._awake())
            receipt = await self._drive(session, machine, begun)
        return f"{receipt.kind}: {receipt.reason}" if receipt.reason else receipt.kind

    def queue(
        self,
        session: str,
        text: str,
        done: Callable[[str], None],
        *,
        mode: str = "wait",
        may_command: bool = False,
    ) -> None:
        """Go on trying in the background, for half an hour; `done` gets the receipt.

        Between two tries others may type, such as whoever answers the dialog that is in the way;
        what is queued for one session is tried in order.
        """
        turn = self._turns.setdefault(session, asyncio.Lock())

        async def later() -> None:
            until = self._awake() + QUEUE_S
            async with turn:
                while True:
                    receipt = await self.nudge(
                        session, text, mode=mode, patience_s=TRY_S, may_command=may_command,
                        keeps=True,
                    )  # fmt: skip
                    if not receipt.startswith("queued"):
                        break
                    if self._awake() >= until:
                        receipt = f"refused: it waited {QUEUE_S / 60:.0f} minutes{receipt[6:]}"
                        break
                    await asyncio.sleep(BETWEEN_S)
            done(receipt)

        task = asyncio.ensure_future(later())
        self._queued.add(task)
        task.add_done_callback(self._queued.discard)

    async def answer(self, session: str, dialog: Dialog, choice: str) -> str:
        """Answer the dialog that was seen, by the text of its options; the receipt."""
        lock = self._locks.setdefault(session, asyncio.Lock())
        async with lock:
            machine = DialogAnswer(dialog, choice)
            receipt = await self._drive(session, machine, machine.start(self._awake()))
        return f"{receipt.kind}: {receipt.reason}" if receipt.reason else receipt.kind

    def _awake(self) -> float:
        return self._context.clock.now().awake

    async def _drive(
        self, session: str, machine: Nudge | DialogAnswer, commands: list[Command]
    ) -> Receipt:
        """Carry out a machine's commands and feed it what follows, until its receipt."""
        news = self._news.setdefault(session, asyncio.Event())
        while True:
            until = self._awake() + 1.0
            again: list[Command] = []
            for command in commands:
                if isinstance(command, Finish):
                    return command.receipt
                if isinstance(command, Wait):
                    until = min(until, command.until)
                elif isinstance(command, TypeBytes):
                    again += machine.handle(await self._type(session, command))
            if again:
                commands = again
                continue
            await self._wait(news, until - self._awake())
            commands = machine.handle(self._seen(session)) + machine.handle(Tick(now=self._awake()))

    def _seen(self, session: str) -> SignalsSeen | Tick:
        signals, state, prompts = self._look(session)
        now = self._context.clock.now().awake
        if signals is None or state is None:
            return Tick(now=now)
        return SignalsSeen(
            signals=signals, state=state.state, needs=state.needs, now=now, prompts=prompts
        )

    async def _type(self, session: str, command: TypeBytes) -> TypedAnswer:
        clock = self._context.clock
        try:
            typed = await self._context.screens.type_text(
                session,
                command.data,
                if_generation=command.if_generation,
                if_rows=command.if_rows,
            )
        except Unavailable:
            return TypedAnswer(ok=False, reason="gone", now=clock.now().awake)
        return TypedAnswer(ok=typed.ok, reason=typed.reason, now=clock.now().awake)

    @staticmethod
    async def _wait(news: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.01, seconds)):
                await news.wait()
        except TimeoutError:
            return
        finally:
            news.clear()
