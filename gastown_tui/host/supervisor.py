"""Keeps screens and controller running, and finds out which session's output kills screens."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from gastown_tui.domain.errors import NotFound
from gastown_tui.host.processes import usage_of
from gastown_tui.protocol import DaemonRow

_log: Final = logging.getLogger("gastown.host")
MARKER: Final = "marker"
"""File in the runtime folder; screens maps it and names there the session of a native call."""
MARKER_BYTES: Final = 64
FIRST_BEAT_S: Final = 10.0
BEAT_S: Final = 2.0
_STARVED_S: Final = 10.0
"""How long a process that waits for a processor may be without a beat."""
_TURN_S: Final = 0.5
_STEADY_S: Final = 10.0
"""A daemon that lived so long starts again at once."""
_BACKOFF_S: Final = (0.0, 0.1, 0.2, 0.4, 0.8, 1.0)
_WINDOW_S: Final = 60.0
_CULPRIT: Final = 3
"""Crashes within the window after which a session's output is held."""
_STOP_S: Final = 2.0
_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP}
)
"""Signals of a program's own fault; a KILL from outside blames no session's output."""
_LOG_BYTES: Final = 2 * 1024 * 1024


class Daemon:
    """One daemon: its process, when it is started again, when it must have sent a heartbeat."""

    def __init__(self, name: str, module: str, *, beats: bool) -> None:
        self.name, self.module, self.beats = name, module, beats
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = -1
        self.last_exit = ""
        self.since = 0.0
        self.start_at: float | None = 0.0
        self.kill_at: float | None = None
        """When it is killed unless it beats or ends before; None = never."""
        self.killed_for = ""
        self.asked = False
        """Its end was asked for: no crash."""
        self.beat_at, self.beat_cpu = 0.0, 0.0
        """When it has beaten last, and the CPU seconds it had used by then."""
        self._started = 0.0
        self._quick = 0

    def begun(self, process: subprocess.Popen[bytes], now: float) -> None:
        """It has been executed."""
        self.process, self.start_at, self.since = process, None, time.time()
        self.restarts += 1
        self._started = now
        self.killed_for, self.asked = "", False
        self.kill_at = now + FIRST_BEAT_S if self.beats else None
        self.beat_at, self.beat_cpu = now, 0.0

    def is_starved(self, now: float) -> bool:
        """Whether it could not beat for want of a processor: runnable, and has hardly run."""
        if self.process is None or now - self.beat_at >= _STARVED_S:
            return False
        state, cpu = usage_of(self.process.pid)
        return state == "running" and cpu - self.beat_cpu < BEAT_S / 2

    def ended(self, code: int, now: float) -> None:
        """It has been reaped; sets `start_at`."""
        if self.process is not None:
            self.process.returncode = code  # reaped by the host's loop
        self.process, self.kill_at = None, None
        self.last_exit = self.killed_for or (f"signal {-code}" if code < 0 else f"exit {code}")
        self._quick = 0 if self.asked or now - self._started > _STEADY_S else self._quick + 1
        self.start_at = now + _BACKOFF_S[min(max(self._quick - 1, 0), len(_BACKOFF_S) - 1)]

    def signal(self, number: int) -> None:
        """Send a signal to it if it runs: our child, so the pid is its own until it is reaped."""
        if self.process is not None:
            os.kill(self.process.pid, number)

    def row(self) -> DaemonRow:
        """What `HostStatus` tells of it."""
        pid = self.process.pid if self.process else 0
        return DaemonRow(
            name=self.name,
            pid=pid,
            restarts=max(0, self.restarts),
            since=self.since,
            last_exit=self.last_exit,
        )


