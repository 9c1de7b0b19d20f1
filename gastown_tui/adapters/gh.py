"""Asks GitHub through its own program `gh`, which knows how the person is logged in.

Commands and fields are those of gh 2: `gh run view N --json status,conclusion`, `gh run list
--workflow W --json databaseId,status,conclusion`, `gh pr view N --json state`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gastown_tui.domain.bead_gates import Answer, Probe
from gastown_tui.domain.errors import Unavailable

_TIMEOUT_S: Final = 30.0
_NO_LOGIN: Final = 4
"""What gh exits with when it would need a login (`gh help exit-codes`)."""
_NAME: Final = re.compile(r"[\w][\w .@/+-]{0,199}")
"""A number, or a workflow's name or file; never an option."""


class Gh:
    """Runs `gh` without a person: nothing is asked, nothing is coloured, 30 s at most."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env) | {
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "NO_COLOR": "1",
        }

    def run(self, repository: str, *arguments: str, stdin: str = "") -> bytes:
        """What `gh ARGUMENTS --repo=REPOSITORY` prints.

        Raises:
            Unavailable: there is no `gh`, it does not answer, or it failed, with its first line.
        """
        program = shutil.which("gh", path=self._env.get("PATH"))
        if program is None:
            raise Unavailable(
                "gh is not installed: it is needed to ask GitHub",
                hint="install it from https://cli.github.com, then `gh auth login`",
            )
        if repository.startswith("-"):
            raise Unavailable(f"{repository!r} is no repository of GitHub")
        try:
            done = subprocess.run(
                [program, *arguments, f"--repo={repository}"], env=self._env,
                input=stdin.encode("utf-8", "replace"), capture_output=True, timeout=_TIMEOUT_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unavailable(f"gh has not answered within {_TIMEOUT_S:.0f} s") from None
        except OSError as error:
            raise Unavailable(f"gh cannot be started: {error}") from None
        if done.returncode:
            raise _failure(done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def json(self, repository: str, *arguments: str) -> Any:
        """What it prints, decoded.

        Raises:
            Unavailable: as of `run`, or it printed something else.
        """
        try:
            return msgspec.json.decode(self.run(repository, *arguments))
        except msgspec.DecodeError:
            raise Unavailable("gh printed something that is not JSON") from None


class GitHub:
    """`gh` for the repositories of a town's rigs; every failure is an answer with a problem."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._gh = Gh(env)

    def ask(self, repository: str, probe: Probe) -> Answer:
        """What GitHub says, waiting for it at most 30 s.

        Args:
            repository: the rig's upstream: a URL, or owner/name.
            probe: what to ask.
        """
        if not _NAME.fullmatch(probe.name):
            return Answer(problem=f"{probe.name!r} is no run, workflow or pull request")
        if probe.kind == "gh:pr":
            found = self._json(repository, "pr", "view", probe.name, "--json", "state")
            return found if isinstance(found, Answer) else Answer(state=_text(found, "state"))
        return self._run(repository, probe.name)

    def _run(self, repository: str, name: str) -> Answer:
        fields = ("--json", "databaseId,status,conclusion")
        if name.isdecimal():
            found = self._json(repository, "run", "view", name, *fields)
        else:
            found = self._json(repository, "run", "list", "-w", name, "-L", "1", *fields)
            if isinstance(found, list):
                if not found:
                    return Answer(problem=f"the workflow {name} has not run yet")
                found = found[0]
        if isinstance(found, Answer):
            return found
        number = found.get("databaseId") if isinstance(found, dict) else None
        return Answer(
            state=_text(found, "status"),
            conclusion=_text(found, "conclusion"),
            number=str(number) if isinstance(number, int) else "",
        )

    def _json(self, repository: str, *arguments: str) -> Any:
        """What `gh` prints, decoded; an `Answer` with the problem when there is nothing."""
        try:
            return self._gh.json(repository, *arguments)
        except Unavailable as error:
            return Answer(problem=str(error))


def _failure(code: int, said: str) -> Unavailable:
    """What a failed call means, as one line; its hint is what only a person can do."""
    if code == _NO_LOGIN or "gh auth login" in said or "HTTP 401" in said:
        return Unavailable("gh is not logged in", hint="run `gh auth login`")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = lines[0] if lines else f"exit {code}"
    if "rate limit" in said.lower():
        found = next((line for line in lines if "rate limit" in line.lower()), first)
        words = found.removeprefix("GraphQL: ").partition(" If you reach out")[0]
        return Unavailable(f"GitHub answers no more for a while: {words}"[:300])
    return Unavailable(f"gh: {first}"[:300])


def _text(row: Any, key: str) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    return value if isinstance(value, str) else ""
