"""What a session tells its watchers: built when somebody watches and something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gastown_tui.protocol import Signals

if TYPE_CHECKING:
    from gastown_tui.screens.session import Session

PERIOD_S: Final = 0.2
ROUNDING: Final = 1e-3
"""Of a period: a time that is common but for rounding counts as reached."""
BOTTOM: Final = 50
"""Rows of text in a signal at most."""
NOTICES: Final = 20


class SignalState:
    """Whether a session owes its watchers a signal, and from when on it may send it."""

    def __init__(self) -> None:
        self.changed = True
        self.sent_at = 0.0

    def due(self, now: float) -> float:
        """When the next signal may go: common times for all sessions, at once after a rest."""
        if now - self.sent_at > 2 * PERIOD_S:
            return 0.0
        return (int(self.sent_at / PERIOD_S + ROUNDING) + 1) * PERIOD_S


def signals_of(session: Session, notices: list[str]) -> Signals:
    """The signals of `session` as it is; its picture must be fresh."""
    screen = session.screen
    guarded = session.guarded
    terminal = guarded.terminal if guarded else None
    last = screen.written
    first = max(0, last - BOTTOM)
    cursor = screen.cursor
    return Signals(
        session=session.name,
        run=session.run,
        alive=session.alive,
        title=terminal.title if terminal else session.meta.title,
        progress=terminal.progress if terminal else None,
        bells=terminal.bells if terminal else 0,
        notices=notices[-NOTICES:],
        last_output=session.last_output,
        input_generation=session.generation,
        rows_hash=screen.digest(),
        bottom=screen.texts()[first:last],
        cursor_x=cursor.x,
        cursor_y=cursor.y if cursor.visible else -1,
        cols=screen.cols,
        rows=len(screen.rows),
        alt_screen=terminal.alt_screen if terminal else False,
        bracketed_paste=terminal.bracketed_paste if terminal else False,
        held=session.held,
        faint_from=screen.faint()[first:last],
        bottom_first=first,
    )
