"""Follows the settings of a running town: what can be read is used, what cannot is told."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

from gastown_tui.adapters.moved import rejoin
from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.adapters.town_files import RIG_FILE, TOWN_FILE
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import BadInput, GastownError, Unavailable
from gastown_tui.roots.openings import Openings
from gastown_tui.roots.town import catalogue, rig_config, rig_names, town_config
from gastown_tui.services.books import RigBooks
from gastown_tui.services.context import Context
from gastown_tui.services.env_files import agent_secrets, rig_secrets

log = logging.getLogger("gastown.settings")
_Stamp = tuple[int, int, int]


class Settings:
    """`town.toml` and every `rig.toml`, read again when they change."""

    def __init__(self, town: Path, context: Context, on_new_rig: Callable[[], None]) -> None:
        self._town = town
        self._context = context
        self._on_new_rig = on_new_rig
        self._stamps: dict[str, _Stamp | None] = {}
        self._rejoined: set[str] = set()
        self._openings = Openings(town)

    def look(self) -> None:
        """Take in what has changed; a file that cannot be used leaves what was in force."""
        self._follow("", self._town / TOWN_FILE, self._take_town)
        names = rig_names(self._town)
        for name in names:
            take = functools.partial(self._take_rig, name)
            self._follow(name, self._town / name / RIG_FILE, take)
        self._check_secrets(names)
        known = {"", *names, *self._context.books.rigs}
        for key in list(self._context.problems):
            if key.partition("/")[0] not in known:
                self.tell(key, "")

    def _check_secrets(self, names: list[str]) -> None:
        """Say at once that an `env_file` cannot be used: what needs it does not start."""
        context = self._context
        for name in names:
            if name in context.books.rigs:
                rig = context.books.rigs[name].config
                self._check(f"{name}/env_file", functools.partial(rig_secrets, context, rig))
        for name, entry in context.entries.items():
            if entry.env_file:
                used = functools.partial(agent_secrets, context, entry, None)
                self._check(f"/env_file of {name}", used)

    def _check(self, key: str, use: Callable[[], object]) -> None:
        try:
            use()
        except GastownError as error:
            self.tell(key, f"{key.partition('/')[0]}: {error}".removeprefix(": "))
        else:
            self.tell(key, "")

    def _follow(self, name: str, path: Path, take: Callable[[], bool]) -> None:
        stamp = _stamp(path)
        if stamp == self._stamps.get(name):
            return
        try:
            taken = take()
        except GastownError as error:
            self.tell(name, str(error))
            if not isinstance(error, Unavailable):  # what is not there now may be there soon
                self._stamps[name] = stamp
            return
        if taken:
            self.tell(name, "")
            self._stamps[name] = stamp

    def tell(self, name: str, problem: str) -> None:
        """What is wrong with a rig (or, without a name, the town) now; empty = nothing."""
        before = self._context.problems.get(name, "")
        if problem == before:
            return
        if problem:
            self._context.problems[name] = problem
            log.warning("%s", problem)
            self._note("problem", name, problem)
        else:
            del self._context.problems[name]
            self._note("mended", name, f"{name or 'the town'} is in order again")

    def _note(self, kind: str, name: str, text: str) -> None:
        """Write the event; where there is no room for it the problem is shown all the same."""
        try:
            self._context.note(kind, name or "town", text)
            self._context.sync()
        except GastownError as error:
            log.warning("no event of it: %s", error)

    def _take_town(self) -> bool:
        context = self._context
        config = town_config(self._town)
        entries = catalogue(config)
        if config.id != context.config.id:
            raise BadInput(
                f"{TOWN_FILE}: id has changed from {context.config.id!r}, which its hooks bear",
                hint="put it back",
            )
        context.config, context.entries = config, entries
        return True

    def _take_rig(self, name: str) -> bool:
        """Use the rig's settings; False = not while something lands by the old ones."""
        books = self._context.books
        config = rig_config(self._town, name)
        if config.agent and config.agent not in self._context.entries:
            known = ", ".join(sorted(self._context.entries))
            raise BadInput(f"{name}/{RIG_FILE}: agent is {config.agent!r}", hint=f"known: {known}")
        if name not in books.rigs:
            store = self._openings.open(config)
            if store is None:
                return False
            self._context.git[name] = RigGit(self._town, config)
            books.add_rig(RigBooks(config=config, store=store))
            self._on_new_rig()
            return True
        old = books.rigs[name].config
        if config == old:
            return True
        if config.prefix != old.prefix:
            raise BadInput(
                f"{name}/{RIG_FILE}: prefix has changed from {old.prefix!r}, which its beads bear",
                hint="put it back",
            )
        if _lands_elsewhere(config, old) and books.rig_views({})[name].landing:
            return False
        books.rigs[name].config = config
        self._context.git[name] = RigGit(self._town, config)
        return True

    def rejoin(self, name: str) -> None:
        """Once for each rig: mend what a move of the town has broken.

        Raises:
            GastownError: it could not be mended.
        """
        if name in self._rejoined:
            return
        if rejoin(self._town, name):
            self._context.note(
                "mended", name, f"the town was moved: {name} has found its worktrees again"
            )
        self._rejoined.add(name)


def _lands_elsewhere(new: RigConfig, old: RigConfig) -> bool:
    return (new.land, new.default_branch) != (old.land, old.default_branch)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
