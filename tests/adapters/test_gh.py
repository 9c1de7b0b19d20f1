"""The words exchanged with `gh`, by a stand-in that prints what the real one printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_tui.adapters.gh import GitHub
from gastown_tui.domain.bead_gates import Answer, Probe

UPSTREAM = "https://github.com/steveyegge/beads"


def stand_in(folder: Path, said: str, code: int = 0) -> GitHub:
    program = folder / "gh"
    where = folder / "asked"
    program.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {where}\ncat <<'END'\n{said}\nEND\n"
        f"echo 'could not find it' >&2\nexit {code}\n"
    )
    program.chmod(0o700)
    return GitHub({"PATH": f"{folder}:/usr/bin:/bin"})


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_a_pull_request(tmp_path: Path) -> None:
    github = stand_in(tmp_path, '{"state":"MERGED"}')
    assert github.ask(UPSTREAM, Probe(kind="gh:pr", name="12")) == Answer(state="MERGED")
    assert asked(tmp_path) == ["pr", "view", "12", "--json", "state", f"--repo={UPSTREAM}"]


def test_a_run_by_its_number(tmp_path: Path) -> None:
    row = {"conclusion": "success", "databaseId": 7316, "status": "completed"}
    found = stand_in(tmp_path, json.dumps(row)).ask(UPSTREAM, Probe(kind="gh:run", name="7316"))
    assert found == Answer(state="completed", conclusion="success", number="7316")
    assert asked(tmp_path)[:3] == ["run", "view", "7316"]


def test_a_run_by_its_workflow(tmp_path: Path) -> None:
    row = {"conclusion": "", "databaseId": 7317, "status": "in_progress"}
    found = stand_in(tmp_path, json.dumps([row])).ask(UPSTREAM, Probe(kind="gh:run", name="ci.yml"))
    assert found == Answer(state="in_progress", number="7317")
    none = stand_in(tmp_path, "[]").ask(UPSTREAM, Probe(kind="gh:run", name="ci.yml"))
    assert none.problem == "the workflow ci.yml has not run yet"


@pytest.mark.parametrize("name", ["--web", "", "a\nb", "x" * 300])
def test_a_name_is_never_an_option(tmp_path: Path, name: str) -> None:
    found = stand_in(tmp_path, "{}").ask(UPSTREAM, Probe(kind="gh:pr", name=name))
    assert found.problem
    assert not (tmp_path / "asked").exists()


def test_every_failure_is_one_line(tmp_path: Path) -> None:
    probe = Probe(kind="gh:run", name="1")
    assert stand_in(tmp_path, "", code=1).ask(UPSTREAM, probe).problem == "gh: could not find it"
    assert stand_in(tmp_path, "no").ask(UPSTREAM, probe).problem.endswith("not JSON")
    assert stand_in(tmp_path, "[]").ask(UPSTREAM, probe) == Answer()
    missing = GitHub({"PATH": str(tmp_path / "nothing")})
    assert missing.ask(UPSTREAM, probe).problem.startswith("gh is not installed")
