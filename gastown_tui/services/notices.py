"""Calls the overseer: looks for causes at every look, tells them once, to screens and a program."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from typing import Final, Protocol

from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.notices import Cause, Row, Teller, causes, is_busy, line
from gastown_tui.domain.town import Now
from gastown_tui.services.context import Context
from gastown_tui.services.files import write_private
from gastown_tui.services.requests import Arguments

log = logging.getLogger("gastown.notices")
PROBLEM: Final = "/notify"
"""Key of the problem that the `notify` program cannot be run."""
_HERE_S: Final = 30.0
"""How long after a person did something at a screen that person is taken to look at it."""
_KEPT: Final = 20
_PLACE: Final = re.compile(r"\{(town|kind|subject|text)\}")


class Program(Protocol):
    """Runs the overseer's program."""

    async def __call__(self, argv: list[str], env: Mapping[str, str], /) -> str:
        """Run it to its end; what went wrong, or empty."""


def argv_for(command: list[str], cause: Cause, town: str) -> list[str]:
    """The program and its arguments; without a place for anything in them the text comes last.

    A replaced argument never begins with a dash: what an agent wrote cannot become an option.
    """
    values = {"town": town, "kind": cause.kind, "subject": cause.subject, "text": cause.text}
    if not any(_PLACE.search(one) for one in command):
        command = [*command, "{text}"]

    def filled(one: str) -> str:
        text = _PLACE.sub(lambda found: values[found[1]], one)
        return f" {text}" if text.startswith("-") and text != one else text

    return [filled(one) for one in command]


class Notices:
    """One per controller; `look` is called with the tables of every look."""

    def __init__(self, context: Context, run: Program) -> None:
        self._context = context
        self._run = run
        self._path = context.paths.private / "notified.json"
        self._teller = Teller(self._read())
        self._here = float("-inf")
        self._calls = 0
        self._waiting: asyncio.Queue[Cause] = asyncio.Queue()
        self.table = {"notify": self._try}

    def _read(self) -> list[str]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def present(self, here: int) -> None:
        """A person is at a screen (1), or has turned away from it (-1)."""
        self._here = self._context.clock.now().awake if here > 0 else float("-inf")

    def look(self, tables: Mapping[str, Mapping[str, Row]], now: Now) -> bool:
        """Tell what is to be told; whether there was anything."""
        before = self._teller.told
        cause = self._teller.look(
            causes(tables, now.wall),
            now.awake,
            self._context.config.notify,
            busy=is_busy(tables),
            here=now.awake - self._here < _HERE_S,
        )
        if set(before) != set(self._teller.told):
            self._keep()
        if cause is not None:
            self._tell(cause, now.wall)
            self._waiting.put_nowait(cause)
        return cause is not None

    async def run(self) -> None:
        """Run the program for what is told, one call after the other, for ever."""
        while True:
            cause = await self._waiting.get()
            if self._context.config.notify.command:
                await self._call(cause)

    def _keep(self) -> None:
        """What was told is not told again by the next controller."""
        try:
            write_private(self._path, json.dumps(self._teller.told))
        except OSError as error:
            log.warning("%s: %s", self._path, error)

    def _tell(self, cause: Cause, wall: float) -> None:
        """Tell the open screens."""
        settings = self._context.config.notify
        self._calls += 1
        key = f"{wall:.3f}-{self._calls}"
        self._context.notices[key] = {
            "id": key, "at": wall, "kind": cause.kind, "subject": cause.subject,
            "text": cause.text, "bell": settings.bell, "osc": settings.osc,
        }  # fmt: skip
        for old in list(self._context.notices)[:-_KEPT]:
            del self._context.notices[old]

    async def _call(self, cause: Cause) -> str:
        """Run the program for a cause; what went wrong, or empty. A problem of the town says so."""
        context = self._context
        town = context.config.name or context.paths.town.name
        env = {
            "GASTOWN_TOWN": str(context.paths.town), "GASTOWN_NOTIFY_KIND": cause.kind,
            "GASTOWN_NOTIFY_SUBJECT": cause.subject, "GASTOWN_NOTIFY_TEXT": cause.text,
        }  # fmt: skip
        command = context.config.notify.command
        why = await self._run(argv_for(command, cause, town), {**context.person_env, **env})
        if why:
            context.problems[PROBLEM] = f"town.toml: notify.command: {why}"
            log.warning("notify: %s", why)
        else:
            context.problems.pop(PROBLEM, None)
        return why

    async def _try(self, target: str, _arguments: Arguments, _actor: str) -> str:
        """Call the overseer now, whatever the limits: to see that it arrives."""
        cause = Cause(kind="waits", text=line(target) or "this is how you are called")
        self._tell(cause, self._context.clock.now().wall)
        settings = self._context.config.notify
        ways = [
            way
            for way, on in (("bell", settings.bell), (f"OSC {settings.osc}", settings.osc))
            if on
        ]
        said = f"open screens: {' and '.join(ways) or 'silent ([notify] bell, osc)'}"
        if not settings.command:
            return f"{said}; no program ([notify] command in town.toml)"
        if why := await self._call(cause):
            raise Unavailable(f"{said}; {why}", hint="[notify] command in town.toml")
        return f"{said}; {settings.command[0]}: done"
