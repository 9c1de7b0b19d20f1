"""How a session comes to be: handed over by the host, kept from earlier, or found dead."""

from __future__ import annotations

import msgspec

from gastown_tui.cells import Row
from gastown_tui.protocol import RunRow
from gastown_tui.screens.archive import LEVELS, Archive, Meta
from gastown_tui.screens.marker import Marker
from gastown_tui.screens.pty import Pty
from gastown_tui.screens.session import Session, clamp


def adopt(
    row: RunRow, fd: int, archive: Archive, marker: Marker, *, crashes: int, held: bool
) -> Session:
    """The session of a living run: restored if this run is known, else new.

    Args:
        row: the run as the host tells it.
        fd: the terminal's master; owned by the session from here on.
        archive: where sessions are kept.
        marker: names the session in native calls.
        crashes: how often its output has ended the emulation.
        held: its output is not to be emulated.
    """
    meta = archive.meta(row.name)
    if meta is None or meta.run != row.run:
        meta = archive.meta_of(row)
        archive.fresh(meta)
    elif crashes > meta.level:
        meta = msgspec.structs.replace(meta, level=min(crashes, len(LEVELS) - 1))
        archive.write(meta)
    session = Session(meta, archive, marker, held=held)
    session.pty = Pty(fd)
    session.restore()
    cols, rows = session.pty.size()
    if cols and rows:
        session.fit(clamp(cols), clamp(rows))
    return session


def kept(meta: Meta, archive: Archive, marker: Marker) -> Session:
    """A session after its end, with its last picture."""
    session = Session(meta, archive, marker)
    session.restore()
    session.refresh()
    session.release()
    return session


def bury(meta: Meta, archive: Archive, marker: Marker) -> Meta:
    """Keep the last text of a session that ended while nobody looked."""
    session = Session(meta, archive, marker)
    session.restore()
    session.end(None)
    return session.meta


def text_of(session: Session, history: int) -> str:
    """The screen as text, with up to `history` rows of scrollback above it."""
    if session.guarded:
        if history <= 0:
            return session.guarded.text()
        text = session.guarded.contents()
        above = session.guarded.terminal.history_rows
    else:
        text = session.archive.text(session.name)
        above = session.meta.above
    lines = text.split("\n")
    return "\n".join(lines[max(0, above - max(history, 0)) :])


def rows_of(session: Session, first: int, count: int) -> tuple[list[Row], int]:
    """Rows from `first` of scrollback and screen together, and how many there are in all."""
    if session.guarded is None:
        revived = Session(session.meta, session.archive, session.marker)
        revived.restore()
        try:
            return rows_of(revived, first, count)
        finally:
            revived.release()
    session.refresh()
    above = session.guarded.terminal.history_rows
    found = session.guarded.history(first, count) if first < above else []
    start = first + len(found) - above
    if start >= 0:
        found = found + session.screen.rows[start : start + count - len(found)]
    return found, above + len(session.screen.rows)
