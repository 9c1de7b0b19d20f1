"""The durable record of every run: one JSON file each, written before its program is executed."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.domain.errors import BadInput
from gastown_tui.protocol import RunRow

_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_KEEP: Final = 2000
_KEEP_S: Final = 14 * 86400.0
_log: Final = logging.getLogger("gastown.host")


def check_run_id(run: str) -> str:
    """A run id is a file name and a variable's value: letters, digits, `.`, `_`, `-`.

    Raises:
        BadInput: it is something else.
    """
    if not _RUN.fullmatch(run):
        raise BadInput(
            f"{run[:80]!r} cannot be the id of a run",
            hint="use up to 100 letters, digits, '.', '_' and '-', beginning with no sign",
        )
    return run


class Records:
    """The runs of a town, living and ended, in memory and in `.gastown/sessions/runs`."""

    def __init__(self, folder: Path, now: float) -> None:
        """Read what is there and drop what is too old.

        Args:
            folder: Made if needed, private.
            now: Seconds since the epoch.
        """
        self._folder = folder
        self.rows: dict[str, RunRow] = {}
        """By run id, oldest start first."""
        self._unwritten: set[str] = set()
        self._complained: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob("*.new"):  # a write that a former host did not finish
            path.unlink()
        found = [self._read(path) for path in folder.glob("*.json")]
        self.rows = {row.run: row for row in sorted(found, key=lambda row: row.started)}
        self.prune(now)

    def _read(self, path: Path) -> RunRow:
        try:
            row = msgspec.json.decode(path.read_bytes(), type=RunRow)
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("record %s is damaged, its run counts as unfinished: %s", path, error)
            row = RunRow(run=path.stem, name="")
        return row if row.run == path.stem else msgspec.structs.replace(row, run=path.stem)

    def write(self, row: RunRow) -> None:
        """Record a run durably: synced, and whole or not at all."""
        path = self._folder / f"{check_run_id(row.run)}.json"
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            data = msgspec.json.encode(row)
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
        if row.run not in self.rows:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self.rows[row.run] = row
        self._unwritten.discard(row.run)
        self._complained.discard(row.run)

    def change(self, run: str, **fields: object) -> RunRow:
        """Take over new values of some fields; returns the row as it is now.

        What cannot be written (a full disk) is logged and written by a later `retry`.
        """
        row = self.rows[run] = msgspec.structs.replace(self.rows[run], **fields)
        self._unwritten.add(run)
        self.retry()
        return row

    @property
    def written(self) -> bool:
        """Is everything on disk."""
        return not self._unwritten

    def retry(self) -> None:
        """Write what could not be written."""
        for run in sorted(self._unwritten):
            try:
                self.write(self.rows[run])
            except OSError as error:
                if run not in self._complained:
                    self._complained.add(run)
                    _log.warning("run %s cannot be recorded, tried again later: %s", run, error)

    def prune(self, now: float) -> None:
        """Forget ended runs beyond the newest 2,000 and those that ended over 14 days ago."""
        ended = sorted((row for row in self.rows.values() if row.ended), key=lambda row: row.ended)
        spare = len(ended) - _KEEP
        for number, row in enumerate(ended):
            if number >= spare and row.ended > now - _KEEP_S:
                break
            (self._folder / f"{row.run}.json").unlink(missing_ok=True)
            del self.rows[row.run]
            self._unwritten.discard(row.run)
