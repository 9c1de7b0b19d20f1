"""`gastown attach`: one session over the whole terminal, without the rest of the screen."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from gastown_tui import cells, protocol
from gastown_tui.adapters.host_client import error_of
from gastown_tui.adapters.screens_client import Copy, open_sync
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.cells import Row
from gastown_tui.cli.attach_keys import LEAVE, KeyReader, Moused, Pasted, Pressed, Typed
from gastown_tui.cli.common import town_dir
from gastown_tui.cli.session_names import session_named
from gastown_tui.domain.errors import BadInput, GastownError, NotFound, Unavailable

FPS: Final = 60.0
ESCAPE_S: Final = 0.03
"""How long an escape waits for the rest of a sequence."""
LEAVE_S: Final = 0.4
"""A second ctrl+q within this goes to the session."""
RECONNECT_S: Final = 5.0
"""How long a screens process that is being restarted is waited for."""
LOOK_S: Final = 1.0
"""How often it is asked whether the session lives."""

_ENTER: Final = b"\x1b[?1049h\x1b[?2004h\x1b[?7l\x1b[2J"
_NO_MOUSE: Final = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"
_MOUSE: Final = {"press": 1000, "drag": 1002, "any": 1003}
"""By what the program wants: xterm's mode; reports come in the SGR form (1006)."""
_LEAVE: Final = _NO_MOUSE + b"\x1b[?2026l\x1b[0m\x1b[0 q\x1b[?7h\x1b[?2004l\x1b[?25h\x1b[?1049l"
_ATTRIBUTES: Final = (
    (cells.BOLD, "1"), (cells.FAINT, "2"), (cells.ITALIC, "3"), (cells.BLINK, "5"),
    (cells.INVERSE, "7"), (cells.INVISIBLE, "8"), (cells.STRIKE, "9"), (cells.OVERLINE, "53"),
)  # fmt: skip
_SHAPES: Final = {"block": 2, "underline": 4, "bar": 6}


def _colour(colour: int, base: int) -> str:
    kind, value = cells.colour_parts(colour)
    if kind == 1:
        return f"{base};5;{value}"
    return f"{base};2;{value >> 16};{value >> 8 & 255};{value & 255}"


def sgr(style: int) -> str:
    """The escape sequence that sets `style`, from any other."""
    parts = ["0", *(code for bit, code in _ATTRIBUTES if style & bit)]
    if line := cells.underline(style):
        parts.append(f"4:{line}")
    if colour := cells.foreground(style):
        parts.append(_colour(colour, 38))
    if colour := cells.background(style):
        parts.append(_colour(colour, 48))
    return f"\x1b[{';'.join(parts)}m"


def row_bytes(y: int, row: Row) -> str:
    """The sequences that clear line `y` from 0 and paint `row` there.

    Cleared first: after a full row the cursor stands on its last cell, which would go, too.
    """
    painted = "".join(f"{sgr(style)}{text}" for text, style, _ in row)
    return f"\x1b[{y + 1};1H\x1b[0m\x1b[K{painted}\x1b[0m"


def frame_bytes(copy: Copy, changed: set[int]) -> bytes:
    """Paint the changed rows of `copy` and put the cursor where it is."""
    parts = ["\x1b[?2026h\x1b[?25l"]
    parts += [row_bytes(y, copy.rows[y]) for y in sorted(changed)]
    if copy.cursor_y >= 0:
        shape = _SHAPES.get(copy.cursor_shape, 2)
        parts.append(f"\x1b[{shape} q\x1b[{copy.cursor_y + 1};{copy.cursor_x + 1}H\x1b[?25h")
    parts.append("\x1b[?2026l")
    return "".join(parts).encode("utf-8", "replace")


def mouse_bytes(wanted: str) -> bytes:
    """The sequences that have a terminal report the mouse events that a program wants."""
    mode = _MOUSE.get(wanted)
    return _NO_MOUSE + (f"\x1b[?{mode}h\x1b[?1006h".encode() if mode else b"")


