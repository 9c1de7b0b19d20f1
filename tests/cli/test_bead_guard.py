"""What an agent may write to beads from inside its session, by whatever verb."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gastown_tui.adapters import callers
from gastown_tui.adapters.store import init_store, open_store
from gastown_tui.cli.main import cli
from gastown_tui.domain.operations import AddDependency, Claim, Create, SetField

ME, OTHER = "lib/polecats/nux", "lib/polecats/toast"


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A town with the rig `lib`, asked from inside the session of `ME`."""
    place = tmp_path / "town"
    for folder, prefix in (("", "hq"), ("lib", "li")):
        (place / folder).mkdir(parents=True, exist_ok=True)
        init_store(place / folder / ".beads", prefix).close()
    (place / "town.toml").write_text('id = "t"\n')
    for name in ("GASTOWN_TOWN", "GASTOWN_RIG", "GASTOWN_RUN", "BD_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GASTOWN_AGENT", ME)
    monkeypatch.setattr(callers, "calling_session", lambda *_: ME)
    monkeypatch.chdir(place / "lib")
    return place


def run(line: str, code: int = 0) -> str:
    """What a verb prints; a refusal is one line."""
    result = CliRunner().invoke(cli, shlex.split(line))
    assert result.exit_code == code, (line, result.output, result.exception)
    if code:
        assert len(result.output.strip().splitlines()) == 1, result.output
    return result.output.strip()


def events(town: Path, kind: str) -> list[str]:
    store = open_store(town / ".beads")
    found = store.list(issue_type="event", include_closed=True, include_wisps=True)
    store.close()
    return [one.title for one in found if one.event_kind == kind]


def poured(town: Path, holder: str, *begun: str) -> tuple[str, str, str]:
    """A molecule for work of somebody's, root and steps; the first one is begun by `begun`."""
    store = open_store(town / "lib" / ".beads")
    row = {"id": "~r", "title": "two", "issue_type": "molecule", "assignee": holder}
    steps = [
        {"id": f"~{name}", "title": name, "labels": [f"step:{name}"], "source_formula": "two"}
        for name in ("one", "two")
    ]
    made = store.apply(
        [Create(row, kind="mol"), *(Create(step, "~r") for step in steps),
         AddDependency("~two", "~one")],
        actor="t",
    ).ids  # fmt: skip
    if begun:
        store.apply([Claim(made[1], begun[0])], actor="t")
    store.close()
    return made[0], made[1], made[2]


def status(bead: str) -> str:
    return json.loads(run(f"bead show {bead} --json"))[0]["status"]


ENDING = [
    "bead close {step}",
    "bd close {step}",
    "bead update {step} -s closed",
    "bead update {step} -s pinned",
    "bead update {step} -t task",
    "bead delete {root} --cascade",
    "bead supersede {step} --with {own}",
    "bead duplicate {step} --of {own}",
    "bead close {root} {step} {two}",
    "bead close {own} {step}",
    "mol squash {root}",
    "mol burn {root}",
]
TAKING = [
    "bead defer {step}",
    "bead update {step} -a lib/polecats/nux",
    "bead update {step} --parent ''",
    "bead label remove {step} step:one",
    "bead label add {root} done:one",
    "bead dep remove {step} {root}",
    "step --mol {root} --take",
    "step skip one --mol {root} --reason x",
]


@pytest.mark.parametrize("holder", [OTHER, ""])
def test_what_is_anothers_or_nobodys_is_not_ended(town, holder):
    """By none of the verbs; the refusal says whose it is, and nothing has changed."""
    root, step, two = poured(town, holder, *([OTHER] if holder else []))
    own = run("bead create mine")
    before = run(f"bead show {root} {step} {two} {own} --json")
    for line in ENDING:
        said = run(line.format(root=root, step=step, two=two, own=own), code=1)
        assert f"is {holder or 'nobody'}'s" in said, line
        assert run(f"bead show {root} {step} {two} {own} --json") == before, line


def test_what_is_anothers_is_not_taken_either(town):
    root, step, _ = poured(town, OTHER, OTHER)
    for line in TAKING:
        said = run(line.format(root=root, step=step), code=1)
        assert f"is {OTHER}'s" in said or f"{OTHER} is working on" in said, line
        assert json.loads(run(f"bead show {step} --json"))[0]["assignee"] == OTHER


@pytest.mark.parametrize(
    "line",
    ["bead close {step} --force", "bd close -f {step}", "mol squash {root} --force",
     "mol burn {root} --force", "step --mol {root} --take --force",
     "bead update {step} -s closed --force", "bd unclaim {step} --force"],
)  # fmt: skip
def test_what_is_forced_is_seen_by_the_overseer(town, line):
    """One event, that names the verb, the agent and whose it is."""
    root, step, _ = poured(town, OTHER, OTHER)
    run(line.format(root=root, step=step))
    (said,) = events(town, "forced")
    assert said.startswith(f"{ME} forced")
    assert f"is {OTHER}'s" in said


def test_ones_own_steps_are_as_easy_as_ever(town):
    """Begun, done, closed or squashed without a word more; nothing is noted."""
    root, one, two = poured(town, ME)
    run("step")
    run("step done one")
    run(f"bead close {two}")
    assert status(root) == "closed"
    assert status(one) == "closed"
    root, *_ = poured(town, ME, OTHER)
    assert f"is {OTHER}'s" in run(f"mol squash {root}", code=1)
    root, *_ = poured(town, ME)
    run(f"mol squash {root}")
    root, *_ = poured(town, ME)
    run(f"mol burn {root}")
    assert events(town, "forced") == []


