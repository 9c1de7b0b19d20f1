"""Remembers when the town was last alive, so that nothing goes on by itself after an absence."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import psutil

from gastown_tui.domain import records
from gastown_tui.domain.town import RUNNING
from gastown_tui.services.context import Context
from gastown_tui.services.files import write_private

LONGEST_S: Final = 600.0
"""A host that died unasked and is back so soon, in the same boot, goes on by itself."""


class Mark(msgspec.Struct):
    """What is known of the time before."""

    host: str = ""
    boot: str = ""
    """Of the machine."""
    up: float = 0.0
    """Seconds since that boot, sleep included: setting the clock does not change them."""
    at: float = 0.0
    """Seconds since the epoch, for people."""
    held: list[str] = []
    """Who waited for a word then."""
    away: float = 0.0
    """Since when, seconds since the epoch."""


_LINUX: Final[bool] = sys.platform.startswith("linux")


def _boot() -> str:
    if _LINUX:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return str(round(psutil.boot_time()))


def _up() -> float:
    if _LINUX:
        return float(time.clock_gettime(time.CLOCK_BOOTTIME))
    return time.time() - float(psutil.boot_time())


def is_absence(mark: Mark, host: str, boot: str, up: float, *, was_down: bool) -> bool:
    """Whether nobody goes on by himself: the town was down, or its host was away for long.

    Args:
        mark: of the last beat.
        host: the boot id of the host that is there now.
        boot: of the machine, now.
        up: seconds since that boot, now.
        was_down: whether the overseer wanted the town down.
    """
    if was_down:
        return True
    if not mark.host or mark.host == host:
        return False
    return mark.boot != boot or not 0 <= up - mark.up < LONGEST_S


class Absence:
    """A small file in the town's private folder."""

    def __init__(self, town: Path) -> None:
        self._path = town / ".gastown" / "alive.json"

    def _read(self) -> Mark:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Mark)
        except (OSError, msgspec.DecodeError):
            return Mark()

    def beat(self, host: str, context: Context) -> None:
        """The town is alive now.

        Raises:
            OSError: that cannot be written.
        """
        mark = Mark(
            host=host,
            boot=_boot(),
            up=_up(),
            at=context.clock.now().wall,
            held=sorted(context.resume_held),
            away=context.away_since,
        )
        write_private(self._path, msgspec.json.encode(mark).decode())

    def begin(self, host: str, context: Context) -> None:
        """Set who has to wait for the overseer's word; who waited before goes on waiting."""
        mark, books = self._read(), context.books
        hooked = self._hooked(context)
        was_down = records.town_wanted(books.town_record) == "down"
        if is_absence(mark, host, _boot(), _up(), was_down=was_down):
            context.resume_held = hooked
        else:
            context.resume_held = hooked & frozenset(mark.held)
        context.away_since = (mark.held and mark.away) or mark.at
        with contextlib.suppress(OSError):  # a full disk: the next beat tells of it
            self.beat(host, context)

    def _hooked(self, context: Context) -> frozenset[str]:
        """Agents with work on the hook that is theirs to do; not whom the overseer has stopped."""
        books, town = context.books, context.config.id
        handed_in = {one.bead for one in books.requests.values() if one.state != "rework"}
        stopped = {one.address for one in books.agents.values() if one.wanted != RUNNING}
        return frozenset(
            bead.assignee
            for rig in books.rigs.values()
            for bead in rig.beads.values()
            if bead.status in {"hooked", "in_progress"}
            and bead.label("town") == town
            and bead.id not in handed_in
            and bead.assignee not in stopped
        )
