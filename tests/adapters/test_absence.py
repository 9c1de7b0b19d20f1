"""Who waits for the overseer's word after an absence."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from gastown_tui.adapters.absence import LONGEST_S, Absence, Mark, is_absence
from gastown_tui.domain import records
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.town import Agent, Now

BEFORE = Mark(host="h1", boot="b1", up=1000.0, at=5.0)


@pytest.mark.parametrize(
    ("mark", "host", "boot", "up", "was_down", "asks"),
    [
        (BEFORE, "h1", "b1", 9999.0, False, False),  # the same host, a new controller
        (BEFORE, "h2", "b1", 1000.0 + LONGEST_S - 1, False, False),  # died unasked, soon back
        (BEFORE, "h2", "b1", 1000.0 + LONGEST_S, False, True),
        (BEFORE, "h2", "b2", 10.0, False, True),  # the machine was restarted
        (BEFORE, "h2", "b1", 900.0, False, True),  # nothing that this file can explain
        (BEFORE, "h2", "b1", 1001.0, True, True),  # it was taken down
        (Mark(), "h1", "b1", 1.0, False, False),  # the town's first day
    ],
)
def test_what_an_absence_is(mark, host, boot, up, was_down, asks):
    assert is_absence(mark, host, boot, up, was_down=was_down) is asks


def world(*hooked, wanted="up", stopped=()):
    beads = {
        f"r-{at}": Bead(id=f"r-{at}", title="x", status="hooked", assignee=who, labels=("town:t",))
        for at, who in enumerate(hooked)
    }
    record = Bead(id=records.TOWN_RECORD, title="t", labels=(f"wanted:{wanted}",))
    return SimpleNamespace(
        books=SimpleNamespace(
            town_record=record,
            requests={},
            agents={
                one: Agent(address=one, record="x", rig="r", wanted="stopped") for one in stopped
            },
            rigs={"r": SimpleNamespace(beads=beads)},
        ),
        config=SimpleNamespace(id="t"),
        clock=SimpleNamespace(now=lambda: Now(wall=77.0, awake=1.0)),
        resume_held=frozenset(),
        away_since=0.0,
    )


def test_who_was_not_answered_still_waits_when_the_controller_is_another(tmp_path):
    absence = Absence(tmp_path)
    absence.beat("h1", world())
    down = world("a", "b", wanted="down")
    absence.begin("h2", down)
    assert down.resume_held == {"a", "b"}
    down.resume_held = frozenset({"b"})  # a was let go on
    absence.beat("h2", down)
    after = world("a", "b", "c")
    absence.begin("h2", after)
    assert after.resume_held == {"b"}
    assert after.away_since == 77.0


def test_whom_the_overseer_stopped_does_not_wait_for_a_word(tmp_path):
    down = world("a", "b", wanted="down", stopped=("b",))
    Absence(tmp_path).begin("h1", down)
    assert down.resume_held == {"a"}


def test_a_mark_that_cannot_be_read_asks_nobody(tmp_path):
    (tmp_path / ".gastown").mkdir()
    (tmp_path / ".gastown" / "alive.json").write_text("{")
    first = world("a")
    Absence(tmp_path).begin("h1", first)
    assert first.resume_held == frozenset()
    assert msgspec.json.decode((tmp_path / ".gastown" / "alive.json").read_bytes())["held"] == []
