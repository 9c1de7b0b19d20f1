"""tmux and mprocs under the same loads; left out when they are not installed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from bench.processes import until
from bench.terminal import Terminal

_TMUX: Final = "set -g history-limit 10000\nset -g status on\nset -sg escape-time 0\n"


def mprocs_path() -> str | None:
    """The program mprocs, also where cargo puts it."""
    places = [os.environ.get("PATH", ""), str(Path.home() / ".cargo/bin")]
    return shutil.which("mprocs", path=os.pathsep.join(places))


def missing() -> list[str]:
    """A note for each peer that is not there."""
    found = {
        "tmux": (shutil.which("tmux"), "apt install tmux"),
        "mprocs": (mprocs_path(), "cargo install mprocs"),
    }
    return [f"{name} is left out: {how}" for name, (path, how) in found.items() if not path]


class Peer:
    """A multiplexer with some panes on a terminal that is read."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="gastown-bench-"))
        self.terminal: Terminal | None = None
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal is not None:
            self.terminal.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Tmux(Peer):
    """A server of its own, one window with all panes."""

    def __init__(self, cols: int, rows: int, panes: Sequence[Sequence[str]]) -> None:
        super().__init__()
        (self.home / "conf").write_text(_TMUX, "utf-8")
        self._call("new-session", "-d", "-x", str(cols), "-y", str(rows), shlex.join(panes[0]))
        for pane in panes[1:]:
            self._call("split-window", shlex.join(pane))
            self._call("select-layout", "tiled")
        self._call("select-pane", "-t", "0")
        self.terminal = Terminal([*self._command(), "attach"], cols=cols, rows=rows)
        until(lambda: bool(self._call("list-clients")), 5, "tmux attach")
        self.pids = {
            "client": self.terminal.pid,
            "server": int(self._call("display-message", "-p", "#{pid}")),
        }

    def _command(self) -> list[str]:
        return ["tmux", "-S", str(self.home / "socket"), "-f", str(self.home / "conf")]

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command(), *arguments], check=True, capture_output=True, text=True, env=_env()
        )
        return done.stdout

    def __exit__(self, *exc: object) -> None:
        self._call("kill-server")
        super().__exit__(*exc)


class Mprocs(Peer):
    """One process that shows one of its programs beside their list."""

    def __init__(self, cols: int, rows: int, panes: Sequence[Sequence[str]]) -> None:
        super().__init__()
        found = mprocs_path()
        if found is None:
            raise FileNotFoundError("mprocs")
        procs = {f"p{at}": {"cmd": list(pane)} for at, pane in enumerate(panes)}
        config = self.home / "mprocs.json"
        config.write_text(json.dumps({"procs": procs, "scrollback": 10_000}), "utf-8")
        self.terminal = Terminal(
            [found, "--config", str(config)], cols=cols, rows=rows, cwd=self.home, env=_env()
        )
        self.pids = {"mprocs": self.terminal.pid}


def _env() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in {"TMUX", "TMUX_PANE"}}
