"""A session's output on disk: a snapshot of its terminal at offset N and the bytes from N on.

Output is read from the PTY straight into the mapped strip (see `strip`), so a byte that has left
the kernel's terminal buffer is in a file even if this process is killed inside the call that reads
it: log first, then parser, without a copy and without a gap. When the strip is full, it is
appended to the log and used again.

::

    <folder>/snapshot            header, then `Terminal.snapshot()`; replaced atomically
    <folder>/log-<offset>        bytes from that offset on
    <folder>/strip               the latest bytes; it may begin before the log's end

A new snapshot makes all older bytes useless; they are removed. Their number is bounded: `is_due`
says when a snapshot must be taken.
"""

from __future__ import annotations

import logging
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gastown_tui.screens.strip import FILE, ROOM, Strip, read_strip

LIMIT: Final = 4 * 1024 * 1024
"""Bytes after which a snapshot is due, unless the last one was taken just before."""
MOST: Final = 5 * LIMIT
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
        self._strip: Strip | None = None
        self._view = memoryview(b"")
        """Of the strip, or, while none can be had, of memory that nobody finds again."""
        self._lap = 0
        """Offset of the first byte of `_view`."""
        self._landed = 0
        """Up to which offset output is in log files."""
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
        segments = _segments(self._folder)
        landed = first
        for start, path in segments:
            found = path.stat()
            landed = max(landed, start + found.st_size)
            self.written_at = max(self.written_at, found.st_mtime)
        lap, rest = read_strip(self._folder) or (landed, b"")
        if rest:
            self.written_at = max(self.written_at, (self._folder / FILE).stat().st_mtime)
        self._files = len(segments)
        self._landed = landed
        self.offset = self._parsed = self._lap = max(landed, lap + len(rest))
        self.snapshot_offset = first
        return snapshot, self._read(segments, first, rest[max(0, landed - lap) :])

    @staticmethod
    def _read(segments: list[tuple[int, Path]], first: int, rest: bytes) -> Iterator[bytes]:
        for start, path in segments:
            data = path.read_bytes()
            if start + len(data) > first:
                yield data[max(0, first - start) :]
        yield rest

    def room(self) -> memoryview:
        """Where the next bytes of output go, to be released; then call `advance`."""
        if self.is_full:
            self._next_lap()
        return self._view[self.offset - self._lap :]

    def advance(self, count: int) -> None:
        """`count` bytes were written into `room`."""
        self.offset += count

    @property
    def is_full(self) -> bool:
        """Whether the lap is used up: take `unparsed` before the next `room`."""
        return len(self._view) == self.offset - self._lap

    @property
    def pending(self) -> int:
        """Bytes that the next `unparsed` will bring."""
        return self.offset - self._parsed

    def unparsed(self) -> bytes:
        """The bytes since the last call."""
        data = bytes(self._view[self._parsed - self._lap : self.offset - self._lap])
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
        self._landed = self.offset
        self._begin_lap()
        self._close_file()  # the next byte begins a file of its own
        self._drop(keep_from=self.offset)

    def drop_old(self) -> None:
        """Without a snapshot: keep the latest output only, up to the limit."""
        self._close_file()
        starts = [start for start, _ in _segments(self._folder)]
        recent = [start for start in starts if self.offset - start <= LIMIT]
        self._drop(keep_from=min(recent, default=self.offset))
        self.snapshot_offset = self.offset

    def close(self) -> None:
        """Unmap and close; the files stay."""
        self._close_file()
        self._view.release()
        self._view = memoryview(b"")
        self._lap = self.offset
        if self._strip:
            self._strip.close(remove=self._landed == self.offset)
            self._strip = None

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self, keep_from: int) -> None:
        segments = _segments(self._folder)
        for start, path in segments:
            if start < keep_from:
                path.unlink(missing_ok=True)
        self._files = sum(start >= keep_from for start, _ in segments)

    def _next_lap(self) -> None:
        if self._strip:
            self._land()
            self._begin_lap()
            return
        try:
            self._open_strip()
        except OSError as error:
            self._note(error)
            self._gap = True
            self._view = memoryview(bytearray(ROOM))  # not recorded until the disk takes it
            self._lap = self._landed = self.offset

    def _open_strip(self) -> None:
        known = read_strip(self._folder)
        strip = self._strip = Strip(self._folder)
        self._view = strip.room
        if known and known[0] + len(known[1]) == self.offset:  # goes on where it was left
            self._lap = known[0]
            if self.is_full:
                self._next_lap()
        else:
            self._lap = self.offset
            strip.clear(ROOM, self.offset)

    def _begin_lap(self) -> None:
        """Use the strip again; what is on it is in the log, or will never be."""
        if self._strip:
            self._strip.clear(self.offset - self._lap, self.offset)
            self._lap = self.offset

    def _land(self) -> None:
        """Append to the log what of the strip is not in it."""
        start = max(self._landed, self._lap)
        try:
            if self._fd < 0:
                path = self._folder / f"log-{start:020d}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._fd = os.open(path, flags, 0o600)
                self._files += 1
            while start < self.offset:
                with self._view[start - self._lap : self.offset - self._lap] as part:
                    start += os.write(self._fd, part)
        except OSError as error:
            self._note(error)
            self._gap = True
            self._close_file()
        self._landed = self.offset

    def _note(self, error: OSError) -> None:
        if not self.broken:
            _LOG.error("%s: output is not recorded: %s", self._folder, error)
        self.broken = error.strerror or str(error)
