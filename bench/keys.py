"""From a key to its echo: by a viewer of screens, and through a whole terminal program."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.terminal import Terminal
from gastown_tui import protocol
from gastown_tui.adapters import screens_client
from gastown_tui.cells import row_text
from gastown_tui.domain.errors import Unavailable

_LETTERS: Final = [chr(code) for code in range(0x400, 0x500) if not 0x483 <= code <= 0x489]
"""Cyrillic without its combining marks: narrow, and nothing else on the screen has them."""
_PAUSE_S: Final = (0.03, 0.09)
"""Between two keys, chosen by chance so that no tick of ours is met each time."""


def _letters(count: int) -> Iterator[str]:
    return (_LETTERS[at % len(_LETTERS)] for at in range(count))


def through_screens(town: Path, session: str, count: int) -> list[float]:
    """Milliseconds from the key's frame sent to the row with its echo received."""
    found: list[float] = []
    generator = random.Random(1)
    with screens_client.open_sync(town, role="tui") as link:
        link.send(protocol.Subscribe(session=session, fps=30))
        _take(link, session, "")
        for at, letter in enumerate(_letters(count)):
            _rest(link, session, generator.uniform(*_PAUSE_S))
            start = time.monotonic()
            link.send(protocol.Key(session=session, key=letter, text=letter))
            found.append((_take(link, session, letter) - start) * 1000)
            if at % 100 == 99:
                link.send(protocol.Key(session=session, key="enter"))
    return found


def _take(link: screens_client.SyncLink[protocol.ScreensFrame], session: str, text: str) -> float:
    """Acknowledge frames until one has this text (any has the empty one); when it came."""
    while True:
        frame = link.receive(10)
        now = time.monotonic()
        if not isinstance(frame, protocol.ScreenFrame):
            continue
        link.send(protocol.Ack(session=session, number=frame.number))
        if not text or any(text in row_text(row) for row in frame.rows.values()):
            return now


def _rest(link: screens_client.SyncLink[protocol.ScreensFrame], session: str, for_s: float) -> None:
    stop = time.monotonic() + for_s
    while (left := stop - time.monotonic()) > 0:
        try:
            frame = link.receive(left)
        except Unavailable:
            return
        if isinstance(frame, protocol.ScreenFrame):
            link.send(protocol.Ack(session=session, number=frame.number))


def through_terminal(terminal: Terminal, count: int) -> list[float]:
    """Milliseconds from a letter typed into a program's terminal to its echo painted there."""
    found: list[float] = []
    generator = random.Random(1)
    for at, letter in enumerate(_letters(count)):
        time.sleep(generator.uniform(*_PAUSE_S))
        terminal.expect(letter.encode())
        start = terminal.write(letter.encode())
        found.append((terminal.await_it(10) - start) * 1000)
        if at % 100 == 99:
            terminal.write(b"\r")
    return found
