"""Files that must not be lost: locks, syncing, and exchanging two files in one step."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EXCHANGE: Final = 2
"""RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS."""
_AT_FDCWD: Final = -100
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


class FileLock:
    """One holder at a time among all threads and processes; the kernel frees it at death.

    A thread that holds it may take it again.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock and hold it."""
        with self._threads:
            self._enter(fcntl.LOCK_EX)
            try:
                yield
            finally:
                self._leave()

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """Hold the lock if it is free at once; yields whether it was."""
        if not self._threads.acquire(blocking=False):
            yield False
            return
        try:
            try:
                self._enter(fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                self._leave()
        finally:
            self._threads.release()

    def close(self) -> None:
        """Give the descriptor back; once is enough."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _enter(self, how: int) -> None:
        if self._depth == 0:
            fcntl.flock(self._descriptor, how)
        self._depth += 1

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def sync(descriptor: int) -> None:
    """Bring a file to the disk; on macOS past the drive's own cache, too."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(one: Path, two: Path) -> None:
    """Swap two files of one file system in a single step, so that neither is ever missing.

    Where the file system cannot do that, `two` is replaced and `one` gets a hard link to what
    stood there a moment before; a writer in between is then not noticed.

    Raises:
        FileNotFoundError: one of them is not there.
        OSError: anything else.
    """
    code = _swap(os.fsencode(one), os.fsencode(two))
    if code == 0:
        return
    if code not in _UNSUPPORTED:
        raise OSError(code, os.strerror(code), str(one), None, str(two))
    kept = one.with_name(f"{one.name}.out")
    kept.unlink(missing_ok=True)
    os.link(two, kept)
    one.replace(two)
    kept.replace(one)


def _swap(one: bytes, two: bytes) -> int:
    """0, or the error number."""
    import ctypes  # which most verbs of agents do without

    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        failed = library.renamex_np(one, two, _EXCHANGE)
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_FDCWD, one, _AT_FDCWD, two, _EXCHANGE)
    else:
        return errno.ENOSYS
    return ctypes.get_errno() if failed else 0
