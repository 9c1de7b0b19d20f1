"""What `up`, `status`, `events` and `agents` say, over tables of a controller."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from gastown_tui.cli import town as verbs
from gastown_tui.cli.setup import make_town


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Runs a verb over a sequence of tables, the last of which stays."""
    town = make_town(tmp_path / "town", "town")
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    monkeypatch.setattr(verbs, "start_town", lambda _town, *, resume: None)

    def call(verb, *arguments, held=([],), agents=(), kinds=()):
        left = list(held)

        def tables(_town):
            waiting = left.pop(0) if len(left) > 1 else left[0]
            row = {"name": "town", "wanted": "up", "problems": [], "resume_held": waiting}
            events = {
                str(at): {"at": at, "kind": kind, "actor": "a", "text": f"text {at}"}
                for at, kind in enumerate(kinds)
            }
            return {
                "town": {"town": row}, "rigs": {}, "beads": {}, "mq": {}, "convoys": {}, "events": events,
                "agents": {name: agent(name) for name in agents},
            }  # fmt: skip

        monkeypatch.setattr(verbs, "tables", tables)
        monkeypatch.setattr(verbs, "known_tables", tables)
        result = CliRunner().invoke(verb, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def agent(name):
    return {
        "session": name, "state": "paused", "needs": "question", "question": "Go on?", "bead": "",
    }  # fmt: skip


def test_up_says_who_waits_in_the_right_number(said):
    assert "1 agent could go on;" in said(verbs.up, held=(["a"],))
    assert "2 agents could go on;" in said(verbs.up, held=(["a", "b"],))
    assert "could go on" not in said(verbs.up)


def test_up_that_resumes_all_waits_until_they_go_on(said):
    assert "could go on" not in said(verbs.up, "--resume", "all", held=(["a"], ["a"], []))


def test_status_names_once_who_waits_for_a_word(said):
    text = said(verbs.status, held=(["r/polecats/a"],), agents=("r/polecats/a", "r/polecats/b"))
    assert text.count("r/polecats/a") == 1
    assert "1 agent waits for your word: r/polecats/a" in text
    assert "needs you: r/polecats/b: question: Go on?" in text


def test_events_are_shown_without_the_requests_behind_them(said):
    kinds = ("slung", "request.approve", "landed")
    assert re.findall(r"text \d", said(verbs.events, "-n", "2", kinds=kinds)) == [
        "text 0",
        "text 2",
    ]
    assert "request.approve" in said(verbs.events, "--all", kinds=kinds)


def test_the_catalogue_is_in_order(said):
    names = [line.split()[0] for line in said(verbs.agents, "--catalogue").splitlines()[1:]]
    assert names == sorted(names)
    assert "claude" in names
