"""The books find out what is ready when it can have changed, and not otherwise."""

from datetime import UTC, datetime, timedelta

import pytest

from gastown_tui.adapters.store import init_store
from gastown_tui.domain import records
from gastown_tui.domain.bead import timestamp
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.operations import (
    AddDependency,
    Close,
    Delete,
    RemoveDependency,
    Reopen,
    SetField,
)
from gastown_tui.domain.retention import TooFarBehind
from gastown_tui.services import books as services_books
from gastown_tui.services.books import Books, RigBooks

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Counting:
    """A store that counts how often readiness is asked for."""

    def __init__(self, store):
        self._store, self.asked = store, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def ready_ids(self, now):
        self.asked += 1
        return self._store.ready_ids(now)


@pytest.fixture
def rig(tmp_path):
    town = init_store(tmp_path / "town" / ".beads", "hq")
    store = Counting(init_store(tmp_path / "rig" / ".beads", "gt"))
    config = RigConfig(name="app", prefix="gt", upstream="/nowhere")
    rig = RigBooks(config=config, store=store)
    books = Books(town, {"app": rig})
    books.refresh(NOW)
    yield books, rig, store
    town.close()
    store.close()


def test_a_new_title_costs_no_readiness(rig):
    books, found, store = rig
    bead = store.create(actor="a", title="one").id
    assert books.refresh(NOW)
    assert found.ready == {bead}
    asked = store.asked
    store.apply([SetField(bead=bead, field="title", value="two")], actor="a")
    assert books.refresh(NOW)
    assert found.beads[bead].title == "two"
    assert store.asked == asked


def test_edges_and_closing_change_what_is_ready(rig):
    books, found, store = rig
    one, two = (store.create(actor="a", title=title).id for title in ("one", "two"))
    store.apply([AddDependency(bead=two, depends_on=one)], actor="a")
    books.refresh(NOW)
    assert found.ready == {one}
    store.apply([Close(bead=one)], actor="a")
    books.refresh(NOW)
    assert found.ready == {two}


def test_a_deferred_bead_is_ready_when_its_time_has_come(rig):
    books, found, store = rig
    later = NOW + timedelta(minutes=5)
    bead = store.create(actor="a", title="later", defer_until=timestamp(later)).id
    books.refresh(NOW)
    assert found.ready == frozenset()
    assert books.refresh(later + timedelta(seconds=31))
    assert found.ready == {bead}


def test_what_was_put_off_to_a_date_is_opened_on_it(rig):
    books, found, store = rig
    later = NOW + timedelta(minutes=5)
    bead = store.create(actor="a", title="t", status="deferred", defer_until=timestamp(later)).id
    never = store.create(actor="a", title="t", status="deferred").id
    books.refresh(NOW)
    assert books.refresh(later + timedelta(seconds=31))
    assert (found.beads[bead].status, found.beads[bead].defer_until) == ("open", "")
    assert found.beads[never].status == "deferred"
    assert found.ready == {bead}
    assert store.history(bead)[-1].actor == "gastown-wake"


def test_closed_beads_are_let_go_but_those_of_a_convoy(rig, monkeypatch):
    monkeypatch.setattr(services_books, "CLOSED_KEPT", 3)
    books, found, store = rig
    beads = [store.create(actor="a", title=f"b{number}").id for number in range(8)]
    books.write_town([records.create_convoy("c", [beads[0]])], actor="a")
    books.refresh(NOW)
    for bead in beads:
        store.apply([Close(bead=bead)], actor="a")
        books.refresh(NOW)
    assert list(found.closed) == [beads[0], *beads[-3:]]
    [convoy] = books.convoys
    books.town.apply([Close(bead=convoy)], actor="a")
    books.refresh(NOW)
    assert list(found.closed) == beads[-3:]


def test_books_that_are_too_far_behind_read_everything_anew(rig, monkeypatch):
    books, found, store = rig
    kept, gone = (store.create(actor="a", title=title).id for title in ("kept", "gone"))
    note = books.town.apply([records.event("k", "x", "e", "a")], actor="a").ids[0]
    books.refresh(NOW)
    assert note in books.events
    store.apply([SetField(bead=gone, field="ephemeral", value=True), Delete(bead=gone)], actor="a")
    books.town.apply([Delete(bead=note)], actor="a")

    def behind(after):
        raise TooFarBehind(after)

    with monkeypatch.context() as patch:
        patch.setattr(store._store, "changes", behind)
        patch.setattr(books.town, "changes", behind)
        assert books.refresh(NOW)
    assert set(found.beads) == set(found.ready) == {kept}
    assert books.events == {}


def test_parts_that_were_closed_before_are_counted(rig):
    books, found, store = rig
    epic = store.create(actor="a", title="epic", issue_type="epic").id
    one, two = (store.create(actor="a", title="part", parent=epic).id for _ in range(2))
    store.apply([Close(bead=one)], actor="a")
    books.refresh(NOW)
    later = RigBooks(config=found.config, store=store)
    again = Books(books.town, {"app": later})
    again.refresh(NOW)
    assert one not in later.beads
    assert found.closed_parts == later.closed_parts == {epic: 1}
    store.apply([Close(bead=two)], actor="a")
    again.refresh(NOW)
    assert later.closed_parts == {epic: 2}
    store.apply([Reopen(bead=one), RemoveDependency(bead=two, depends_on=epic)], actor="a")
    again.refresh(NOW)
    assert later.closed_parts == {}
