"""A bead changed on disk by another process, until it is seen; 10,000 beads in the rig."""

from __future__ import annotations

import random
import subprocess
import time
from typing import Final

from bench.figures import Limit, Row, percentile
from bench.store import lines
from bench.terminal import Terminal
from bench.town import Town, load
from gastown_tui import protocol
from gastown_tui.adapters.store import open_store

BEADS: Final = 10_000
_WARM: Final = 3


def rows(*, quick: bool) -> list[Row]:
    """Milliseconds from the synced write to the feed's delta, and to the title painted."""
    count = 20 if quick else 150
    with Town({"cat": ["cat"]}) as town:
        beads = town.path / "cat" / ".beads"
        with (beads / "issues.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(line.replace('"x-', '"b0-x') for line in lines(BEADS))
        store = open_store(beads)
        store.absorb()
        held = len(store.list())
        store.close()
        town.up()
        (bead,) = town.sling("cat")
        town.await_agents(1)
        time.sleep(4.0)  # the fold that follows
        writer = subprocess.Popen(
            load("retitle", beads, bead), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            fed = _fed(town, writer, count)
            with town.screen(200, 55) as screen:
                time.sleep(1.0)
                painted = _painted(screen, writer, count)
        finally:
            writer.kill()
            writer.communicate()
    found = []
    for what, times, limit in (("to the feed", fed, None), ("painted", painted, Limit(100.0))):
        for part in (0.5, 0.99):
            found.append(
                Row(group="bead changed", what=f"{what}, p{part * 100:.0f}", unit=" ms",
                    ours=percentile(times, part), limit=limit if part > 0.9 else None,
                    note=f"{BEADS} beads, {held} of them open" if what == "to the feed" else "")
            )  # fmt: skip
    return found


def _write(writer: subprocess.Popen[str], title: str) -> float:
    """Have the title changed; the monotonic time at which it was on the disk."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(f"{title}\n")
    writer.stdin.flush()
    return float(writer.stdout.readline().split()[1])


def _fed(town: Town, writer: subprocess.Popen[str], count: int) -> list[float]:
    generator, found = random.Random(1), []
    with town.feed() as link:
        link.send(protocol.Follow())
        for at in range(count + _WARM):
            time.sleep(generator.uniform(0.1, 0.3))
            title = f"fed-{at:04}"
            written = _write(writer, title)
            while True:
                frame = link.receive(10)
                if isinstance(frame, protocol.Delta) and any(
                    row and row.get("title") == title
                    for row in frame.tables.get("beads", {}).values()
                ):
                    break
            found.append((time.monotonic() - written) * 1000)
    return found[_WARM:]


def _painted(screen: Terminal, writer: subprocess.Popen[str], count: int) -> list[float]:
    generator, found = random.Random(1), []
    for at in range(count + _WARM):
        time.sleep(generator.uniform(0.1, 0.3))
        title = f"seen-{at:04}"
        screen.expect(title.encode())
        written = _write(writer, title)
        found.append((screen.await_it(10) - written) * 1000)
    return found[_WARM:]
