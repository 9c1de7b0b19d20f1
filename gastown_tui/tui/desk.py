"""What the overseer has at hand: what is selected, how to ask, how to be asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from gastown_tui.domain.errors import GastownError
from gastown_tui.protocol import BeadText, DiffText, TableRow
from gastown_tui.tui.keymap import Keymap
from gastown_tui.tui.panels import TABLES, Panels
from gastown_tui.tui.ports import Clocks, LooksPort, NoLooks, ProgramsPort, ScreensPort, TownPort
from gastown_tui.tui.stage import Stage
from gastown_tui.tui.store import Store
from gastown_tui.tui.widgets.finder import Choice, Finder
from gastown_tui.tui.widgets.overlay import Dialog, Overlay
from gastown_tui.viewmodels.agents import agent_name
from gastown_tui.viewmodels.layout import DENSITIES
from gastown_tui.viewmodels.text import Line, clean, crop, string

if TYPE_CHECKING:
    from gastown_tui.tui.screens.town import TownScreen

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be asked for."""

    title: str
    text: str = ""
    optional: bool = False
    check: Callable[[str], str] | None = None
    """Says what is wrong with a text; empty when it will do."""
    brief: bool = False
    """A word or two: what was typed is not kept when it is cancelled."""


class Desk:
    """Handed to every handler; the only way from an action to the world."""

    def __init__(self, screen: TownScreen, town: TownPort, port: ScreensPort) -> None:
        self.screen, self.town, self.port = screen, town, port
        self.density = DENSITIES[0]
        self.looks: LooksPort = NoLooks()
        """What was seen of each change; given by the application."""
        self.programs: ProgramsPort | None = None
        """The overseer's shell and editor; None where there is no terminal for them."""
        self.left_at = 0.0
        """When the pane was left last, by the steady clock."""
        self._drafts: dict[str, str] = {}
        """What was written and not sent, by title."""

    @property
    def store(self) -> Store:
        """The town."""
        return self.screen.store

    @property
    def panels(self) -> Panels:
        """The lists."""
        return self.screen.panels

    @property
    def stage(self) -> Stage:
        """The panes."""
        return self.screen.stage

    @property
    def keymap(self) -> Keymap:
        """The keys."""
        return self.screen.keymap

    @property
    def clocks(self) -> Clocks:
        """The time."""
        return self.screen.clocks

    def agent(self) -> str:
        """The agent that is meant: of the row in use, else the selected one."""
        row = self.row() if self.panels.active != "agents" else {}
        for column in ("agent", "assignee", "target", "actor"):
            named = row.get(column)
            if isinstance(named, str) and named in self.store.rows("agents"):
                return named
        return self.stage.selected

    def row(self) -> TableRow:
        """The row under the cursor of the panel in use."""
        panel = self.panels.active
        return self.store.row(TABLES[panel], self.panels.cursor(panel))

    def agents(self) -> tuple[str, ...]:
        """The agents that are meant: the marked ones, else the one."""
        there = self.store.rows("agents")
        marked = tuple(key for key in there if key in self.panels.marks)
        one = self.agent()
        return marked or ((one,) if one else ())

    def name(self, key: str) -> str:
        """The short name of an agent."""
        return agent_name(key, self.store.row("agents", key))

    def request(self) -> str:
        """The merge request that is meant: of the queue's cursor, else of the agent or bead."""
        queue = self.store.rows("mq")
        if self.panels.active == "queue":
            return self.panels.cursor("queue")
        if self.panels.active == "tree":
            bead = self.panels.cursor("tree")
            return next((key for key, row in queue.items() if row.get("bead") == bead), "")
        agent = self.agent()
        over = ("landed", "dropped")
        found = [key for key, row in queue.items() if row.get("agent") == agent]
        return next((key for key in found if queue[key].get("state") not in over), "")

    def toast(self, text: str, *, bad: bool = False, seconds: float | None = None) -> None:
        """Say something for a moment."""
        severity = "warning" if bad else "information"
        self.screen.notify(crop(clean(text), 300), severity=severity, timeout=seconds, markup=False)  # type: ignore[arg-type]

    async def send(self, verb: str, *targets: str, **arguments: str) -> bool:
        """Ask for something, for each target; the receipts are shown. True if all are good."""
        good = True
        for target in targets or ("",):
            try:
                receipt = await self.town.ask(verb, target, **arguments)
            except GastownError as error:
                self.toast(str(error), bad=True)
                return False
            text = self._short(receipt.text) or (
                f"{verb}: done" if receipt.ok else f"{verb}: refused"
            )
            if " " not in text:  # `submitted`, or an id: nobody could tell of what
                what = f"{verb.replace('_', ' ')} {self.name(target)}".strip()
                text = f"{what}: {text}"
            self.toast(text, bad=not receipt.ok)
            good = good and receipt.ok
        return good

    def _short(self, text: str) -> str:
        """A receipt with the names of agents in place of their addresses, where they differ."""
        agents = self.store.rows("agents")
        names = [self.name(key) for key in agents]
        for key in agents:
            if key in text and names.count(self.name(key)) == 1:
                text = text.replace(key, self.name(key))
        return text

    async def diff(self, subject: str, since: tuple[str, str] = ("", "")) -> DiffText | None:
        """The diff of something; None, and said why, when there is none."""
        try:
            return await self.town.diff(subject, since)
        except GastownError as error:
            self.toast(str(error), bad=True)
            return None

    async def bead(self, bead: str) -> BeadText | None:
        """A bead whole; None, and said why, when there is none."""
        try:
            return await self.town.bead(bead)
        except GastownError as error:
            self.toast(str(error), bad=True)
            return None

    async def show(self, overlay: Overlay[_T]) -> _T | None:
        """Put something over the panes and wait for the answer."""
        return await self.screen.show_overlay(overlay)

    async def write(self, draft: Draft) -> str | None:
        """Have a text written; None when it was cancelled."""
        from gastown_tui.tui.widgets.composer import Composer  # with an editor: when it is used

        return await self.show(
            Composer(
                draft.title,
                text=draft.text,
                optional=draft.optional,
                check=draft.check,
                brief=draft.brief,
                drafts=self._drafts,
            )
        )

    async def confirm(self, title: str, *lines: Line) -> bool:
        """Ask yes or no."""
        overlay: Overlay[bool] = Dialog(title, lines, self.clocks.steady)
        answer: bool | None = await self.show(overlay)
        return bool(answer)

    async def pick(
        self, title: str, choices: Sequence[Choice], *, typing: bool = True
    ) -> str | None:
        """Have one of several things chosen; None when it was cancelled."""
        return await self.show(Finder(title, choices, typing=typing))

    async def guarded(self, doing: Awaitable[None]) -> None:
        """Run a handler to its end; what goes wrong is one toast, and a traceback in the log."""
        try:
            await doing
        except GastownError as error:
            self.toast(str(error), bad=True)
        except Exception as error:
            _LOG.exception("an action failed")
            self.toast(f"that went wrong: {type(error).__name__}: {error}", bad=True)

    def title_of(self, request: str) -> str:
        """A request in a few words."""
        row = self.store.row("mq", request)
        return string(row, "title") or string(row, "bead") or clean(request)
