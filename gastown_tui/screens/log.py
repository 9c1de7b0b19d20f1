"""A session's output on disk: a snapshot of its terminal at offset N and the bytes from N on.

Output is read from the PTY straight into a shared mapping of the log file, so a byte that has
left the kernel's terminal buffer is in the file even if this process is killed inside the call
that reads it: log first, then parser, without a copy and without a gap. How far a file is filled
is nowhere recorded: a file is made of zeros, and its end is behind its last byte that is none.
(Trailing NULs are lost by this; no terminal shows them.)

::

    <folder>/snapshot            header, then `Terminal.snapshot()`; replaced atomically
    <folder>/log-<offset>        bytes from that offset on; grows by windows

A new snapshot makes all older bytes useless; they are removed. Their number is bounded: `is_due`
says when a snapshot must be taken.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

WINDOW: Final = 128 * 1024
"""Bytes of the file that are mapped at a time: what a session costs in memory at most."""
LIMIT: Final = 4 * 1024 * 1024
"""Bytes after which a snapshot is due, unless the last one was taken just before."""
MOST: Final = 4 * LIMIT
"""Bytes after which it is due in any case: what a restart parses again at most."""
REST_S: Final = 2.0
"""A flood gets a snapshot so often at most; each may cost tens of milliseconds."""
FRAGMENTS: Final = 8
"""Log files after which a snapshot is due, however short they are."""

_HEADER: Final = struct.Struct(">4sHHQQI")
"""Magic, version, level of safety, offset, length, CRC of what follows."""
_MAGIC: Final = b"GTsn"
_VERSION: Final = 1
_NAME: Final = re.compile(r"log-(\d{20})")

_LOG: Final = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A snapshot as it was found."""

    offset: int
    level: int
    """How safe the terminal was that it was taken of (index in the order of `Safety`)."""
    data: bytes


def _segments(folder: Path) -> list[tuple[int, Path]]:
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)


def _filled(path: Path) -> bytes:
    return path.read_bytes().rstrip(b"\0")


def read_snapshot(folder: Path) -> Snapshot | None:
    """The folder's snapshot; None if there is none or it is damaged."""
    try:
        raw = (folder / "snapshot").read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) < _HEADER.size:
        return None
    magic, version, level, offset, length, crc = _HEADER.unpack_from(raw)
    data = raw[_HEADER.size :]
    if (magic, version, length, crc) != (_MAGIC, _VERSION, len(data), zlib.crc32(data)):
        _LOG.warning("%s: the snapshot is damaged, starting from the log", folder)
        return None
    return Snapshot(offset, level, data)


