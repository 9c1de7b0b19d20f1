"""Keys of the dashboard: pastes told from keys, stray ones kept from doing harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual import events

from gastown_tui.tui.actions import BY_ID
from gastown_tui.tui.keymap import Keymap

BURST_S: Final = 0.010
"""Keys that follow each other faster than this were not pressed one by one."""
BURST_KEYS: Final = 4
GUARD_S: Final = 0.050
"""After a mouse or focus report strong keys do not count for so long."""
_HARMLESS: Final = frozenset("jkhlgG.,")
"""A burst of these alone is a held key that a slow line delivered at once."""


class KeyReader:
    """Collects printable keys for a moment, then runs them one by one, or calls them a paste."""

    def __init__(
        self,
        keymap: Keymap,
        clock: Callable[[], float],
        run: Callable[[str], None],
        pasted: Callable[[str], None],
        later: Callable[[float], None],
    ) -> None:
        """`later` is called with a delay in seconds, after which `flush` is to be called."""
        self._keymap, self._clock = keymap, clock
        self._run, self._pasted, self._later = run, pasted, later
        self._held: list[tuple[str, str]] = []
        self._last = 0.0
        self._report = -1.0
        self._ahead: list[tuple[str, str]] | None = None
        """Keys kept for what the last one opens; None while nothing is being opened."""

    def report(self) -> None:
        """A mouse or focus report has come from the terminal."""
        self._report = self._clock()

    def key(self, event: events.Key) -> None:
        """Take a key of the dashboard."""
        now = self._clock()
        if event.is_printable and event.character:
            if self._held and now - self._last >= BURST_S:
                self.flush()
            self._held.append((event.key, event.character))
            self._last = now
            if len(self._held) == 1:
                self._later(BURST_S)
            return
        if len(self._held) >= BURST_KEYS and event.key in ("enter", "tab"):
            self._held.append((event.key, "\n" if event.key == "enter" else "\t"))
            return
        self.flush()
        self._act(event.key, "")

    def due(self) -> None:
        """The delay has passed: flush unless keys are still coming."""
        if self._held and self._clock() - self._last < BURST_S / 2:
            self._later(BURST_S)
        else:
            self.flush()

    def flush(self) -> None:
        """Run what is held, or hand it over as a paste."""
        held, self._held = self._held, []
        text = "".join(mark for _, mark in held)
        if len(held) >= BURST_KEYS and not set(text) <= _HARMLESS:
            self._pasted(text)
            return
        for key, mark in held:
            self._act(key, mark)

    @property
    def waits(self) -> bool:
        """Whether keys are kept."""
        return self._ahead is not None

    def wait(self) -> None:
        """Something is being opened that will want the keys: keep what is pressed meanwhile."""
        self._ahead = self._ahead or []

    def take(self) -> tuple[str, str] | None:
        """The first key that was kept, name and text; with none left the keys go on."""
        if self._ahead:
            return self._ahead.pop(0)
        self._ahead = None
        return None

    def go_on(self) -> None:
        """Nothing was opened: what was kept counts here, up to a key that opens something."""
        ahead, self._ahead = self._ahead or [], None
        for key, mark in ahead:
            self._act(key, mark)

    def _act(self, key: str, mark: str) -> None:
        if self._ahead is not None:
            self._ahead.append((key, mark))
            return
        name = self._keymap.action("nav", key)
        if not name:
            return
        if BY_ID[name].strong and self._clock() - self._report < GUARD_S:
            return
        self._run(name)
