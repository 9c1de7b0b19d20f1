"""What the overseer is called for, and how often."""

from __future__ import annotations

from gastown_tui.domain.config import Notify
from gastown_tui.domain.notices import LASTS_S, Cause, Teller, causes, is_busy

ON = Notify()
ASKS = {
    "name": "nux",
    "state": "waiting",
    "needs": "permission",
    "question": "Bash rm",
    "bead": "b",
}


def told(teller, at, *rows, here=False, busy=True, settings=ON):
    found = {name: Cause(kind="waits", text=name) for name in rows}
    cause = teller.look(found, at, settings, busy=busy, here=here)
    return cause.text if cause else ""


def test_each_cause_is_told_once_after_a_moment_and_what_comes_with_it_in_the_same_line():
    teller = Teller()
    assert [told(teller, at, "a", "b") for at in (0.0, 1.0, LASTS_S, 3.0, 100.0)] == [
        "", "", "a (and 1 more)", "", "",
    ]  # fmt: skip


def test_calls_keep_their_distance_and_nothing_is_lost_meanwhile():
    teller = Teller()
    told(teller, 0.0, "a")
    assert told(teller, 2.0, "a") == "a"
    assert [told(teller, at, "a", "b") for at in (3.0, 10.0, 31.0, 32.0)] == ["", "", "", "b"]


def test_a_flicker_is_no_cause_and_a_quick_return_no_new_one():
    teller = Teller()
    assert [told(teller, at, *rows) for at, rows in ((0, "a"), (1, ""), (2, "a"), (3, "a"))] == [
        ""
    ] * 4
    assert told(teller, 4, "a") == "a"
    assert [told(teller, at, *rows) for at, rows in ((5, ""), (40, "a"), (60, "a"))] == [""] * 3
    assert [told(teller, at, *rows) for at, rows in ((61, ""), (130, "a"), (132, "a"))] == [
        "",
        "",
        "a",
    ]


def test_a_person_at_the_screen_is_not_called_until_they_leave():
    teller = Teller()
    assert [told(teller, at, "a", here=True) for at in (0.0, 5.0, 50.0)] == [""] * 3
    assert told(teller, 51.0, "a") == "a"


def test_what_was_told_is_not_told_again_by_the_next_controller():
    first = Teller()
    told(first, 0.0, "a"), told(first, 2.0, "a")
    then = Teller(first.told)
    assert [told(then, at, "a", "b") for at in (0.0, 5.0)] == ["", "b"]


def test_what_is_not_wanted_is_not_told():
    teller, quiet = Teller(), Notify(on=["error"])
    assert [told(teller, at, "a", settings=quiet) for at in (0.0, 5.0)] == ["", ""]


def test_all_done_is_told_when_something_was_done_and_nobody_waits():
    teller = Teller()
    assert [told(teller, at, busy=False) for at in (0.0, 9.0)] == ["", ""]
    told(teller, 10.0)
    assert [told(teller, at, *rows, busy=False) for at, rows in ((11, "a"), (13, "a"))] == ["", "a"]
    done = [told(teller, at, busy=False) for at in (14, 15, 44, 46, 200)]
    assert [bool(one) for one in done] == [False, False, True, False, False]


def test_causes_are_read_from_the_feed_in_plain_lines():
    tables = {
        "town": {"town": {"resume_held": ["a", "b"], "problems": ["disk\x1b[31m full"]}},
        "agents": {
            "r/polecats/nux": ASKS,
            "r/polecats/slit": {"name": "slit", "needs": "error", "evidence": "exit 1"},
            "r/polecats/max": {"name": "max", "needs": "limit", "entry": "claude"},
            "r/polecats/ace": {"name": "ace", "needs": "limit", "entry": "claude"},
            "r/polecats/dag": {"name": "dag", "state": "paused", "needs": "question"},
        },
        "rigs": {"r": {"held": "main is red"}},
        "mq": {
            "m1": {"state": "rejected", "bead": "r-1", "why": "gates"},
            "m2": {"state": "review", "bead": "r-2"},
            "m3": {"state": "landed"},
        },
        "events": {
            "e1": {"kind": "escalated", "at": 990.0, "text": "crash loop", "target": "r-1"},
            "e2": {"kind": "escalated", "at": 1.0, "text": "long ago"},
        },
    }
    found = causes(tables, 1000.0).values()
    assert sorted(one.kind for one in found) == [
        "error", "escalated", "limit", "problem", "queue", "rejected", "review", "waits", "waits",
    ]  # fmt: skip
    assert "nux asks for permission: Bash rm" in {one.text for one in found}
    assert all(one.text.isprintable() for one in found)
    assert is_busy({"beads": {"b": {"slung": True, "ready": True}}})
    assert not is_busy(tables)
