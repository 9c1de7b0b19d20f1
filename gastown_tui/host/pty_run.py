"""Starts a program on a new PTY and keeps the master descriptor, never reading it."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ptyprocess import PtyProcess

from gastown_tui.domain.errors import BadInput, Unavailable
from gastown_tui.host import processes
from gastown_tui.host.records import check_run_id
from gastown_tui.protocol import Spawn

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,119}", re.ASCII)
_KINDS: Final = frozenset(("agent", "gate", "setup", "shell"))
_LONGEST_ARGUMENTS: Final = 128 * 1024
"""Bytes of all arguments and notes: they are kept in the record."""
_LONGEST_ENVIRONMENT: Final = 1024 * 1024
_LARGEST: Final = 2000
"""Columns or rows of a terminal; winsize has 16 bits, nobody has such a screen."""
_EXHAUSTED: Final = frozenset(
    (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENXIO)
)


class _Pty(PtyProcess):  # type: ignore[misc]
    """A PtyProcess whose `close` only closes: the base class sleeps, waits and kills there."""

    def close(self, force: bool = True) -> None:  # noqa: FBT001 - the base's shape
        self.closed = True
        self.fileobj.close()
        self.fd = -1


class Terminal:
    """The master side of a running program's PTY."""

    def __init__(self, pid: int, descriptor: int) -> None:
        """Take over a descriptor, which is closed by `close` alone."""
        self.pid = pid
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The master's descriptor, -1 when closed."""
        return self._descriptor

    def close(self) -> None:
        """Close our copy; whoever else holds one can go on reading."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def check_spawn(frame: Spawn) -> None:
    """Refuse what cannot be executed, recorded or named; the file system is not looked at.

    Raises:
        BadInput: with the field that is wrong.
    """
    check_run_id(frame.run)
    for run in frame.fence:
        check_run_id(run)
    if not _NAME.fullmatch(frame.name):
        raise BadInput(f"{frame.name[:80]!r} cannot be the name of a session")
    if frame.kind not in _KINDS:
        raise BadInput(f"{frame.kind[:80]!r} is no kind of run", hint=", ".join(sorted(_KINDS)))
    if not frame.argv or not frame.argv[0]:
        raise BadInput("there is no program to run")
    if not Path(frame.cwd).is_absolute():
        raise BadInput(f"the working directory {frame.cwd[:80]!r} is not an absolute path")
    if not (1 <= frame.cols <= _LARGEST and 1 <= frame.rows <= _LARGEST):
        raise BadInput(f"a terminal of {frame.cols} x {frame.rows} cells cannot be made")
    if not 0 <= frame.grace_s <= 600:
        raise BadInput(f"a grace of {frame.grace_s} seconds is not between 0 and 600")
    notes = [text for pair in frame.note.items() for text in pair]
    texts = [*frame.argv, *notes, frame.key, frame.cwd]
    pairs = [text for pair in frame.env.items() for text in pair]
    if any("\0" in text for text in (*texts, *pairs)):
        raise BadInput("an argument, note or variable contains a NUL character")
    if any(not name or "=" in name for name in frame.env):
        raise BadInput("the environment has a variable with an empty name or '=' in its name")
    if sum(map(len, texts)) > _LONGEST_ARGUMENTS or sum(map(len, pairs)) > _LONGEST_ENVIRONMENT:
        raise BadInput("the arguments or the environment are too long")


def find_program(program: str, cwd: str, env: Mapping[str, str]) -> str:
    """The absolute path of a program, looked up in the PATH of the run, not in ours.

    Raises:
        BadInput: there is none that can be executed.
    """
    if "/" in program:
        candidates = [str(Path(cwd, program))]
    else:
        folders = env.get("PATH", os.defpath).split(os.pathsep)
        candidates = [str(Path(cwd, folder, program)) for folder in folders if folder]
    for path in candidates:
        if Path(path).is_file() and os.access(path, os.X_OK):
            return path
    if any(Path(path).exists() for path in candidates):
        raise BadInput(f"{program} is not an executable file")
    raise BadInput(f"{program} was not found in the PATH of the session")


def start(frame: Spawn, *, umask: int) -> Terminal:
    """Execute the program of a spawn on a new PTY.

    Args:
        frame: Checked by `check_spawn`.
        umask: The user's own; the daemon's is private and not for work trees.

    Raises:
        BadInput: program or working directory cannot be used.
        Unavailable: the system has no process, descriptor or PTY left.
    """
    if not Path(frame.cwd).is_dir():
        raise BadInput(f"the working directory {frame.cwd} does not exist")
    program = find_program(frame.argv[0], frame.cwd, frame.env)
    env: dict[str, Any] = {**frame.env, processes.RUN_VARIABLE: frame.run}
    host = os.getpid()

    def prepare() -> None:
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        processes.die_with_parent(host)
        os.umask(umask)
        os.chdir(frame.cwd)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    # Blocked over the fork: a signal for the child must not reach the host's wakeup descriptor.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pty = _Pty.spawn(
            [program, *frame.argv[1:]],
            env=env,
            preexec_fn=prepare,
            dimensions=(frame.rows, frame.cols),
        )
    except BaseException as error:
        if os.getpid() != host:
            os._exit(os.EX_OSERR)  # a child that could not execute must never act as the host
        if isinstance(error, OSError) and (error.errno or errno.EAGAIN) in _EXHAUSTED:
            raise Unavailable(f"no new terminal can be opened: {error}") from error
        if isinstance(error, OSError | ValueError):
            raise BadInput(f"{frame.argv[0]} cannot be executed: {error}") from error
        raise
    finally:
        if os.getpid() == host:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
    descriptor = os.dup(pty.fd)  # not inheritable, and without an object that closes it
    pty.close()
    return Terminal(pty.pid, descriptor)
