"""Gates: what opens them, what calls the overseer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.bead_gates import (
    ESCALATES,
    OPENS,
    WAITS,
    Answer,
    Message,
    Seen,
    held_by,
    judge,
    length,
    named_run,
    probe_of,
)

MADE = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
HOUR = 3600 * 10**9


def gate(kind: str, **fields: Any) -> Bead:
    given = {"created_at": "2026-01-01T00:00:00Z", "title": "Gate: x", **fields}
    return Bead(id="g-1", issue_type="gate", await_type=kind, **given)


def action(found: Bead, after_s: float = 60, **seen: Any) -> str:
    return judge(found, Seen(now=MADE + after_s, **seen)).action


def test_a_person_opens_a_human_gate_and_is_called_when_it_is_overdue() -> None:
    assert action(gate("human")) == action(gate("human"), 10**9) == WAITS
    assert action(gate("human", timeout=HOUR)) == WAITS
    late = judge(gate("human", timeout=HOUR), Seen(now=MADE + 3600 + 90))
    assert (late.action, late.why) == (ESCALATES, "overdue by 1m30s: a person decides: Gate: x")


def test_a_timer_opens_when_its_time_has_passed_and_not_before() -> None:
    assert action(gate("timer", timeout=HOUR), 3599.9) == WAITS
    assert action(gate("timer", timeout=HOUR), 3600) == OPENS
    assert action(gate("timer")) == ESCALATES
    assert action(gate("timer", timeout=HOUR, created_at="soon")) == ESCALATES


@pytest.mark.parametrize("name", ["a-7", "other:a-7"])
def test_a_bead_gate_opens_when_the_bead_is_closed(name: str) -> None:
    waiting = gate("bead", await_id=name)
    assert action(waiting, status={"a-7": "open"}) == WAITS
    assert action(waiting, status={"a-7": "closed"}) == OPENS
    assert action(waiting, status={"a-7": "tombstone"}) == action(waiting) == ESCALATES


def test_a_mail_gate_opens_by_a_letter_that_came_after_it() -> None:
    def letter(**fields: Any) -> Message:
        given = {"to": "mayor", "sender": "bob", "subject": "Go on", "sent": MADE + 1, **fields}
        return Message(**given)

    asked = gate("mail", await_id="go ON", waiters=("mayor",))
    assert action(asked) == WAITS
    assert action(asked, messages=[letter()]) == OPENS
    assert action(asked, messages=[letter(sent=MADE - 1)]) == WAITS
    assert action(asked, messages=[letter(to="crew")]) == WAITS
    assert action(asked, messages=[letter(subject="No")]) == WAITS
    assert action(gate("mail", await_id="bob"), messages=[letter(subject="No")]) == OPENS


def test_a_run_opens_by_success_and_calls_by_anything_else() -> None:
    run = gate("gh:run", await_id="ci.yml")

    def answer(**fields: str) -> dict[tuple[str, str], Answer]:
        return {("gh:run", "ci.yml"): Answer(**fields)}

    assert action(run) == action(run, answers=answer(state="in_progress")) == WAITS
    assert action(run, answers=answer(problem="gh is not installed")) == WAITS
    assert action(run, answers=answer(state="completed", conclusion="success")) == OPENS
    assert action(run, answers=answer(state="completed", conclusion="skipped")) == OPENS
    assert action(run, answers=answer(state="completed", conclusion="failure")) == ESCALATES
    assert action(run, answers=answer(state="completed")) == ESCALATES
    (fixed,) = named_run(run, Answer(state="queued", number="991"))
    assert (fixed.field, fixed.value) == ("await_id", "991")  # type: ignore[union-attr]
    assert named_run(gate("gh:run", await_id="991"), Answer(number="991")) == []


def test_a_pull_request_opens_when_merged_and_calls_when_closed() -> None:
    request = gate("gh:pr", await_id="12", timeout=HOUR)
    for state, wanted in (("OPEN", WAITS), ("MERGED", OPENS), ("CLOSED", ESCALATES)):
        assert action(request, answers={("gh:pr", "12"): Answer(state=state)}) == wanted
    assert action(request, 3601, answers={("gh:pr", "12"): Answer(state="OPEN")}) == ESCALATES


def test_only_what_github_knows_is_asked_of_it() -> None:
    assert probe_of(gate("human")) is None
    assert probe_of(gate("gh:pr")) is None
    found = probe_of(gate("gh:pr", await_id="12"))
    assert found is not None
    assert (found.kind, found.name) == ("gh:pr", "12")


def test_a_kind_that_nobody_knows_is_said() -> None:
    assert action(gate("moon")) == ESCALATES
    assert action(gate("")) == WAITS


def test_who_waits_for_a_gate() -> None:
    step = Bead(id="s", dependencies=(Dependency(issue_id="s", depends_on_id="g-1"),))
    child = Bead(
        id="c", dependencies=(Dependency(issue_id="c", depends_on_id="g-1", type="related"),)
    )
    assert held_by("g-1", [step, child]) == ["s"]


def test_lengths_for_people() -> None:
    assert [length(n) for n in (0, 59, 3600, 90_061)] == ["0s", "59s", "1h", "1d1h"]
