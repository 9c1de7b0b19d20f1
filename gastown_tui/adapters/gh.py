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

_TIMEOUT_S: Final = 30.0
_NAME: Final = re.compile(r"[\w][\w .@/+-]{0,199}")
"""A number, or a workflow's name or file; never an option."""


class GitHub:
    """`gh` for the repositories of a town's rigs; every failure is an answer with a problem."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env) | {
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "NO_COLOR": "1",
        }
        self._program = shutil.which("gh", path=self._env.get("PATH"))

    def ask(self, repository: str, probe: Probe) -> Answer:
        """What GitHub says, waiting for it at most 30 s.

        Args:
            repository: the rig's upstream: a URL, or owner/name.
            probe: what to ask.
        """
        if self._program is None:
            return Answer(problem="gh is not installed: it is needed to ask GitHub")
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
        if repository.startswith("-"):
            return Answer(problem=f"{repository!r} is no repository of GitHub")
        command = [str(self._program), *arguments, f"--repo={repository}"]
        try:
            done = subprocess.run(
                command, env=self._env, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(problem=f"gh has not answered within {_TIMEOUT_S:.0f} s")
        except OSError as error:
            return Answer(problem=f"gh cannot be started: {error}")
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return Answer(problem=f"gh: {said[0] if said else f'exit {done.returncode}'}"[:300])
        try:
            return msgspec.json.decode(done.stdout)
        except msgspec.DecodeError:
            return Answer(problem="gh printed something that is not JSON")


def _text(row: Any, key: str) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    return value if isinstance(value, str) else ""
