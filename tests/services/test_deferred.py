"""Beads that are put off come back by themselves: at the moment, late, and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.domain.bead import timestamp
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.operations import SetField
from gastown_tui.services.books import Books, RigBooks

START = datetime(2026, 1, 1, tzinfo=UTC)
DUE = START + timedelta(seconds=100)


class Rig:
    """Books over a real store, looked at when the test says so."""

    def __init__(self, folder):
        self.folder = folder
        self.town = init_store(folder / "town" / ".beads", "hq")
        self.store = init_store(folder / "r" / ".beads", "r", clock=lambda: START)
        fields = {"status": "deferred", "defer_until": timestamp(DUE)}
        self.bead = self.store.create(actor="t", title="later", **fields).id
        self.open_books()

    def open_books(self):
        config = RigConfig(name="r", prefix="r", upstream="/x")
        self.books = Books(self.town, {"r": RigBooks(config=config, store=self.store)})

    def at(self, seconds):
        """Status and readiness after a look at this moment."""
        self.books.refresh(START + timedelta(seconds=seconds))
        rig = self.books.rigs["r"]
        return rig.beads[self.bead].status, self.bead in rig.ready


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.town.close()
    made.store.close()


ASLEEP, AWAKE = ("deferred", False), ("open", True)


def test_it_wakes_at_the_next_look_after_its_moment(rig):
    assert [rig.at(s) for s in (0, 90, 99.9, 100.1)] == [ASLEEP, ASLEEP, ASLEEP, AWAKE]
    assert rig.store.get(rig.bead).defer_until == ""


def test_it_wakes_after_nobody_was_there_to_look(rig):
    assert rig.at(0) == ASLEEP
    rig.store.close()
    rig.store = open_store(rig.folder / "r" / ".beads")
    rig.open_books()
    assert rig.at(5000) == AWAKE


def test_another_moment_counts_from_when_it_is_set(rig):
    assert rig.at(95) == ASLEEP
    later = timestamp(START + timedelta(seconds=110))
    rig.store.apply([SetField(rig.bead, "defer_until", later)], actor="t")
    assert [rig.at(s) for s in (101, 109, 110)] == [ASLEEP, ASLEEP, AWAKE]
    sooner = {"status": "deferred", "defer_until": timestamp(START + timedelta(seconds=112))}
    rig.bead = rig.store.create(actor="t", title="again", **sooner).id
    assert [rig.at(s) for s in (111, 112)] == [ASLEEP, AWAKE]


def test_clocks_that_jump_ahead_wake_it_and_back_put_nothing_off(rig):
    assert rig.at(0) == ASLEEP
    assert rig.at(86_400) == AWAKE
    assert rig.at(10) == AWAKE
    soon = {"status": "deferred", "defer_until": timestamp(START + timedelta(seconds=20))}
    rig.bead = rig.store.create(actor="t", title="again", **soon).id
    assert [rig.at(s) for s in (11, 19, 20)] == [ASLEEP, ASLEEP, AWAKE]


def test_an_open_bead_with_a_date_is_ready_when_it_comes(rig):
    when = timestamp(START + timedelta(seconds=50))
    rig.bead = rig.store.create(actor="t", title="dated", defer_until=when).id
    assert [rig.at(s)[1] for s in (40, 49, 50)] == [False, False, True]
