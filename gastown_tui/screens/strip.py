"""Where output lands: a few mapped pages of a file, used over and over.

A byte read into the strip is in the file even if this process is killed inside the call that reads
it; and since the pages are always the same ones, that costs no page fault and no block of the
disk. What has landed is carried on to the log by the lap.

::

    8 bytes    offset, in the session's output, of the first byte (of the machine's order)
    8 bytes    zeros
    the rest   output, then zeros

How far it is filled is nowhere recorded: its end is behind the last byte that is no zero.
(Trailing NULs are lost by this after a kill; no terminal shows them.)
"""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from typing import Final

FILE: Final = "strip"
SIZE: Final = 64 * 1024
_HEAD: Final = 16
ROOM: Final = SIZE - _HEAD
"""Bytes of output of one lap."""
_ZEROS: Final = memoryview(bytes(SIZE))


def read_strip(folder: Path) -> tuple[int, bytes] | None:
    """The offset of a strip and what is on it; None if there is none or it is damaged."""
    try:
        raw = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) != SIZE:
        return None
    return int.from_bytes(raw[:8], sys.byteorder), raw[_HEAD:].rstrip(b"\0")


class Strip:
    """The mapped strip of one session."""

    def __init__(self, folder: Path) -> None:
        """Map the folder's strip, which is made if need be.

        Raises:
            OSError: the disk is full, or refuses.
        """
        self._path = folder / FILE
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Blocks are reserved: a full disk must be an error here, not a signal on a mapping.
            if sys.platform == "linux":
                os.posix_fallocate(fd, 0, SIZE)
            os.ftruncate(fd, SIZE)
            self._map = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        whole = memoryview(self._map)
        self._head = whole[:8].cast("Q")
        self.room = whole[_HEAD:]
        """Where the output of this lap goes."""
        whole.release()

    @property
    def offset(self) -> int:
        """The offset of the first byte of `room`."""
        return self._head[0]

    def clear(self, used: int, offset: int) -> None:
        """Begin a lap at `offset`; the first `used` bytes are no longer needed.

        In this order: killed between the two, the strip is an empty one of the lap before, all of
        which is in the log.
        """
        self.room[:used] = _ZEROS[:used]
        self._head[0] = offset

    def close(self, *, remove: bool) -> None:
        """Unmap it; the file stays unless it is to be removed."""
        self._head.release()
        self.room.release()
        self._map.close()
        if remove:
            self._path.unlink(missing_ok=True)
