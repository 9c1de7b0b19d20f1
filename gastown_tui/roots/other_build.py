"""A screen beside daemons of another build goes on as that build, once for each."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from gastown_tui import __version__
from gastown_tui.adapters.town_files import TOWN_FILE

_WAIT_S: Final = 5.0
_TRIED: Final = "GASTOWN_SCREEN_BUILDS"
"""Environment: the builds that this screen has been or has gone on as, the last one last."""


def is_new(build: str, environment: dict[str, str]) -> bool:
    """Whether the daemons' build is another one, and was not tried before."""
    return bool(build) and build not in {__version__, *_tried(environment)}


def _tried(environment: dict[str, str]) -> list[str]:
    return [one for one in environment.get(_TRIED, "").split(",") if one]


def why(environment: dict[str, str]) -> str:
    """What a screen that has just gone on says of it; empty for one that has not."""
    tried = _tried(environment)
    return f"the town runs {tried[-1]}: this screen was started anew for it" if tried else ""


def _is_of(program: Path, build: str) -> bool:
    """Whether the town's program is that build; an upgrade replaces it last."""
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, timeout=5, check=False
            ).stdout
            if build in said.split():
                return True
        time.sleep(0.1)
    return False


def go_on(town: Path, build: str) -> None:
    """Execute the town's own `gastown`, which its daemons run, with the same arguments.

    Returns when the town's program is another one; then this screen ends, and one line says why.
    """
    program = town / ".gastown" / "bin" / "gastown"
    tried = ",".join([*_tried(dict(os.environ)), __version__, build])
    if (town / TOWN_FILE).is_file() and _is_of(program, build):
        env = {**os.environ, _TRIED: tried, "GASTOWN_TOWN": str(town)}
        os.execve(program, [str(program), *sys.argv[1:]], env)  # noqa: S606 - no shell is wanted
    sys.stderr.write(f"gastown: the town runs {build}, this is {__version__}: start it again\n")
