"""A project that is to become a rig: what was found in it, and what that means for its agents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from gastown_tui.domain.doctor.finding import Finding, fail, ok, size, warn
from gastown_tui.domain.setup_rules import SetupFacts

MANY_FILES: Final = 50_000
BUSY_TREES: Final = 3
"""Work trees besides those of agents: the hub's, a gate's on a branch, a gate's before landing."""
_SHOWN: Final = 4
_NOISE: Final = frozenset(
    {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".DS_Store",
     ".idea", ".vscode", ".coverage", ".tox", ".nox", ".cache"}
)  # fmt: skip


class RepositoryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a repository; None where it cannot be told without fetching it whole."""

    origin: str
    """Address or path of the upstream, fit to be shown."""
    default: str
    tip: str
    """The commit that was looked at."""
    source: str = ""
    """The folder that the rig is added from; empty for an address."""
    files: int = 0
    tree_bytes: int | None = None
    """Of one work tree."""
    object_bytes: int | None = None
    """Of the clone's objects."""
    setup: SetupFacts = SetupFacts()
    not_copied: list[str] = []
    """Other ignored files and folders of the source."""
    submodules: list[str] = []
    has_lfs: bool = False
    hooks: list[str] = []
    """How the project brings hooks: `.husky`, `.pre-commit-config.yaml`, `core.hooksPath` ..."""
    own_hooks: list[str] = []
    """Hooks in the source's `.git/hooks`, which no clone has."""
    is_signed: bool = False
    """Whether the person's commits are signed here (`commit.gpgsign`)."""
    mcp: list[str] = []
    rules: list[str] = []
    """Permissions that `.claude/settings.json` gives without asking."""
    claude: list[str] = []
    """Other files for Claude: `CLAUDE.md`, `.claude/agents` ..."""
    beads: int = 0
    """Files below `.beads/` that the project tracks."""
    beads_prefix: str = ""
    """Of the ids in there; empty without beads."""
    is_shallow: bool = False
    is_sparse: bool = False
    is_pushable: bool = True
    is_protected: bool | None = None
    """Whether the host refuses pushes to the default branch."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine and the town have for it."""

    disk_free: int
    max_working: int
    has_lfs: bool
    land: str


def disk_need(facts: RepositoryFacts, agents: int) -> int | None:
    """Bytes of the clone and of the work trees of so many agents at work."""
    if facts.tree_bytes is None:
        return None
    return (facts.object_bytes or 0) + facts.tree_bytes * (agents + BUSY_TREES)


def of_repository(facts: RepositoryFacts, around: Around) -> list[Finding]:
    """Findings, one a subject; what there is nothing to say of is left out."""
    return [
        _size(facts),
        _disk(facts, around),
        *_packages(facts),
        *_ignored(facts),
        *_submodules(facts),
        *_lfs(facts, around),
        *_hooks(facts),
        *_signing(facts),
        *_target(facts, around),
        *_claude(facts),
        *_beads(facts),
        *_partial(facts),
    ]


def telling(ignored: Iterable[str], copied: Iterable[str]) -> set[str]:
    """Ignored files and folders that say something: no caches, and not what is copied."""
    found = {name for name in ignored if name.rstrip("/").rsplit("/", 1)[-1] not in _NOISE}
    return found - set(copied)


