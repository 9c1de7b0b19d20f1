"""Secrets by reference: files of `NAME=value` lines that only their owner can read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from gastown_tui.domain.errors import BadInput, NotFound

MAX_ENV_FILE: Final = 64 * 1024
_LINE: Final = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of an `env_file`: `NAME=value` lines, `#` comments, quotes around a value.

    Raises:
        NotFound: there is no such file.
        BadInput: others may read it, or a line is no assignment.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(MAX_ENV_FILE + 1)
    except OSError as error:
        raise NotFound(f"env_file {path}: {error.strerror}") from error
    if status.st_uid != os.getuid() or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadInput(f"env_file {path} is open to others", hint=f"chmod 600 {path}")
    if len(data) > MAX_ENV_FILE:
        raise BadInput(f"env_file {path} is longer than {MAX_ENV_FILE} bytes")
    return _assignments(path, data.decode("utf-8", "replace"))


def _assignments(path: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None or "\0" in stripped:
            raise BadInput(f"env_file {path}, line {number}: not NAME=value")
        value = match["value"].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[match["name"]] = value
    return found
