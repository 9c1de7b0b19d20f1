"""What the parts of a store share: where it lives, its database, locks and clock."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.adapters.store.database import SCHEMA_VERSION, Database, set_meta
from gastown_tui.adapters.store.files import FileLock
from gastown_tui.adapters.store.upgrade import upgrade
from gastown_tui.domain.bead_file import Layout, Problem
from gastown_tui.domain.errors import Damaged, Unavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from gastown_tui.domain.bead_file import BeadFile

FILE_NAME: Final = "issues.jsonl"
FOLDER_NAME: Final = ".gastown"
_TICK: Final = 50_000_000
"""Nanoseconds; clocks of file systems step by up to ten milliseconds."""


class Core:
    """The pieces of one open store."""

    def __init__(self, beads_dir: Path, clock: Callable[[], datetime]) -> None:
        self.file = beads_dir / FILE_NAME
        self.folder = beads_dir / FOLDER_NAME
        self.next = self.folder / "image.next"
        """Our new image before the exchange, what came out of the file after it."""
        self.clock = clock
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="ascii")
            self.database = Database(self.folder)
            self.fold_lock = FileLock(self.folder / "fold.lock")
        except OSError as error:
            raise Unavailable(
                f"{self.folder} cannot be used ({error.strerror})", hint="see who owns it"
            ) from error
        if self.database.version > SCHEMA_VERSION:
            self.close()
            raise Damaged(
                f"{self.database.path} was written by a newer gastown", hint="update this one"
            )
        if 0 < self.database.version < SCHEMA_VERSION:
            upgrade(self.database)

    def close(self) -> None:
        """Close everything."""
        self.database.close()
        self.fold_lock.close()

    def layout(self) -> Layout:
        """How the file is written."""
        return msgspec.json.decode(self.database.meta("layout") or "{}", type=Layout)

    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with the file when it was last read."""
        text = self.database.meta("problems")
        return msgspec.json.decode(text, type=tuple[Problem, ...]) if text else ()

    def signature(self) -> str:
        """What shows at a glance whether the file is another one."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return "none"
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"

    def read_file(self) -> tuple[bytes, str]:
        """The file's bytes and their signature; none for a file that must be read again."""
        while True:
            before = self.signature()
            try:
                data = self.file.read_bytes()
            except FileNotFoundError:
                data = b""
            if self.signature() == before:
                return data, "" if self._is_fresh() else before

    def _is_fresh(self) -> bool:
        """Whether the file is so young that another write may show the same time."""
        try:
            return time.time_ns() - self.file.stat().st_mtime_ns < _TICK
        except FileNotFoundError:
            return False


def digest(data: bytes) -> str:
    """Identifies an image."""
    return hashlib.sha256(data).hexdigest()


def next_change(connection: sqlite3.Connection) -> int:
    """Take the next change number."""
    number = last_change(connection) + 1
    set_meta(connection, "change", str(number))
    return number


def last_change(connection: sqlite3.Connection) -> int:
    """The number of the last change."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'change'").fetchone()
    return 0 if found is None else int(found[0])


def record_file(connection: sqlite3.Connection, scanned: BeadFile) -> None:
    """Keep what a scan told about the file beyond its beads; an empty file tells nothing."""
    set_meta(connection, "problems", msgspec.json.encode(scanned.problems).decode())
    if not (scanned.beads or scanned.others):
        return
    set_meta(connection, "layout", msgspec.json.encode(scanned.layout).decode())
    connection.execute("DELETE FROM other")
    connection.executemany(
        "INSERT INTO other VALUES (?, ?, ?)",
        ((place, o.before, o.line) for place, o in enumerate(scanned.others)),
    )
