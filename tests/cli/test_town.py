"""Verbs of the town while nobody serves it: each says what to do, none loses a request."""

import pytest

from gastown_tui.roots.town import town_store


@pytest.mark.parametrize(
    "verb",
    [
        ("status",),
        ("agents",),
        ("events",),
        ("mq", "list"),
        ("convoy", "list"),
        ("mq", "diff", "x"),
    ],
)
def test_without_a_controller_the_way_out_is_named(quiet_town, refused, verb):
    assert refused(*verb) == "the controller is not running: start it with `gastown up`"


def test_a_request_is_kept_for_the_next_controller(quiet_town, refused):
    assert refused("kill", "nux").startswith("queued: the controller is not running")
    store = town_store(quiet_town)
    kept = [one for one in store.list(include_wisps=True) if one.event_kind == "request.kill"]
    store.close()
    assert [(one.target, one.actor, one.status) for one in kept] == [("nux", "overseer", "open")]


def test_down_of_a_town_that_does_not_run_asks_for_nothing(quiet_town, ok):
    assert ok("down") == "The town was not running."
    store = town_store(quiet_town)
    assert [one for one in store.list(include_wisps=True) if one.issue_type == "event"] == []
    store.close()


def test_a_controller_that_cannot_start_says_why(quiet_town, refused):
    path = quiet_town / "town.toml"
    path.write_text(f"agnt = 1\n{path.read_text()}")
    for verb in (("status",), ("agents",), ("up",), ("nudge", "x", "y")):
        assert "did you mean agent?" in refused(*verb)
