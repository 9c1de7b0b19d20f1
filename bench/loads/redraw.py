"""An agent at work: `redraw.py HZ [WIDTH] [LINES]`.

HZ times a second it erases and writes five rows (spinner, prompt box, footer), once a second a
line scrolls by; before, LINES lines of history are written.
"""

from __future__ import annotations

import sys
import time

_UP = "\x1b[2K\x1b[1A" * 5 + "\x1b[G"


def _box(width: int, second: int, tokens: int) -> str:
    rule = "─" * (width - 2)
    return (
        f"\x1b[38;5;174m✻ Working… \x1b[38;5;246m({second}s · ↑ {tokens} tokens)\x1b[39m\r\n"
        f"╭{rule}╮\r\n│ > \x1b[7m \x1b[27m{' ' * (width - 6)}│\r\n╰{rule}╯\r\n"
        "  ? for shortcuts\r\n"
    )


def main() -> None:
    hz, *rest = (float(each) for each in sys.argv[1:])
    width, lines = (*(int(each) for each in rest), *(36, 0)[len(rest) :])
    for at in range(lines):
        sys.stdout.write(f"history {at:06} of an agent that has been at work for quite a while\r\n")
    sys.stdout.write("\r\n" * 6)
    start, frame = time.monotonic(), 0
    while True:
        frame += 1
        second = int(time.monotonic() - start)
        scroll = f"● did step {frame} of something\r\n" + "\r\n" * 5 + _UP
        has_scrolled = frame % max(1, round(hz)) == 0
        box = _box(width, second, frame * 37)
        sys.stdout.write(_UP + (scroll if has_scrolled else "") + box)
        sys.stdout.flush()
        time.sleep(max(0.0, start + frame / hz - time.monotonic()))


if __name__ == "__main__":
    main()
