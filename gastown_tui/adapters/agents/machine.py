"""What starts depend on besides the town's records: secrets, MCP files, room on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui.adapters.agents.env_file import read_env_file
from gastown_tui.adapters.ports import take_slot
from gastown_tui.domain.errors import NotFound, Unavailable
from gastown_tui.domain.workplaces import Slot

MAX_SETTINGS: Final = 1024 * 1024
"""Bytes of a repository's own settings; a longer file is not read."""
_Stamp = tuple[int, int, int, int]


class Machine:
    """Reads files when they have changed."""

    def __init__(self) -> None:
        self._secrets: dict[Path, tuple[_Stamp, dict[str, str]]] = {}

    def secrets(self, path: Path, /) -> dict[str, str]:
        """The variables of an `env_file`.

        Raises:
            NotFound: there is no such file.
            BadInput: others may read it, or a line is no assignment.
        """
        try:
            found = path.stat()
        except OSError as error:
            raise NotFound(f"env_file {path}: {error.strerror}") from error
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
        known = self._secrets.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, read_env_file(path))
            self._secrets[path] = known
        return known[1]

    def mcp_servers(self, folder: Path, /) -> list[str]:
        """Names of the MCP servers in a repository's `.mcp.json`, in order."""
        return servers_in(_text(folder / ".mcp.json"))

    def allowed_by(self, folder: Path, /) -> list[str]:
        """The permissions that a repository's `.claude/settings.json` gives without asking."""
        return allowed_in(_text(folder / ".claude" / "settings.json"))

    def lacks(self, program: str, path: str, folder: str, /) -> str:
        """Why a program cannot be run from a folder with this PATH; empty when it can."""
        return why_lacking(program, path, folder)

    def slot(self, worktree: Path, town: Path, env: Mapping[str, str], /) -> Slot:
        """What a worktree has to itself on this machine.

        Raises:
            Unavailable: no ports are free, or it cannot be written down.
        """
        try:
            return take_slot(worktree, env, town)
        except OSError as error:
            raise Unavailable(
                f"the ports of {worktree}: {error.strerror}: {error.filename}"
            ) from error

    def free(self, path: Path, /) -> int:
        """Bytes that we may still write where the folder lies."""
        return shutil.disk_usage(path).free


def why_lacking(program: str, path: str, folder: str) -> str:
    """Why a program cannot be run with this PATH; empty when it can.

    Args:
        program: its name, or a path, which counts from `folder`.
        path: folders, as in PATH.
        folder: where it would be run.
    """
    if "/" in program:
        found = Path(folder, program)
        if found.is_file() and os.access(found, os.X_OK):
            return ""
        return f"{program} is not executable" if found.exists() else f"{program} is not there"
    if shutil.which(program, path=path):
        return ""
    for one in path.split(os.pathsep):
        if one and Path(one, program).is_file():
            return f"{Path(one, program)} is not executable"
    return f"{program} is not on the PATH of the town"


def servers_in(text: bytes) -> list[str]:
    """Names of the MCP servers that the text of a `.mcp.json` gives, in order."""
    servers = _json(text).get("mcpServers")
    return list(servers) if isinstance(servers, dict) else []


def allowed_in(text: bytes) -> list[str]:
    """The permissions that the text of a `.claude/settings.json` gives without asking."""
    permissions = _json(text).get("permissions")
    allowed = permissions.get("allow") if isinstance(permissions, dict) else None
    return [str(rule) for rule in allowed] if isinstance(allowed, list) else []


def _text(path: Path) -> bytes:
    """A file of a repository's; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SETTINGS + 1)
    except OSError:
        return b""


def _json(text: bytes) -> dict[str, Any]:
    """A JSON object of a repository, which anybody may have written; empty when it is none."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