def test_a_molecule_of_the_work_on_the_hook_is_ones_own(town):
    root, step, _ = poured(town, "")
    work = run("bead create work")
    store = open_store(town / "lib" / ".beads")
    store.apply(
        [SetField(work, "assignee", ME), AddDependency(root, work, "parent-child")], actor="t"
    )
    store.close()
    run(f"bead close {step}")


def test_what_is_nobodys_is_taken_step_by_step(town):
    """Also the last one, with which the molecule ends."""
    root, *_ = poured(town, "")
    run(f"step done one --mol {root}")
    run(f"step done two --mol {root}")
    assert status(root) == "closed"


def test_the_last_step_ends_the_molecule_of_another(town):
    root, one, two = poured(town, OTHER, ME)
    store = open_store(town / "lib" / ".beads")
    store.apply([SetField(two, "assignee", ME)], actor="t")
    store.close()
    run(f"bead close {one}")
    run(f"bead close {two}")
    assert status(root) == "closed"


@pytest.fixture
def gate(town) -> tuple[str, str]:
    """A step and the shut gate before it."""
    _, step, _ = poured(town, ME)
    return step, run(f"gate create {step} --title 'may it?'")


GATES = [
    "close {gate} --force", "update {gate} -s deferred", "update {gate} -s hooked",
    "update {gate} -t task", "update {gate} --title x", "update {gate} -d x",
    "update {gate} -p 0", "update {gate} --await-id x", "update {gate} --claim",
    "update {gate} -a x", "update {gate} --add-label x", "update {gate} --set-labels x",
    "update {gate} --defer 3d", "update {gate} --metadata '{{}}' --set-metadata a=b",
    "update {gate} --parent {step}", "update {step} -s pinned", "update {step} -s closed --force",
    "defer {gate}", "defer {gate} --until 3d", "label add {gate} gate:escalated",
    "label add {step} gate:escalated", "set-state {gate} gate=escalated",
    "set-state {step} gate=escalated", "slot set {gate} a b", "delete {gate} --force",
    "delete {step} {gate} --force", "dep remove {step} {gate}", "dep remove {step} {gate} -t blocks",
    "dep add {gate} {step} -t tracks-not", "supersede {gate} --with {step}",
    "duplicate {gate} --of {step}", "supersede {step} --with {gate}", "close {step} --force",
    "create x -t gate -l gate:escalated", "reopen {gate}",
]  # fmt: skip


def test_a_gate_is_neither_opened_nor_disguised_nor_silenced(town, gate, tmp_path, monkeypatch):
    """From wherever, with `--dir` too; the overseer sees each try."""
    step, name = gate
    before = run(f"bead show {name} {step} --json")
    for line in GATES:
        said = run(f"bead {line.format(gate=name, step=step)}", code=1)
        assert "is for the overseer" in said, line
        assert run(f"bead show {name} {step} --json") == before, line
    assert len(events(town, "refused")) == len(GATES)
    monkeypatch.chdir(tmp_path)
    for line in GATES[::5]:
        asked = f"bd {line.format(gate=name, step=step)} --dir {town / 'lib' / '.beads'}"
        assert "is for the overseer" in run(asked, code=1), line


def test_what_agents_need_of_gates_is_theirs(town, gate):
    _, name = gate
    run(f"bead comment {name} 'is it allowed?'")
    run(f"bead note {name} more")
    other = run("bead create other")
    run(f"bead dep relate {other} {name}")
    other = run("bead create another")
    run(f"bead dep add {other} {name}")
    run(f"gate create {other} --type timer --timeout 1h")
    run(f"gate show {name}")
    assert "overseer" in run("gate check", code=1)
    assert "overseer" in run(f"gate resolve {name}", code=1)


def test_a_gate_that_nothing_waits_for_goes_with_its_molecule(town, monkeypatch):
    root, one, two = poured(town, ME)
    gate = run(f"gate create {one}")
    store = open_store(town / "lib" / ".beads")
    store.apply([AddDependency(gate, root, "parent-child")], actor="t")
    store.close()
    monkeypatch.setattr(callers, "calling_session", lambda *_: None)
    run(f"bead close {one} --force")
    monkeypatch.setattr(callers, "calling_session", lambda *_: ME)
    run(f"bead close {two}")
    assert status(root) == "closed"
    assert status(gate) == "closed"


def test_whoever_is_in_no_session_does_as_ever(town, gate, monkeypatch):
    _, name = gate
    _, others, _ = poured(town, OTHER, OTHER)
    monkeypatch.setattr(callers, "calling_session", lambda *_: None)
    run(f"bead update {name} --title x --add-label gate:escalated")
    run(f"bead close {name} {others}")
    assert events(town, "forced") == []


def test_a_step_out_of_turn_is_forced_in_sight_and_never_past_a_gate(town):
    root, _, two = poured(town, ME)
    refused = run("step done two", code=1)
    assert "--force" in refused
    assert events(town, "forced") == []
    run("step done two --force")
    assert status(two) == "closed"
    (said,) = events(town, "forced")
    assert said.startswith(f"{ME} forced `")
    assert "step done`: two waits for" in said
    assert status(root) != "closed"
    run(f"mol burn {root} --force")
    _, _, two = poured(town, ME)
    run(f"gate create {two} --type timer --timeout 1h")
    assert "gate" in run("step done two --force", code=1)
    assert status(two) == "open"
