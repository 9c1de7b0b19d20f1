"""Host and screens together: a session whose output ends the emulation is found and tamed."""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gastown_tui import protocol
from gastown_tui.adapters import daemons, screens_client
from gastown_tui.domain.errors import NotFound, Unavailable


@pytest.fixture
def place():
    root = Path(tempfile.mkdtemp(prefix="gs"))
    town = root / "town"
    (town / ".gastown").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(root))
        daemons.ensure_host(town, daemons=("screens",))
        try:
            yield town
        finally:
            daemons.stop_host(town, grace_s=0.2)
            shutil.rmtree(root, ignore_errors=True)


def spawn(town, name, code):
    with daemons.connect_host(town) as link:
        frame = protocol.Spawn(
            req=link.next_req(), run=f"run-{name}", name=name, argv=[sys.executable, "-c", code],
            cwd=str(town), env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"}, kind="shell",
        )  # fmt: skip
        answer = link.ask(frame)
        assert isinstance(answer, protocol.Spawned), answer
        return answer.pid


def peek(town, name):
    """The screen, None while screens is away or has yet to get the session."""
    try:
        with screens_client.open_sync(town) as link:
            return screens_client.ask_sync(
                link, protocol.Peek(req=0, session=name), protocol.Peeked
            )
    except (Unavailable, NotFound):
        return None


def screens_pid(town):
    with daemons.connect_host(town) as link:
        status = link.ask(protocol.HostStatus(req=link.next_req()))
    return next((row.pid for row in status.daemons if row.name == "screens"), 0)


def test_a_crash_has_a_culprit(place, poll):
    """The emulation dies on one session: all programs live, that one comes back in safe mode."""
    busy = "import os\nwhile True: os.write(1, b'word ' * 800)"
    ticks = "import time\nfor n in range(10**6): print('tick', n, flush=True); time.sleep(0.05)"
    pids = [spawn(place, "busy", busy), spawn(place, "calm", ticks)]
    poll(lambda: (seen := peek(place, "calm")) and "tick 3" in seen.text, 20)
    marker = daemons.find_runtime(place) / "marker"
    pid = screens_pid(place)
    until = time.monotonic() + 20
    while True:  # stopped with the marker up: it dies in the middle of native work
        os.kill(pid, signal.SIGSTOP)
        if marker.read_bytes().rstrip(b"\0") == b"busy":
            break
        os.kill(pid, signal.SIGCONT)
        assert time.monotonic() < until
        time.sleep(0.001 * random.random())
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)
    poll(lambda: (seen := peek(place, "busy")) and "safe mode" in seen.held, 20)
    seen = poll(lambda: peek(place, "calm"), 20)
    assert seen.held == ""
    assert "tick" in seen.text
    for program in pids:
        os.kill(program, 0)


HOSTILE = r"""
import os, random
dice = random.Random(7)
pieces = [b'\x1b]8;;http://x/%d\x1b\\', b'\x1b]8;;\x1b\\', b'\x1b[%d;%dr', b'\x1b[%dS', b'\x1b[%dT', b'\x1b[%dL',
          b'\x1b[%dM', b'\x1b[%d;%dH', b'\x1b[?%dh', b'\x1b[?%dl', b'\x1b[%d@', b'\x1b[%dP', b'\x1bP%d', b'\x1b_G%d', b'\x1bM',
          b'\x1b[8;%d;%dt', b'\x1b(0', b'\x0e', b'\xf0\x9f\x91\xa9\xe2\x80\x8d', b'\xcc\x81' * 50, b'\x1b[3%dm', b'words of text ']
while True:
    out = b''
    for _ in range(200):
        piece = dice.choice(pieces)
        out += piece.replace(b'%d', b'%d' % dice.choice([0, 1, 5, 20, 47, 1049, 2026, 99999])) if dice.random() < 0.95 else dice.randbytes(9)
    os.write(1, out)
"""


def test_hostile_output_is_one_sessions_matter(place, poll):
    """While a session writes whatever breaks terminals, the others are served."""
    spawn(place, "hostile", HOSTILE)
    spawn(
        place,
        "calm",
        "import time\nfor n in range(10**6): print('tick', n, flush=True); time.sleep(0.02)",
    )
    poll(lambda: (seen := peek(place, "calm")) and "tick" in seen.text, 20)
    last = 0
    for _ in range(5):
        time.sleep(0.3)
        seen = poll(lambda: peek(place, "calm"), 5)
        now = int(seen.text.split()[-1])
        assert now > last
        last = now
    assert peek(place, "hostile") is not None
