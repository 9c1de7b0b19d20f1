"""One session: descriptor, log, terminal and picture, while it lives and after."""

from __future__ import annotations

import itertools
import logging
import os
import time
from typing import Final

import msgspec

from gastown_tui.domain.errors import Damaged
from gastown_tui.screens.archive import LEVELS, TEXT_CHARACTERS, Archive, Meta
from gastown_tui.screens.guard import Guarded
from gastown_tui.screens.log import SessionLog, Snapshot
from gastown_tui.screens.marker import Marker
from gastown_tui.screens.pty import QUEUE_BYTES, Pty
from gastown_tui.screens.screen import Screen
from gastown_tui.screens.signals import SignalState
from gastown_tui.terminal import Safety, Terminal

MOST_CELLS: Final = 1000
"""Most columns or rows of a session."""
SHORT_READ: Final = 1000
"""A read that brings less has emptied the terminal's buffer (macOS reads at most 1 KiB)."""
PIECE: Final = 4000
"""Output is parsed as soon as there is so much, which is about what the kernel gives at a time:
while it is, the program fills the kernel's buffers again and need not wait."""
PACK_BYTES: Final = 64 * 1024
PACK_REST_S: Final = 2.0
"""Scrollback is packed after so much output, or after so long without any."""

_LOG: Final = logging.getLogger(__name__)
_GENERATIONS: Final = itertools.count(int(time.time() * 1000))
"""Input generations; they do not repeat when this process is started again."""

_HELD: Final = {
    Safety.FULL: "",
    Safety.NO_HYPERLINKS: "safe mode: links, titles and other strings are not shown",
    Safety.PLAIN: "safe mode: plain text only",
}


def clamp(value: int, least: int = 1) -> int:
    """A size that a session may have."""
    return min(max(value, least), MOST_CELLS)