@contextlib.contextmanager
def _raw_terminal() -> Iterator[socket.socket]:
    """The terminal in raw mode on its alternate screen; yields a socket that wakes on signals."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    saved = termios.tcgetattr(0)
    numbers = (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        tty.setraw(0)
        _write(_ENTER)
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        with contextlib.suppress(OSError):  # the terminal itself may be gone
            _write(_LEAVE)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSAFLUSH, saved)
        reader.close()
        writer.close()


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(1, view) :]
        except BlockingIOError:
            select.select([], [1], [])


class Viewer:
    """One attached session."""

    def __init__(self, town: Path, session: str) -> None:
        self._town, self._session = town, session
        self._keys = KeyReader()
        self._leaving_at = 0.0
        self._asked_at = 0.0
        self._copy = Copy()
        self._resized = True
        self._over = ""
        self._mouse = ""
        """Which mouse events our terminal reports."""
        self._link = self._connect()

    def _connect(self) -> SyncLink[protocol.ScreensFrame]:
        link = open_sync(self._town)
        names = link.ask(protocol.ListSessions(req=link.next_req()))
        known = names.sessions if isinstance(names, protocol.SessionNames) else {}
        if not known.get(self._session):
            link.close()
            what = "has ended" if self._session in known else "does not exist"
            raise NotFound(f"session {self._session} {what}", hint="see `gastown session list`")
        self._resized = True
        return link

    def _again(self) -> None:
        self._link.close()
        until = time.monotonic() + RECONNECT_S
        while True:
            try:
                self._link = self._connect()
                return
            except (Unavailable, NotFound):  # screens has yet to get it from the host
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def run(self, wake: socket.socket) -> str:
        """Show the session until it ends or the person leaves; returns why."""
        while not self._over:
            try:
                self._follow_size()
                self._turn(wake)
            except Unavailable:
                self._again()
        return self._over

    def close(self) -> None:
        """End the connection."""
        self._link.close()

    def _follow_size(self) -> None:
        if not self._resized:
            return
        self._resized = False
        cols, rows = os.get_terminal_size(1)
        _write(b"\x1b[0m\x1b[2J")
        self._link.send(
            protocol.ResizeSession(session=self._session, cols=cols, rows=rows),
            protocol.Subscribe(session=self._session, cols=cols, rows=rows, fps=FPS),
        )

    def _turn(self, wake: socket.socket) -> None:
        now = time.monotonic()
        if now - self._asked_at > LOOK_S:
            self._asked_at = now
            self._link.send(protocol.ListSessions(req=self._link.next_req()))
        waits = [LOOK_S]
        if self._keys.is_waiting:
            waits.append(ESCAPE_S)
        if self._leaving_at:
            waits.append(max(0.0, self._leaving_at - now))
        if self._link.pending:
            waits.append(0.0)
        sources = [0, self._link.fileno(), wake.fileno()]
        ready, _, _ = select.select(sources, [], [], min(waits))
        if sources[2] in ready:
            self._signalled(wake.recv(4096))
        if 0 in ready:
            self._typed(os.read(0, 65536))
        elif self._keys.is_waiting:
            self._send(self._keys.flush())
        if self._leaving_at and time.monotonic() >= self._leaving_at:
            self._over = self._over or "detached"
        if sources[1] in ready or self._link.pending:
            self._show(self._link.receive())

    def _signalled(self, numbers: bytes) -> None:
        self._resized = self._resized or signal.SIGWINCH in numbers
        if signal.SIGTERM in numbers or signal.SIGHUP in numbers:
            self._over = "detached"

    def _typed(self, data: bytes) -> None:
        if not data:
            self._over = "detached"
            return
        self._send(self._keys.feed(data))

    def _send(self, keys: list[Typed]) -> None:
        frames: list[protocol.ScreensFrame] = []
        for key in keys:
            if isinstance(key, Pressed) and key.key == LEAVE and not self._leaving_at:
                self._leaving_at = time.monotonic() + LEAVE_S
                continue
            self._leaving_at = 0.0
            if isinstance(key, Pressed):
                frames.append(protocol.Key(session=self._session, key=key.key, text=key.text))
            elif isinstance(key, Pasted):
                frames.append(protocol.Paste(session=self._session, text=key.text))
            elif isinstance(key, Moused):
                frames.append(protocol.Mouse(session=self._session, **key._asdict()))
            else:
                frames.append(protocol.Input(session=self._session, data=key.data))
        if frames:
            self._link.send(*frames)

    def _show(self, frame: protocol.ScreensFrame) -> None:
        if isinstance(frame, protocol.ScreenFrame):
            _write(frame_bytes(self._copy, self._copy.apply(frame)))
            if self._copy.mouse != self._mouse:
                self._mouse = self._copy.mouse
                _write(mouse_bytes(self._mouse))
            self._link.send(protocol.Ack(session=frame.session, number=frame.number))
        elif isinstance(frame, protocol.SessionNames):
            if not frame.sessions.get(self._session):
                self._over = "ended"
        elif isinstance(frame, protocol.Failed) and frame.kind == "Forbidden":
            raise error_of(frame)


@click.command()
@click.argument("name")
def attach(name: str) -> None:
    """Show session NAME over the whole terminal and type into it; ctrl+q leaves.

    Press ctrl+q twice, quickly, to send one to the session.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("attach needs a terminal", hint=f"use `gastown peek {name}`")
    town = town_dir()
    name = session_named(town, name)
    viewer = Viewer(town, name)
    refused: GastownError | None = None
    over = "detached"
    with contextlib.closing(viewer), _raw_terminal() as wake:
        try:
            over = viewer.run(wake)
        except GastownError as error:
            refused = error
    if refused:
        raise refused
    click.echo(f"session {name}: {over}")