class Culprits:
    """Which sessions' output has killed screens, from the marker that it leaves behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._crashes: dict[str, deque[float]] = {}
        self._held: set[str] = set()
        self.clear_marker()

    def clear_marker(self) -> None:
        """Make the marker file say that no native call is under way."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(descriptor, MARKER_BYTES)
            os.pwrite(descriptor, bytes(MARKER_BYTES), 0)
        finally:
            os.close(descriptor)

    def crashed(self, names: Iterable[str], now: float) -> str:
        """Screens has died unasked: read the marker; returns the session or nothing.

        Args:
            names: The sessions, also ended ones that screens still shows; the marker may hold a
                name cut to 64 bytes.
            now: Monotonic seconds.
        """
        try:
            marker = self._path.read_bytes()[:MARKER_BYTES].partition(b"\0")[0]
        except OSError as error:
            _log.warning("the crash marker cannot be read: %s", error)
            return ""
        self.clear_marker()
        name = next((n for n in names if marker and n.encode()[:MARKER_BYTES] == marker), "")
        if name:
            times = self._crashes.setdefault(name, deque(maxlen=_CULPRIT))
            times.append(now)
            if len(times) == _CULPRIT and now - times[0] <= _WINDOW_S:
                self._held.add(name)
        return name

    def forget(self, name: str) -> None:
        """A new run of this session begins: it is innocent of what the last one wrote."""
        self._crashes.pop(name, None)
        self._held.discard(name)

    def pardon(self) -> None:
        """Screens was restarted by wish, perhaps as another build: all get a new chance."""
        self._crashes.clear()
        self._held.clear()

    def arguments(self) -> list[str]:
        """Options of the next screens: `--hold` or, once per crash, `--crashed`."""
        options = []
        for name, times in sorted(self._crashes.items()):
            if name in self._held:
                options += ["--hold", name]
            else:
                options += ["--crashed", name] * len(times)
        return options


