"""The controller's process: `python -m gastown_tui.roots.controller --town DIR --lifeline FD`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from gastown_tui import protocol
from gastown_tui.adapters import host_client
from gastown_tui.adapters.absence import Absence
from gastown_tui.adapters.agents.machine import Machine
from gastown_tui.adapters.agents.signs import AgentSigns
from gastown_tui.adapters.beads_git import BeadsGit
from gastown_tui.adapters.callers import calling_session
from gastown_tui.adapters.clock import SystemClock
from gastown_tui.adapters.gh import GitHub
from gastown_tui.adapters.gh_pulls import PullRequests
from gastown_tui.adapters.host_client import HostClient
from gastown_tui.adapters.locks import take_lock
from gastown_tui.adapters.memory import MemoryLook
from gastown_tui.adapters.notify import run_program
from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.adapters.screens_link import ScreensLink
from gastown_tui.adapters.sync_link import peer_pid
from gastown_tui.adapters.town_edit import set_max_working
from gastown_tui.adapters.town_files import TOWN_FILE
from gastown_tui.adapters.watch import watch
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.session_guards import guarded_kinds
from gastown_tui.domain.town import Town
from gastown_tui.roots.formulas import TownFormulas
from gastown_tui.roots.settings import Settings
from gastown_tui.roots.town import catalogue, open_books
from gastown_tui.roots.town import town_config as read_town_config
from gastown_tui.services.bead_view import bead_of_town
from gastown_tui.services.capacity import Capacity
from gastown_tui.services.context import ACTOR, Context
from gastown_tui.services.controller import Controller
from gastown_tui.services.diffs import Diffs
from gastown_tui.services.facts import Facts
from gastown_tui.services.feed import Feed
from gastown_tui.services.gate_beads import gates_of_town
from gastown_tui.services.keeper import Keeper
from gastown_tui.services.mayor import open_mayor
from gastown_tui.services.notices import Notices
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.outsiders import Edits, Outsiders, in_words
from gastown_tui.services.refinery import Refinery
from gastown_tui.services.runs import RunTable
from gastown_tui.services.server import FeedServer
from gastown_tui.services.verbs import Verbs
from gastown_tui.services.wisps import sweep
from gastown_tui.services.work import Work

log = logging.getLogger("gastown.controller")
_SWEEP_S = 5.0
_FORMULAS_S = 60.0
_SETTINGS_S = 1.0
_SWEEP_PROBLEM = "/sweep"
"""Key of what went wrong in the last sweep, such as a full disk."""
_AGAIN_S = 1.0
"""Between two looks whether a town that could not be opened can be now."""


class Process:
    """Wires one controller and runs it until the host goes away."""

    def __init__(self, town: Path, host: HostClient, screens: ScreensLink, table: RunTable) -> None:
        self._town = town
        config = read_town_config(town)
        books = open_books(town)
        books.refresh(SystemClock().utc())
        self.context = Context(
            town=town,
            config=config,
            books=books,
            host=host,
            screens=screens,
            git={name: RigGit(town, rig.config) for name, rig in books.rigs.items()},
            entries=catalogue(config),
            clock=SystemClock(),
            run_table=table,
            person_env=dict(os.environ),
            machine=Machine(),
        )
        paths, agents = self.context.paths, books.agents
        self._signs = AgentSigns(
            dict(os.environ),
            lambda one: paths.session_file(agents[one.address], "hooks"),
            lambda one: self.context.folder(agents[one.address]),
        )
        self._facts = Facts(self.context, self._signs, self.wake)
        self._nudger = Nudger(self.context, self._facts.seen)
        self._feed = Feed(self.context, self._facts)
        self._controller = Controller(
            self.context,
            self._facts,
            Work(self.context, self._nudger, self._signs.can_resume),
            Refinery(self.context),
            self._publish,
        )
        self._verbs = Verbs(
            self.context, self._facts, self._nudger, self.wake, self._go_on,
            lambda: open_mayor(self.context, self._signs.can_resume),
        )  # fmt: skip
        self._gates = gates_of_town(self.context, GitHub(os.environ).ask, self.wake)
        self._absence = Absence(town)
        screens.on_signals = self._on_signals
        self._host = host
        self._screens = screens
        self._rigs_changed = asyncio.Event()
        self.context.formulas = TownFormulas(town)
        self.context.forge = PullRequests(os.environ)
        self._settings = Settings(town, self.context, self._rigs_changed.set)
        self._make_watchers()
        self.gone = asyncio.Event()
        """Set when the town is no longer where it was."""

    def _make_watchers(self) -> None:
        """What looks at the town and the machine beside the loop, and its verbs."""
        self._notices = Notices(self.context, run_program)
        self._capacity = Capacity(self.context, MemoryLook(), set_max_working)
        self._verbs.add(self._notices.table)
        self._verbs.add(self._capacity.table)

    def wake(self) -> None:
        """Look again soon."""
        self._controller.wake()

    def _publish(self, seen: Town) -> None:
        """Show a look to whoever follows, and call the overseer if it wants that."""
        self._feed.publish(seen)
        if self._notices.look(self._feed.tables, self.context.clock.now()):
            self._feed.publish(seen)

    def _on_signals(self, signals: protocol.Signals) -> None:
        self._facts.on_signals(signals)
        self._nudger.on_signals(signals)

    def _go_on(self, agents: frozenset[str]) -> None:
        held = self.context.resume_held
        self.context.resume_held = held - agents if agents else frozenset()
        with contextlib.suppress(OSError):  # a full disk: the next beat tells of it
            self._absence.beat(self._host.boot, self.context)
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        context = self.context
        self._settings.look()
        for name in list(context.git):
            await self._first_look(name)
        await self._verbs.take_up()  # first: a `down` among it means that nobody goes on by himself
        self._absence.begin(self._host.boot, context)
        diffs = Diffs(context)
        server = FeedServer(self._feed, self._verbs, self._who, diffs.ask, self._bead, self.wake)
        server.present = self._notices.present
        runtime = runtime_dir(self._town)
        beads_git = BeadsGit(self._town)
        keeper = Keeper(self._folded, beads_git.commit, self._tidy, self._tell_unfolded)
        outsiders = Outsiders(self._folded, self.wake, self._tell_unread, self._tell_edited)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(_close, await server.serve(runtime / "feed.sock"))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._screens.run())
                group.create_task(keeper.run())
                group.create_task(self._gates.run(lambda: context.clock.now().wall))
                group.create_task(self._notices.run())
                group.create_task(self._follow_formulas())
                group.create_task(outsiders.run())
                group.create_task(self._watch(outsiders.look))
                group.create_task(self._sweep())
                group.create_task(self._follow_settings())
                await self._controller.run()

    async def _first_look(self, rig: str) -> None:
        try:
            await asyncio.to_thread(self._settings.rejoin, rig)
            self.context.tips[rig], self.context.upstreams[rig] = await self.context.in_git(
                rig, lambda git: (git.refresh(fetch=False), git.upstream.moved())
            )
        except GastownError as error:
            self._settings.tell(f"{rig}/repo", f"{rig}: {error}")
        else:
            self._settings.tell(f"{rig}/repo", "")

    def _folded(self) -> dict[str, Any]:
        books = self.context.books
        return {"": books.town} | {name: rig.store for name, rig in books.rigs.items()}

    def _tidy(self, name: str) -> None:
        store = self._folded().get(name)
        if store is not None:  # a rig may have been taken out meanwhile
            now = self.context.clock.utc()
            sweep(store, now.timestamp(), actor=ACTOR)
            store.prune(now)

    def _tell_unfolded(self, name: str, why: str) -> None:
        text = f"beads of {name or 'the town'} are not written to their file: {why}" if why else ""
        self._settings.tell(f"{name}/beads", text)
        self.wake()

    def _tell_unread(self, name: str, why: str) -> None:
        text = f"what others wrote to the beads of {name or 'the town'} is not read: {why}"
        self._settings.tell(f"{name}/outside", text if why else "")
        self.wake()

    def _tell_edited(self, name: str, edits: Edits) -> None:
        """Let the overseer see what was written past the verbs, and so past what they guard."""
        kinds = guarded_kinds(self._folded()[name], (bead for bead, _ in edits.beads))
        self.context.note("edited", name or "town", in_words(edits, kinds), rig=name)
        self.wake()

    def _bead(self, bead: str) -> protocol.BeadText:
        return bead_of_town(self.context.books, bead)

    def _who(self, connection: Any) -> str | None:
        return calling_session(peer_pid(connection), self._host.pid)

    async def _watch(self, look: Callable[[], None]) -> None:
        while True:
            self._rigs_changed.clear()
            bell = runtime_dir(self._town) / "bell"
            await watch(self._town, self._rigs_changed, self.wake, look, bell)
            await asyncio.sleep(1.0)

    async def _sweep(self) -> None:
        """What no signal tells: targets moved from outside, and that we live."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                self._absence.beat(self._host.boot, self.context)
                for name in list(self.context.git):
                    await self._first_look(name)
                await self._verbs.take_up()
                await self._capacity.look()
            except (GastownError, OSError) as error:
                self.context.problems[_SWEEP_PROBLEM] = _in_words(error)
                log.warning("sweep: %s", error)
            else:
                self.context.problems.pop(_SWEEP_PROBLEM, None)
            self.wake()

    async def _follow_formulas(self) -> None:
        """Look once a minute which formulas there are."""
        context, formulas = self.context, self.context.formulas
        while formulas is not None:
            for rig in list(context.books.rigs):
                try:
                    found = await asyncio.to_thread(formulas.rows, rig)
                except (GastownError, OSError) as error:
                    log.warning("formulas of %s: %s", rig, error)
                    continue
                context.formula_rows[rig] = tuple(found)
            await asyncio.sleep(_FORMULAS_S)

    async def _follow_settings(self) -> None:
        """Look once a second whether the town is still there, and what its settings say."""
        while not await self._is_gone():
            try:
                self._settings.look()
            except (GastownError, OSError) as error:
                log.warning("settings: %s", error)
            await asyncio.sleep(_SETTINGS_S)
        self.gone.set()

    async def _is_gone(self) -> bool:
        """Whether the town was moved away; an editor may take its file away for a moment."""
        for _ in range(2):
            if (self._town / TOWN_FILE).is_file():
                return False
            await asyncio.sleep(0.5)
        return True

    def close(self) -> None:
        """Let go of the stores."""
        for store in self._folded().values():
            store.close()


