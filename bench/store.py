"""What the bead store costs: open, import, write, ready, changes, fold, at several sizes.

Usage: python -m bench.store [BEADS ...] [--cpu]

Milliseconds of wall time, or of this process's processor time.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Limit, Row
from gastown_tui.adapters.store import open_store
from gastown_tui.adapters.watch import watch
from gastown_tui.domain.operations import AddLabel, Close

CLOCK = time.process_time if "--cpu" in sys.argv else time.perf_counter
WRITER = """
import sys, time
from pathlib import Path
from gastown_tui.adapters.store import open_store
store = open_store(Path(sys.argv[1]))
time.sleep(0.3)
for number in range(int(sys.argv[2])):
    store.create(actor="w", title=str(time.monotonic_ns()))
    time.sleep(0.05)
"""
LIMITS = {"open": 300.0, "ready": 20.0, "write p99": 5.0, "follow": 20.0}
"""Milliseconds at 10,000 beads."""
CLI = "from gastown_tui.cli.bead import bead; bead()"


def lines(count: int):
    """Beads as a busy project has them: a third open, two edges each, 700 bytes of text."""
    generator = random.Random(1)
    for n in range(count):
        row = {
            "id": f"x-{n:06}",
            "title": f"Bead number {n}",
            "description": "word " * generator.randrange(20, 260),
            "status": generator.choice(["open", "closed", "closed"]),
            "priority": generator.randrange(5),
            "issue_type": generator.choice(["task", "bug", "feature"]),
            "created_at": "2026-01-08T20:29:18.525847-08:00",
            "updated_at": "2026-01-08T20:29:18.525847-08:00",
            "labels": ["a", f"l{n % 50}"],
        }
        if n > 10:
            row["dependencies"] = [
                {
                    "issue_id": row["id"],
                    "depends_on_id": f"x-{generator.randrange(n):06}",
                    "type": kind,
                    "created_at": row["created_at"],
                    "created_by": "b",
                }
                for kind in ("blocks", "related")
            ]
        yield json.dumps(row, separators=(",", ":")) + "\n"


def timed(function, times=1):
    """Milliseconds of each run, sorted."""
    found = []
    for _ in range(times):
        start = CLOCK()
        function()
        found.append((CLOCK() - start) * 1000)
    return sorted(found)


def measure(count: int) -> dict:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        beads = Path(folder) / ".beads"
        beads.mkdir()
        (beads / "issues.jsonl").write_text("".join(lines(count)))
        figures = {"beads": count, "MB": round((beads / "issues.jsonl").stat().st_size / 1e6, 1)}
        stores = []
        figures["import"] = timed(lambda: stores.append(open_store(beads)))[0]
        stores.pop().close()
        figures["open"] = timed(lambda: open_store(beads).close(), 9)[4]
        store = open_store(beads)
        numbers = iter(range(10**6))
        writes = timed(
            lambda: store.apply([AddLabel(f"x-{next(numbers) % count:06}", "new")], actor="b"), 300
        )
        figures["write p50"], figures["write p99"] = writes[150], writes[297]
        figures["create"] = timed(lambda: store.create(actor="b", title="T"), 50)[25]
        figures["ready"] = timed(lambda: store.ready_ids(datetime.now(UTC)), 9)[4]
        figures["ready, 100 read"] = timed(lambda: store.ready(datetime.now(UTC), limit=100), 5)[2]
        figures["ready, all read"] = timed(lambda: store.ready(datetime.now(UTC)), 5)[2]
        found = store.ready_ids(datetime.now(UTC))
        figures["ready beads"] = len(found)
        closing = iter(found)
        figures["close"] = timed(lambda: store.apply([Close(next(closing))], actor="b"), 200)[198]
        figures["blocked"] = timed(store.blocked, 3)[1]
        figures["follow"] = asyncio.run(followed(store, Path(folder)))
        figures["get"] = timed(lambda: store.get("x-000005"), 99)[49]
        figures["list open"] = timed(store.list, 5)[2]
        last = store.last_change
        figures["changes none"] = timed(lambda: store.changes(last), 999)[499]
        figures["changes all"] = timed(lambda: store.changes(0), 3)[1]
        figures["fold"] = timed(store.fold)[0]
        store.apply([AddLabel("x-000001", "again")], actor="b")
        figures["fold again"] = timed(store.fold)[0]
        text = (beads / "issues.jsonl").read_text().replace("Bead number 7", "Bead numero 7", 1)
        (beads / "issues.jsonl").write_text(text)
        figures["absorb one"] = timed(store.absorb)[0]
        store.close()
        arguments = [sys.executable, "-c", CLI, "show", "x-000001", "--dir", folder]
        run = lambda: subprocess.run(arguments, check=True, capture_output=True)  # noqa: E731
        figures["CLI show"] = timed(run, 5)[2]
    return figures


async def followed(store, folder: Path, times: int = 40) -> float:
    """Milliseconds from before a write of another process until its bead is in our hands.

    We sleep as the controller does; the slowest of twenty is left out.
    """
    after, late = store.last_change, []
    stop, come = asyncio.Event(), asyncio.Event()
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(store.beads_dir), str(times)
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(watch(folder, stop, come.set, come.set, folder / "bell"))
        while len(late) < times:
            await come.wait()
            come.clear()
            after, changed = store.changes(after)
            now = time.monotonic_ns()
            late += [(now - int(bead.title)) / 1e6 for bead in changed]
        stop.set()
        await writer.wait()
    return sorted(late)[-times // 20 - 1]


def rows(*, quick: bool) -> list[Row]:
    """The figures that have a target, and what else grows with the number of beads."""
    found = []
    for size in (2_000,) if quick else (10_000, 100_000):
        figures = measure(size)
        limits = LIMITS if size == 10_000 else {}
        found += [
            Row(group="store", what=f"{size} beads, {name}", unit=" ms", ours=figures[name],
                limit=Limit(limits[name]) if name in limits else None,
                note=f"{figures['ready beads']} are ready" if name == "ready" else "")
            for name in ("import", "open", "ready", "ready, 100 read", "write p50", "write p99",
                         "close", "follow", "get", "fold again", "absorb one", "CLI show")
        ]  # fmt: skip
    return found


if __name__ == "__main__":
    for size in [int(argument) for argument in sys.argv[1:] if argument.isdigit()] or [
        1_000,
        10_000,
        100_000,
    ]:
        figures = measure(size)
        print(
            "  ".join(
                f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()
            )
        )
