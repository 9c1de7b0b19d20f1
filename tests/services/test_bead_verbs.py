"""What the screen does to beads and sees of them, over a real store."""

from __future__ import annotations

import pytest

from gastown_tui.adapters.store import init_store
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.operations import AddDependency
from gastown_tui.services.bead_verbs import VERBS
from gastown_tui.services.bead_view import bead_text


@pytest.fixture
def store(tmp_path):
    with_beads = init_store(tmp_path / ".beads", "x")
    yield with_beads
    with_beads.close()


def do(store, verb, bead, **arguments):
    return VERBS[verb](store, bead, arguments, "overseer")


def test_texts_priority_type_and_labels_are_edited(store):
    bead = store.create(actor="me", title="Old").id
    do(store, "bead_edit", bead, field="title", value="  New\ntitle ")
    do(store, "bead_edit", bead, field="description", value="# Why\n\nBecause")
    do(store, "bead_edit", bead, field="priority", value="P0")
    do(store, "bead_edit", bead, field="issue_type", value="bug")
    do(store, "bead_edit", bead, field="label", value="+hot")
    found = store.get(bead)
    assert (found.title, found.priority, found.issue_type) == ("New title", 0, "bug")
    assert (found.description, found.labels) == ("# Why\n\nBecause", ("hot",))
    do(store, "bead_edit", bead, field="label", value="-hot")
    do(store, "bead_edit", bead, field="description", value="")
    assert (store.get(bead).labels, store.get(bead).description) == ((), "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", " "), ("priority", "9"), ("issue_type", "agent"), ("label", "hot"), ("label", "+a b"),
     ("status", "closed"), ("assignee", "me")],
)  # fmt: skip
def test_what_cannot_be_is_refused(store, field, value):
    bead = store.create(actor="me", title="Old").id
    with pytest.raises(BadInput):
        do(store, "bead_edit", bead, field=field, value=value)


def test_an_edit_of_what_has_changed_meanwhile_is_refused(store):
    bead = store.create(actor="me", title="Old")
    do(store, "bead_edit", bead.id, field="title", value="Mine", seen=bead.updated_at)
    with pytest.raises(Conflict):
        do(store, "bead_edit", bead.id, field="title", value="Theirs", seen=bead.updated_at)


def test_closing_is_guarded_and_undone(store):
    epic = store.create(actor="me", title="Epic", issue_type="epic").id
    part = store.create(actor="me", title="Part", parent=epic).id
    with pytest.raises(Conflict, match="open children"):
        do(store, "bead_close", epic)
    do(store, "bead_close", part, reason="done")
    assert do(store, "bead_close", part) == f"{part} is closed already"
    do(store, "bead_close", epic)
    do(store, "bead_reopen", part)
    assert (store.get(epic).status, store.get(part).status) == ("open", "open")


def test_deferring_claiming_and_commenting(store):
    bead = store.create(actor="me", title="It").id
    do(store, "bead_defer", bead, until="2030-01-01T00:00:00Z")
    assert store.get(bead).status == "deferred"
    do(store, "bead_reopen", bead)
    assert do(store, "bead_claim", bead) == f"{bead} is yours"
    with pytest.raises(Conflict):
        VERBS["bead_claim"](store, bead, {}, "somebody")
    do(store, "bead_comment", bead, text=" hello ")
    assert [one.text for one in store.get(bead).comments] == ["hello"]
    with pytest.raises(BadInput):
        do(store, "bead_comment", bead, text=" ")


def test_a_bead_whole(store):
    epic = store.create(actor="me", title="Epic", issue_type="epic").id
    first = store.create(actor="me", title="First", parent=epic).id
    second = store.create(actor="me", title="Second").id
    store.apply(
        [AddDependency(bead=second, depends_on=first),
         AddDependency(bead=first, depends_on="other-1", type="related")],
        actor="me",
    )  # fmt: skip

    def source_of(bead):
        if not bead.startswith("x-"):
            raise NotFound("no rig")
        return "rig", store

    found = bead_text(first, source_of, frozenset({first}))
    ways = {(link.way, link.id): (link.title, link.status) for link in found.links}
    assert ways == {
        ("parent", epic): ("Epic", "open"),
        ("needs", "other-1"): ("", ""),
        ("holds", second): ("Second", "open"),
    }
    assert (found.rig, found.ready, found.bead["title"]) == ("rig", True, "First")
    assert found.history[0].text == "created: First"
    assert [link.way for link in bead_text(epic, source_of).links] == ["child"]
    with pytest.raises(NotFound):
        bead_text("x-none", source_of)


def test_a_gate_is_opened_by_hand_and_nothing_else_is(store):
    gate = store.create(actor="me", title="Good?", issue_type="gate", await_type="human").id
    assert do(store, "gate_open", gate) == f"{gate} is open"
    assert store.get(gate).close_reason == "opened by overseer"
    assert "open already" in do(store, "gate_open", gate)
    with pytest.raises(BadInput):
        do(store, "gate_open", store.create(actor="me", title="Work").id)
