"""What grows for ever is taken away, and whoever follows hears of it or is told to read anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import prune
from gastown_tui.domain import records
from gastown_tui.domain.bead import Deleted
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.operations import AddComment, AddLabel, Create, Delete, SetState
from gastown_tui.domain.retention import Span, TooFarBehind

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def store(opened, monkeypatch):
    """A store whose every write is a second after the last, with small numbers of what is kept."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(prune, "JOURNAL", Span(least=3, most=8, age=60.0))
    monkeypatch.setattr(prune, "EVENTS", Span(least=1, most=4, age=60.0))
    monkeypatch.setattr(prune, "CHANGES_KEPT", 5)
    return opened(clock=lambda: NOW + timedelta(seconds=next(seconds)))


def test_the_journal_is_bounded_and_keeps_what_is_not_folded(store):
    bead = store.create(actor="a", title="t").id
    for number in range(20):
        store.apply([AddLabel(bead, f"l{number}")], actor="a")
    assert store.prune(NOW + timedelta(seconds=30)).journal == 0
    store.fold()
    assert store.prune(NOW + timedelta(seconds=30)).journal == 13
    kept = [entry.operation.label for entry in store.history(bead)]
    assert kept == [f"l{number}" for number in range(12, 20)]
    assert store.prune(NOW + timedelta(days=9)).journal == 5
    assert len(store.history(bead)) == 3
    assert store.prune(NOW + timedelta(days=9)).journal == 0


def test_many_entries_go_in_several_steps(store, monkeypatch):
    monkeypatch.setattr(prune, "_CHUNK", 7)
    bead = store.create(actor="a", title="t").id
    store.apply([AddLabel(bead, f"l{number}") for number in range(50)], actor="a")
    store.fold()
    assert store.prune(NOW + timedelta(seconds=30)).journal == 43


def test_only_so_many_events_are_kept_and_followers_hear_of_the_others(store):
    events = [
        store.apply([records.event("k", "x", f"e{n}", "a")], actor="a").ids[0] for n in range(7)
    ]
    store.apply([AddComment(events[1], "keep this one")], actor="a")
    seen = store.last_change
    assert store.prune(NOW + timedelta(seconds=10)).events == 2
    told = {bead.id for bead in store.changes(seen)[1] if isinstance(bead, Deleted)}
    assert told == {events[0], events[2]}
    left = {bead.id for bead in store.list(include_closed=True, include_wisps=True)}
    assert left == {events[1], *events[3:]}


def test_deleted_wisps_are_forgotten_and_late_readers_told(store):
    seen = store.last_change
    wisp = store.create(actor="a", title="w", ephemeral=True).id
    between = store.last_change
    store.apply([Delete(wisp)], actor="a")
    assert store.changes(seen)[1] == [Deleted(id=wisp)]
    bead = store.create(actor="a", title="t").id
    for number in range(5):
        store.apply([AddLabel(bead, f"l{number}")], actor="a")
    assert store.prune(NOW).gone == 1
    with pytest.raises(TooFarBehind):
        store.changes(between)
    assert store.changes(between + 1)[1] == [store.get(bead)]
    assert store.changes(0)[1] == [store.get(bead)]
    assert store.history(wisp) == []


def test_numbers_of_children_stay_taken_when_they_are_forgotten(store):
    root = store.create(actor="a", title="r").id
    first = store.create(actor="a", title="w", parent=root, ephemeral=True).id
    store.apply([Delete(first)], actor="a")
    for number in range(6):
        store.apply([AddLabel(root, f"l{number}")], actor="a")
    assert store.prune(NOW).gone == 1
    assert store.create(actor="a", title="w", parent=root).id == f"{root}.2"


def test_a_transaction_is_known_as_long_as_what_it_made(store):
    made = [Create({"id": "x-one", "title": "t"})]
    again = [SetState("x-one", "run", "1")]
    store.apply(made, actor="a", transaction="make")
    store.apply(again, actor="a", transaction="set")
    for number in range(9):
        store.apply([AddLabel("x-one", f"l{number}")], actor="a")
    store.fold()
    assert store.prune(NOW + timedelta(seconds=30)).transactions == 1
    assert store.apply(made, actor="a", transaction="make").ids == ("x-one",)
    with pytest.raises(Conflict):
        store.apply(made, actor="a", transaction="another")
