"""Remembers when the town was last alive, so that nothing goes on by itself after an absence."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
import psutil

from gastown_tui.domain import records
from gastown_tui.services.books import Books
from gastown_tui.services.files import write_private

LONGEST_S = 600.0
"""A host that died unasked and is back so soon, in the same boot, goes on by itself."""


class _Mark(msgspec.Struct):
    host: str = ""
    machine: float = 0.0
    at: float = 0.0


class Absence:
    """A small file in the town's private folder."""

    def __init__(self, town: Path) -> None:
        self._path = town / ".gastown" / "alive.json"

    def _read(self) -> _Mark:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Mark)
        except (OSError, msgspec.DecodeError):
            return _Mark()

    def beat(self, host: str) -> None:
        """The town is alive now."""
        mark = _Mark(host=host, machine=psutil.boot_time(), at=time.time())
        write_private(self._path, msgspec.json.encode(mark).decode())

    def held(self, host: str, books: Books, town: str) -> frozenset[str]:
        """Agents with work on the hook that must wait for the overseer's word."""
        mark = self._read()
        is_same_host = mark.host == host
        is_short = abs(mark.machine - psutil.boot_time()) < 5 and time.time() - mark.at < LONGEST_S
        with contextlib.suppress(OSError):  # a full disk: the next beat tells of it
            self.beat(host)
        was_down = records.town_wanted(books.town_record) == "down"
        if not was_down and (is_same_host or is_short or not mark.host):
            return frozenset()
        handed_in = {one.bead for one in books.requests.values() if one.state != "rework"}
        return frozenset(
            bead.assignee
            for rig in books.rigs.values()
            for bead in rig.beads.values()
            if bead.status in {"hooked", "in_progress"}
            and bead.label("town") == town
            and bead.id not in handed_in
        )
