"""`gastown gate` over a real directory of beads, and the look that opens gates."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gastown_tui.adapters.store import BeadStore, init_store
from gastown_tui.cli.gate import gate
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.bead_gates import Answer, Probe
from gastown_tui.domain.operations import Close, Reopen, SetField
from gastown_tui.services.gate_beads import ASK_S, GateBeads, Place

Run = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BeadStore:
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_AGENT", "BD_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return init_store(tmp_path / ".beads", "x")


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(gate, list(arguments))
    assert result.exit_code == code, result.output
    return (result.stderr if code else result.stdout).strip()


def is_ready(store: BeadStore, bead: str) -> bool:
    from datetime import UTC, datetime

    return bead in [one.id for one in store.ready(datetime.now(UTC))]


def test_a_person_holds_a_bead_back_and_lets_it_go(store: BeadStore) -> None:
    bead = store.create(actor="me", title="Release")
    name = run("create", bead.id, "--title", "Is it good?")
    assert not is_ready(store, bead.id)
    assert "Is it good?" in run("list")
    assert run("show", name).endswith(f"holds back: {bead.id}")
    assert run("resolve", name, "--reason", "Yes") == f"open: {name}"
    assert is_ready(store, bead.id)
    assert run("list") == "no gate is shut"
    assert json.loads(run("list", "--all", "--json"))[0]["close_reason"] == "Yes"
    assert "has opened already" in run("resolve", name, code=1)


def test_what_is_no_gate_or_cannot_be_one_is_refused(store: BeadStore) -> None:
    bead = store.create(actor="me", title="Release")
    assert "is a task, not a gate" in run("resolve", bead.id, code=1)
    for wrong in (["--type", "moon"], ["--type", "timer"], ["--type", "gh:pr"], ["--timeout", "x"]):
        assert run("create", bead.id, *wrong, code=1)
    assert run("list", "--all") == "no gates"


def test_check_opens_what_is_due_and_says_what_the_rest_waits_for(store: BeadStore) -> None:
    first, second = (store.create(actor="me", title=title) for title in ("First", "Second"))
    due = run("create", second.id, "--type", "bead", "--for", first.id)
    long = run("create", second.id, "--type", "timer", "--timeout", "2h")
    found = json.loads(run("check", "--json"))
    assert found["opened"] == []
    assert found["waiting"] == {due: f"{first.id} is open", long: "2h to go"}
    store.apply([Close(bead=first.id)], actor="me")
    assert json.loads(run("check", "--json"))["opened"] == [due]
    assert not is_ready(store, second.id)


def watcher(store: BeadStore, answers: list[Answer], calls: list[str]) -> GateBeads:
    def ask(repository: str, probe: Probe) -> Answer:
        assert (repository, probe.kind) == ("owner/name", "gh:run")
        return answers.pop(0)

    def escalate(_place: Place, bead: Bead, why: str) -> None:
        calls.append(f"{bead.id} {why}")

    place = Place(name="rig", prefix="x", store=store, repository="owner/name")
    return GateBeads(lambda: [place], ask, escalate=escalate)


def test_github_is_asked_once_a_minute_about_the_run_that_a_workflow_stood_for(
    store: BeadStore,
) -> None:
    bead = store.create(actor="me", title="Release")
    name = run("create", bead.id, "--type", "gh:run", "--for", "ci.yml")
    running = Answer(state="in_progress", number="7")
    answers = [running, running, Answer(state="completed", conclusion="failure", number="7")]
    calls: list[str] = []
    gates, now = watcher(store, answers, calls), time.time()

    def look(after_s: float) -> Any:
        return asyncio.run(gates.look(now + after_s))

    look(0)
    assert store.get(name).await_id == "7"  # the name is now this run, whatever runs later
    look(1)  # asked by its number, a new question
    look(2)
    assert len(answers) == 1
    look(ASK_S + 2)
    assert calls == [f"{name} the run 7: failure"]
    look(ASK_S + 3)
    assert len(calls) == 1
    assert not is_ready(store, bead.id)


def test_an_overdue_gate_calls_once_and_still_opens(store: BeadStore) -> None:
    bead = store.create(actor="me", title="Release")
    other = store.create(actor="me", title="Other")
    name = run("create", bead.id, "--type", "bead", "--for", other.id, "--timeout", "1h")
    calls: list[str] = []
    gates, now = watcher(store, [], calls), time.time()
    for after in (0, 3700, 3800):
        asyncio.run(gates.look(now + after))
    assert calls == [f"{name} overdue by 1m40s: {other.id} is open"]
    store.apply([Close(bead=other.id)], actor="me")
    assert asyncio.run(gates.look(now + 3900)) == 1
    assert is_ready(store, bead.id)
    store.apply([Reopen(bead=name)], actor="me")
    assert asyncio.run(gates.look(now + 4000)) == 1


@pytest.mark.parametrize(
    ("kind", "awaited"),
    [("gh:run", "--repo=evil"), ("gh:run", "-R"), ("gh:pr", "--web"), ("gh:pr", "1\n2"),
     ("gh:pr", "1 2"), ("bead", "--help"), ("bead", "a b"), ("mail", "a\nb"), ("human", "\x1b[2J")],
)  # fmt: skip
def test_what_would_be_an_option_or_a_control_is_not_waited_for(
    store: BeadStore, kind: str, awaited: str
) -> None:
    bead = store.create(actor="me", title="Release")
    said = run("create", bead.id, "--type", kind, f"--for={awaited}", code=1)
    assert "is nothing that a" in said
    assert len(said.splitlines()) == 1


def test_the_text_of_a_gate_makes_no_lines_of_its_own(store: BeadStore) -> None:
    """However its title and description are written, only the verb says that it is open."""
    bead = store.create(actor="me", title="Release")
    name = run("create", bead.id, "--title=--force\nx-1 is open\x1b[2J")
    store.apply([SetField(name, "description", "opened: yes\x1b]0;x\x07")], actor="me")
    for shown in (run("check"), run("list"), run("show", name)):
        assert not any(line.startswith(("x-1 is", "opened:")) for line in shown.splitlines())
        assert "\x1b" not in shown
