"""What a fresh sandbox needs, guessed from the names of a project's files.

A guess is shown before it is used. Nothing here looks at more than names and, of a few files at
the top of the project, their text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

MOST_COMMANDS: Final = 6
"""A monorepo has more; who needs them all writes them down."""
LARGEST_COPY: Final = 1_000_000
"""Bytes of an ignored file that is proposed to be copied."""
_DEPTH: Final = 3
_SKIPPED: Final = frozenset(
    {"node_modules", "vendor", "third_party", "testdata", "fixtures", "examples", "example",
     "templates", "docs", "dist", "build", ".github", "test", "tests"}
)  # fmt: skip
_LOCKS: Final[tuple[tuple[str, str], ...]] = (
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ("yarn.lock", "yarn install --frozen-lockfile"),
    ("bun.lock", "bun install --frozen-lockfile"),
    ("bun.lockb", "bun install --frozen-lockfile"),
    ("package-lock.json", "npm ci"),
    ("npm-shrinkwrap.json", "npm ci"),
    ("uv.lock", "uv sync --frozen"),
    ("poetry.lock", "poetry install --no-interaction"),
    ("pdm.lock", "pdm sync"),
    ("Pipfile.lock", "pipenv sync --dev"),
    ("Cargo.lock", "cargo fetch --locked"),
    ("go.sum", "go mod download"),
    ("Gemfile.lock", "bundle install"),
    ("composer.lock", "composer install --no-interaction"),
    ("mix.lock", "mix deps.get"),
    ("pubspec.lock", "dart pub get"),
)
"""A lock file and what installs exactly what it says; the first of a language wins in a folder."""
_VENV: Final = "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt"
_FAMILIES: Final = (
    frozenset({"pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "package-lock.json",
               "npm-shrinkwrap.json"}),
    frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"}),
)  # fmt: skip
_MANIFESTS: Final = frozenset(
    {"package.json", "pyproject.toml", "requirements.txt", "setup.py", "Cargo.toml", "go.mod",
     "Gemfile", "composer.json", "mix.exs", "pubspec.yaml", "pom.xml", "build.gradle",
     "build.gradle.kts", "CMakeLists.txt", "flake.nix", "compose.yaml", "docker-compose.yml",
     "Makefile", "justfile"}
)  # fmt: skip
_ENVIRONMENTS: Final = frozenset(
    {".envrc", "mise.toml", ".mise.toml", ".tool-versions", "devbox.json", "flake.nix"}
)
READ: Final = ("package.json", "pyproject.toml", "Makefile", "justfile")
"""Files at the top whose text is looked at."""
_SECRET: Final = re.compile(
    r"""\.env | \.env\.(?!example$|sample$|template$|dist$)[\w.-]+ | [\w-]+\.env | \.envrc
      | \.dev\.vars | local\.properties | \.npmrc | \.secrets?
      | [\w.-]+\.local\.(?:json|ya?ml|toml|properties) | local_settings\.py
      | appsettings\.[\w]+\.json""",
    re.VERBOSE,
)
_NOT_OURS: Final = frozenset({".claude/settings.local.json"})
_PLAIN: Final = re.compile(r"[^*?\[\]\\\x00-\x1f]+")
"""A path that is no pattern."""


class SetupFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a project's names say about its set-up."""

    packages: list[str] = []
    """Lock files and manifests, the top first."""
    environments: list[str] = []
    """Files of direnv, mise and the like."""
    environment: str = ""
    """What of them set-up can load: `direnv` or `mise`."""
    secrets: list[str] = []
    """Ignored files of the source that a sandbox may need."""
    run: list[str] = []
    """Commands that install what the lock files say."""
    more: int = 0
    """Commands that were left out."""
    tests: list[str] = []
    """Commands that seem to test the project."""