class Session:
    """A run's terminal while it lives, and its last picture afterwards."""

    def __init__(self, meta: Meta, archive: Archive, marker: Marker, *, held: bool = False) -> None:
        self.meta = meta
        self.name, self.run = meta.name, meta.run
        self.archive, self.marker = archive, marker
        self._held = held
        self.log = SessionLog(archive.folder(meta.name))
        self.pty: Pty | None = None
        self.guarded: Guarded | None = None
        self.screen = Screen(meta.cols, meta.rows)
        self.signals = SignalState()
        self.generation = next(_GENERATIONS)
        self.last_output = 0.0
        """Wall time."""
        self.quiet_since = 0.0
        """Monotonic time of the last output."""
        self.is_stale = True
        """Whether the terminal has changed since `refresh`."""
        self._resized = False
        self._packed = 0
        self.is_gone = False
        """Whether the terminal's other side has been closed."""

    def degrade(self) -> None:
        """Emulating the output has failed: again, from the log, at the next level of safety."""
        level = self.meta.level + 1
        self._held = self._held or level >= len(LEVELS)
        self.meta = msgspec.structs.replace(self.meta, level=min(level, len(LEVELS) - 1))
        self.archive.write(self.meta)
        self.log.close()
        try:
            self.restore()
        except Exception:  # what is in the log fails as well
            _LOG.exception("%s: the emulation failed on the log", self.name)
            self._held = True
            self.restore()
        self.signals.changed = True

    def restore(self) -> None:
        """Make the terminal from what is recorded: once, before anything else."""
        snapshot, pieces = self.log.recover()
        level = LEVELS[self.meta.level]
        if snapshot and level is Safety.PLAIN and LEVELS[snapshot.level] is not level:
            snapshot = None  # what ended the emulation may be in it
        guarded = self._revive(snapshot, level)
        if self._held:
            guarded.feed(b"\r\n  output held: emulating it failed several times\r\n")
        else:
            for piece in pieces:
                guarded.feed(piece)
        guarded.terminal.take_replies()  # were given in an earlier life
        guarded.terminal.take_notices()
        self.guarded = guarded
        self.is_stale = True
        self.last_output = self.log.written_at

    def _revive(self, snapshot: Snapshot | None, level: Safety) -> Guarded:
        meta = self.meta
        if snapshot and not self._held:
            data = snapshot.data
            try:
                return Guarded(self.name, self.marker, lambda: Terminal.restore(data, safety=level))
            except Damaged as error:
                _LOG.warning("%s: starting from the log: %s", self.name, error)
        return Guarded(
            self.name,
            self.marker,
            lambda: Terminal(meta.cols, meta.rows, scrollback=meta.scrollback, safety=level),
        )

    @property
    def alive(self) -> bool:
        """Whether its terminal is open."""
        return self.pty is not None

    @property
    def held(self) -> str:
        """Why not all of the output is shown; empty when it is."""
        if self._held:
            return "output held: emulating it failed several times"
        return _HELD[LEVELS[self.meta.level]]

    def read(self, until: float) -> int:
        """Take output until there is none or time is up.

        Args:
            until: monotonic time at which others have their turn.

        Returns:
            How many bytes came; `is_gone` tells whether more can come.
        """
        pty, log = self.pty, self.log
        if pty is None:
            return 0
        if self._resized:
            self.save()
        start = log.offset
        while True:
            with log.room() as room:
                count = pty.read_into(room)
            log.advance(max(count, 0))
            if count >= SHORT_READ and log.pending < PIECE and not log.is_full:
                continue
            data = log.unparsed()
            if data:
                self._take(data)
            # While this was parsed, the kernel has moved the next piece of a flood.
            if count < 0 or not data or 0 < count < SHORT_READ or time.monotonic() > until:
                break
        self.is_gone = count < 0
        if log.offset != start:
            self.last_output = time.time()
            self.quiet_since = time.monotonic()
            self.signals.changed = True
        return log.offset - start

    def _take(self, data: bytes) -> None:
        if self._held or self.guarded is None:
            if self.log.is_due:
                self.log.drop_old()
            return
        self.guarded.feed(data)
        self.is_stale = True
        if (replies := self.guarded.terminal.take_replies()) and self.pty:
            self.pty.write(replies)
        if self.log.is_due:
            self.save()

    def save(self) -> None:
        """Keep a snapshot of the terminal as it is now."""
        self._resized = False
        if self.guarded and not self._held:
            self.log.write_snapshot(self.guarded.snapshot(), self.meta.level)

    def compress(self, until: float) -> bool:
        """Pack the scrollback that has come since the last time; False if time ran out."""
        since = self.log.offset - self._packed
        rests = until - self.quiet_since > PACK_REST_S
        if self.guarded and since and (rests or since > PACK_BYTES):
            while self.guarded.compress():
                if time.monotonic() > until:
                    return False
            self._packed = self.log.offset
        return True

    def refresh(self) -> None:
        """Bring the picture up to date."""
        if self.is_stale and self.guarded:
            self.is_stale = False
            terminal = self.guarded.terminal
            self.screen.apply(self.guarded.damage(), terminal.cols, terminal.rows)
            self.screen.mouse = terminal.mouse_wanted

    def resize(self, cols: int, rows: int) -> None:
        """Give terminal and program another size."""
        if self.pty and (cols, rows) != self.pty.size():
            self.pty.resize(cols, rows)
            self.fit(cols, rows)

    def fit(self, cols: int, rows: int) -> None:
        """Give the terminal the size that the program's side has."""
        guarded = self.guarded
        if guarded and (guarded.terminal.cols, guarded.terminal.rows) != (cols, rows):
            guarded.resize(cols, rows)
            self.is_stale = self.signals.changed = True
            # The log does not tell sizes: before more of it, a snapshot in the new one.
            self._resized = True

    def person_typed(self) -> None:
        """Raise the input generation: machines that type must look again."""
        self.generation = next(_GENERATIONS)
        self.signals.changed = True

    def write(self, data: bytes, limit: int = QUEUE_BYTES) -> bool:
        """Write to the program whole; False if it has gone or does not read."""
        return self.pty is not None and self.pty.write(data, limit)

    def end(self, code: int | None) -> None:
        """The run is over: keep its last screen and text, free the rest."""
        if self.guarded is None:
            return
        self.refresh()
        self.save()
        text = self.guarded.contents()
        cut = text.find("\n", len(text) - TEXT_CHARACTERS) + 1 if len(text) > TEXT_CHARACTERS else 0
        self.archive.write_text(self.name, text[cut:])
        self.meta = msgspec.structs.replace(
            self.meta,
            ended=time.time(),
            code=code,
            title=self.guarded.terminal.title,
            above=max(0, self.guarded.terminal.history_rows - text.count("\n", 0, cut)),
            cols=self.screen.cols,
            rows=len(self.screen.rows),
        )
        self.archive.write(self.meta)
        self.signals.changed = True
        self.release()

    def set_code(self, code: int | None) -> None:
        """The exit code, which comes after the end of the output."""
        if code is not None and self.meta.code is None:
            self.meta = msgspec.structs.replace(self.meta, code=code)
            self.archive.write(self.meta)

    def release(self) -> None:
        """Free everything; what is on disk stays."""
        if self.guarded:
            self.guarded.close()
            self.guarded = None
        self.log.close()
        if self.pty:
            self.pty.close()
            self.pty = None

    def replace_pty(self, fd: int) -> None:
        """The host has handed over the same terminal again."""
        if self.pty is None:
            os.close(fd)
            return
        self.pty.close()
        self.pty = Pty(fd)
