"""The screens process: `python -m gastown_tui.roots.screens --town DIR --lifeline FD`.

Started by the host, which holds the other end of the lifeline: when that closes, this process
ends at once, because its descriptors would keep terminals open that nobody answers for.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.screens.loop import READ
from gastown_tui.screens.server import Server

ADDRESS_SPACE: Final = 16 << 30
"""Bytes; an emulator that allocates without end dies instead of the machine."""
DESCRIPTORS: Final = 8192

_LOG: Final = logging.getLogger(__name__)


def _limit(what: int, wanted: int) -> None:
    _, hard = resource.getrlimit(what)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses some
        resource.setrlimit(what, (limit, hard))


def _lock(path: Path) -> None:
    """Hold the lock for as long as the process lives.

    Raises:
        Unavailable: another screens has it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise Unavailable("screens of this town runs already") from error


def _serve(options: argparse.Namespace) -> None:
    town: Path = options.town
    runtime = runtime_dir(town)
    _lock(runtime / "screens.lock")
    server = Server(runtime, town / ".gastown" / "sessions", options.crashed, options.hold)
    if options.lifeline is not None:
        os.set_inheritable(options.lifeline, False)
        server.loop.watch(options.lifeline, READ, lambda _mask: os._exit(0))
    server.loop.stop_on_signals(signal.SIGTERM, signal.SIGINT)
    gc.collect()
    gc.freeze()
    _LOG.info("screens of %s, process %d", town, os.getpid())
    server.run()


def main(arguments: list[str] | None = None) -> int:
    """Run until the host says so; the exit code."""
    parser = argparse.ArgumentParser(prog="screens", description="Shows the host's terminals.")
    parser.add_argument("--town", type=Path, required=True)
    parser.add_argument("--lifeline", type=int, help="ends the process when it closes")
    parser.add_argument("--crashed", action="append", default=[], metavar="SESSION")
    parser.add_argument("--hold", action="append", default=[], metavar="SESSION")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE)
    _limit(resource.RLIMIT_NOFILE, DESCRIPTORS)
    try:
        _serve(options)
    except GastownError as error:
        _LOG.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
