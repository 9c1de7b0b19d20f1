"""30 agents that wait at their prompts: what the town costs while nothing happens."""

from __future__ import annotations

import sys
import time
from typing import Final

from bench.figures import Limit, Row
from bench.processes import cpu_s, watched
from bench.town import Town

AGENTS: Final = 30
_MODULE: Final = "gastown_tui.demo.agent"


def rows(*, quick: bool) -> list[Row]:
    """Per cent of a core of each of our processes, the screen included."""
    seconds = 5.0 if quick else 30.0
    with Town({"idle": [sys.executable, "-m", _MODULE]}, agents=AGENTS) as town:
        town.up()
        town.sling("idle", AGENTS)
        town.await_agents(AGENTS, "idle")
        with town.screen(250, 70) as screen:
            time.sleep(5.0)  # what the starts have left to do
            pids = town.pids() | {"tui": screen.pid}
            agents = {name: pid for name, pid in _agents(town).items() if pid}
            before = sum(map(cpu_s, agents.values()))
            used = watched(pids, lambda: time.sleep(seconds), children=["controller"])
            theirs = 100 * (sum(map(cpu_s, agents.values())) - before) / seconds
    found = [
        Row(group="idle town", what=f"{name}, of a core", unit="%", ours=used[name])
        for name in ("tui", "screens", "host", "controller")
    ]
    found.append(
        Row(group="idle town", what="all, of a core", unit="%", ours=sum(used.values()),
            limit=Limit(2.0), note=f"{AGENTS} demo agents; they themselves {theirs:.1f}%")
    )  # fmt: skip
    return found


def _agents(town: Town) -> dict[str, int]:
    return {name: int(row["pid"] or 0) for name, row in town.tables()["agents"].items()}
