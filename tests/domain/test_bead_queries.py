"""Filters, orders, times, doubles, figures, routes and the words of a history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gastown_tui.domain import bead_filters, bead_history, queries, routes
from gastown_tui.domain.bead import Bead, Comment, Dependency, timestamp
from gastown_tui.domain.bead_filters import BeadFilter, Span, moment, ordered, priorities
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.operations import AddLabel, Create, Entry, Outside, SetField

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def ago(**length):
    return timestamp(NOW - timedelta(**length))


def edge(target, kind="blocks"):
    return Dependency(depends_on_id=target, type=kind)


BEAD = Bead(
    id="x-a1",
    title="Fix the Login",
    description="of users",
    notes="seen twice",
    labels=("ui", "urgent"),
    assignee="nux",
    priority=1,
    issue_type="bug",
    created_at=ago(days=10),
    updated_at=ago(days=2),
    metadata={"size": 3},
    dependencies=(edge("x-e", "parent-child"),),
    comments=(Comment(text="Second LOOK"),),
)


@pytest.mark.parametrize(
    ("wanted", "admits"),
    [
        (BeadFilter(), True),
        (BeadFilter(status=("closed",)), False),
        (BeadFilter(types=("task", "bug")), True),
        (BeadFilter(other_types=("bug",)), False),
        (BeadFilter(labels=("ui", "urgent")), True),
        (BeadFilter(labels=("ui", "db")), False),
        (BeadFilter(any_labels=("db", "ui")), True),
        (BeadFilter(any_labels=("db",)), False),
        (BeadFilter(other_labels=("ui",)), False),
        (BeadFilter(assignee=""), False),
        (BeadFilter(assignee="nux"), True),
        (BeadFilter(priorities=priorities("P0-P1")), True),
        (BeadFilter(priorities=priorities("2,3")), False),
        (BeadFilter(texts=("login", "second look")), True),
        (BeadFilter(texts=("login", "nowhere")), False),
        (BeadFilter(in_title="LOGIN", in_notes="twice"), True),
        (BeadFilter(in_description="login"), False),
        (BeadFilter(created=Span(after=moment("11d", NOW).timestamp())), True),
        (BeadFilter(created=Span(after=moment("9d", NOW).timestamp())), False),
        (BeadFilter(updated=Span(before=moment("1d", NOW).timestamp())), True),
        (BeadFilter(closed=Span(before=NOW.timestamp())), False),
        (BeadFilter(is_top=True), False),
        (BeadFilter(metadata=(("size", "3"),)), True),
        (BeadFilter(metadata=(("colour", None),)), False),
        (BeadFilter(ids=frozenset({"x-b"})), False),
        (BeadFilter(mol_type="swarm"), False),
    ],
)
def test_filters(wanted, admits):
    assert wanted.admits(BEAD) == admits


@pytest.mark.parametrize(
    ("text", "ahead", "found"),
    [
        ("7d", False, NOW - timedelta(days=7)),
        ("7d", True, NOW + timedelta(days=7)),
        ("-36h", True, NOW - timedelta(hours=36)),
        ("+2w", False, NOW + timedelta(weeks=2)),
        ("90min", False, NOW - timedelta(minutes=90)),
        ("3 days", False, NOW - timedelta(days=3)),
        ("1mo", False, NOW - timedelta(days=30)),
        ("tomorrow", False, datetime(2026, 3, 11, tzinfo=UTC)),
        ("2026-01-31", False, datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", False, datetime(2026, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_times(text, ahead, found):
    assert moment(text, NOW, ahead=ahead) == found


def test_a_date_is_meant_in_the_zone_of_now():
    zone = timezone(timedelta(hours=2))
    assert moment("2026-01-31", NOW.astimezone(zone)).tzinfo == zone


@pytest.mark.parametrize("text", ["", "soon", "7", "d", "999999y", "-", "2026-13-01"])
def test_what_is_no_time(text):
    with pytest.raises(BadInput):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["", "5", "P9", "3-1", "0--1", "x"])
def test_what_is_no_priority(text):
    with pytest.raises(BadInput):
        priorities(text)


def test_orders():
    beads = [
        Bead(id="x-10", priority=1, created_at=ago(days=1), title="b", assignee="z"),
        Bead(id="x-9", priority=1, created_at=ago(days=1), title="c"),
        Bead(id="x-1", priority=0, created_at=ago(days=0), title="a", assignee="y"),
    ]

    def order(sort, **how):
        return [bead.id for bead in ordered(beads, sort, **how)]

    assert order("priority") == ["x-1", "x-9", "x-10"]
    assert order("oldest")[-1] == "x-1"
    assert order("priority", reverse=True) == ["x-10", "x-9", "x-1"]
    assert order("created") == ["x-1", "x-9", "x-10"]
    assert order("id") == ["x-1", "x-9", "x-10"]
    assert order("title") == ["x-1", "x-10", "x-9"]
    assert order("assignee") == ["x-1", "x-10", "x-9"], "nobody's last"
    assert set(bead_filters.SORTS) >= {"updated", "closed", "status", "type"}
    with pytest.raises(BadInput):
        order("colour")


def test_stale_is_what_nobody_has_touched():
    beads = [
        Bead(id="old", updated_at=ago(days=40)),
        Bead(id="older", updated_at=ago(days=50), status="in_progress"),
        Bead(id="new", updated_at=ago(days=29)),
        Bead(id="shut", updated_at=ago(days=99), status="closed"),
        Bead(id="wisp", updated_at=ago(days=99), ephemeral=True),
    ]
    assert [bead.id for bead in queries.stale(beads, NOW.timestamp())] == ["older", "old"]


def test_doubles_say_the_same_and_the_most_wanted_one_stays():
    beads = [
        Bead(id="a", title="Same", description="x  y", created_at=ago(days=3)),
        Bead(id="b", title="Same", description="x y", created_at=ago(days=1)),
        Bead(id="c", title="Same", description="x y", status="closed"),
        Bead(id="d", title="Same", description="x y", issue_type="bug"),
        Bead(id="e", title="Same", description="x y", dependencies=(edge("m1", "parent-child"),)),
        Bead(id="f", title="Same", description="x y", dependencies=(edge("m2", "parent-child"),)),
        Bead(id="g", dependencies=(edge("b"),)),
    ]
    (double,) = queries.duplicates(beads)
    assert (double.kept.id, [one.id for one in double.others]) == ("b", ["a"])


def test_search_shows_titles_first():
    beads = [
        Bead(id="x-1", title="Other", description="login", updated_at=ago(days=0)),
        Bead(id="x-2", title="login", status="closed", updated_at=ago(days=0)),
        Bead(id="x-3", title="Login page", updated_at=ago(days=9)),
    ]
    assert [bead.id for bead in queries.search(beads, "login")] == ["x-3", "x-2", "x-1"]


def test_figures():
    beads = [
        Bead(id="e", issue_type="epic"),
        Bead(
            id="c",
            status="closed",
            created_at=ago(hours=3),
            closed_at=ago(hours=1),
            dependencies=(edge("e", "parent-child"),),
        ),
        Bead(id="a", dependencies=(edge("b"),)),
        Bead(id="b", status="in_progress"),
    ]
    found = queries.stats(beads, ready=1, blocked=1)
    assert found["total_issues"] == 4
    assert found["blocked_issues"] == 1
    assert found["epics_eligible_for_closure"] == 1
    assert found["average_lead_time_hours"] == 2.0
    assert queries.counted(beads, "status") == [("closed", 1), ("in_progress", 1), ("open", 2)]
    assert dict(queries.counted(beads, "assignee")) == {"(nobody)": 4}


def test_routes_choose_the_longest_prefix_and_never_leave_the_folder():
    text = "\n".join(
        [
            "# of this town",
            '{"prefix":"my-","path":"mine"}',
            '{"prefix":"my-app-","path":"app/rig"}',
            '{"prefix":"hq","path":"."}',
            '{"prefix":"up-","path":"../other"}',
            '{"prefix":"abs-","path":"/etc"}',
            '{"prefix":"home-","path":"~root"}',
            '{"prefix":"nul-","path":"a\\u0000b"}',
            '{"prefix":"no","path":7}',
            "not json",
            "[]",
        ]
    )
    known = routes.read_routes(text)
    assert [route.prefix for route in known] == ["my", "my-app", "hq"]
    paths = {
        bead: getattr(routes.route_of(bead, known), "path", None)
        for bead in ("my-a1", "my-app-a1", "my-application", "hq-cv-abc", "other-1", "my")
    }
    assert paths == {
        "my-a1": "mine",
        "my-app-a1": "app/rig",
        "my-application": "mine",
        "hq-cv-abc": ".",
        "other-1": None,
        "my": None,
    }


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (Create({"title": "New\nthing"}), "created: New thing"),
        (SetField("x", "priority", 0), "priority: 0"),
        (SetField("x", "assignee", ""), "cleared assignee"),
        (AddLabel("x", "l"), "label + l"),
        (Outside("x", ("title",)), "changed in the file by another program: title"),
    ],
)
def test_history_in_words(operation, said):
    entry = Entry(change=3, at="t", actor="nux", operation=operation)
    assert bead_history.words(entry) == said
    found = bead_history.row(entry)
    assert (found["change"], found["actor"], found["text"]) == (3, "nux", said)
    assert found["operation"]["op"] == type(operation).__name__
