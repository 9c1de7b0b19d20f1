"""What viewers and machines may ask of screens, and what it keeps."""

import asyncio
import random
import select
import socket
import sys
import time
from pathlib import Path

import pytest

from gastown_tui import protocol
from gastown_tui.adapters import screens_client
from gastown_tui.adapters.screens_client import Copy, ScreensClient
from gastown_tui.cells import row_text
from gastown_tui.domain.errors import NotFound, Unavailable

ECHO = "import sys, tty; tty.setraw(0)\nprint('ready', end='\\r\\n', flush=True)\n"
READS_ALL = (
    ECHO + "while True: print(repr(sys.stdin.buffer.raw.read(100)), end='\\r\\n', flush=True)"
)


class Shown:
    """A viewer on a connection of its own, that keeps copies of all it is sent."""

    def __init__(self, town, *frames):
        self.client, self.copies, self.signals, self.failed = town.client(), {}, {}, []
        self.client.send(*frames)

    def until(self, what, timeout_s=10.0):
        end = time.monotonic() + timeout_s
        while not what():
            self.take(self.client.receive(max(0.01, end - time.monotonic())))
        return self

    def take(self, frame):
        if isinstance(frame, protocol.ScreenFrame):
            self.copies.setdefault(frame.session, Copy()).apply(frame)
            self.client.send(protocol.Ack(session=frame.session, number=frame.number))
        elif isinstance(frame, protocol.Signals):
            self.signals[frame.session] = frame
        elif isinstance(frame, protocol.Failed):
            self.failed.append(frame)

    def text(self, name):
        copy = self.copies.get(name)
        return "\n".join(map(row_text, copy.rows)).rstrip() if copy else ""


def ask(client, frame, wanted):
    return screens_client.ask_sync(client, frame, wanted)


def typed(client, name, data, **conditions):
    frame = protocol.Type(req=0, session=name, data=data, **conditions)
    return ask(client, frame, protocol.Typed)


@pytest.fixture
def screens(town):
    town.start_screens()
    return town


def test_keys_paste_and_mouse(screens, poll):
    """Input is encoded by the program's own modes; each raises the generation, typing does not."""
    run = screens.python("rig/a", "import os\nos.write(1, b'\\x1b[?1h\\x1b[?2004h')\n" + READS_ALL)
    client = screens.ready(run)
    shown = Shown(screens, protocol.Subscribe(session="rig/a"), protocol.WatchSignals())
    shown.until(lambda: "ready" in shown.text("rig/a"))
    first = shown.signals["rig/a"].input_generation
    client.send(protocol.Key(session="rig/a", key="up"))
    shown.until(lambda: r"b'\x1bOA'" in shown.text("rig/a"))
    client.send(protocol.Paste(session="rig/a", text="two\nlines\x1b[201~"))
    shown.until(lambda: r"b'\x1b[200~two" in shown.text("rig/a"))
    client.send(protocol.Mouse(session="rig/a", kind="wheel_up", x=1, y=1))
    client.send(protocol.Input(session="rig/a", data=b"raw"))
    shown.until(lambda: "b'raw'" in shown.text("rig/a"))
    assert "[<" not in shown.text("rig/a")
    shown.until(lambda: shown.signals["rig/a"].input_generation >= first + 3)
    now = shown.signals["rig/a"].input_generation
    assert typed(client, "rig/a", b"machine", if_generation=now).ok
    shown.until(lambda: "b'machine'" in shown.text("rig/a"))
    assert typed(client, "rig/a", b"x", if_generation=now).ok


def test_typing_is_whole_or_refused(screens, poll):
    """A moved generation, other rows, a program that does not read, and an end refuse typing."""
    run = screens.python("rig/a", READS_ALL)
    deaf = screens.python("rig/deaf", ECHO + "import time; time.sleep(1000)")
    client = screens.ready(run, deaf)
    shown = Shown(screens, protocol.WatchSignals())
    shown.until(lambda: shown.signals.get("rig/a") and shown.signals["rig/a"].bottom == ["ready"])
    seen = shown.signals["rig/a"]
    client.send(protocol.Key(session="rig/a", key="a", text="a"))
    moved = typed(client, "rig/a", b"no", if_generation=seen.input_generation)
    assert (moved.ok, moved.reason) == (False, "generation")
    poll(lambda: "b'a'" in screens.peek(client, "rig/a").text)
    assert typed(client, "rig/a", b"no", if_rows=seen.rows_hash).reason == "rows"
    assert "no" not in screens.peek(client, "rig/a").text

    results = [typed(client, "rig/deaf", b"x" * 10_000) for _ in range(40)]
    assert results[0].ok
    assert results[-1].reason == "full"
    assert screens.peek(client, "rig/a").text
    run.process.kill(9)
    poll(lambda: typed(client, "rig/a", b"x").reason == "gone")


