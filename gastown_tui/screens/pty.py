"""The master side of a session's terminal: reading, and writing that never waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
from typing import Final

QUEUE_BYTES: Final = 64 * 1024
"""What a program may leave unread before keys are refused."""
PASTE_BYTES: Final = 1024 * 1024
"""The same for a paste."""

_SIZE: Final = struct.Struct("HHHH")


class Pty:
    """An adopted descriptor; `fd` is -1 once it is closed."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._queue = bytearray()
        os.set_inheritable(fd, False)
        os.set_blocking(fd, False)

    def read_into(self, room: memoryview) -> int:
        """Read what is there; 0 = nothing now, -1 = the other side has gone."""
        try:
            return os.readv(self.fd, [room]) or -1
        except BlockingIOError:
            return 0
        except OSError:  # Linux: EIO when no process has the terminal open
            return -1

    @property
    def queued(self) -> int:
        """Bytes that the program has not taken yet."""
        return len(self._queue)

    def write(self, data: bytes, limit: int = QUEUE_BYTES) -> bool:
        """Write all of `data` now or later; False, and nothing written, if it will not fit."""
        if self.fd < 0 or len(self._queue) + len(data) > limit:
            return False
        self._queue += data
        self.flush()
        return True

    def flush(self) -> None:
        """Write what the terminal takes now."""
        try:
            while self._queue:
                del self._queue[: os.write(self.fd, self._queue[:4096])]
        except BlockingIOError:
            pass
        except OSError:  # gone: the reading side says so
            self._queue.clear()

    def resize(self, cols: int, rows: int) -> None:
        """Set the size; the program gets SIGWINCH."""
        with contextlib.suppress(OSError):  # gone: the reading side says so
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, _SIZE.pack(rows, cols, 0, 0))

    def size(self) -> tuple[int, int]:
        """Columns and rows; zeros when they are not set."""
        try:
            raw = fcntl.ioctl(self.fd, termios.TIOCGWINSZ, bytes(_SIZE.size))
        except OSError:
            return 0, 0
        rows, cols, _, _ = _SIZE.unpack(raw)
        return cols, rows

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
