"""The demo town from its first agent to its last landing."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Final

from bench.figures import Row, percentile
from bench.processes import cpu_s, pss_mb
from bench.town import daemon_pids
from gastown_tui.adapters.store import open_store
from gastown_tui.domain.errors import GastownError
from gastown_tui.roots.demo import DemoTown, Driver, count, make_demo, remove_demo

AGENTS: Final = 24
_STEP_S: Final = 0.5


class _Watch(threading.Thread):
    """Looks at the daemons' processor time and memory as long as they run."""

    def __init__(self, demo: DemoTown) -> None:
        super().__init__(daemon=True)
        self._demo = demo
        self.stop = threading.Event()
        self.cpu: dict[str, float] = {}
        self.pss: dict[str, float] = {}

    def run(self) -> None:
        pids: dict[str, int] = {}
        while not self.stop.wait(_STEP_S):
            if len(pids) < 3:
                pids = self._find() or pids
            for name, pid in pids.items():
                self.cpu[name] = max(self.cpu.get(name, 0.0), cpu_s(pid, children=name != "host"))
                self.pss[name] = max(self.pss.get(name, 0.0), pss_mb(pid))

    def _find(self) -> dict[str, int]:
        try:
            return daemon_pids(self._demo.town)
        except GastownError:  # not up yet
            return {}


def rows(*, quick: bool) -> list[Row]:
    """One demo with 24 agents; the times of landings from the town's own events."""
    made = make_demo(
        6 if quick else AGENTS, seed=1, beads=8 if quick else 40, speed=20.0, review="none"
    )
    watch = _Watch(made)
    try:
        start = time.monotonic()
        watch.start()
        is_finished = Driver(made, lambda _text: None).run(600)
        result = count(made, time.monotonic() - start)
        waits = _landings(made)
    finally:
        watch.stop.set()
        watch.join()
        remove_demo(made)
    ending = result.why or f"{result.landed} landed, {result.rejected} rejected"
    found = [
        Row(group="demo", what=f"seconds for {result.beads} beads, {result.agents} agents",
            unit=" s", ours=result.seconds,
            note=f"{'' if is_finished else 'NOT FINISHED: '}{ending}, {result.gate_runs} gate runs")
    ]  # fmt: skip
    if waits:
        found += [
            Row(group="demo", what=f"done to landed, p{part * 100:.0f}", unit=" s",
                ours=percentile(waits, part))
            for part in (0.5, 0.99)
        ]  # fmt: skip
    for name in ("host", "screens", "controller"):
        found += [
            Row(group="demo", what=f"{name}, processor", unit=" s", ours=watch.cpu.get(name)),
            Row(group="demo", what=f"{name}, PSS at most", unit=" MB", ours=watch.pss.get(name)),
        ]
    return found


def _landings(demo: DemoTown) -> list[float]:
    """Seconds from the first hand-in of a bead to its landing."""
    store = open_store(demo.town / ".beads")
    try:
        events = store.list(status="closed", include_wisps=True)
    finally:
        store.close()
    handed: dict[str, float] = {}
    landed: dict[str, float] = {}
    for event in events:
        at = datetime.fromisoformat(event.created_at).timestamp() if event.created_at else 0.0
        if event.event_kind == "handed-in":
            handed[event.target] = min(at, handed.get(event.target, at))
        elif event.event_kind == "landed":
            landed[event.target] = at
    return [landed[bead] - handed[bead] for bead in landed if bead in handed]
