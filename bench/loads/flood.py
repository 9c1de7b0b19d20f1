"""Output without end: `flood.py LINES [GO]`, 84 bytes a line, as fast as they are read.

Waits for the file GO first, so that nobody's start is measured. When LINES is followed by `+` it
ends with a mark and stays until it is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_BLOCK = 1000
END = b"ZQXVKWJYZ"
"""Written last: no cell of it is as it was before, so it is painted in one piece."""
_ROW = b"\x1b[32mok\x1b[0m test_%06d some ordinary output line with text and numbers 1234567890\r\n"


def main() -> None:
    wanted = sys.argv[1]
    total = int(wanted.rstrip("+"))
    while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]):
        time.sleep(0.001)
    for first in range(0, total, _BLOCK):
        left = b"".join(_ROW % at for at in range(first, min(first + _BLOCK, total)))
        while left:
            left = left[os.write(1, left) :]
    if wanted.endswith("+"):
        os.write(1, END)
        signal.pause()


if __name__ == "__main__":
    main()
