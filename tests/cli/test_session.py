"""The session verbs against a real host and a real screens process."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import ptyprocess
import pytest

from gastown_tui.adapters import daemons
from gastown_tui.cells import BOLD, pack, palette, rgb
from gastown_tui.cli import main
from gastown_tui.cli.attach import row_bytes, sgr
from gastown_tui.cli.attach_keys import Bytes, KeyReader, Moused, Pasted, Pressed
from gastown_tui.terminal import Terminal


def wait_for(what, timeout_s=15.0):
    until = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def town():
    """A town with a host and screens, without a controller."""
    root = Path(tempfile.mkdtemp(prefix="gs"))
    place = root / "town"
    (place / ".gastown").mkdir(parents=True)
    (place / "town.toml").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(root))
        patch.setenv("GASTOWN_TOWN", str(place))
        daemons.ensure_host(place, daemons=("screens",))
        try:
            yield place
        finally:
            daemons.stop_host(place, grace_s=0.2)
            shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def gastown(town, capfd):
    """Run the command line; its exit status, output and errors."""

    def run(*arguments):
        capfd.readouterr()
        status = main.run(list(arguments))
        out, err = capfd.readouterr()
        return status, out, err

    return run


def start(gastown, name, code):
    status, out, err = gastown(
        "session",
        "start",
        "--name",
        name,
        "--cols",
        "60",
        "--rows",
        "12",
        "--",
        sys.executable,
        "-c",
        code,
    )
    assert (status, out.strip()) == (0, name), err
    return name


def test_an_agent_is_found_by_its_own_name(gastown):
    for name in ("lib/polecats/nux", "lib/polecats/ace", "app/polecats/ace"):
        assert (
            gastown("session", "start", "--name", name, "--", "sh", "-c", f"echo I am {name}; cat")[
                0
            ]
            == 0
        )
    wait_for(lambda: "I am lib/polecats/nux" in gastown("peek", "nux")[1])
    assert "may be" in gastown("peek", "ace")[2]
    for name in ("lib/polecats/nux", "lib/polecats/ace", "app/polecats/ace"):
        assert gastown("session", "kill", name)[0] == 0


def test_start_list_peek_kill(gastown):
    """A program runs in a session, is listed, looked at, ended, and can still be looked at."""
    name = start(
        gastown, "t/one", "import os\nprint(os.environ['TERM'], os.get_terminal_size())\ninput()"
    )
    wait_for(lambda: "columns=60, lines=12" in gastown("peek", name)[1])
    assert "xterm-256color" in gastown("peek", name)[1]
    rows = json.loads(gastown("session", "list", "--json")[1])
    (row,) = [row for row in rows if row["name"] == name]
    assert (row["alive"], row["kind"]) == (True, "shell")
    os.kill(row["pid"], 0)
    peeked = json.loads(gastown("peek", name, "--json")[1])
    assert (peeked["cols"], peeked["rows"]) == (60, 12)
    assert gastown("session", "kill", name)[0] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(row["pid"], 0)
    assert "columns=60" in gastown("peek", name)[1]
    listed = json.loads(gastown("session", "list", "--all", "--json")[1])
    assert {"name": name, "alive": False} in listed


def test_history(gastown):
    """`peek --history` shows what has scrolled away."""
    name = start(gastown, "t/long", "for i in range(100): print('line', i)\ninput()")
    wait_for(lambda: "line 99" in gastown("peek", name)[1])
    assert "line 50" not in gastown("peek", name)[1]
    assert "line 50\n" in gastown("peek", name, "--history", "1000")[1]
    gastown("session", "kill", name)


def test_refusals(gastown):
    """One line each, and what to do."""
    for arguments, words in (
        (("peek", "nobody"), "no session"),
        (("session", "kill", "nobody"), "nobody"),
        (("session", "start", "--name", "../x", "--", "cat"), "name"),
        (("session", "start", "--", "no-such-program-here"), "no-such-program-here"),
        (("attach", "nobody"), "terminal"),
    ):
        status, _, err = gastown(*arguments)
        assert status == 1
        assert words in err
        assert err.count("\n") == 1


class Attached:
    """`gastown attach` on a terminal of the test's own."""

    def __init__(self, name, cols=60, rows=12):
        argv = [sys.executable, "-m", "gastown_tui", "attach", name]
        self.process = ptyprocess.PtyProcess.spawn(argv, dimensions=(rows, cols))
        self.terminal = Terminal(cols, rows)
        self.raw = b""
        os.set_blocking(self.process.fd, False)

    def text(self):
        try:
            while data := os.read(self.process.fd, 65536):
                self.raw += data
                self.terminal.feed(data)
        except OSError:
            pass
        return self.terminal.text()

    def write(self, data):
        self.process.write(data)

    def ended(self):
        self.text()
        return not self.process.isalive()