def test_signals(screens, poll):
    """Title, progress, bells, notices, modes and faint text are told on change, a few times a second."""
    code = (
        "import os, time\n"
        "os.write(1, b'\\x1b]2;my title\\a\\x1b]9;4;1;40\\a\\a\\x1b]9;do look\\a')\n"
        "os.write(1, b'text\\r\\n> \\x1b[2mTry this\\x1b[m\\x1b[2;3H')\n"
        "input()\n"
        "while True: os.write(1, b'\\r\\nmore'); time.sleep(0.01)"
    )
    run = screens.python("rig/a", code)
    client = screens.ready(run)
    shown = Shown(screens, protocol.WatchSignals())
    shown.until(lambda: "rig/a" in shown.signals and shown.signals["rig/a"].title)
    seen = shown.signals["rig/a"]
    assert (seen.title, seen.progress, seen.bells) == ("my title", 40, 1)
    assert seen.bottom == ["text", "> Try this"]
    assert seen.faint_from == [-1, 2]
    assert (seen.cursor_x, seen.cursor_y, seen.bottom_first) == (2, 1, 0)
    client.send(protocol.Key(session="rig/a", key="enter"))
    start, count = time.monotonic(), 0
    while time.monotonic() - start < 1.5:
        count += isinstance(shown.client.receive(2), protocol.Signals)
    assert 4 <= count <= 10


def test_late_watchers_get_notices_once(screens, poll):
    """Notices reach whoever watches, and are not repeated."""
    run = screens.python(
        "rig/a", "import os\nos.write(1, b'\\x1b]9;one\\a')\ninput()\nos.write(1, b'x')\ninput()"
    )
    client = screens.ready(run)
    client.send(protocol.WatchSignals())
    notices = []
    while not notices:
        frame = client.receive(5)
        notices += frame.notices if isinstance(frame, protocol.Signals) else []
    client.send(protocol.Key(session="rig/a", key="enter"))
    while not (isinstance(frame, protocol.Signals) and "x" in "".join(frame.bottom)):
        frame = client.receive(5)
        notices += frame.notices if isinstance(frame, protocol.Signals) else []
    assert notices == ["one"]


def test_resize_and_crop(screens, poll):
    """A resize reaches program and picture; sizes are clamped; a crop shows the bottom left."""
    code = (
        "import os, signal, time\n"
        "def show(*_): os.write(1, b'size %d %d\\r\\n' % tuple(os.get_terminal_size(0)))\n"
        "signal.signal(signal.SIGWINCH, show); show()\n"
        "while True: time.sleep(1)"
    )
    run = screens.python("rig/a", code, cols=80, rows=24)
    client = screens.ready(run)
    shown = Shown(screens, protocol.Subscribe(session="rig/a", cols=6, rows=1))
    poll(lambda: "size 80 24" in screens.peek(client, "rig/a").text)
    client.send(protocol.ResizeSession(session="rig/a", cols=100, rows=30))
    poll(lambda: "size 100 30" in screens.peek(client, "rig/a").text)
    client.send(protocol.ResizeSession(session="rig/a", cols=10**9, rows=-5))
    poll(lambda: screens.peek(client, "rig/a").cols == 1000)
    assert screens.peek(client, "rig/a").rows == 1
    shown.until(lambda: "rig/a" in shown.copies)
    assert shown.copies["rig/a"].cols == 6
    assert len(shown.copies["rig/a"].rows) == 1
    assert run.process.getwinsize() == (1, 1000)


