"""Plays screens or controller for the host: `python -m fake_daemon --town T --lifeline FD ...`.

Writes a line to `daemon.log` in the town for its start; ends when the lifeline closes. With a file
`hang` in the town it beats no more; with `crash` it names that session in the marker and dies.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

from gastown_tui import protocol


def main() -> None:
    arguments = sys.argv[1:]
    town = Path(arguments[arguments.index("--town") + 1])
    lifeline = int(arguments[arguments.index("--lifeline") + 1])
    runtime = Path((town / ".gastown/runtime").read_text().strip())
    facts = {
        "pid": os.getpid(),
        "sid": os.getsid(0),
        "at": time.monotonic(),
        "options": arguments[4:],
        "fds": [n for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")],
    }
    host = socket.socket(socket.AF_UNIX)
    host.connect(str(runtime / "host.sock"))
    host.sendall(protocol.encode(protocol.Hello(role="screens")))
    with (town / "daemon.log").open("a") as log:
        log.write(json.dumps(facts) + "\n")
    while True:
        if not (town / "hang").exists():
            host.sendall(protocol.encode(protocol.Heartbeat()))
            (town / "beaten").touch()
        if (town / "crash").exists():
            name = (town / "crash").read_text()
            (town / "crash").unlink()
            (runtime / "marker").write_bytes(name.encode()[:64].ljust(64, b"\0"))
            os.kill(os.getpid(), signal.SIGSEGV)
        ready, _, _ = select.select([lifeline, host], [], [], 0.05)
        if lifeline in ready:
            sys.exit(0)
        if host in ready:
            data, descriptors, _, _ = socket.recv_fds(host, 1 << 16, 16)
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            if not data:
                select.select([lifeline], [], [])  # the host is ending: the lifeline says so too
                sys.exit(0)


main()