READS = (
    "import os, sys, tty, signal\n"
    "tty.setraw(0)\n"
    "def size(*_): os.write(1, b'%d x %d\\r\\n' % tuple(os.get_terminal_size(0)))\n"
    "signal.signal(signal.SIGWINCH, size)\n"
    "os.write(1, b'\\x1b[?1h\\x1b[?2004h\\x1b[1;31mready\\x1b[m\\r\\n')\n"
    "while True: os.write(1, repr(os.read(0, 1000)).encode() + b'\\r\\n')"
)


@pytest.fixture
def attached(gastown):
    opened = []

    def attach(name):
        opened.append(Attached(name))
        return opened[-1]

    yield attach
    for one in opened:
        one.process.close(force=True)
    for name in json.loads(gastown("session", "list", "--json")[1]):
        gastown("session", "kill", name["name"], "--grace", "0.1")


def test_attach(gastown, attached):
    """Attach shows the screen, sends keys by the program's modes, follows the size, and leaves."""
    name = start(gastown, "t/attach", READS)
    view = attached(name)
    wait_for(lambda: "ready" in view.text())
    assert view.terminal.alt_screen
    view.write(b"\x1b[A")
    wait_for(lambda: r"b'\x1bOA'" in view.text())
    view.write(b"\x1b[200~pasted\ntext\x1b[201~")
    wait_for(lambda: r"b'\x1b[200~pasted" in view.text())
    view.write("é".encode())
    wait_for(lambda: r"b'\xc3\xa9'" in view.text())
    view.write(b"\x1b")
    wait_for(lambda: r"b'\x1b'" in view.text())
    view.write(b"\x11\x11")
    wait_for(lambda: r"b'\x11'" in view.text())
    view.terminal.resize(50, 14)
    view.process.setwinsize(14, 50)
    wait_for(lambda: "50 x 14" in view.text())
    view.write(b"\x11")
    wait_for(view.ended)
    assert not view.terminal.alt_screen
    assert not view.terminal.bracketed_paste
    assert "detached" in view.text()
    assert view.process.exitstatus == 0


WATCHES = (
    "import os, tty\n"
    "tty.setraw(0)\n"
    "os.write(1, b'ready\\r\\n')\n"
    "for line in iter(lambda: os.read(0, 1000), b'q'):\n"
    "    modes = {b'n': b'\\x1b[?1000h\\x1b[?1006h', b'd': b'\\x1b[?1002h',\n"
    "             b'a': b'\\x1b[?1003h', b'x': b'\\x1b[?1003l\\x1b[?1002l\\x1b[?1000l'}\n"
    "    os.write(1, modes.get(line, repr(line).encode() + b'\\r\\n'))"
)


def test_attach_passes_the_mouse_on_as_the_program_wants_it(gastown, attached):
    """Our terminal reports what the session's program asks for, and nothing once we have left."""
    name = start(gastown, "t/mouse", WATCHES)
    view = attached(name)
    wait_for(lambda: "ready" in view.text())
    view.write(b"\x1b[<0;3;2M")
    for key, wanted in (
        (b"n", "press"),
        (b"d", "drag"),
        (b"a", "any"),
        (b"x", ""),
        (b"n", "press"),
    ):
        view.write(key)
        wait_for(lambda wanted=wanted: (view.text(), view.terminal.mouse_wanted)[1] == wanted)
    assert "[<" not in view.text()
    view.write(b"\x1b[<0;3;2M\x1b[<0;3;2m\x1b[<64;5;6M")
    wait_for(lambda: "<64;5;6M" in view.text())
    assert "<0;3;2M" in view.text().replace("\n", "")
    assert "<0;3;2m" in view.text().replace("\n", "")
    view.process.kill(signal.SIGTERM)
    wait_for(view.ended)
    assert view.terminal.mouse_wanted == ""


