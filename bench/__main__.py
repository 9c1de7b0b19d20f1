"""`python -m bench [--only NAME ...] [--quick] [--json FILE]`: every figure in one table."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import Row, table
from bench.peers import missing

PARTS: Final = {
    "flood": "output without end through one session",
    "busy": "30 agents that redraw, seen as tiles: processor, memory, key to echo",
    "idle": "30 agents at their prompts",
    "change": "a bead changed on disk to the screen, 10,000 beads",
    "starts": "first paint, verbs",
    "store": "the bead store",
    "queue": "the merge queue, simulated",
    "demo": "the demo town from start to end",
    "hanoi": "1,023 steps of a molecule by workers that are killed",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts asked for; 1 when one of them could not be measured."""
    listed = "\n".join(f"  {name:8}{about}" for name, about in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"parts:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part; repeat")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    failed = 0
    for name in options.only or PARTS:
        _say(f"{name}: {PARTS[name]} (load {os.getloadavg()[0]:.1f})")
        start = time.monotonic()
        try:
            rows += importlib.import_module(f"bench.{name}").rows(quick=options.quick)
        except Exception as error:  # the other figures are wanted all the same
            failed = 1
            rows.append(
                Row(group=name, what="not measured", note=f"{type(error).__name__}: {error}")
            )
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        _say(f"{name}: {time.monotonic() - start:.0f} s")
    sys.stdout.write(f"{_machine()}\n{table(rows)}\n")
    for note in missing():
        sys.stdout.write(f"{note}\n")
    if options.json:
        options.json.write_bytes(msgspec.json.encode({"machine": _machine(), "rows": rows}))
    return failed


def _machine() -> str:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    system = f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{system}, load average {load}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
