"""What the bead store costs: open, import, write, ready, changes, fold, at several sizes.

Usage: python -m bench.store [BEADS ...] [--cpu]

Milliseconds of wall time, or of this process's processor time.
"""

from __future__ import annotations

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
from gastown_tui.domain.operations import AddLabel

CLOCK = time.process_time if "--cpu" in sys.argv else time.perf_counter
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
        figures["ready"] = timed(lambda: store.ready(datetime.now(UTC)), 5)[2]
        figures["ready beads"] = len(store.ready(datetime.now(UTC)))
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


def rows(*, quick: bool) -> list[Row]:
    """The figures that have a target, and what else grows with the number of beads."""
    found = []
    for size in (2_000,) if quick else (10_000, 100_000):
        figures = measure(size)
        limits = {"open": 300.0, "ready": 20.0, "write p99": 5.0} if size == 10_000 else {}
        found += [
            Row(group="store", what=f"{size} beads, {name}", unit=" ms", ours=figures[name],
                limit=Limit(limits[name]) if name in limits else None,
                note=f"{figures['ready beads']} are ready" if name == "ready" else "")
            for name in ("import", "open", "ready", "write p50", "write p99", "get", "fold again",
                         "absorb one", "CLI show")
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
