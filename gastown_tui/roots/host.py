"""The host's process: `python -m gastown_tui.roots.host --town DIR`.

It leaves the terminal (session of its own, stdio to `.gastown/log/host.log`) once it listens, so
that whoever starts it sees a failure as one line and an exit code: 3 = it runs already.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sys
from pathlib import Path
from typing import Final

from gastown_tui import __version__
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.host import renewal
from gastown_tui.host.loop import Host
from gastown_tui.host.processes import RUN_VARIABLE, become_subreaper
from gastown_tui.host.supervisor import rotate

_log: Final = logging.getLogger("gastown.host")
ALREADY: Final = 3
"""Exit code of a second host of the same town."""
_FAILED: Final = 1
_POINTER: Final = "runtime"


class AlreadyRunning(Unavailable):
    """Another host holds the town."""


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunning(
            f"a host of this town runs already (process {holder or '?'})"
        ) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class _Settle:
    """Makes the runtime folder ours and notes in the town where it is.

    The lock in it is the second one: the runtime folder may be swept away under a living host,
    and another login has another one; the lock in the town holds for all of them.
    """

    def __init__(self, town: Path, locks: list[int]) -> None:
        self._town = town
        self.locks = locks
        """Descriptors of all locks that we hold."""

    def __call__(self) -> Path:
        runtime = runtime_dir(self._town)
        self.locks.append(_lock(runtime / "host.lock"))
        pointer = self._town / ".gastown" / _POINTER
        beside = pointer.with_suffix(".new")
        beside.write_text(f"{runtime}\n", "utf-8")
        beside.replace(pointer)
        return runtime


def _trial(descriptor: int) -> int:
    """Whether this build starts and understands what another one would leave it; an exit code."""
    try:
        renewal.read(descriptor)
    except GastownError as error:
        print(f"gastown host: {error}", file=sys.stderr)  # noqa: T201 - the other build reads it
        return _FAILED
    return 0


def _modules(names: str) -> dict[str, str]:
    """Daemon name to module from `screens,controller` or, for others, `name=module`."""
    found = {}
    for part in filter(None, names.split(",")):
        name, _, module = part.partition("=")
        found[name] = module or f"gastown_tui.roots.{name}"
    return found


def _leave_terminal(log: Path) -> None:
    """Go on in a child that has no terminal and logs to a file; the parent ends with 0."""
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    rotate(log)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os.close(nothing)
    os.close(output)


def _start(options: argparse.Namespace, umask: int) -> Host:
    town: Path = options.town.resolve()
    if not town.is_dir():
        raise Unavailable(f"there is no town at {town}", hint="make one with `gastown init`")
    for folder in (town / ".gastown", town / ".gastown" / "log"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(town / ".gastown" / "host.lock")
    settle = _Settle(town, [lock])
    host = Host(town=town, settle=settle, daemons=_modules(options.daemons), umask=umask)
    if not options.foreground:
        _leave_terminal(town / ".gastown" / "log" / "host.log")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
    become_subreaper()
    return host


def _renewed(options: argparse.Namespace) -> Host:
    """Go on in the process of another build, which executed us: nothing of it has ended."""
    state = renewal.read(options.renewed)
    os.close(options.renewed)
    town: Path = options.town
    settle = _Settle(town, state.locks)
    daemons = _modules(options.daemons)
    _log.info("build %s has taken over", __version__)
    return Host(town=town, settle=settle, daemons=daemons, umask=state.umask, former=state)


def main(arguments: list[str] | None = None) -> int:
    """Run the host; the exit code."""
    parser = argparse.ArgumentParser(prog="gastown host", description="Holds the town's programs.")
    parser.add_argument("--town", type=Path, required=True)
    parser.add_argument("--daemons", default="screens,controller", help="which to keep running")
    parser.add_argument("--foreground", action="store_true", help="stay in the terminal")
    parser.add_argument("--trial", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--renewed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.trial is not None:
        return _trial(options.trial)
    if RUN_VARIABLE in os.environ:
        # Started from within a session: we must not look like a part of that run.
        clean = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
        given = sys.argv[1:] if arguments is None else arguments
        command = [sys.executable, "-m", "gastown_tui.roots.host", *given]
        os.execve(sys.executable, command, clean)  # noqa: S606 - the list is our own
    umask = os.umask(0o077)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        host = _start(options, umask) if options.renewed is None else _renewed(options)
    except (GastownError, OSError) as error:
        print(f"gastown host: {error}", file=sys.stderr)  # noqa: T201 - for whoever started it
        return ALREADY if isinstance(error, AlreadyRunning) else _FAILED
    host.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