def test_mouse_reports_are_read_with_buttons_and_modifiers():
    """As xterm's SGR mode writes them; cut anywhere; buttons that nobody knows are dropped."""
    reader, found = KeyReader(), []
    for (
        byte
    ) in b"a\x1b[<2;10;20M\x1b[<34;11;20M\x1b[<2;11;20m\x1b[<65;1;1M\x1b[<28;1;1M\x1b[<66;1;1M":
        found += reader.feed(bytes([byte]))
    assert found == [
        Pressed("a", "a"), Moused("press", 9, 19, 3), Moused("move", 10, 19, 3),
        Moused("release", 10, 19, 3), Moused("wheel_down", 0, 0),
        Moused("press", 0, 0, 1, shift=True, alt=True, ctrl=True),
    ]  # fmt: skip


def test_attach_outlives_screens_and_ends_with_the_session(gastown, attached, town):
    """A killed screens is waited for; the end of the session ends the view."""
    name = start(gastown, "t/kill", READS)
    view = attached(name)
    wait_for(lambda: "ready" in view.text())
    with daemons.connect_host(town) as link:
        from gastown_tui import protocol

        status = link.ask(protocol.HostStatus(req=link.next_req()))
    (screens,) = [row for row in status.daemons if row.name == "screens"]
    os.kill(screens.pid, signal.SIGKILL)
    time.sleep(0.1)
    wait_for(lambda: view.write(b"k") or r"b'k" in view.text())
    gastown("session", "kill", name, "--grace", "0.1")
    wait_for(view.ended)
    assert "ended" in view.text()
    assert not view.terminal.alt_screen


def test_attach_restores_the_terminal_when_it_is_terminated(gastown, attached):
    """TERM leaves the terminal as it was."""
    name = start(gastown, "t/term", READS)
    view = attached(name)
    wait_for(lambda: "ready" in view.text())
    view.process.kill(signal.SIGTERM)
    wait_for(view.ended)
    assert not view.terminal.alt_screen


def test_nothing_is_typed_from_inside_a_session(gastown, attached):
    """A program in a session may look at others, and not type into them or end them."""
    victim = start(gastown, "t/victim", READS)
    verbs = f"import subprocess as s\ng = [{sys.executable!r}, '-m', 'gastown_tui']\n"
    code = (
        verbs + f"print(s.run([*g, 'session', 'kill', {victim!r}], capture_output=True).stderr)\n"
        f"print(s.run([*g, 'peek', {victim!r}], capture_output=True).stdout)\n"
        f"s.run([*g, 'attach', {victim!r}])\ninput()"
    )
    start(gastown, "t/agent", code)
    wait_for(lambda: "ready" in gastown("peek", "t/agent", "--history", "100")[1])
    wait_for(lambda: "overseer" in gastown("peek", "t/agent", "--history", "100")[1])
    assert any(row["name"] == victim for row in json.loads(gastown("session", "list", "--json")[1]))


def test_reading_keys():
    """Keys, pastes and what has no name, however the bytes are cut."""
    data = "aé +\r\t\x7f\x03\x1b[A\x1b[1;5C\x1bOP\x1b[15~\x1b[3;2~\x1b[Z\x1bx\x1b\r\x00\x1b[200~p\n\x1b[A\x1b[201~\x1b[99;1X".encode()
    wanted = [
        Pressed("a", "a"), Pressed("é", "é"), Pressed("space", " "), Pressed("plus", "+"),
        Pressed("enter"), Pressed("tab"), Pressed("backspace"), Pressed("ctrl+c"), Pressed("up"),
        Pressed("ctrl+right"), Pressed("f1"), Pressed("f5"), Pressed("shift+delete"),
        Pressed("shift+tab"), Pressed("alt+x"), Pressed("alt+enter"), Bytes(b"\0"),
        Pasted("p\n\x1b[A"), Bytes(b"\x1b[99;1X"),
    ]  # fmt: skip
    assert KeyReader().feed(data) == wanted
    reader = KeyReader()
    assert [key for byte in data for key in reader.feed(bytes([byte]))] == wanted
    assert reader.feed(b"\x1b") == []
    assert reader.is_waiting
    assert reader.flush() == [Pressed("escape")]
    assert not reader.is_waiting
    assert reader.feed(b"\xff\xfe") + reader.flush() == [Bytes(b"\xff"), Bytes(b"\xfe")]


def test_painting():
    """A painted row is the row."""
    style = pack(palette(1), rgb(1, 2, 3), BOLD, underline=3)
    row = (("ab", 0, 2), ("界c", style, 3))
    terminal = Terminal(20, 3)
    terminal.feed(b"full of text\r\nfull of text" + row_bytes(1, row).encode())
    assert terminal.row(1) == row
    assert sgr(0) == "\x1b[0m"
