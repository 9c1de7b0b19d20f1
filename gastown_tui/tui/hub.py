"""Frames of sessions to the views that show them: subscribe, paint, acknowledge."""

from __future__ import annotations

from collections.abc import Callable

from gastown_tui.protocol import ScreenFrame, Signals
from gastown_tui.tui.ports import ScreensPort
from gastown_tui.tui.widgets.pane import PaneView

TILE_FPS = 10.0
PANE_FPS = 30.0
_BOX_TOPS = ("╭", "┌", "╔")
_FOOTER = 10
"""Rows at the bottom in which a box is a prompt, not something said."""


class Hub:
    """Each session has at most one view; a view that shows nothing costs nothing.

    Frames of tiles are painted together ten times a second, so that the compositor runs ten times
    and not once a frame; the big pane's are painted as they come.
    """

    def __init__(
        self, port: ScreensPort, clock: Callable[[], float], later: Callable[[float], None]
    ) -> None:
        """`later` is called with a delay in seconds, after which `flush` is to be called."""
        self._port, self._clock, self._later = port, clock, later
        self._views: dict[str, PaneView] = {}
        self._asked: dict[str, tuple[int, int, float]] = {}
        self._dirty: dict[str, set[int] | None] = {}
        self._due = False
        self._flushed = 0.0
        self._signals: dict[str, Signals] = {}
        self._steady: dict[str, float] = {}
        self.paused = False

    def show(self, views: dict[str, PaneView], big: PaneView | None) -> None:
        """From now on these sessions are seen in these views, and no others."""
        for session in self._views.keys() - views.keys():
            self._port.unsubscribe(session)
            self._asked.pop(session, None)
            self._dirty.pop(session, None)
        before, self._views = self._views, views
        for session, view in views.items():
            view.set_session(session)
            wanted = self._crop(view, whole=view is big)
            moved = before.get(session) is not view
            if not self.paused and (moved or self._asked.get(session) != wanted):
                self._asked[session] = wanted
                self._port.subscribe(session, *wanted)

    def _crop(self, view: PaneView, *, whole: bool) -> tuple[int, int, float]:
        if whole:
            return 0, 0, PANE_FPS
        return max(1, view.columns), max(1, view.size.height - 1), TILE_FPS

    def pause(self, *, on: bool) -> None:
        """Stop all frames while another screen covers the views; and go on."""
        self.paused = on
        for session in self._asked:
            if on:
                self._port.unsubscribe(session)
        self._asked.clear()

    def forget(self) -> None:
        """Screens has gone: what was asked of it is void, frames begin anew."""
        self._asked.clear()
        for view in self._views.values():
            view.picture.number = 0

    def frame(self, frame: ScreenFrame, big: PaneView | None) -> None:
        """Take a frame over."""
        view = self._views.get(frame.session)
        if view is None:
            return
        if frame.base and not view.picture.number:
            return
        dirty = view.picture.apply(frame)
        if view is big:
            view.picture_changed(dirty, hurry=True)
            self._port.ack(frame.session, frame.number)
            return
        before = self._dirty.get(frame.session, set())
        self._dirty[frame.session] = None if dirty is None or before is None else before | dirty
        if not self._due:
            self._due = True
            self._later(max(0.0, self._flushed + 1 / TILE_FPS - self._clock()))

    def flush(self) -> None:
        """Paint what has come for the tiles."""
        self._due, self._flushed = False, self._clock()
        dirty, self._dirty = self._dirty, {}
        for session, rows in dirty.items():
            if view := self._views.get(session):
                view.picture_changed(rows)
                self._port.ack(session, view.picture.number)

    def signals(self, signals: Signals) -> None:
        """Take signals over."""
        before = self._signals.get(signals.session)
        if before is None or before.rows_hash != signals.rows_hash:
            self._steady[signals.session] = self._clock()
        self._signals[signals.session] = signals

    def signals_of(self, session: str) -> Signals | None:
        """The last signals of a session."""
        return self._signals.get(session)

    def seen(self, session: str) -> tuple[str, float]:
        """The hash of a session's visible rows, and for how many seconds it has been so."""
        known = self._signals.get(session)
        if known is None:
            return "", 0.0
        return known.rows_hash, self._clock() - self._steady.get(session, self._clock())

    def last_words(self, session: str) -> str:
        """The last line that a session shows."""
        known = self._signals.get(session)
        rows = known.bottom if known is not None else []
        boxes = [at for at, text in enumerate(rows) if text.lstrip()[:1] in _BOX_TOPS]
        if boxes and boxes[-1] >= len(rows) - _FOOTER:
            rows = rows[: boxes[-1]]
        return next((text for text in reversed(rows) if any(map(str.isalnum, text))), "")
