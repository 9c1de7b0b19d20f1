"""A throw-away town whose agents are loads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from bench.processes import until
from bench.terminal import Terminal
from gastown_tui import protocol
from gastown_tui.adapters import daemons
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.adapters.store import open_store
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.cli.rig_add import add_rig
from gastown_tui.cli.setup import make_town
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.operations import Create, Operation, SetState
from gastown_tui.roots.town import town_config

LOADS: Final = Path(__file__).parent / "loads"
_LIMITS: Final = """
[limits]
max_working = {agents}
polecats = {agents}
idle_s = 1e6
stall_s = 1e6
hung_s = 1e6
"""
_ENTRY: Final = """
[agents.{name}]
{base}command = {command}
args = {arguments}
prompt = "none"
"""


class Town:
    """Made when entered, taken away with all its processes when left."""

    def __init__(self, loads: Mapping[str, Sequence[str]], *, agents: int = 31) -> None:
        """Each of `loads` becomes a rig whose agents run this command line."""
        self.home = Path(tempfile.mkdtemp(prefix="gastown-bench-")).resolve()
        self.path = self.home / "town"
        self.env = {"GASTOWN_TOWN": str(self.path)}
        entries = [_entry(name, argv) for name, argv in loads.items()]
        make_town(self.path, "bench", extra=_LIMITS.format(agents=agents) + "".join(entries))
        sample = _repository(self.home / "sample")
        for number, name in enumerate(loads):
            options = {"prefix": f"b{number}", "review": "required", "land": "local"}
            home = add_rig(self.path, name, str(sample), options, [])
            with (home / "rig.toml").open("a", encoding="utf-8") as file:
                file.write(f'\nagent = "{name}"\n')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        daemons.stop_host(self.path, grace_s=0.5)
        shutil.rmtree(runtime_dir(self.path), ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def sling(self, rig: str, count: int = 1) -> list[str]:
        """Make beads that are to be worked on; their ids."""
        own = town_config(self.path).id
        operations: list[Operation] = []
        for at in range(count):
            operations += [
                Create(bead={"id": f"~w{at}", "title": f"Load {at}", "issue_type": "task"}),
                SetState(bead=f"~w{at}", dimension="town", value=own),
                SetState(bead=f"~w{at}", dimension="sling", value="any"),
            ]
        store = open_store(self.path / rig / ".beads")
        try:
            return list(store.apply(operations, actor="overseer").ids)
        finally:
            store.close()

    def up(self) -> None:
        """Start the daemons, and say that the town is to be up."""
        daemons.ensure_host(self.path)
        until(self._is_served, 20, "the feed")
        with self.feed() as link:
            ask = protocol.Ask(req=link.next_req(), verb="up", actor="overseer")
            link.ask(ask, 20)

    def _is_served(self) -> bool:
        try:
            self.feed().close()
        except Unavailable:
            return False
        return True

    def feed(self) -> SyncLink[protocol.FeedFrame]:
        """A connection to the feed."""
        path = daemons.feed_socket(self.path)
        return SyncLink(path, protocol.feed_decoder, what="controller")

    def tables(self) -> dict[str, dict[str, Any]]:
        """The town as the feed tells it now."""
        with self.feed() as link:
            link.send(protocol.Follow())
            while not isinstance(frame := link.receive(20), protocol.Snapshot):
                pass
            return frame.tables

    def await_agents(self, count: int, *states: str, timeout_s: float = 120) -> list[str]:
        """Wait for so many living agents in one of these states; their sessions."""

        def found() -> list[str]:
            rows = self.tables().get("agents", {})
            return sorted(
                name
                for name, row in rows.items()
                if row["alive"] and (not states or row["state"] in states)
            )

        until(lambda: len(found()) >= count, timeout_s, f"{count} agents {'/'.join(states)}")
        return found()

    def pids(self) -> dict[str, int]:
        """Our daemons."""
        return daemon_pids(self.path)

    def spawn(self, name: str, argv: Sequence[str]) -> str:
        """Run a program in a session of 120 by 40 that is no agent's; its run."""
        run = uuid.uuid4().hex
        with daemons.connect_host(self.path) as link:
            frame = protocol.Spawn(
                req=link.next_req(), run=run, name=name, argv=list(argv), cwd=str(self.home),
                env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"}, kind="shell",
            )  # fmt: skip
            answer = link.ask(frame, 30)
        if not isinstance(answer, protocol.Spawned):
            raise Unavailable(f"{name} does not start: {answer}")
        return run

    def end(self, run: str) -> None:
        """End a run."""
        with daemons.connect_host(self.path) as link:
            link.ask(protocol.EndRun(req=link.next_req(), run=run, grace_s=0.5), 30)

    def screen(self, cols: int, rows: int) -> Terminal:
        """The screen of the town on a terminal, once it shows an agent."""
        argv = [sys.executable, "-m", "gastown_tui.roots.tui", "--town", str(self.path)]
        agent = next(iter(self.tables()["agents"].values()))
        screen = Terminal(argv, cols=cols, rows=rows)
        screen.expect(str(agent["name"]).encode())
        try:
            screen.await_it(20)
        except TimeoutError:
            screen.close()
            raise
        return screen


def daemon_pids(town: Path) -> dict[str, int]:
    """The host and the daemons that it keeps running.

    Raises:
        Unavailable: the host does not run.
    """
    with daemons.connect_host(town) as link:
        status = link.ask(protocol.HostStatus(req=link.next_req()))
    if not isinstance(status, protocol.HostStatus):
        raise Unavailable(f"the host answers {status}")
    return {"host": status.pid} | {row.name: row.pid for row in status.daemons if row.pid}


def load(name: str, *arguments: object) -> list[str]:
    """The command line of one of our loads."""
    return [sys.executable, str(LOADS / f"{name}.py"), *map(str, arguments)]


def _entry(name: str, argv: Sequence[str]) -> str:
    import json

    return _ENTRY.format(
        name=name,
        base='base = "demo"\nsession_args = []\n' if name == "idle" else "",
        command=json.dumps(argv[0]),
        arguments=json.dumps(list(argv[1:])),
    )


def _repository(path: Path) -> Path:
    """A repository with one commit."""
    path.mkdir()
    (path / "README.md").write_text("A project.\n", "utf-8")
    who = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "Start"]):
        subprocess.run(["git", *command], cwd=path, check=True)
    return path