def test_scrollback(screens, poll):
    """Rows of scrollback and screen are one numbered list, also of a session that has ended."""
    run = screens.python("rig/a", "for i in range(200): print('line', i)", rows=10)
    client = screens.client()
    poll(
        lambda: (
            screens_client.ask_sync(
                client, protocol.ListSessions(req=0), protocol.SessionNames
            ).sessions
            == {"rig/a": False}
        )
    )

    def look():
        found = ask(
            client, protocol.AskRows(req=0, session="rig/a", first=185, count=10), protocol.RowsOf
        )
        assert found.total == 201
        assert [row_text(row) for row in found.rows] == [f"line {n}" for n in range(185, 195)]
        far = ask(
            client,
            protocol.AskRows(req=0, session="rig/a", first=10**15, count=10**9),
            protocol.RowsOf,
        )
        assert far.rows == []
        assert screens.peek(client, "rig/a", history=3).text.startswith("line 188\n")
        assert screens.peek(client, "rig/a").text.startswith("line 191\n")

    look()
    run.ended = True
    screens.kill_screens()
    screens.start_screens()
    client = screens.client()

    def is_back():
        try:
            return screens.peek(client, "rig/a")
        except Unavailable:
            return None

    poll(is_back)
    look()
    shown = Shown(screens, protocol.Subscribe(session="rig/a"), protocol.WatchSignals())
    shown.until(lambda: "line 199" in shown.text("rig/a") and "rig/a" in shown.signals)
    assert not shown.signals["rig/a"].alive


def test_end_while_screens_is_away(screens, poll):
    """A session that ended unseen is finished from its log by the next screens."""
    run = screens.python("rig/a", "print('last words', flush=True); input()")
    client = screens.ready(run)
    poll(lambda: "last words" in screens.peek(client, "rig/a").text)
    screens.kill_screens()
    run.process.kill(9)
    run.process.wait()
    run.ended = True
    screens.start_screens()
    client = screens.client()
    poll((screens.sessions / "rig%2Fa" / "text").exists)
    assert screens.peek(client, "rig/a").text == "last words"


def test_end_told_by_the_host(screens, poll):
    """The end of a run ends its session also while its terminal is still open somewhere."""
    run = screens.python("rig/a", "print('done', flush=True); input()")
    screens.ready(run)
    shown = Shown(screens, protocol.WatchSignals(), protocol.Subscribe(session="rig/a"))
    shown.until(lambda: shown.text("rig/a") == "done")
    screens.end(run, code=3)
    shown.until(lambda: not shown.signals["rig/a"].alive)
    assert shown.signals["rig/a"].bottom == ["done"]
    shown.client.send(protocol.Key(session="rig/a", key="a", text="a"))
    shown.until(lambda: shown.failed)


def test_a_new_run_of_the_name(screens, poll):
    """Viewers stay subscribed to the name; nothing of the old screen is left."""
    old = screens.python("rig/a", "print('old', flush=True); input()")
    client = screens.ready(old)
    shown = Shown(screens, protocol.Subscribe(session="rig/a"))
    shown.until(lambda: shown.text("rig/a") == "old")
    old.process.kill(9)
    screens.end(old)
    screens.python("rig/a", "print('new', flush=True); input()")
    shown.until(lambda: shown.text("rig/a") == "new")
    assert screens.peek(client, "rig/a", history=100).text == "new"


def test_a_name_that_nobody_has_yet(screens, poll):
    """Subscribing to it is refused, and still shows the session once it is there."""
    shown = Shown(screens, protocol.Subscribe(session="rig/later"))
    shown.until(lambda: shown.failed)
    assert shown.failed[0].kind == "NotFound"
    screens.python("rig/later", "print('here', flush=True); input()")
    shown.until(lambda: shown.text("rig/later") == "here")


def test_a_client_that_never_acknowledges(screens, poll):
    """It gets a bounded number of frames, costs nothing more, and others go on."""
    run = screens.python(
        "rig/a", "import time\nfor i in range(100000): print(i, flush=True); time.sleep(0.005)"
    )
    silent = screens.ready(run)
    silent.send(protocol.Subscribe(session="rig/a", fps=120))
    shown = Shown(screens, protocol.Subscribe(session="rig/a", fps=60))
    shown.until(lambda: "100" in shown.text("rig/a"))
    frames = 0
    while select.select([silent], [], [], 0.3)[0] or silent.pending:
        silent.receive()
        frames += 1
    assert 1 <= frames <= 2
    silent.send(protocol.Ack(session="rig/a", number=frames))
    assert isinstance(silent.receive(2), protocol.ScreenFrame)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff" * 100,
        b"\0\0\0\x02\x81\xa1",
        random.Random(1).randbytes(5000),
        b"GET / HTTP/1.0\r\n\r\n",
    ],
    ids=["length", "short", "random", "http"],
)
def test_garbage(screens, garbage):
    """A peer that speaks something else is cut off; nobody else notices."""
    other = screens.client()
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(5)
    raw.connect(str(screens.runtime / "screens.sock"))
    with raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass
    assert ask(other, protocol.ListSessions(req=0), protocol.SessionNames).sessions == {}


