"""Bell and notification of the terminal."""

from __future__ import annotations

import pytest

from gastown_tui.tui.alarm import Alarm, call

ROW = {"id": "1", "at": 5.0, "text": "nux asks: a;b\x1b]0;x\x07", "bell": True, "osc": "9"}


@pytest.mark.parametrize(
    ("row", "env", "written"),
    [
        ({}, {"TERM": "xterm"}, "\x1b]9;t: nux asks: a;b ]0;x\a\a"),
        ({"osc": "777"}, {"TERM": "xterm"}, "\x1b]777;notify;t;nux asks: a,b ]0,x\a\a"),
        ({"osc": "", "bell": False}, {"TERM": "xterm"}, ""),
        ({}, {"TERM": "linux"}, "\a"),
        (
            {"bell": False}, {"TERM": "tmux-256color", "TMUX": "/tmp/x"},
            "\x1bPtmux;\x1b\x1b]9;t: nux asks: a;b ]0;x\a\x1b\\",
        ),
        ({"bell": False}, {"TERM": "screen"}, "\x1bP\x1b]9;t: nux asks: a;b ]0;x\a\x1b\\"),
    ],
)  # fmt: skip
def test_a_call_in_the_words_of_the_terminal_and_nothing_of_an_agent_ends_it(row, env, written):
    assert call(ROW | row, "t", env) == written


def test_only_what_comes_while_the_screen_is_there_rings_and_once():
    alarm = Alarm(lambda: 4.0, lambda _here: None, {"TERM": "linux"})
    old, new = {"a": ROW | {"at": 3.0}}, {"a": ROW | {"at": 3.0}, "b": ROW}
    assert [alarm.calls(rows, "t") for rows in (old, new, new)] == ["", "\a", ""]


def test_that_somebody_is_here_is_said_now_and_then_and_leaving_at_once():
    said = []
    alarm = Alarm(lambda: 0.0, said.append, {})
    for at in (0.0, 1.0, 6.0):
        alarm.here(at)
    alarm.away()
    alarm.here(6.5)
    assert said == [True, True, False, True]
