"""A named pipe for those who follow stores: whoever has written rings, and they look at once.

The pipe lies outside of the stores, which hold links to it, as copying a folder with a pipe in it
hangs or fails. A ring carries nothing and may be lost; whoever listens must look now and then.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

LINK: Final = "bell"
"""Name of the link in a store's folder."""
_MODE: Final = 0o600


def ring(folder: Path) -> None:
    """Tell the listener of a store's folder, if there is one, that something was written."""
    try:
        pipe = os.open(folder / LINK, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
    """The listener's end, for any number of stores; each store has one listener."""

    def __init__(self, path: Path) -> None:
        """Make the pipe if need be, and listen.

        Raises:
            OSError: there cannot be one on this file system, or something else is in its place.
        """
        self._path, self._links = path, list[Path]()
        with suppress(FileExistsError):
            os.mkfifo(path, _MODE)
        # For writing, too: so it never ends when a writer leaves.
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        """Readable when it has been rung."""
        if not stat.S_ISFIFO(os.fstat(self.fd).st_mode):
            os.close(self.fd)
            raise FileExistsError(f"{path} is no pipe")

    def hang(self, folder: Path) -> None:
        """Let writers of the store in this folder ring.

        Raises:
            OSError: the link cannot be made.
        """
        link, new = folder / LINK, folder / f"{LINK}.{os.getpid()}"
        new.unlink(missing_ok=True)
        new.symlink_to(self._path)
        new.replace(link)
        self._links.append(link)

    def answer(self) -> None:
        """Take the rings that have come."""
        with suppress(BlockingIOError):
            while len(os.read(self.fd, 4096)) == 4096:
                pass

    def close(self) -> None:
        """Listen no more."""
        for link in self._links:
            with suppress(OSError):  # the store has gone, or another listener has come
                if link.readlink() == self._path:
                    link.unlink()
        self._path.unlink(missing_ok=True)
        os.close(self.fd)
