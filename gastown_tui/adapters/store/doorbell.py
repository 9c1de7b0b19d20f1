"""A named pipe beside a store: whoever has written rings, whoever follows hears it at once.

A ring carries nothing and may be lost; whoever listens must look at the store now and then anyway.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "bell"
_MODE: Final = 0o600


def ring(folder: Path) -> None:
    """Tell the listener of a store's folder, if there is one, that something was written."""
    try:
        pipe = os.open(folder / FILE, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # there is no pipe, or nobody listens
        return
    try:
        if stat.S_ISFIFO(os.fstat(pipe).st_mode):
            os.write(pipe, b"\n")
    except OSError:  # full: it has been rung often enough
        pass
    finally:
        os.close(pipe)


class Doorbell:
    """The listener's end; one at a time hears, whoever comes second is told by luck."""

    def __init__(self, folder: Path) -> None:
        """Make the pipe if need be, and listen.

        Raises:
            OSError: there cannot be one on this file system, or something else is in its place.
        """
        path = folder / FILE
        with suppress(FileExistsError):
            os.mkfifo(path, _MODE)
        # For writing, too: so it never ends when a writer leaves.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(path, flags)
        """Readable when it has been rung."""
        if not stat.S_ISFIFO(os.fstat(self.fd).st_mode):
            os.close(self.fd)
            raise FileExistsError(f"{path} is no pipe")

    def answer(self) -> None:
        """Take the rings that have come."""
        with suppress(BlockingIOError):
            while len(os.read(self.fd, 4096)) == 4096:
                pass

    def close(self) -> None:
        """Listen no more. The pipe stays: another town may listen at it by now."""
        os.close(self.fd)
