"""Names, in memory that outlives this process, the session that native code is working on.

A bug in the emulation ends the process without a word. The host reads the file then and says on
the next start whose bytes it was.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

SIZE: Final = 64
FILE: Final = "marker"


def tag_of(session: str) -> bytes:
    """The marker's whole content while `session` is worked on: its name in UTF-8, cut, padded."""
    return session.encode("utf-8", "replace")[:SIZE].ljust(SIZE, b"\0")


class Marker:
    """The open marker: `enter` before a native call, `leave` after it."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, SIZE)
            self._map = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        self.leave()

    def enter(self, tag: bytes) -> None:
        """Native code begins to work on the session of `tag` (see `tag_of`)."""
        self._map[:SIZE] = tag

    def leave(self) -> None:
        """Native code has returned."""
        self._map[0] = 0

    def close(self) -> None:
        """Unmap it."""
        self._map.close()
