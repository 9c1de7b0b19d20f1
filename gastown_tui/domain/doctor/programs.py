"""The programs that a town uses: git, ssh, gh, git-lfs, and the agents."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from gastown_tui.domain.doctor.finding import Finding, fail, ok, warn

OLDEST_GIT: Final = (2, 34)
Pays = Literal["subscription", "key", "cloud", "login", "none", "unknown"]


class GitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of git and of how it gets at remotes."""

    version: str = ""
    """Empty when there is no git."""
    number: tuple[int, int] = (0, 0)
    name: str = ""
    email: str = ""
    helpers: list[str] = []
    """Credential helpers, as configured."""
    ssh_keys: int | None = None
    """In the ssh agent; None when there is no agent."""
    key_files: int = 0
    """Private keys in `~/.ssh`."""


class GhFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of GitHub's program."""

    version: str = ""
    is_logged_in: bool = False


class AgentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one entry of the catalogue."""

    name: str
    command: str
    path: str = ""
    """Where it was found; empty when it was not."""
    version: str = ""
    problem: str = ""
    """Why it did not tell its version."""
    pays: Pays = "unknown"
    """Who pays: a subscription, an API key, a cloud account; `login`: an account of some kind."""
    detail: str = ""
    """Of what pays: `max`, `...1234`, `Bedrock`."""
    config: str = ""
    """Its configuration folder, if it is known."""
    stray_keys: list[str] = []
    """Names of variables with a key that the shell has and agents do not get."""
    is_town_agent: bool = False
    """Whether it is what polecats run."""
    is_ours: bool = False
    """Part of every machine or of this package: a shell, the demo."""


def of_git(facts: GitFacts) -> list[Finding]:
    """Findings about git."""
    if not facts.version:
        return [fail("git", "not found", "install git 2.34 or later")]
    if facts.number < OLDEST_GIT:
        return [fail("git", f"{facts.version} is too old", "install git 2.34 or later")]
    return [ok("git", facts.version), _identity(facts), _remotes(facts)]


def _identity(facts: GitFacts) -> Finding:
    if facts.name and facts.email:
        return ok("git identity", f"{facts.name} <{facts.email}>")
    missing = [f"user.{key}" for key in ("name", "email") if not getattr(facts, key)]
    more = "; the same for user.email" if len(missing) > 1 else ""
    return warn(
        "git identity",
        f"{' and '.join(missing)} not set: your own commits have no author",
        f"git config --global {missing[0]} ...{more}",
    )


def _remotes(facts: GitFacts) -> Finding:
    ways = []
    if facts.helpers:
        ways.append(f"credential helper {', '.join(facts.helpers)}")
    if facts.ssh_keys:
        ways.append(f"ssh agent with {facts.ssh_keys} key{'s' if facts.ssh_keys > 1 else ''}")
    if facts.key_files:
        ways.append(f"{facts.key_files} key file{'s' if facts.key_files > 1 else ''} in ~/.ssh")
    if facts.helpers or facts.ssh_keys:
        return ok("git remotes", "; ".join(ways))
    if facts.key_files:
        return warn(
            "git remotes", f"{ways[-1]}, no ssh agent: a key with a passphrase cannot be used",
            'eval "$(ssh-agent)"; ssh-add    # before you start the town',
        )  # fmt: skip
    agent = "an ssh agent without keys" if facts.ssh_keys == 0 else "no ssh agent"
    return warn(
        "git remotes", f"no credential helper, {agent}: private remotes cannot be reached",
        "gh auth login (sets a helper), or ssh-add; nobody is there to type a password",
    )  # fmt: skip


def of_tools(gh: GhFacts, lfs: str, *, needs_gh: bool = False) -> list[Finding]:
    """Findings about what some projects need.

    Args:
        gh: GitHub's program.
        lfs: the version of git-lfs; empty when there is none.
        needs_gh: a rig of the town lands by pull requests.
    """
    found = [ok("git-lfs", lfs or "not installed; only projects with LFS files need it")]
    if not gh.version:
        text = "not installed; only pull requests and gates on GitHub need it"
        first = warn("gh", text, "install gh, then gh auth login") if needs_gh else ok("gh", text)
    elif gh.is_logged_in:
        first = ok("gh", f"{gh.version}, logged in")
    else:
        first = warn("gh", f"{gh.version}, not logged in", "gh auth login")
    return [first, *found]


def of_agents(agents: list[AgentFacts]) -> list[Finding]:
    """Findings about the agents: those that are there, and in one line those that are not."""
    found = [_agent(one) for one in agents if one.path or one.is_town_agent]
    absent = [one.name for one in agents if not one.path and not one.is_town_agent]
    real = [one for one in agents if one.path and not one.is_ours]
    if not real and not any(one.is_town_agent for one in agents):
        found.append(
            warn(
                "agents",
                "no coding agent is installed: only the demo and the shell work",
                "install Claude Code (npm install -g @anthropic-ai/claude-code), run it, log in",
            )
        )
    if absent:
        found.append(ok("other agents", f"not installed: {', '.join(absent)}"))
    return found


def _agent(facts: AgentFacts) -> Finding:
    about = f"agent {facts.name}"
    bad = fail if facts.is_town_agent else warn
    if not facts.path:
        text = f"{facts.command} is not found, and it is what polecats run"
        return bad(about, text, 'install it, or set agent = "..." in town.toml')
    if facts.is_ours:
        return ok(about, "comes along; costs nothing")
    if not facts.version:
        return bad(about, f"{facts.path}: {facts.problem}", f"run {facts.command} --version")
    head = f"{facts.version}, {_paid(facts)}"
    if facts.config:
        head += f", {facts.config}"
    if facts.pays == "none":
        return bad(about, head, f"run `{facts.command}` once and log in")
    if facts.stray_keys:
        head += f"; {', '.join(facts.stray_keys)} of your shell does not reach it"
    return ok(about, head)


def _paid(facts: AgentFacts) -> str:
    match facts.pays:
        case "subscription":
            return f"subscription {facts.detail}".rstrip()
        case "key":
            return f"API key {facts.detail}".rstrip()
        case "cloud" | "login":
            return facts.detail or "logged in"
        case "none":
            return "not logged in"
        case _:
            return "login not known"