class Supervisor:
    """The daemons of the host; all times given are monotonic seconds."""

    def __init__(
        self,
        town: Path,
        runtime: Path,
        modules: Mapping[str, str],
        names: Callable[[], Iterable[str]],
    ) -> None:
        """Prepare; nothing is started before `tick`.

        Args:
            town: The town's folder.
            runtime: Its runtime folder.
            modules: Daemon name to module; the one named `screens` must send heartbeats.
            names: Tells the sessions' names.
        """
        self._town, self._runtime, self._names = town, runtime, names
        self._daemons = {
            name: Daemon(name, module, beats=name == "screens") for name, module in modules.items()
        }
        self.culprits = Culprits(runtime / MARKER)
        # Only we hold the write end: when it closes, every daemon reads the end and exits.
        self._lifeline, self._only_ours = os.pipe()
        self._stopping = False

    def pids(self) -> frozenset[int]:
        """The processes of the daemons."""
        return frozenset(d.process.pid for d in self._daemons.values() if d.process)

    def rows(self) -> list[DaemonRow]:
        """What `HostStatus` tells of all."""
        return [daemon.row() for daemon in self._daemons.values()]

    def supervises(self, name: str) -> bool:
        """Is this one of our daemons."""
        return name in self._daemons

    def pid(self, name: str) -> int:
        """The process of a daemon, 0 when it does not run."""
        daemon = self._daemons.get(name)
        return daemon.process.pid if daemon and daemon.process else 0

    def beat(self, pid: int, now: float) -> None:
        """A heartbeat has come from this process."""
        for daemon in self._daemons.values():
            if daemon.beats and not daemon.asked and daemon.process and daemon.process.pid == pid:
                daemon.kill_at = now + BEAT_S
                daemon.beat_at, daemon.beat_cpu = now, usage_of(pid)[1]

    def stalled(self, now: float) -> None:
        """The host itself stood still: nobody is blamed for beats that it did not read."""
        for daemon in self._daemons.values():
            if daemon.kill_at is not None:
                daemon.kill_at = max(daemon.kill_at, now + BEAT_S)

    def due(self) -> float | None:
        """When `tick` wants to be called, None when only beats and ends matter."""
        daemons = self._daemons.values()
        times = [daemon.kill_at for daemon in daemons]
        if not self._stopping:
            times += [daemon.start_at for daemon in daemons]
        return min((t for t in times if t is not None), default=None)

    def tick(self, now: float) -> None:
        """Start what is due, kill what hangs."""
        for daemon in self._daemons.values():
            if daemon.start_at is not None and daemon.start_at <= now and not self._stopping:
                self._start(daemon, now)
            if daemon.kill_at is not None and daemon.kill_at <= now:
                if not daemon.asked and daemon.is_starved(now):
                    daemon.kill_at = now + _TURN_S
                    continue
                daemon.kill_at = None
                if not daemon.asked:
                    daemon.killed_for = "hung"
                _log.warning("%s does not answer: killed", daemon.name)
                daemon.signal(signal.SIGKILL)

    def _start(self, daemon: Daemon, now: float) -> None:
        arguments = ["--town", str(self._town), "--lifeline", str(self._lifeline)]
        if daemon.name == "screens":
            arguments += self.culprits.arguments()
        try:
            with self._log_file(daemon.name).open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", daemon.module, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(self._lifeline,),
                    start_new_session=True,
                    env=_environment(self._runtime),
                )
        except OSError as error:
            _log.warning("%s cannot be started: %s", daemon.name, error)
            daemon.last_exit = f"cannot be started: {error}"
            daemon.start_at = now + _BACKOFF_S[-1]
            return
        daemon.begun(process, now)
        _log.info("%s is process %d %s", daemon.name, process.pid, arguments[4:])

    def _log_file(self, name: str) -> Path:
        path = self._town / ".gastown" / "log" / f"{name}.log"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rotate(path)
        return path

    def reaped(self, pid: int, status: int, now: float) -> bool:
        """A child has ended; was it one of ours."""
        for daemon in self._daemons.values():
            if daemon.process is not None and daemon.process.pid == pid:
                code = os.waitstatus_to_exitcode(status)
                crashed = -code in _CRASHES or bool(daemon.killed_for)
                asked = daemon.asked
                daemon.ended(code, now)
                culprit = ""
                if daemon.name == "screens" and crashed and not asked:
                    culprit = self.culprits.crashed(self._names(), now)
                _log.info("%s has ended: %s %s", daemon.name, daemon.last_exit, culprit)
                return True
        return False

    def move(self, runtime: Path, now: float) -> None:
        """The runtime folder is new: the daemons start again, with their sockets in it."""
        self._runtime, self.culprits = runtime, Culprits(runtime / MARKER)
        for name in self._daemons:
            self.restart(name, now)

    def restart(self, name: str, now: float) -> None:
        """End a daemon; it starts again once it is gone.

        Raises:
            NotFound: the host does not run a daemon of this name.
        """
        daemon = self._daemons.get(name)
        if daemon is None:
            raise NotFound(f"the host runs no daemon {name[:80]!r}")
        if name == "screens":
            self.culprits.pardon()
        if daemon.process is None:
            daemon.start_at = now
        self._end(daemon, now)

    def _end(self, daemon: Daemon, now: float) -> None:
        if daemon.process is not None:
            daemon.asked = True
            daemon.kill_at = now + _STOP_S
            daemon.signal(signal.SIGTERM)
            daemon.signal(signal.SIGCONT)

    def stop(self, now: float) -> None:
        """End all daemons for good; `pids` is empty when they are gone."""
        self._stopping = True
        for daemon in self._daemons.values():
            self._end(daemon, now)

    def go_on(self, now: float) -> None:
        """After `stop`: start them again after all."""
        self._stopping = False
        for daemon in self._daemons.values():
            if daemon.process is None:
                daemon.start_at = now


def _environment(runtime: Path) -> dict[str, str]:
    """Ours, changed so that a daemon finds the runtime folder in use (see `runtime_dir`)."""
    env = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    if runtime.parent.name == "gastown":
        env["XDG_RUNTIME_DIR"] = str(runtime.parent.parent)
    return env


def rotate(path: Path) -> None:
    """Keep a log bounded: what is over 2 MB becomes `NAME.1`, replacing the former one."""
    try:
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    except FileNotFoundError:
        return
