"""A disposable worker: takes the steps of a molecule by `gastown step` until it is ended.

`python -m bench.loads.mover LOG`, in a folder with a `.beads`. Every move is a line in the log; one
that is there already, because the worker before was killed after it, is not made again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def gastown(*arguments: str) -> dict[str, Any]:
    """One verb in a process of its own; its JSON."""
    command = [sys.executable, "-m", "gastown_tui", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def move(log: Path, step: dict[str, Any]) -> None:
    """Make the move that a step tells, unless it was the last one that was made."""
    line = f"{step['id']}\t{step['title']}"
    made = log.read_text().splitlines() if log.exists() else []
    if made and made[-1] == line:
        return
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(opened, f"{line}\n".encode())
    os.close(opened)


def main() -> None:
    """Work until nothing is left."""
    log = Path(sys.argv[1])
    found = gastown("step")
    while found["step"] is not None:
        move(log, found["step"])
        found = gastown("step", "done", found["step"]["id"], "--next", "--mol", found["molecule"])
    if not found["finished"]:
        raise SystemExit(f"nothing can be begun: {found}")


if __name__ == "__main__":
    main()
