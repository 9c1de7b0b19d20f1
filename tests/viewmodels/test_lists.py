"""Agents, queue, convoys, events, tree and strip as expected text."""

from __future__ import annotations

import pytest

from gastown_tui.viewmodels import states
from gastown_tui.viewmodels.agents import (
    agent_line,
    agent_order,
    agent_why,
    card_lines,
    matches,
    needy,
    title_line,
)
from gastown_tui.viewmodels.hints import hint_line
from gastown_tui.viewmodels.match import score
from gastown_tui.viewmodels.queue import (
    convoy_line,
    convoy_order,
    event_order,
    request_line,
    request_order,
    request_why,
)
from gastown_tui.viewmodels.strip import TownFacts, strip_line
from gastown_tui.viewmodels.text import cells, line_cells, line_text
from gastown_tui.viewmodels.waiting import all_waiting, next_waiting

NOW = 1_800_000_000.0
AGENTS = {
    "r/polecats/nux": {"name": "nux", "rig": "r", "role": "polecat", "state": "waiting", "needs": "permission",
                       "needs_since": NOW - 240, "question": "run\ntests?", "bead": "r-1", "bead_title": "Fix it"},
    "r/polecats/ace": {"name": "ace", "rig": "r", "role": "polecat", "state": "working", "since": NOW - 12, "bead_title": "Edit auth"},
    "r/crew/max": {"name": "max", "rig": "r", "role": "crew", "state": "stopped", "wanted_by": "overseer", "wanted_why": "lunch"},
    "mayor": {"name": "mayor", "role": "mayor", "state": "idle"},
    "r/polecats/slit": {"name": "slit", "rig": "r", "state": "waiting", "needs": "question", "needs_since": NOW - 999},
    "r/polecats/dag": {"name": "dag", "rig": "r", "state": "waiting", "needs": "permission", "needs_since": NOW - 600},
}  # fmt: skip


@pytest.mark.parametrize("table", [states.AGENT, states.NEED, states.QUEUE, states.BEAD])
def test_states_are_told_apart_without_colour(table):
    marks = list(table.values())
    assert all(cells(mark.glyph) == 1 and len(mark.letter) == 1 for mark in marks)
    assert len({mark.letter for mark in marks}) == len(marks)


def test_the_legend_tells_every_letter_once():
    text = " ".join(map(line_text, states.legend()))
    for part in ("● W working", "◆ P permission", "? Q question", "◈ D dialog", "↑ M handed in"):
        assert part in text
    assert " waiting " not in text
    assert all(line_cells(line) <= 66 for line in states.legend())


def test_who_needs_the_overseer_permission_first_then_the_longest_wait():
    assert needy(AGENTS) == ("r/polecats/dag", "r/polecats/nux", "r/polecats/slit")


def test_dialogs_and_words_nobody_knows_reach_the_strip():
    agents = {
        "trust": {"name": "trust", "state": "waiting", "needs": "dialog", "needs_since": NOW - 5},
        "new": {"name": "new", "state": "waiting", "needs": "blessing", "needs_since": NOW - 5},
        "broken": {"name": "broken", "state": "error", "needs": "error", "needs_since": NOW - 99},
    }
    assert needy(agents) == ("new", "trust", "broken")
    strip = line_text(strip_line(TownFacts(town={}, agents=agents, queue={}), 160, NOW))
    assert "3 need you   ASK new 5s  DIALOG trust 5s  ERR broken 99s" in strip
    assert states.agent_mark(agents["trust"]).word == "DIALOG"


REVIEWED = {
    "late": {"state": "review", "since": NOW - 10},
    "tests": {"state": "testing", "since": NOW - 999},
    "no": {"state": "rejected", "since": NOW - 500},
    "early": {"state": "review", "since": NOW - 90},
}


