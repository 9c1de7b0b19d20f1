"""How fast output without end goes through one session."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import peers
from bench.figures import Limit, Row, median
from bench.loads.flood import END
from bench.terminal import Terminal, drained
from bench.town import Town, load
from gastown_tui import protocol
from gastown_tui.adapters import screens_client
from gastown_tui.cells import row_text
from gastown_tui.domain.errors import Unavailable

LINE: Final = 84
_ROUNDS: Final = 3


def rows(*, quick: bool) -> list[Row]:
    """Megabytes a second, the median of a few rounds in which everybody has its turn."""
    lines = 150_000 if quick else 900_000
    folder = Path(tempfile.mkdtemp(prefix="gastown-bench-"))
    go = str(folder / "go")
    runners: dict[str, Callable[[], float]] = {
        "bare": lambda: drained(load("flood", lines, go), go),
    }
    try:
        with Town({"cat": ["cat"]}) as town:
            town.up()
            runners["ours"] = lambda: _ours(town, lines, go)
            if shutil.which("tmux"):
                runners["tmux"] = lambda: _peer(peers.Tmux, lines, go)
            if peers.mprocs_path():
                runners["mprocs"] = lambda: _peer(peers.Mprocs, lines, go)
            seconds: dict[str, list[float]] = {name: [] for name in runners}
            for _ in range(1 if quick else _ROUNDS):
                for name, run in runners.items():
                    seconds[name].append(run())
    finally:
        shutil.rmtree(folder)
    return _rows({name: lines * LINE / 1e6 / median(found) for name, found in seconds.items()})


def _rows(speed: dict[str, float]) -> list[Row]:
    ours, tmux, mprocs = speed["ours"], speed.get("tmux"), speed.get("mprocs")
    found = [
        Row(group="flood", what="75 MB through one session", unit=" MB/s", ours=ours, tmux=tmux,
            mprocs=mprocs, note=f"bare PTY drain {speed['bare']:.0f} MB/s"),
        Row(group="flood", what="of a bare PTY drain", ours=ours / speed["bare"],
            tmux=tmux and tmux / speed["bare"], mprocs=mprocs and mprocs / speed["bare"],
            limit=Limit(0.8, least=True)),
    ]  # fmt: skip
    for name, other, least in (("tmux", tmux, 2.0), ("mprocs", mprocs, 8.0)):
        if other:
            found.append(
                Row(group="flood", what=f"times {name}", ours=ours / other,
                    limit=Limit(least, least=True))
            )  # fmt: skip
    return found


def _ours(town: Town, lines: int, go: str) -> float:
    """Until a viewer of the session has the last line."""
    run = town.spawn("flood", load("flood", f"{lines}+", go))
    last = END.decode()
    with screens_client.open_sync(town.path) as link:
        _await_session(link)
        link.send(protocol.Subscribe(session="flood", fps=30))
        time.sleep(0.3)
        open(go, "wb").close()
        start = time.monotonic()
        while True:
            frame = link.receive(60)
            if not isinstance(frame, protocol.ScreenFrame):
                continue
            if any(last in row_text(row) for row in frame.rows.values()):
                break
            link.send(protocol.Ack(session="flood", number=frame.number))
        passed = time.monotonic() - start
    town.end(run)
    os.unlink(go)
    return passed


def _await_session(link: object) -> None:
    stop = time.monotonic() + 5
    while (
        "flood"
        not in screens_client.ask_sync(
            link, protocol.ListSessions(req=0), protocol.SessionNames
        ).sessions
    ):
        if time.monotonic() > stop:
            raise Unavailable("screens has no session flood")


def _peer(kind: type[peers.Tmux | peers.Mprocs], lines: int, go: str) -> float:
    """Until the terminal that shows the pane has the last line."""
    with kind(120, 40, [load("flood", f"{lines}+", go)]) as peer:
        terminal: Terminal = peer.terminal
        time.sleep(0.5)
        terminal.expect(END)
        open(go, "wb").close()
        start = time.monotonic()
        passed = terminal.await_it(120) - start
    os.unlink(go)
    return passed
