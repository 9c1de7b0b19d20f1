"""What is loaded when: agents call our commands all day, and pay for every import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SCREEN = {"textual", "rich", "pyghostty"}


def loaded(code: str, *, town: str = "", whole: bool = False) -> set[str]:
    """Modules that are loaded once the code has run: the first part of their names, or all."""
    name = "n" if whole else "n.split('.')[0]"
    tail = f"\nimport sys\nprint('|'.join(sorted({{{name} for n in sys.modules}})))"
    env = {key: value for key, value in os.environ.items() if not key.startswith("GASTOWN_")}
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=False,
        cwd=town or None, env=env | {"COVERAGE_PROCESS_START": ""}, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.strip().splitlines()[-1].split("|"))


def command(*words: str) -> str:
    return (
        "import sys\n"
        f"sys.argv = {['gastown', *words]!r}\n"
        "from gastown_tui.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
    )


@pytest.mark.parametrize(
    ("code", "kept_out"),
    [
        ("import gastown_tui.domain.plan", _SCREEN | {"git", "asyncio", "sqlite3", "watchfiles"}),
        ("import gastown_tui.domain.records", _SCREEN | {"git", "asyncio", "sqlite3"}),
        ("import gastown_tui.protocol", _SCREEN | {"git", "asyncio", "sqlite3", "click"}),
        ("import gastown_tui.viewmodels", _SCREEN | {"git", "asyncio", "sqlite3"}),
        (command("--help"), _SCREEN | {"git", "asyncio", "watchfiles"}),
        (command("bead", "--help"), _SCREEN | {"git", "asyncio", "watchfiles"}),
        (command("prime", "--help"), _SCREEN | {"git", "watchfiles"}),
    ],
)
def test_nothing_is_loaded_in_vain(code, kept_out):
    assert not loaded(code) & kept_out


def test_a_bead_is_made_and_listed_without_a_screen_or_git_library(tmp_path):
    from gastown_tui.adapters.store import init_store

    init_store(tmp_path / ".beads", "gt").close()
    assert not loaded(command("bead", "list"), town=str(tmp_path)) & (_SCREEN | {"git", "textual"})


_HEAVY = _SCREEN | {
    "git", "asyncio", "subprocess", "watchfiles", "tomlkit", "ctypes", "statistics",
    "gastown_tui.domain.agents.dialogs", "gastown_tui.domain.agents.launch",
    "gastown_tui.domain.formula.parse", "gastown_tui.domain.plan",
}  # fmt: skip
"""What no verb that agents call all day needs."""


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A town with a rig, and a bead on the hook of its agent nux."""
    from gastown_tui.adapters.store import open_store
    from gastown_tui.cli.rig_add import add_rig
    from gastown_tui.cli.setup import make_town
    from gastown_tui.domain.operations import Create

    place = tmp_path_factory.mktemp("imports")
    path = make_town(place / "town", "t")
    sample = place / "sample"
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", "init", "-q", "-b", "main", sample], check=True)
    subprocess.run(
        ["git", *who, "commit", "-q", "--allow-empty", "-m", "Start"], cwd=sample, check=True
    )
    options = {"prefix": "r", "review": "none", "land": "local"}
    home = add_rig(path, "r", str(sample), options, [])
    bead = {"id": "~w", "title": "w", "status": "hooked", "assignee": "r/polecats/nux"}
    store = open_store(home / ".beads")
    (bead,) = store.apply([Create(bead=bead)], actor="overseer").ids
    store.close()
    return path, bead


@pytest.mark.parametrize(
    "verb",
    [
        "bead show {}", "bead update {} --priority 1", "bead ready", "bead list", "bd ready",
        "bd show {}", "hook", "mol current", "step", "prime", "done", "bead close {}",
    ],
)  # fmt: skip
def test_verbs_of_agents_load_little(town, verb):
    path, bead = town
    me = {
        "GASTOWN_TOWN": str(path), "GASTOWN_RIG": "r", "GASTOWN_AGENT": "r/polecats/nux",
        "GASTOWN_ROLE": "polecat", "BD_ACTOR": "r/polecats/nux", "GASTOWN_BEAD": bead,
    }  # fmt: skip
    stay = f"import os, sys\nos.environ |= {me!r}\nos._exit = sys.exit\n"
    found = loaded(stay + command(*verb.format(bead).split()), town=str(path / "r"), whole=True)
    assert "gastown_tui.adapters.store" in found
    assert not found & _HEAVY


def test_the_rule_can_fail():
    assert "asyncio" in loaded("import asyncio")
