"""How long one waits for the first paint, and what the verbs of agents cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from bench.figures import Limit, Row, median
from bench.terminal import Terminal
from bench.town import Town
from gastown_tui.adapters import daemons

_GASTOWN: Final = [sys.executable, "-m", "gastown_tui"]
_REST_S: Final = 0.5
"""Between two verbs: what the last one has set the controller to do is not measured with it."""
_HINT: Final = b"palette"
"""In the line of hints: painted with the first frame, whatever the daemons say."""


def rows(*, quick: bool) -> list[Row]:
    """Medians of some runs, with compiled modules as installing leaves them."""
    times = 3 if quick else 9
    with Town({"cat": ["cat"]}) as town:
        town.env |= {
            "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(town.home / "compiled")
        }  # fmt: skip
        town.sling("cat")
        _first_paint(town, lambda: None)
        cold = [_first_paint(town, lambda: daemons.stop_host(town.path)) for _ in range(times)]
        warm = [_first_paint(town, lambda: None) for _ in range(times)]
        agent = town.await_agents(1)[0]
        found = [
            Row(group="start", what="gastown to first paint, daemons cold", unit=" s",
                ours=median(cold), limit=Limit(0.7)),
            Row(group="start", what="gastown to first paint, daemons warm", unit=" s",
                ours=median(warm)),
        ]  # fmt: skip
        return found + _verbs(town, agent, times)


def _first_paint(town: Town, before: Callable[[], object]) -> float:
    before()
    with Terminal(_GASTOWN, cwd=town.path, env=town.env) as screen:
        screen.expect(_HINT)
        return screen.await_it(20) - screen.started


def _verbs(town: Town, agent: str, times: int) -> list[Row]:
    row = town.tables()["agents"][agent]
    env = {
        **os.environ, **town.env, "GASTOWN_RIG": "cat", "GASTOWN_ROLE": "polecat",
        "GASTOWN_AGENT": agent, "BD_ACTOR": agent, "GASTOWN_BEAD": str(row["bead"]),
        "GASTOWN_RUN": str(row["run"]),
    }  # fmt: skip
    found = []
    _call([*_GASTOWN, "prime"], env)
    for verb in (["prime"], ["hook"], ["bead", "show", str(row["bead"])], ["done"]):
        timed = []
        for _ in range(times):
            time.sleep(_REST_S)
            timed.append(_call([*_GASTOWN, *verb], env))
        wall, cpu = (median(each) for each in zip(*timed, strict=True))
        found.append(
            Row(group="verbs", what=f"gastown {' '.join(verb[:2])}", unit=" s", ours=wall,
                limit=Limit(0.15), note=f"{cpu * 1000:.0f} ms of processor")
        )  # fmt: skip
    bare = [_call([sys.executable, "-c", "pass"], env)[0] for _ in range(times)]
    found.append(Row(group="verbs", what="Python alone", unit=" s", ours=median(bare)))
    return found


def _call(argv: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of wall and of processor time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(argv, env=dict(env), check=True, capture_output=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
