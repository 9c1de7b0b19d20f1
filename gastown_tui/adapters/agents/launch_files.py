"""Files of a launch: what is written before a start, and secrets that are read for it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gastown_tui.domain.errors import BadInput, NotFound

MAX_ENV_FILE: Final = 64 * 1024
_LINE: Final = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")


def write_files(files: Mapping[str, str]) -> None:
    """Write each file with mode 0600, whole or not at all; missing folders are made 0700.

    Raises:
        OSError: a folder cannot be written to.
    """
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
        beside.replace(path)


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
