"""The towers of Hanoi, moved by workers of which each is killed at a random moment.

`python -m bench.hanoi [--disks N] [--seed N]` moves them once; ten disks are 1,023 moves.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import Row
from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.operations import Close

LIVES: Final = (0.5, 12.0)
"""A worker is killed after the time of so many verbs at least, and at most."""
MOST_WORKERS: Final = 20_000
_MOVE: Final = re.compile(r"Move (\d+): top disk of peg (\d) to peg (\d)")
_REPO: Final = Path(__file__).resolve().parent.parent


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How a tower was moved."""

    moves: int
    workers: int
    killed: int
    seconds: float
    cpu_s: float
    """Of all workers and what they started."""


def rows(*, quick: bool) -> list[Row]:
    """The demonstration at its size, or a small one."""
    disks = 4 if quick else 10
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), disks, seed=1)
    note = f"{found.killed} of {found.workers} workers killed, {found.cpu_s:.0f} s of processor"
    return [
        Row(group="hanoi", what=f"{found.moves} moves by workers that are killed", unit=" s",
            ours=found.seconds, note=note)
    ]  # fmt: skip


def run(folder: Path, disks: int, seed: int, lives: tuple[float, float] = LIVES) -> Moved:
    """Pour the molecule, let workers take its steps until it is finished, and check every move.

    Raises:
        AssertionError: a move was made twice, left out or out of order, or a step closed twice.
    """
    chance = random.Random(seed)
    init_store(folder / ".beads", "x").close()
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("GASTOWN_", "BD_"))
    }
    env |= {"PYTHONPATH": str(_REPO), "BD_ACTOR": "mover"}
    began = time.monotonic()
    pour = [sys.executable, "-m", "gastown_tui", "mol", "pour", "hanoi", "-v", f"disks={disks}"]
    root = subprocess.run(
        pour, cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()
    verb_s = time.monotonic() - began
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start, killed, workers = time.monotonic(), 0, 0
    ended = False
    while not ended:
        workers += 1
        assert workers < MOST_WORKERS, "they get nowhere"
        ended = _worker(folder, env, verb_s * chance.uniform(*lives))
        killed += not ended
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    moves = check(folder, root, disks)
    return Moved(moves=moves, workers=workers, killed=killed, seconds=seconds, cpu_s=cpu_s)


def _worker(folder: Path, env: dict[str, str], life_s: float) -> bool:
    """Start a worker and kill it, with all it has started, when its time is over.

    Returns:
        Whether it came to the end of the molecule before that.
    """
    command = [sys.executable, "-m", "bench.loads.mover", str(folder / "moves")]
    worker = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, said = worker.communicate(timeout=life_s)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
        return False
    assert worker.returncode == 0, said
    return True


def check(folder: Path, root: str, disks: int) -> int:
    """Check the log of moves and the history of the beads; the number of moves."""
    pegs: list[list[int]] = [list(range(disks, 0, -1)), [], []]
    lines = (folder / "moves").read_text().splitlines()
    moves = [found.groups() for line in lines if (found := _MOVE.search(line))]
    assert [int(number) for number, _, _ in moves] == list(range(1, 2**disks)), "not each once"
    for _, source, goal in moves:
        disk = pegs[int(source)].pop()
        assert not pegs[int(goal)] or pegs[int(goal)][-1] > disk, "a disk on a smaller one"
        pegs[int(goal)].append(disk)
    assert sorted(map(len, pegs)) == [0, 0, disks]
    assert not pegs[0]
    store = open_store(folder / ".beads")
    beads = store.list(include_closed=True)
    order: dict[int, str] = {}
    for bead in beads:
        closes = [one for one in store.history(bead.id) if isinstance(one.operation, Close)]
        assert len(closes) == 1, f"{bead.id} was closed {len(closes)} times"
        if bead.id != root:
            order[closes[0].change] = bead.id
    store.close()
    closed = [order[change] for change in sorted(order)]
    assert closed == [line.partition("\t")[0] for line in lines], "not in the order of the moves"
    assert all(bead.is_closed for bead in beads)
    return len(moves)


def main() -> None:
    """Move one tower, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m bench.hanoi", description=__doc__)
    parser.add_argument("--disks", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), options.disks, options.seed)
    sys.stdout.write(
        f"{found.moves} moves, each once and in order: {found.workers} workers, {found.killed} of "
        f"them killed, {found.seconds:.0f} s, {found.cpu_s:.0f} s of processor\n"
    )


if __name__ == "__main__":
    main()
