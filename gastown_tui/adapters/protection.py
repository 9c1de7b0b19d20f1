"""Whether a host protects a branch: GitHub is asked through `gh`, of others nothing is known.

`gh api repos/OWNER/NAME/branches/BRANCH` tells `protected` to whoever may read the repository
(docs.github.com/rest/branches/branches#get-a-branch); it is one free call.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

_LIMIT_S: Final = 15.0
_GITHUB: Final = re.compile(
    r"(?:https?://(?:[^@/]+@)?github\.com/|(?:ssh://)?git@github\.com[:/])"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?"
)


def is_protected(origin: str, branch: str, env: Mapping[str, str]) -> bool | None:
    """Whether pushes to a branch are limited; None when nobody can tell.

    Args:
        origin: the address of the upstream.
        branch: by its plain name.
        env: the person's environment, in which `gh` finds its login.
    """
    found = _GITHUB.fullmatch(origin)
    program = shutil.which("gh", path=env.get("PATH"))
    if found is None or program is None:
        return None
    place = f"repos/{found['owner']}/{found['name']}/branches/{quote(branch, safe='')}"
    try:
        done = subprocess.run(
            [program, "api", place, "--jq", ".protected"],
            env={**env, "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {b"true": True, b"false": False}.get(done.stdout.strip())
