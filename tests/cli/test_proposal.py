"""What the mayor files from its session is proposed; nothing starts before the overseer's yes."""

from __future__ import annotations

import json

import pytest

from gastown_tui.adapters import callers


@pytest.fixture
def as_mayor(monkeypatch):
    """Runs what is called within the mayor's session."""

    def run(verb, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(callers, "calling_session", lambda *_: "mayor")
            return verb(*arguments)

    return run


@pytest.fixture
def proposed(quiet_town, ok, as_mayor):
    """A proposal of two beads in a row."""
    first = as_mayor(ok, "bead", "create", "First", "--rig", "lib")
    second = as_mayor(ok, "bead", "create", "Second", "--rig", "lib", "--dep", first)
    return as_mayor(ok, "convoy", "create", "Both", first, second), first, second


def shown(ok, bead):
    (row,) = json.loads(ok("bead", "show", bead, "--json"))
    return row


def test_what_the_mayor_files_waits_and_is_nobodys_to_pick_up(proposed, ok, refused, as_mayor):
    name, first, _ = proposed
    assert "proposed:mayor" in shown(ok, first)["labels"]
    assert shown(ok, first)["status"] == "deferred"
    assert json.loads(ok("bead", "ready", "--rig", "lib", "--json")) == []
    assert [row["id"] for row in json.loads(ok("proposal", "list", "--json"))] == [name]
    assert f"is proposed in {name}" in as_mayor(ok, "sling", first)
    for line in (
        ("convoy", "launch", name),
        ("proposal", "accept", name),
        ("proposal", "drop", name, "--reason", "x"),
        ("bead", "update", first, "--status", "open"),
        ("bead", "update", first, "--add-label", "sling:any"),
    ):
        as_mayor(refused, *line)
    row = shown(ok, first)
    assert row["status"] == "deferred"
    assert "sling:any" not in row["labels"]


def test_the_overseer_edits_and_accepts(proposed, ok, refused):
    name, first, second = proposed
    text = ok("proposal", "show", name)
    assert text.index("wave 1") < text.index(first) < text.index("wave 2") < text.index(second)
    assert "warning" not in text
    ok("proposal", "edit", name, "--title", "Only one", "--remove", second)
    assert "nothing would be left" in refused("proposal", "edit", name, "--remove", first)
    assert f"{name} is launched: 1 beads slung" in ok("proposal", "accept", name)
    row = shown(ok, first)
    assert row["status"] == "open"
    assert "sling:any" in row["labels"]
    assert "proposed:mayor" not in row["labels"]
    assert "not proposed" in refused("proposal", "accept", name)
    assert shown(ok, second)["status"] == "deferred"


def test_a_no_needs_a_reason_and_one_bead_alone_may_be_slung(proposed, ok, refused):
    name, first, _ = proposed
    assert "why?" in refused("proposal", "drop", name, "--reason", " ")
    assert "is slung" in ok("sling", first)
    assert shown(ok, first)["status"] == "open"
    assert "the mayor is told why" in ok("proposal", "drop", name, "--reason", "not now")
    assert json.loads(ok("proposal", "list", "--json")) == []
    assert "not proposed" in refused("proposal", "accept", name)


def test_the_mayors_sling_of_any_bead_is_a_proposal(quiet_town, ok, as_mayor):
    bead = ok("bead", "create", "There already", "--rig", "lib")
    assert "is proposed as" in as_mayor(ok, "sling", bead)
    assert "sling:any" not in (shown(ok, bead).get("labels") or [])
    (row,) = json.loads(ok("proposal", "list", "--json"))
    assert row["beads"] == [bead]
    ok("proposal", "accept", row["id"])
    assert "sling:any" in shown(ok, bead)["labels"]