def test_absurd_requests(screens, poll):
    """Unknown sessions, frames of others, absurd numbers: answered or dropped, never a crash."""
    run = screens.run("rig/a", ["cat"])
    client = screens.ready(run)
    shown = Shown(screens)
    with pytest.raises(NotFound):
        screens.peek(client, "../../etc/passwd")
    shown.client.send(
        protocol.Subscribe(session="rig/a", cols=-5, rows=10**15, fps=float("nan")),
        protocol.Subscribe(session="x" * 10_000),
        protocol.Ack(session="nobody", number=-1),
        protocol.Ack(session="rig/a", number=10**18),
        protocol.Key(session="rig/a", key="no such key at all+++", text=""),
        protocol.Key(session="rig/a", key="", text="\0" * 5000),
        protocol.Mouse(session="rig/a", kind="stampede", x=-1, y=10**9, button=-7),
        protocol.Mouse(session="rig/a", kind="press", x=-1, y=10**9, button=77),
        protocol.Paste(session="rig/a", text="z" * 3_000_000),
        protocol.Unsubscribe(session="nobody"),
        protocol.Signals(session="rig/a"),
        protocol.Hello(),
        protocol.ListSessions(req=2**60),
    )
    shown.until(lambda: len(shown.failed) >= 5)
    assert screens.peek(client, "rig/a").cols == 80


def test_a_flood_of_frames(screens, poll):
    """Twenty thousand requests from one client do not keep another one waiting."""
    run = screens.run("rig/a", ["cat"])
    flood, client = screens.ready(run), screens.ready(run)
    flood.send(*(protocol.Key(session="nobody", key="a") for _ in range(2000)))
    slowest = 0.0
    for _ in range(20):
        start = time.monotonic()
        screens.peek(client, "rig/a")
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 2.0


def test_safe_mode(screens, poll):
    """After a crash a session comes back filtered, after the second as plain text; then held."""
    code = "import os\nos.write(1, b'\\x1b]2;title\\a\\x1b[1mbold\\x1b[m\\r\\n')\nwhile True: os.write(1, input().encode() + b'\\x1b]2;again\\a\\r\\n')"
    run = screens.python("rig/bad", code)
    good = screens.python("rig/good", READS_ALL)
    client = screens.ready(run, good)
    poll(lambda: "bold" in screens.peek(client, "rig/bad").text)
    assert screens.peek(client, "rig/bad").title == "title"
    for crashes, held in ((1, "other strings"), (2, "plain text only")):
        screens.kill_screens()
        screens.start_screens(*["--crashed", "rig/bad"] * crashes)
        client = screens.ready(run, good)
        peeked = screens.peek(client, "rig/bad")
        assert held in peeked.held
        assert "bold" in peeked.text
        assert screens.peek(client, "rig/good").held == ""
    client.send(protocol.Input(session="rig/bad", data=b"still alive\r"))
    poll(lambda: "still alive" in screens.peek(client, "rig/bad").text)
    screens.kill_screens()
    screens.start_screens()  # the level is remembered
    client = screens.ready(run, good)
    assert "plain text only" in screens.peek(client, "rig/bad").held
    screens.kill_screens()
    screens.start_screens("--hold", "rig/bad")
    client = screens.ready(run, good)
    assert "output held" in screens.peek(client, "rig/bad").text
    assert "output held" in screens.peek(client, "rig/bad").held
    for _ in range(3):  # drained: the program goes on
        client.send(protocol.Input(session="rig/bad", data=b"x" * 500 + b"\r"))
    assert run.process.isalive()


