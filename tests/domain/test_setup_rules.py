"""What a sandbox needs, guessed from names."""

from __future__ import annotations

import pytest

from gastown_tui.domain.setup_rules import MOST_COMMANDS, setup_facts


@pytest.mark.parametrize(
    ("tracked", "run"),
    [
        (["package.json", "package-lock.json"], ["npm ci"]),
        (["package.json"], ["npm install --no-package-lock"]),
        (
            ["package.json", "pnpm-lock.yaml", "package-lock.json"],
            ["pnpm install --frozen-lockfile"],
        ),
        (["uv.lock", "poetry.lock", "Cargo.lock"], ["uv sync --frozen", "cargo fetch --locked"]),
        (["api/uv.lock", "web/package.json"], ["cd api && uv sync --frozen"]),
        (["a b;c/go.sum"], ["cd 'a b;c' && go mod download"]),
        (["node_modules/x/package-lock.json", "a/b/c/d/go.sum"], []),
    ],
)
def test_lock_files_say_what_to_install(tracked, run):
    assert setup_facts(tracked, {}, {}).run == run


def test_a_monorepo_is_not_installed_whole():
    found = setup_facts([f"p{number}/go.sum" for number in range(9)], {}, {})
    assert (len(found.run), found.more) == (MOST_COMMANDS, 9 - MOST_COMMANDS)


def test_a_virtual_environment_only_where_git_ignores_it():
    assert setup_facts(["requirements.txt"], {}, {}).run == []
    assert ".venv" in setup_facts(["requirements.txt"], {}, {}, is_venv_ignored=True).run[0]


def test_small_files_of_one_machine_are_copied_and_nothing_else():
    ignored = {".env": 9, "web/.env.local": 9, ".env.example": 9, "big.env": 9_000_000, "x.log": 1,
               "k.pem": 2, "a*/.env": 1, ".claude/settings.local.json": 3}  # fmt: skip
    assert setup_facts([], {}, ignored, ["k.pem"]).secrets == [".env", "k.pem", "web/.env.local"]


@pytest.mark.parametrize(
    ("name", "text", "tests"),
    [
        ("package.json", '{"scripts":{"test":"vitest"}}', ["npm test"]),
        ("package.json", '{"scripts":{"test":"echo no test specified"}}', []),
        ("package.json", "[broken", []),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", ["python3 -m pytest -q"]),
        ("Makefile", "test: x\n", ["make test"]),
        ("Makefile", "test := x\n", []),
    ],
)
def test_how_it_seems_to_be_tested(name, text, tests):
    assert setup_facts([name], {name: text}, {}).tests == tests
