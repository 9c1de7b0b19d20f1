"""What is due goes out in slices, which end when somebody types."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from gastown_tui.screens.publisher import Publisher
from gastown_tui.screens.view import View


class Viewer:
    is_behind = False

    def __init__(self):
        self.views, self.queued, self.got = {}, [], []

    def send(self, frame):
        self.queued.append(frame.session)

    def flush(self):
        self.got.append(self.queued)
        self.queued = []


def session(name):
    screen = SimpleNamespace(
        version=1, rows=[()], used=1, cols=4, mouse="",
        cursor=SimpleNamespace(visible=False, x=0, y=0, shape="block"),
    )  # fmt: skip
    return SimpleNamespace(
        name=name, screen=screen, is_stale=False, generation=0, refresh=lambda: None,
        signals=SimpleNamespace(changed=False),
    )  # fmt: skip


@pytest.fixture
def shown():
    """Six sessions that a viewer sees; keys are pressing when `keys` has an item."""
    names = [f"s{at}" for at in range(6)]
    keys, viewer = [], Viewer()
    publisher = Publisher({name: session(name) for name in names}, lambda: bool(keys))
    for name in names:
        publisher.subscribe(viewer, name, View(0, 0, 10))
    return publisher, viewer, keys


def all_of(publisher, viewer):
    while publisher.flush(time.monotonic()) == 0.0:
        pass
    return sorted(name for names in viewer.got for name in names)


def test_a_slice_ends_when_a_key_comes(shown):
    publisher, viewer, keys = shown
    keys.append("a")
    assert publisher.flush(time.monotonic()) == 0.0  # come again at once
    assert viewer.got == [["s0"]]
    assert publisher.flush(time.monotonic()) == 0.0
    assert viewer.got == [["s0"], ["s1"]]  # one each turn, whatever is pressing
    keys.clear()
    assert all_of(publisher, viewer) == [f"s{at}" for at in range(6)]


def test_what_answers_a_key_leaves_before_the_others(shown):
    publisher, viewer, _ = shown
    publisher.hurry(viewer, "s4")
    assert all_of(publisher, viewer) == [f"s{at}" for at in range(6)]
    assert viewer.got[0] == ["s4"]