async def _close(server: asyncio.Server) -> None:
    server.close()


@contextlib.asynccontextmanager
async def _host(town: Path, table: RunTable) -> AsyncIterator[HostClient]:
    def on_event(event: protocol.RunStarted | protocol.RunEnded) -> None:
        table.update(event.row)

    async with host_client.connect(
        runtime_dir(town) / "host.sock", role="controller", on_event=on_event
    ) as host:
        table.replace(await host.list_runs(ended_after=1.0))
        yield host


def _in_words(error: GastownError | OSError) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return str(error)


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


async def _open(town: Path, host: HostClient, table: RunTable) -> Process:
    """The town's process, as soon as its settings and stores can be read."""
    told = ""
    while True:
        try:
            return Process(town, host, ScreensLink(town), table)
        except GastownError as error:
            if str(error) != told:
                told = str(error)
                log.warning("waiting: %s", told)
        await asyncio.sleep(_AGAIN_S)


async def _serve(town: Path, host: HostClient, table: RunTable, processes: list[Process]) -> None:
    """Run the town; when it is moved away, wait until it is back."""
    while True:
        process = await _open(town, host, table)
        processes[:] = [process]
        work = asyncio.ensure_future(process.run())
        gone = asyncio.ensure_future(process.gone.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not process.gone.is_set():
                work.result()
                return
            log.warning("%s is no longer there: nothing is done for the town until it is", town)
        finally:
            processes.clear()
            gone.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            process.close()


async def _main(town: Path, lifeline: int | None) -> None:
    processes: list[Process] = []

    def wake() -> None:
        for process in processes:
            process.wake()

    table = RunTable(wake)
    async with _host(town, table) as host:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if lifeline is not None:
            asyncio.get_running_loop().add_reader(lifeline, _settle, ended)
        work = asyncio.ensure_future(_serve(town, host, table, processes))
        done, _ = await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            os._exit(0)  # the host has gone: nothing of ours may act any more
        work.result()


def main() -> int:
    """Parse the command line and run; 3 when another controller has the town."""
    parser = argparse.ArgumentParser(prog="gastown-controller")
    parser.add_argument("--town", type=Path, required=True)
    parser.add_argument("--lifeline", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    try:
        lock = take_lock(runtime_dir(options.town) / "controller.lock", "controller")
        asyncio.run(_main(options.town.resolve(), options.lifeline))
        os.close(lock)
    except GastownError as error:
        print(f"gastown-controller: {error}", file=sys.stderr)  # noqa: T201
        return 3 if "runs already" in str(error) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
