"""Feeds a terminal what hostile programs send; run as a program, so that an abort is seen.

usage: hostile.py KIND SEED; prints "survived" and the peak of memory in MB.
"""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from gastown_tui.terminal import Mouse, Terminal

NUMBERS = [b"", b"0", b"2", b"80", b"9999", b"65535", b"9" * 40]
WIDE = "中👩🏽\u200d💻é\u0301\ufe0f\u1100\u1161🇩🇪".encode()
SIZES = [(1, 1), (80, 24), (2, 2), (1000, 1000), (200, 60), (7, 3), (120, 40)]


def noise(rnd: random.Random) -> Iterator[bytes]:
    for _ in range(50):
        yield rnd.randbytes(8192)
        yield bytes(rnd.choices(b"\x1b[];?0123456789hlmHrsSTLMPJK\xe4\xb8\xad\n", k=8192))


def sequences(rnd: random.Random) -> Iterator[bytes]:
    for final in range(0x20, 0x7F):
        for prefix in (
            b"\x1b",
            b"\x1b[",
            b"\x1b[?",
            b"\x1b[>",
            b"\x1b[=",
            b"\x1b[!",
            b"\x1b(",
            b"\x1b#",
        ):
            for number in NUMBERS[:: 1 + final % 2]:
                more = rnd.choice(NUMBERS)
                yield (
                    prefix
                    + number
                    + bytes([final])
                    + prefix
                    + number
                    + b";"
                    + more
                    + bytes([final])
                    + WIDE
                )


def strings(rnd: random.Random) -> Iterator[bytes]:
    ends = (b"\x07", b"\x1b\\", b"\x18", b"\x9c", b"")
    for number in [*range(140), 777, 1337, 3008, 5522, 99999999999]:
        for body in (b"?", b"A", b"8;;x", b"rgb:ff/ff/ff", b"x" * 5000, WIDE, rnd.randbytes(50)):
            yield b"\x1b]%d;" % number + body + rnd.choice(ends)
    for start in (b"\x1bP", b"\x1b_G", b"\x1b_", b"\x1b^", b"\x1bX", b"\x90", b"\x9d"):
        for body in (
            b"$qm",
            b"+q544e",
            b"1000p",
            b"q#0;2;0;0;0~",
            b"a=T,f=32,s=9999,v=9999;AAAA",
            b"a=t,t=f;L2V0Yw==",
        ):
            yield start + body + rnd.choice(ends) + WIDE
    yield b"\x1b]0;" + b"x" * 1_000_000
    yield b"\x1bP" + b"y" * 1_000_000
    yield b"\x1b_G" + b"z" * 1_000_000


def links(rnd: random.Random) -> Iterator[bytes]:
    """Hyperlinks moved about by scroll regions."""
    for n in range(1500):
        top = rnd.randrange(1, 30)
        yield b"\x1b[%d;%dr" % (top, rnd.randrange(top, 60))
        yield b"\x1b]8;id=%d;http://host/%d/%s\x1b\\" % (n % 400, n, b"p" * rnd.randrange(200))
        yield bytes(rnd.choices(b"abc \n", k=rnd.randrange(1, 300)))
        yield b"\x1b[%d;%dH\x1b[%d%c" % (
            top,
            rnd.randrange(1, 80),
            rnd.randrange(1, 30),
            rnd.choice(b"LMSTP@"),
        )
        if rnd.random() < 0.3:
            yield b"\x1b]8;;\x07\r\n"


def styles(rnd: random.Random) -> Iterator[bytes]:
    """A style, and marks without end, on every cell."""
    for _ in range(400):
        yield b"".join(
            b"\x1b[38;2;%d;%d;%d;48;2;%d;%d;%dmx" % tuple(rnd.randbytes(6)) for _ in range(100)
        )
        yield b"a" + "\u0301".encode() * rnd.randrange(300)
        yield rnd.choice(
            [b"\x1b[5;9r", b"\x1b[r", b"\x1b[3L", b"\x1b[2M", b"\x1b[S", b"\x1b[?1049h", b"\x1bc"]
        )


def halves(rnd: random.Random) -> Iterator[bytes]:
    """Halves of wide characters: margins, cuts, inserts, grapheme clusters."""
    for _ in range(1500):
        yield rnd.choice(
            [b"\x1b[?69h", b"\x1b[?2027h", b"\x1b[?7l", b"\x1b[?7h", b"\x1b[4h", b"\x1b[4l", b""]
        )
        left = rnd.randrange(1, 12)
        yield b"\x1b[%d;%ds\x1b[%d;%dH" % (
            left,
            left + rnd.randrange(9),
            rnd.randrange(9),
            rnd.randrange(20),
        )
        yield b"".join(
            rnd.choice([*map(str.encode, "中👩🏽\u200d💻é\u0301\ufe0f\u1100\u1161🇩"), b"a"])
            for _ in range(9)
        )
        yield b"\x1b[%d%c" % (rnd.randrange(9), rnd.choice(b"P@XDCbILM"))


def clusters(_rnd: random.Random) -> Iterator[bytes]:
    """What ends libghostty when margins and grapheme clusters are let through, on 16 by 1 cells."""
    yield b"\x1b[?69h\x1b[?2027h:23:33:1065:255:4\x1b[2;s"
    yield b"\x1b1;7sP\xafBj\x8d\xce\xe6\x96\x87\xb0\x80\xf0\x9f\x8f\xbd\xe2\x98\xba\xe2\x80\x8d\xe1\x85\xa1\xf0\x9f\x91\xa7"


def line(_rnd: random.Random) -> Iterator[bytes]:
    for _ in range(int(sys.argv[2]) * 16):
        yield b"x" * 65536


def main() -> None:
    kind, seed = sys.argv[1], int(sys.argv[2])
    rnd = random.Random(seed)
    terminal = Terminal(80, 24)
    if kind == "clusters":
        terminal = Terminal(38, 59, scrollback=100)
        terminal.resize(16, 1)
    for count, data in enumerate(globals()[kind](rnd)):
        terminal.feed(data)
        if count % 50 == 0:
            terminal.damage()
        if count % 400 == 399 and kind != "line":
            terminal.resize(*SIZES[count // 400 % len(SIZES)])
            terminal = Terminal.restore(terminal.snapshot())
            terminal.history(0, 20)
            terminal.encode_mouse(Mouse(kind="press", x=5, y=5, button=1))
            terminal.take_replies()
    terminal.damage()
    terminal.text()
    print("survived", peak_mb())


def peak_mb() -> int:
    """Of this program alone: `ru_maxrss` would count the parent, as it was when it forked."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