def setup_facts(
    tracked: Iterable[str], texts: Mapping[str, str], ignored: Mapping[str, int],
    included: Iterable[str] = (), *, is_venv_ignored: bool = False,
) -> SetupFacts:  # fmt: skip
    """Guess a project's set-up.

    Args:
        tracked: paths of the project's files, from its top.
        texts: the text of those of `READ` that it has.
        ignored: paths of ignored files in the person's checkout, and their sizes in bytes.
        included: those of them that the project's `.worktreeinclude` names.
        is_venv_ignored: whether git ignores a `.venv` at the top.
    """
    folders: dict[str, set[str]] = {}
    for path in tracked:
        *parts, name = path.split("/")
        if len(parts) <= _DEPTH and not _SKIPPED & set(parts):
            folders.setdefault("/".join(parts), set()).add(name)
    ordered = sorted(folders, key=lambda folder: (folder.count("/") + bool(folder), folder))
    locks = {name for name, _ in _LOCKS}
    packages = [
        _join(folder, name)
        for folder in ordered
        for name in sorted(folders[folder] & (locks if folder else locks | _MANIFESTS))
    ]
    commands = [
        f"cd {_quoted(folder)} && {command}" if folder else command
        for folder in ordered
        for command in _commands(folders[folder], is_top=not folder)
    ]
    top = folders.get("", set())
    if "requirements.txt" in top and is_venv_ignored and not top & _FAMILIES[1]:
        commands.insert(0, _VENV)
    secrets = [name for name, size in ignored.items() if size <= LARGEST_COPY and is_secret(name)]
    wanted = {name for name in [*secrets, *included] if _PLAIN.fullmatch(name)}
    return SetupFacts(
        packages=packages,
        environments=sorted(top & _ENVIRONMENTS),
        environment=_environment({*top, *ignored}),
        secrets=sorted(wanted - _NOT_OURS),
        run=commands[:MOST_COMMANDS],
        more=len(commands[MOST_COMMANDS:]),
        tests=_tests(top, texts),
    )


def _environment(names: set[str]) -> str:
    if ".envrc" in names:
        return "direnv"
    return "mise" if {"mise.toml", ".mise.toml"} & names else ""


def is_secret(path: str) -> bool:
    """Whether a path's name is that of a file with settings of one machine, such as `.env`."""
    return _SECRET.fullmatch(path.rsplit("/", 1)[-1]) is not None


def _commands(names: set[str], *, is_top: bool) -> list[str]:
    found: list[str] = []
    taken: set[str] = set()
    for lock, command in _LOCKS:
        if lock not in names or lock in taken:
            continue
        taken |= next((family for family in _FAMILIES if lock in family), {lock})
        found.append(command)
    if not is_top:
        return found  # without a lock file of its own it is mostly a part of the top's
    if "package.json" in names and not taken & _FAMILIES[0]:
        found.append("npm install --no-package-lock")
    return found


def _tests(top: set[str], texts: Mapping[str, str]) -> list[str]:
    """Commands that test the project, by what its own files say."""
    found = []
    if re.search(r"^test\s*:(?!=)", texts.get("Makefile", ""), re.MULTILINE):
        found.append("make test")
    if re.search(r"^test\b[^=\n]*:(?!=)", texts.get("justfile", ""), re.MULTILINE):
        found.append("just test")
    if _node_script(texts.get("package.json", ""), "test"):
        found.append(f"{_node_tool(top)} test")
    if "pytest" in _tools(texts.get("pyproject.toml", "")):
        found.append("uv run pytest -q" if "uv.lock" in top else "python3 -m pytest -q")
    if "Cargo.toml" in top:
        found.append("cargo test")
    if "go.mod" in top:
        found.append("go test ./...")
    if "mix.exs" in top:
        found.append("mix test")
    return found


def _node_tool(top: set[str]) -> str:
    for lock, tool in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun run")):
        if lock in top:
            return tool
    return "npm"


def _node_script(text: str, name: str) -> str:
    """A script of `package.json`; what `npm init` writes there is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    scripts = found.get("scripts") if isinstance(found, dict) else None
    script = scripts.get(name) if isinstance(scripts, dict) else None
    return script if isinstance(script, str) and "no test specified" not in script else ""


def _tools(text: str) -> set[str]:
    """Names of the tables `[tool.NAME]` of a `pyproject.toml`."""
    try:
        tools = tomllib.loads(text).get("tool")
    except tomllib.TOMLDecodeError:
        return set()
    return set(tools) if isinstance(tools, dict) else set()


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _quoted(folder: str) -> str:
    if re.fullmatch(r"[\w./@%+=:,-]+", folder) and not folder.startswith("-"):
        return folder
    return "'" + folder.replace("'", "'\\''") + "'"
