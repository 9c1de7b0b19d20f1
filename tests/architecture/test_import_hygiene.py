"""What is loaded when: agents call our commands all day, and pay for every import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SCREEN = {"textual", "rich", "pyghostty"}


def loaded(code: str, *, town: str = "") -> set[str]:
    """Top-level modules that are loaded once the code has run."""
    tail = "\nimport sys\nprint('|'.join(sorted({n.split('.')[0] for n in sys.modules})))"
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


def test_the_rule_can_fail():
    assert "asyncio" in loaded("import asyncio")