def test_the_marker(screens, poll):
    """While native code works on a session its name is in the marker, and not afterwards."""
    code = "import os\nwhile True: os.write(1, b'x' * 4000)"
    run = screens.python("rig/busy", code)
    client = screens.ready(run)
    client.send(protocol.Subscribe(session="rig/busy"))
    marker = screens.runtime / "marker"
    poll(lambda: marker.read_bytes().rstrip(b"\0") == b"rig/busy")
    run.process.kill(9)
    poll(lambda: not marker.read_bytes().split(b"\0")[0])


def test_what_is_kept_is_private(screens, poll):
    """Folders 0700, files 0600, names of sessions never paths."""
    run = screens.run("..%2Fa/../b c/é", ["cat"])
    client = screens.ready(run)
    client.send(protocol.Input(session=run.row.name, data=b"x\r"))
    poll(lambda: "x" in screens.peek(client, run.row.name).text)
    folders = list(screens.sessions.iterdir())
    assert len(folders) == 1
    assert folders[0].stat().st_mode & 0o777 == 0o700
    assert screens.sessions.stat().st_mode & 0o777 == 0o700
    for path in folders[0].iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_replies_reach_the_program(screens, poll):
    """A program's question is answered once, and not again after a restart."""
    code = (
        ECHO
        + "import os\nos.write(1, b'\\x1b[6n')\nwhile True: print(repr(sys.stdin.buffer.raw.read(100)), end='\\r\\n', flush=True)"
    )
    run = screens.python("rig/a", code)
    client = screens.ready(run)
    poll(lambda: r"b'\x1b[2;1R'" in screens.peek(client, "rig/a").text)
    screens.kill_screens()
    screens.start_screens()
    client = screens.ready(run)
    client.send(protocol.Input(session="rig/a", data=b"k"))
    poll(lambda: "b'k'" in screens.peek(client, "rig/a").text)
    assert screens.peek(client, "rig/a").text.count("R'") == 1


async def test_async_client(screens, poll):
    """The asyncio client: events, answers, refusals, and the end of the connection."""
    run = screens.python("rig/a", READS_ALL)
    screens.ready(run)
    client = await ScreensClient.open(screens.path)
    copy, found = Copy(), asyncio.Event()

    async def follow():
        async for event in client.events():
            if isinstance(event, protocol.ScreenFrame):
                copy.apply(event)
                client.ack(event)
                if any("b'k'" in row_text(row) for row in copy.rows):
                    found.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(follow())
        client.subscribe("rig/a", rows=5, fps=60)
        assert await client.sessions() == {"rig/a": True}
        with pytest.raises(NotFound):
            await client.peek("nobody")
        client.key("rig/a", "k", "k")
        await found.wait()
        assert (await client.type("rig/a", b"t")).ok
        assert "ready" in (await client.peek("rig/a")).text
        assert (await client.rows("rig/a", 0, 1)).total == 24
        screens.kill_screens()
    with pytest.raises(screens_client.Unavailable):
        await client.peek("rig/a")
    client.close()


def test_heartbeats(screens, poll):
    """The host hears from screens twice a second, also while a flood runs."""
    run = screens.python("rig/a", "import os\nwhile True: os.write(1, b'word ' * 800)")
    screens.ready(run)
    before = screens.beats
    time.sleep(2.2)
    assert 3 <= screens.beats - before <= 6


@pytest.mark.slow
def test_a_hundred_megabytes_on_one_line(screens, poll):
    """One endless line costs time, not memory, and other sessions are served meanwhile."""
    run = screens.python(
        "rig/a",
        "import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\nos.write(1, b'THE END')\ninput()",
    )
    other = screens.python("rig/b", READS_ALL)
    client = screens.ready(run, other)
    for number in range(5):
        client.send(protocol.Input(session="rig/b", data=b"%d" % number))
        poll(lambda: f"b'{number}'" in screens.peek(client, "rig/b").text, 3)
    poll(lambda: "THE END" in screens.peek(client, "rig/a").text.replace("\n", ""), 50)
    rollup = Path(f"/proc/{screens.pid}/smaps_rollup")
    if sys.platform == "linux":
        kilobytes = next(
            int(line.split()[1])
            for line in rollup.read_text().splitlines()
            if line.startswith("Pss:")
        )
        assert kilobytes < 150_000
    stored = sum(path.stat().st_size for path in (screens.sessions / "rig%2Fa").iterdir())
    assert stored < 30_000_000