def some(names: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _size(facts: RepositoryFacts) -> Finding:
    text = f"{facts.files} files at {facts.default} ({facts.tip[:10]})"
    if facts.files > MANY_FILES:
        return warn(
            "files", f"{text}: making a sandbox takes a while",
            "set max_working so that the disk keeps up",
        )  # fmt: skip
    return ok("files", text)


def _disk(facts: RepositoryFacts, around: Around) -> Finding:
    need = disk_need(facts, around.max_working)
    free = f"{size(around.disk_free)} free"
    if need is None or facts.tree_bytes is None:
        return ok("disk", f"{free}; the need is known once it is cloned")
    text = (
        f"about {size(need)} with {around.max_working} agents at work ({size(facts.tree_bytes)} a "
        f"sandbox, without what set-up installs), {free}"
    )
    if need > around.disk_free:
        return fail("disk", text, "make room, or lower max_working in town.toml")
    if need * 4 > around.disk_free:
        return warn("disk", text, "keep an eye on it: installed packages come on top")
    return ok("disk", text)


def _packages(facts: RepositoryFacts) -> list[Finding]:
    setup = facts.setup
    found = []
    if setup.packages:
        found.append(ok("packages", some(setup.packages)))
    if setup.environments:
        found.append(
            ok(
                "environment",
                f"{some(setup.environments)}: set-up can load it with {setup.environment}",
            )
            if setup.environment
            else warn(
                "environment",
                f"{some(setup.environments)}: sandboxes do not load it by themselves",
                "run what agents need in [setup] run; shims of asdf work by your own PATH",
            )
        )
    return found


def _ignored(facts: RepositoryFacts) -> list[Finding]:
    found = []
    if facts.setup.secrets:
        text = f"{some(facts.setup.secrets)}: ignored by git; set-up can copy them into sandboxes"
        found.append(ok("local files", f"{text}, agents read them then"))
    if facts.not_copied:
        found.append(ok("not copied", some(facts.not_copied)))
    return found


def _submodules(facts: RepositoryFacts) -> list[Finding]:
    if not facts.submodules:
        return []
    return [ok("submodules", f"{some(facts.submodules)}: filled in every sandbox")]


def _lfs(facts: RepositoryFacts, around: Around) -> list[Finding]:
    if not facts.has_lfs:
        return []
    if around.has_lfs:
        text = "files in LFS; git-lfs is installed"
        if around.land == "local":
            text += ". What lands here has its objects in the clone: fetch them with it"
        return [ok("git-lfs", text)]
    return [fail("git-lfs", "files in LFS, and git-lfs is not installed", "install git-lfs")]


def _hooks(facts: RepositoryFacts) -> list[Finding]:
    found = []
    if facts.hooks:
        text = f"{some(facts.hooks)}: run when agents commit, once set-up has installed them"
        found.append(ok("hooks", text))
    if facts.own_hooks:
        found.append(
            warn(
                "own hooks",
                f"{some(facts.own_hooks)} in .git/hooks: a clone does not have them",
                "have the project install them, or make them gates",
            )
        )
    return found


def _signing(facts: RepositoryFacts) -> list[Finding]:
    if not facts.is_signed:
        return []
    return [
        warn(
            "signing",
            "commit.gpgsign is on: what lands is signed with your key, which nobody is asked for",
            "an agent (gpg-agent, ssh-agent) that holds the key unlocked; else landing waits",
        )
    ]


def _target(facts: RepositoryFacts, around: Around) -> list[Finding]:
    if facts.is_protected:
        if around.land == "push":
            return [
                fail(
                    "target",
                    f"{facts.default} is protected: pushes to it will be refused",
                    "--land pr, or --land local",
                )
            ]
        return [ok("target", f"{facts.default} is protected: land by pull requests or locally")]
    if around.land == "push" and not facts.is_pushable:
        text = f"{facts.origin} is a folder somebody works in: nothing is pushed into it"
        return [fail("target", text, "--land local, and `git fetch` from the hub")]
    return []


def _claude(facts: RepositoryFacts) -> list[Finding]:
    found = []
    if facts.mcp:
        text = f"{some(facts.mcp)} (.mcp.json): one process each for every agent"
        found.append(ok("MCP servers", text))
    if facts.rules:
        found.append(ok("own rules", f"{some(facts.rules)}: allowed by .claude/settings.json"))
    if facts.claude:
        found.append(ok("for Claude", f"{some(facts.claude)}: in force for every agent"))
    return found


def _beads(facts: RepositoryFacts) -> list[Finding]:
    if not facts.beads:
        return []
    text = f"the project tracks .beads/ (files: {facts.beads}): sandboxes leave it out"
    if facts.beads_prefix:
        text += f"; its beads ({facts.beads_prefix}-...) become the rig's, which has the live ones"
        return [ok("beads", text)]
    return [ok("beads", f"{text}; the rig has beads of its own beside it")]


def _partial(facts: RepositoryFacts) -> list[Finding]:
    found = []
    if facts.is_shallow:
        found.append(ok("shallow", "your checkout is: the town clones the whole from upstream"))
    if facts.is_sparse:
        found.append(ok("sparse", "your checkout is: sandboxes have all files"))
    return found
