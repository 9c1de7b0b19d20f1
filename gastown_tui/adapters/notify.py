"""Runs the overseer's own program for a call: no shell, no terminal, not for long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping
from typing import Final

_LONGEST_S: Final = 10.0
_SHOWN: Final = 200
_SESSION: Final = ("GASTOWN_RUN", "GASTOWN_AGENT", "GASTOWN_ROLE", "GASTOWN_BEAD", "BD_ACTOR")
"""The program is the overseer's and no session's: it may ask whatever the overseer may."""


async def run_program(argv: list[str], env: Mapping[str, str]) -> str:
    """Run a program to its end, ten seconds at most; what went wrong in one line, or empty."""
    kept = {name: value for name, value in env.items() if name not in _SESSION}
    program = shutil.which(argv[0], path=kept.get("PATH"))
    if program is None:
        return f"there is no program {argv[0]!r}"
    try:
        process = await asyncio.create_subprocess_exec(
            program, *argv[1:], env=kept, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return f"{argv[0]} does not start: {error.strerror or error}"
    try:
        async with asyncio.timeout(_LONGEST_S):
            _, said = await process.communicate()
    except TimeoutError:
        return f"{argv[0]} did not end within {_LONGEST_S:.0f} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode == 0:
        return ""
    words = said.decode("utf-8", "replace").strip().splitlines()
    last = "".join(one if one.isprintable() else " " for one in words[-1]) if words else ""
    return f"{argv[0]} ended with {process.returncode}{last and f': {last[:_SHOWN]}'}"