def test_what_waits_goes_round_agents_before_changes():
    waiting = all_waiting(AGENTS, REVIEWED)
    assert waiting == (
        *(("agents", key) for key in needy(AGENTS)),
        ("queue", "early"),
        ("queue", "late"),
        ("queue", "no"),
    )
    assert next_waiting(waiting, ("agents", "mayor"), 1) == waiting[0]
    assert next_waiting(waiting, waiting[2], 1) == ("queue", "early")
    assert next_waiting(waiting, ("queue", "no"), 1) == waiting[0]
    assert next_waiting(waiting, waiting[0], -1) == ("queue", "no")
    assert next_waiting((), ("agents", ""), 1) is None


@pytest.mark.parametrize(
    ("width", "agents", "shown"),
    [
        (160, {}, "REVIEW 2  REJECTED 1 "),
        (160, AGENTS, "ASK slit 16m  REVIEW 2  REJECTED 1 "),
        (60, {}, "◆2 ✗1 "),
    ],
)
def test_changes_that_wait_stand_in_the_strip(width, agents, shown):
    facts = TownFacts(town={"name": "t"}, agents=agents, queue=REVIEWED)
    line = strip_line(facts, width, NOW)
    assert shown in line_text(line)
    assert line_cells(line) == width


def test_agents_stand_by_place_not_by_state():
    assert agent_order(AGENTS)[:3] == ("mayor", "r/crew/max", "r/polecats/ace")


def test_agent_line():
    line = agent_line("r/polecats/nux", AGENTS["r/polecats/nux"], 34, NOW)
    assert line_text(line) == " ◆ P nux       run tests?      4m "
    line = agent_line("r/polecats/ace", AGENTS["r/polecats/ace"], 34, NOW, marked=True)
    assert line_text(line) == "▪● W ace       Edit auth      12s "


def test_a_stopped_agent_says_who_stopped_it():
    assert agent_why(AGENTS["r/crew/max"]) == "stopped by you: lunch"


def test_title_and_card():
    row = AGENTS["r/polecats/nux"]
    assert line_text(title_line("k", row, 40, NOW)) == " ◆ P nux  r-1 Fix it            PERM 4m "
    assert "PANE" in line_text(title_line("k", row, 60, NOW, "PANE · ctrl+q leaves"))
    assert line_text(card_lines("k", row, 20, NOW, "x")[1]).strip() == "run tests?"


def test_filter_takes_every_word():
    assert matches("r/polecats/nux", AGENTS["r/polecats/nux"], "NUX perm")
    assert not matches("r/polecats/nux", AGENTS["r/polecats/nux"], "nux idle")


def test_strip_is_calm_when_nobody_waits():
    calm = TownFacts(town={"name": "t"}, agents={"m": {"state": "working"}}, queue={})
    assert line_text(strip_line(calm, 40, NOW)) == " t   ● 1W                          mq 0 "


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_strip_names_the_most_urgent_and_fills_the_line(width):
    facts = TownFacts(
        town={"name": "t", "wanted": "paused"}, agents=AGENTS, queue={"m": {"state": "held"}},
        down=("as of 12:00, controller down",),
    )  # fmt: skip
    line = strip_line(facts, width, NOW)
    assert line_cells(line) == width
    if width == 200:
        assert "⚠ 3 need you" in line_text(line)
        assert line_text(line).index("dag 10m") < line_text(line).index("nux 4m")
        assert "paused" in line_text(line)
        assert "controller down" in line_text(line)


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_frozen_town_is_one_alarm_over_the_whole_line(width):
    facts = TownFacts(
        town={"name": "t", "wanted": "estop"}, agents=AGENTS, queue={}, down=("controller down",)
    )
    line = strip_line(facts, width, NOW)
    assert line_cells(line) == width
    assert [role for _, role in line] == ["alert"]
    assert "FROZEN: U" in line_text(line)
    assert "controller down" in line_text(line) or width < 80


QUEUE = {
    "a": {"state": "landed", "since": NOW - 5, "title": "Old"},
    "b": {"state": "testing", "position": 2, "since": NOW - 41, "title": "Second", "gate": "running"},
    "c": {"state": "failed", "position": 1, "since": NOW - 60, "title": "First", "why": "test_x failed", "plus": 3, "minus": 1},
}  # fmt: skip


