"""30 agents that redraw ten times a second, seen as 30 tiles: processor, memory, key to echo."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Final

from bench import keys, peers
from bench.figures import Limit, Row, percentile
from bench.processes import pss_mb, watched
from bench.terminal import Terminal
from bench.town import Town, load

AGENTS: Final = 30
SIZE: Final = (250, 70)
LINES: Final = 10_000
_CPU: Final = {"tui": 15.0, "screens": 10.0}
_PSS: Final = {"host": 30.0, "screens": 120.0, "controller": 90.0, "tui": 120.0}
_FLOOD_LINES: Final = 100_000_000


def rows(*, quick: bool) -> list[Row]:
    """All figures of one busy town, and of tmux with the same panes."""
    seconds, count = (5.0, 30) if quick else (30.0, 300)
    redraw = load("redraw", 10, 36, LINES)
    found: list[Row] = []
    with Town({"cat": ["cat"], "redraw": redraw}, agents=AGENTS + 1) as town:
        town.up()
        town.sling("cat")
        (cat,) = town.await_agents(1)
        calm = _keys(town, cat, count)
        others = _tmux(redraw, seconds, count) if shutil.which("tmux") else {}
        town.sling("redraw", AGENTS)
        town.await_agents(AGENTS + 1)
        found += _load(town, seconds, others)
        found += _latencies(town, cat, count, calm, others)
    return found


def _load(town: Town, seconds: float, others: dict[str, float]) -> list[Row]:
    with town.screen(*SIZE) as screen:
        time.sleep(1.0)
        screen.write(b"t")  # the wall of tiles
        time.sleep(3.0)
        pids = town.pids() | {"tui": screen.pid}
        before = screen.received
        used = watched(pids, lambda: time.sleep(seconds), children=["controller"])
        painted = (screen.received - before) / seconds / 1000
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
    shown = f"{AGENTS} tiles at {SIZE[0]}x{SIZE[1]}"
    found = [
        Row(group="30 busy agents", what=f"{name}, of a core", unit="%", ours=used[name],
            limit=Limit(_CPU[name]) if name in _CPU else None,
            note=f"{shown}, {painted:.0f} kB/s painted" if name == "tui" else "")
        for name in ("tui", "screens", "host", "controller")
    ]  # fmt: skip
    found.append(
        Row(group="30 busy agents", what="all, of a core", unit="%", ours=sum(used.values()),
            tmux=others.get("cpu"))
    )  # fmt: skip
    sizes = f"{AGENTS} sessions of {LINES} lines"
    found += [
        Row(group="memory", what=f"{name}, PSS", unit=" MB", ours=memory[name],
            limit=Limit(limit), note=sizes if name == "host" else "")
        for name, limit in _PSS.items()
    ]  # fmt: skip
    found.append(
        Row(group="memory", what="all, PSS", unit=" MB", ours=sum(memory.values()),
            tmux=others.get("pss"))
    )  # fmt: skip
    return found


def _keys(town: Town, session: str, count: int) -> dict[str, list[float]]:
    """Key to echo by a viewer of screens, and through the whole screen."""
    direct = keys.through_screens(town.path, session, count)
    with _focused(town) as screen:
        return {"viewer": direct, "screen": keys.through_terminal(screen, count)}


@contextlib.contextmanager
def _focused(town: Town) -> Iterator[Terminal]:
    """The screen with the first agent's pane taking the keys, tiles of others beside it."""
    with town.screen(*SIZE) as screen:
        time.sleep(1.0)
        screen.expect(b"PANE")
        screen.write(b"\r")
        screen.await_it(10)
        time.sleep(0.5)
        yield screen


def _latencies(
    town: Town, cat: str, count: int, calm: dict[str, list[float]], others: dict[str, float]
) -> list[Row]:
    busy = _keys(town, cat, count)
    with _flood(town):
        flooded = _keys(town, cat, count)
    found = []
    for state, times, limit in (("idle", calm, None), ("30 busy agents", busy, Limit(10.0)),
                                ("beside a flood", flooded, Limit(50.0))):  # fmt: skip
        for way, words in (("viewer", "to a viewer"), ("screen", "through the whole screen")):
            for part in (0.5, 0.99):
                key = f"{state} {part}"
                found.append(
                    Row(group="key to echo", what=f"{state}, {words}, p{part * 100:.0f}",
                        unit=" ms", ours=percentile(times[way], part),
                        tmux=others.get(key) if way == "screen" else None,
                        limit=limit if part > 0.9 else None)
                )  # fmt: skip
    return found


@contextlib.contextmanager
def _flood(town: Town) -> Iterator[None]:
    run = town.spawn("flood", load("flood", _FLOOD_LINES))
    try:
        time.sleep(1.0)
        yield
    finally:
        town.end(run)


def _tmux(redraw: list[str], seconds: float, count: int) -> dict[str, float]:
    """The same panes in tmux, one of them `cat`, before our own are started."""
    found: dict[str, float] = {}
    with peers.Tmux(*SIZE, [redraw] * AGENTS) as tmux:
        time.sleep(3.0)
        used = watched(tmux.pids, lambda: time.sleep(seconds))
        found["cpu"] = sum(used.values())
        found["pss"] = sum(pss_mb(pid) for pid in tmux.pids.values())
    for state, panes in (
        ("idle", []),
        ("30 busy agents", [redraw] * AGENTS),
        ("beside a flood", [redraw] * (AGENTS - 1) + [load("flood", _FLOOD_LINES)]),
    ):
        with peers.Tmux(*SIZE, [["cat"], *panes]) as tmux:
            time.sleep(1.0)
            times = keys.through_terminal(tmux.terminal, count)
        found |= {f"{state} {part}": percentile(times, part) for part in (0.5, 0.99)}
    return found