class SessionLog:
    """The open log of one session; `recover` first, then read into `room`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self._map: mmap.mmap | None = None
        self._view = memoryview(b"")
        self._segment = 0
        """Offset of the open file's first byte."""
        self._window = 0
        """Offset of the first byte of `_view`."""
        self._parsed = 0
        self.offset = 0
        """Bytes of output so far."""
        self.snapshot_offset = 0
        self._files = 0
        self._gap = False
        self._not_before = 0
        self._snapshot_at = 0.0
        self.written_at = 0.0
        """Wall time of the latest output that was found on disk, to about half a minute."""
        self.broken = ""
        """Why nothing is recorded: the disk is full, or refuses."""

    def recover(self) -> tuple[Snapshot | None, Iterator[bytes]]:
        """The snapshot, and the pieces of output after it; the log goes on behind them."""
        snapshot = read_snapshot(self._folder)
        first = snapshot.offset if snapshot else 0
        pieces: list[tuple[int, Path]] = []
        end = first
        segments = _segments(self._folder)
        for index, (start, path) in enumerate(segments):
            follows = segments[index + 1][0] if index + 1 < len(segments) else None
            stop = follows if follows is not None else start + len(_filled(path))
            if stop > first:
                pieces.append((start, path))
            end = max(end, stop)
            self.written_at = max(self.written_at, path.stat().st_mtime)
        self._files = len(segments)
        self.offset = self._parsed = self._window = end
        self.snapshot_offset = first
        return snapshot, self._read(pieces, first)

    @staticmethod
    def _read(pieces: list[tuple[int, Path]], first: int) -> Iterator[bytes]:
        for start, path in pieces:
            yield _filled(path)[max(0, first - start) :]

    def room(self) -> memoryview:
        """Where the next bytes of output go, to be released; then call `advance`."""
        if self.is_full:
            self._next_window()
        return self._view[self.offset - self._window :]

    def advance(self, count: int) -> None:
        """`count` bytes were written into `room`."""
        self.offset += count

    @property
    def is_full(self) -> bool:
        """Whether the window is used up: take `unparsed` before the next `room`."""
        return len(self._view) == self.offset - self._window

    def unparsed(self) -> bytes:
        """The bytes since the last call."""
        data = bytes(self._view[self._parsed - self._window : self.offset - self._window])
        self._parsed = self.offset
        return data

    @property
    def since_snapshot(self) -> int:
        """Bytes to be parsed again after a restart."""
        return self.offset - self.snapshot_offset

    @property
    def is_due(self) -> bool:
        """Whether a snapshot must be taken now."""
        since = self.since_snapshot
        if since < LIMIT and self._files <= FRAGMENTS and not self._gap:
            return False
        if self.offset < self._not_before:
            return False
        return since >= MOST or time.monotonic() - self._snapshot_at > REST_S

    def write_snapshot(self, data: bytes, level: int) -> None:
        """Keep a snapshot of the terminal as it is at `offset`; older bytes are removed."""
        head = _HEADER.pack(_MAGIC, _VERSION, level, self.offset, len(data), zlib.crc32(data))
        beside = self._folder / "snapshot.new"
        try:
            beside.write_bytes(head + data)
            beside.replace(self._folder / "snapshot")
        except OSError as error:
            self._note(error)
            self._not_before = self.offset + LIMIT // 4
            return
        if self.broken:
            _LOG.info("%s: output is recorded again", self._folder)
        self.broken, self._gap = "", False
        self._snapshot_at = time.monotonic()
        self.snapshot_offset = self.offset
        self.close()  # the next byte begins a file of its own
        self._drop(keep_from=self.offset)

    def drop_old(self) -> None:
        """Without a snapshot: keep the latest output only, up to the limit."""
        self.close()
        starts = [start for start, _ in _segments(self._folder)]
        recent = [start for start in starts if self.offset - start <= LIMIT]
        self._drop(keep_from=min(recent, default=self.offset))
        self.snapshot_offset = self.offset

    def close(self) -> None:
        """Unmap and close; the files stay."""
        self._unmap()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self, keep_from: int) -> None:
        segments = _segments(self._folder)
        for start, path in segments:
            if start < keep_from:
                path.unlink(missing_ok=True)
        self._files = sum(start >= keep_from for start, _ in segments)

    def _unmap(self) -> None:
        self._view.release()
        self._view = memoryview(b"")
        self._window = self.offset
        if self._map is not None:
            self._map.close()
            self._map = None

    def _next_window(self) -> None:
        self._unmap()
        try:
            self._map_window()
        except OSError as error:
            self._note(error)
            self._gap = True
            self.close()
            self._view = memoryview(bytearray(WINDOW))  # not recorded until the disk takes it

    def _map_window(self) -> None:
        if self._fd < 0:
            path = self._folder / f"log-{self.offset:020d}"
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._segment = self.offset
            self._files += 1
        inside = self.offset - self._segment
        start = inside - inside % WINDOW
        # Blocks are reserved now: a full disk must be an error here, not a signal on a mapping.
        if sys.platform == "linux":
            os.posix_fallocate(self._fd, start, WINDOW)
        else:
            os.ftruncate(self._fd, start + WINDOW)
        self._map = mmap.mmap(self._fd, WINDOW, offset=start)
        self._view = memoryview(self._map)
        self._window = self._segment + start

    def _note(self, error: OSError) -> None:
        if not self.broken:
            _LOG.error("%s: output is not recorded: %s", self._folder, error)
        self.broken = error.strerror or str(error)