def test_queue_in_landing_order_with_phase_and_reason():
    assert request_order(QUEUE) == ("c", "b", "a")
    assert line_text(request_line("c", QUEUE["c"], 50, NOW)) == (
        "  1 ✗ failed    First test_x failed           60s "
    )
    wide = line_text(request_line("c", QUEUE["c"], 100, NOW))
    assert "test_x failed" in wide
    assert "+3" in wide
    assert cells(wide) == 100


def test_convoy_with_progress():
    row = {"title": "Ship", "closed": 4, "total": 6, "working": 2, "stuck": 1, "oldest": NOW - 2460}
    text = line_text(convoy_line("cv", row, 70, NOW))
    assert text.startswith(" ━━━━━━━╌╌╌   4/6  Ship")
    assert text.rstrip().endswith("2 working 1 stuck oldest 41m")
    assert convoy_order({"x": {"total": 1, "closed": 1}, "y": {"total": 2, "closed": 1}}) == (
        "y",
        "x",
    )


def test_events_latest_first():
    assert event_order({"a": {"at": 1.0}, "b": {"at": 2.0}, "c": {}}) == ("b", "a", "c")


def test_hints_end_before_the_width():
    assert (
        line_text(hint_line("NAV", [("n", "nudge"), ("q", "quit")], 30)).rstrip()
        == " NAV   n nudge   q quit"
    )
    assert "quit" not in line_text(hint_line("NAV", [("n", "nudge"), ("q", "quit")], 20))


def test_words_score_over_letters():
    assert score("kill", "Kill the agent") > score("kill", "Skill") > score("kl", "Skill") > 0
    assert score("zzz", "Kill") == 0


def test_a_convoy_says_when_it_does_not_move():
    row = {"title": "Money", "closed": 1, "total": 3, "working": 0, "stuck": 0, "oldest": 0.0}
    stranded = row | {"state": "stranded", "why": "gt-1 waits for gt-2"}
    assert "stranded: gt-1 waits" in line_text(convoy_line("c", stranded, 80, NOW))
    assert "stranded: " not in line_text(convoy_line("c", stranded, 40, NOW))
    assert "staged" in line_text(convoy_line("c", row | {"state": "staged"}, 80, NOW))
    assert all(
        line_cells(convoy_line("c", stranded, width, NOW)) == width for width in (30, 64, 120)
    )


def test_an_attempt_after_the_first_is_told_everywhere():
    row = {"title": "Retry", "state": "review", "reds": 1, "attempts": 3, "agent": "r/nux"}
    for width in (40, 80, 120):
        assert "2/3" in line_text(request_line("mr-1", row, width, NOW))
        assert "2/3" in line_text(title_line("r/nux", row, width, NOW))
    assert "attempt 2 of 3" in "".join(
        line_text(line) for line in card_lines("a", row, 80, NOW, "")
    )
    facts = TownFacts(town={"name": "t"}, agents={}, queue={"mr-1": row})
    assert "REVIEW 1 attempt 2/3" in line_text(strip_line(facts, 120, NOW))
    first = row | {"reds": 0}
    assert "/3" not in line_text(request_line("mr-1", first, 80, NOW))
    last = row | {"reds": 3, "state": "rejected"}
    assert "3/3" in line_text(request_line("mr-1", last, 80, NOW))


@pytest.mark.parametrize(("agents", "said"), [(0, "0 agents"), (1, "1 agent "), (2, "2 agents")])
def test_strip_counts_agents_in_words(agents, said):
    rows = dict(list(AGENTS.items())[:agents])
    assert said in line_text(strip_line(TownFacts(town={}, agents=rows, queue={}), 120, NOW))


def test_a_request_says_what_was_left_out_and_how_long_its_gates_may_take():
    row = {"state": "testing", "gate": "running", "gate_limit_s": 1800.0}
    assert request_why(row) == "gate running, 30m at most"
    row = {
        "state": "review",
        "gate": "passed",
        "left_out": [".env\u202e (a secret)", "big (5 MB)"],
    }
    assert request_why(row) == "not committed: .env (a secret) and 1 more"
    row = {"state": "held", "why": "held by you", "left_out": ["big (over 5 MB)"]}
    assert request_why(row) == "held by you; not committed: big (over 5 MB)"
