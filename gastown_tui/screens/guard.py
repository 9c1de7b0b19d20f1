"""A terminal whose native work is announced in the marker, so that a crash has a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gastown_tui.cells import Row
from gastown_tui.screens.marker import Marker, tag_of
from gastown_tui.terminal import Damage, Mouse, Terminal

_T = TypeVar("_T")


class Guarded:
    """One session's terminal."""

    def __init__(self, session: str, marker: Marker, make: Callable[[], Terminal]) -> None:
        self._marker, self._tag = marker, tag_of(session)
        self.terminal = self._call(make)
        """For what is no native work: title, progress, modes."""

    def _call(self, work: Callable[[], _T]) -> _T:
        self._marker.enter(self._tag)
        try:
            return work()
        finally:
            self._marker.leave()

    def feed(self, data: bytes) -> None:
        """Emulate output."""
        self._marker.enter(self._tag)
        try:
            self.terminal.feed(data)
        finally:
            self._marker.leave()

    def damage(self) -> Damage:
        """What changed since the last call."""
        return self._call(self.terminal.damage)

    def resize(self, cols: int, rows: int) -> None:
        """Another size."""
        self._call(lambda: self.terminal.resize(cols, rows))

    def snapshot(self) -> bytes:
        """Everything, to be restored by another process."""
        return self._call(self.terminal.snapshot)

    def text(self) -> str:
        """The screen as text."""
        return self._call(self.terminal.text)

    def contents(self) -> str:
        """Scrollback and screen as text."""
        return self._call(self.terminal.contents)

    def history(self, first: int, count: int) -> list[Row]:
        """Rows of the scrollback."""
        return self._call(lambda: self.terminal.history(first, count))

    def key(self, key: str, text: str) -> bytes:
        """The bytes of a key."""
        return self._call(lambda: self.terminal.encode_key(key, text))

    def paste(self, text: str) -> bytes:
        """The bytes of a paste."""
        return self._call(lambda: self.terminal.encode_paste(text))

    def mouse(self, mouse: Mouse) -> bytes:
        """The bytes of a mouse event, empty if the program asked for none."""
        return self._call(lambda: self.terminal.encode_mouse(mouse))

    def compress(self) -> bool:
        """Pack a part of the scrollback, in a fraction of a millisecond; False when all is done."""
        return self._call(self.terminal.compress)

    def close(self) -> None:
        """Free it."""
        self._call(self.terminal.close)
