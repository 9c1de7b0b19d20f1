"""What one build of the host hands to the next: it executes itself anew and stays the same process.

Its children stay its children, and descriptors stay open over an exec: masters, locks and the
listening socket go on. All else is on disk, or written into a file without a name whose descriptor
the next build is told. Fields are only ever added: the next build may be newer or older.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.domain.errors import BadInput, Unavailable

_MODULE: Final = "gastown_tui.roots.host"
_TRIAL_S: Final = 10.0
PATIENCE_S: Final = 30.0
"""Longest wait for fences under way before the host gives up to renew itself."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The master of a run."""

    run: str
    pid: int
    descriptor: int
    is_leader: bool
    """Its program has not been reaped yet."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What only the former build's memory knew."""

    boot: str
    since: float
    umask: int
    locks: list[int]
    listener: int
    path: str
    """Where it listens."""
    held: list[Held]
    reasons: dict[str, str] = {}
    """Run id to why it is going to end."""


def read(descriptor: int) -> State:
    """What the former build has left; the descriptor stays open.

    Raises:
        BadInput: it is no state.
    """
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return msgspec.json.decode(file.read(), type=State)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"the former host's state cannot be read: {error}") from error


class NextHost:
    """The build that takes over."""

    def __init__(self, python: str, town: Path, daemons: Mapping[str, str]) -> None:
        """Name it.

        Args:
            python: The interpreter that has the build; empty for ours.
            town: The town's folder.
            daemons: Name to module of the daemons that it is to keep running.

        Raises:
            BadInput: the interpreter is no program.
        """
        self._python = python or sys.executable
        if not Path(self._python).is_absolute() or not os.access(self._python, os.X_OK):
            raise BadInput(f"{self._python[:200]!r} is no program that can be executed")
        named = ",".join(f"{name}={module}" for name, module in daemons.items())
        options = ["--town", str(town), "--daemons", named]
        self._command = [self._python, "-P", "-m", _MODULE, *options]

    def try_out(self, state: State) -> None:
        """See in a child that the build starts and understands the state: there is no way back.

        Raises:
            Unavailable: it does not, in its own words.
        """
        file = _write(state)
        try:
            tried = subprocess.run(
                [*self._command, "--trial", str(file)],
                pass_fds=(file,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, timeout=_TRIAL_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"the other build of gastown does not start: {error}") from error
        finally:
            os.close(file)
        if tried.returncode:
            words = tried.stderr.decode("utf-8", "replace").strip().splitlines() or ["no words"]
            raise Unavailable(f"the other build of gastown does not start: {words[-1][:300]}")

    def take_over(self, state: State) -> None:
        """Become it; returns only by raising.

        Raises:
            Unavailable: it could not be executed; all is as before.
        """
        kept = [state.listener, *state.locks, *(held.descriptor for held in state.held)]
        file = _write(state)
        _pass_on([*kept, file], inherit=True)
        # Blocked until the next build catches them: the default of most is to end.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            os.execv(self._python, [*self._command, "--renewed", str(file)])  # noqa: S606
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            _pass_on(kept, inherit=False)
            os.close(file)
            raise Unavailable(f"{self._python} cannot be executed: {error}") from error


def taken(state: State) -> None:
    """Keep the descriptors of a state to ourselves again."""
    _pass_on(
        [state.listener, *state.locks, *(held.descriptor for held in state.held)], inherit=False
    )


def _pass_on(descriptors: Iterable[int], *, inherit: bool) -> None:
    for descriptor in descriptors:
        os.set_inheritable(descriptor, inherit)


def _write(state: State) -> int:
    """A file without a name that holds the state."""
    with tempfile.TemporaryFile() as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        return os.dup(file.fileno())
