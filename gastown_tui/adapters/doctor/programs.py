"""Asks programs for their version and looks at how they get at accounts; no call costs anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from gastown_tui.adapters.agents.logins import login_of
from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.environment import inherited
from gastown_tui.domain.doctor.programs import AgentFacts, GhFacts, GitFacts

_LIMIT_S: Final = 15.0
_OUTPUT: Final = 4000
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)*[\w.+-]*")
_NOT_PRIVATE: Final = frozenset({"config", "known_hosts", "authorized_keys", "environment", "rc"})
_QUIET: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "DISABLE_AUTOUPDATER": "1",
    "NO_COLOR": "1",
}


def git_facts(env: Mapping[str, str]) -> GitFacts:
    """Git, whoever commits, and how remotes are reached."""
    version = _version(["git", "version"], env)
    if not version:
        return GitFacts()
    number = [int(part) for part in re.findall(r"\d+", version)[:2]]
    helpers = _out(["git", "config", "--get-all", "credential.helper"], env).split("\n")
    code = _code(["ssh-add", "-l"], env) if env.get("SSH_AUTH_SOCK") else 2
    keys = None if code not in {0, 1} else 0
    if code == 0:
        keys = len(_out(["ssh-add", "-l"], env).splitlines())
    return GitFacts(
        version=version,
        number=(number[0], number[1]),
        name=_out(["git", "config", "--get", "user.name"], env),
        email=_out(["git", "config", "--get", "user.email"], env),
        helpers=[_helper(one) for one in helpers if one.strip()],
        ssh_keys=keys,
        key_files=_key_files(env),
    )


def _helper(text: str) -> str:
    """A helper's name without its arguments, which may hold anything."""
    words = text.strip().lstrip("!").split()
    return words[0].rsplit("/", 1)[-1] if words else ""


def _key_files(env: Mapping[str, str]) -> int:
    """Private keys that ssh tries by itself."""
    folder = Path(env.get("HOME") or "/nonexistent") / ".ssh"
    try:
        return sum(
            path.name.startswith("id_") and path.suffix != ".pub" and path.name not in _NOT_PRIVATE
            for path in folder.iterdir()
        )
    except OSError:
        return 0


def gh_facts(env: Mapping[str, str]) -> GhFacts:
    """GitHub's program; whether it is logged in is told by a token, which is not read."""
    version = _version(["gh", "--version"], env)
    return GhFacts(
        version=version,
        is_logged_in=bool(version) and _code(["gh", "auth", "token"], env) == 0,
    )


def lfs_version(env: Mapping[str, str]) -> str:
    """Of git-lfs; empty when there is none."""
    return _version(["git", "lfs", "version"], env)


def agents_facts(
    entries: Mapping[str, AgentEntry], town_agent: str, env: Mapping[str, str]
) -> list[AgentFacts]:
    """Every entry of the catalogue, asked at the same time.

    Args:
        entries: by name.
        town_agent: what polecats run; empty where no town says.
        env: the person's environment.
    """
    ordered = [entry for _, entry in sorted(entries.items())]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda one: _agent(one, one.name == town_agent, env), ordered))


def _agent(entry: AgentEntry, is_town_agent: bool, env: Mapping[str, str]) -> AgentFacts:  # noqa: FBT001
    path = shutil.which(entry.command, path=env.get("PATH", os.defpath)) or ""
    is_ours = entry.name in {"demo", "shell"}
    facts = AgentFacts(
        name=entry.name, command=entry.command, path=path, is_town_agent=is_town_agent,
        is_ours=is_ours,
    )  # fmt: skip
    if not path or is_ours:
        return facts
    # The environment that a session would get: a key of the shell's must not count as its own.
    own = inherited(env) | {name: env[name] for name in entry.env_pass if env.get(name)}
    login = login_of(entry, own, env)
    said, problem = _asked([path, "--version"], env)
    found = _VERSION.search(said)
    return AgentFacts(
        **{name: getattr(facts, name) for name in facts.__struct_fields__}
        | {
            "version": found[0] if found else "",
            "problem": problem or "it does not say its version",
            "pays": login.pays,
            "detail": login.detail,
            "config": login.config,
            "stray_keys": [name for name in entry.keys if env.get(name) and name not in own],
        }
    )


def _version(command: Sequence[str], env: Mapping[str, str]) -> str:
    found = _VERSION.search(_out(command, env))
    return found[0] if found else ""


def _out(command: Sequence[str], env: Mapping[str, str]) -> str:
    return _asked(command, env)[0]


def _asked(command: Sequence[str], env: Mapping[str, str]) -> tuple[str, str]:
    """What a program says, and what went wrong."""
    try:
        done = _run(command, env)
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_LIMIT_S:.0f} s"
    except OSError as error:
        return "", error.strerror or str(error)
    said = done.stdout[:_OUTPUT].decode("utf-8", "replace").strip()
    if done.returncode:
        words = done.stderr[:_OUTPUT].decode("utf-8", "replace").strip().splitlines()
        return "", words[-1] if words else f"exit {done.returncode}"
    return said, ""


def _code(command: Sequence[str], env: Mapping[str, str]) -> int:
    try:
        return _run(command, env).returncode
    except (OSError, subprocess.TimeoutExpired):
        return -1


def _run(command: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which(command[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(2, "not found", command[0])
    return subprocess.run(
        [program, *command[1:]], env={**env, **_QUIET}, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=_LIMIT_S, check=False,
    )  # fmt: skip
