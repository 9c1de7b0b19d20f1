"""Starting, finding and stopping the host of a town."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from gastown_tui import protocol
from gastown_tui.adapters.runtime_dir import runtime_dir, runtime_name
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.domain.errors import Unavailable
from gastown_tui.protocol import HostFrame

DAEMONS: Final = ("screens", "controller")
_ALREADY: Final = 3
"""The host's exit code when another one holds the town."""
_PATIENCE_S: Final = 10.0


def find_runtime(town: Path) -> Path:
    """The runtime folder that the town's host uses, else the one it would use.

    The host's own note is preferred, because `XDG_RUNTIME_DIR` differs between logins, cron and
    ssh; it is believed only while it names a private folder of ours.

    Raises:
        Unavailable: no folder can be used.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        path = Path((town / ".gastown" / "runtime").read_text("utf-8").strip())
        found = path.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        is_ours = path.name == runtime_name(town) or _locked(town)  # else: of what we were copied
        if path.is_absolute() and private and found.st_uid == os.getuid() and is_ours:
            return path
    return runtime_dir(town)


def host_socket(town: Path) -> Path:
    """Where the town's host listens."""
    return find_runtime(town) / "host.sock"


def screens_socket(town: Path) -> Path:
    """Where the town's screens listens."""
    return find_runtime(town) / "screens.sock"


def feed_socket(town: Path) -> Path:
    """Where the town's controller serves the feed."""
    return find_runtime(town) / "feed.sock"


def connect_host(town: Path, timeout_s: float = 10.0) -> SyncLink[HostFrame]:
    """A blocking connection to the town's host.

    Raises:
        Unavailable: it does not run or does not answer.
        ProtocolError: it speaks another version.
    """
    path = host_socket(town)
    return SyncLink(path, protocol.host_decoder, what="host", timeout_s=timeout_s)


def host_running(town: Path) -> bool:
    """Does the town's host answer."""
    try:
        connect_host(town, 2.0).close()
    except Unavailable:
        return False
    return True


def runs_elsewhere(town: Path) -> bool:
    """Was the town moved under its running host, which knows it by its former path."""
    return find_runtime(town).name != runtime_name(town) and host_running(town)


def ensure_host(town: Path, *, daemons: tuple[str, ...] = DAEMONS) -> None:
    """Start the town's host, detached, unless it runs; returns when it answers.

    Args:
        town: The town's folder.
        daemons: What it keeps running, each `NAME` or `NAME=MODULE`.

    Raises:
        Unavailable: it could not be started, with its own words.
    """
    if host_running(town):
        return
    until = time.monotonic() + _PATIENCE_S
    while True:
        code = _start_host(town, daemons)
        if host_running(town):
            return
        if time.monotonic() > until:
            what = "another host holds the town but" if code == _ALREADY else "the host"
            raise Unavailable(f"{what} does not answer{_last_words(town)}")
        time.sleep(0.05)  # another one is starting just now, or has not quite ended


def _start_host(town: Path, daemons: tuple[str, ...]) -> int:
    command = [sys.executable, "-m", "gastown_tui.roots.host", "--town", str(town)]
    try:
        started = subprocess.run(
            [*command, "--daemons", ",".join(daemons)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"the host does not start{_last_words(town)}") from error
    if started.returncode not in (0, _ALREADY):
        words = started.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unavailable(words[-1] if words else f"the host ended with {started.returncode}")
    return started.returncode


def _last_words(town: Path) -> str:
    log = town / ".gastown" / "log" / "host.log"
    with contextlib.suppress(OSError):
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        if lines:
            return f"; its log {log} ends with: {lines[-1][:300]}"
    return ""


def stop_host(town: Path, *, grace_s: float = 2.0) -> bool:
    """End every program of the town and its host; False when none was running.

    Raises:
        Unavailable: it did not end.
    """
    try:
        link = connect_host(town)
    except Unavailable:
        return False
    with link:
        request = protocol.Shutdown(req=link.next_req(), grace_s=grace_s)
        answer = link.ask(request, grace_s + 30)
    if isinstance(answer, protocol.Failed):
        raise Unavailable(answer.message, hint=answer.hint)
    until = time.monotonic() + _PATIENCE_S
    while _locked(town):
        if time.monotonic() > until:
            raise Unavailable(f"the host does not end{_last_words(town)}")
        time.sleep(0.01)
    return True


def _locked(town: Path) -> bool:
    """Whether a host holds the lock that lies in the town and moves with it."""
    try:
        file = (town / ".gastown" / "host.lock").open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
