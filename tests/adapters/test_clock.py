"""The time that stands still while machine, process or town do."""

from __future__ import annotations

from gastown_tui.adapters import clock
from gastown_tui.adapters.clock import SystemClock


def test_gaps_and_what_is_held_are_no_waking(monkeypatch):
    at = [1000.0]
    monkeypatch.setattr(clock, "_steady", lambda: at[0])
    mine = SystemClock()

    def after(seconds):
        at[0] += seconds
        return mine.now().awake

    assert after(5) == 1005.0
    assert after(59) == 1064.0
    assert after(1200) == 1064.0, "stopped for twenty minutes"
    assert after(5) == 1069.0
    mine.hold(held=True)
    mine.hold(held=True)
    assert after(5) == 1069.0
    assert after(5) == 1069.0
    mine.hold(held=False)
    assert after(5) == 1074.0
