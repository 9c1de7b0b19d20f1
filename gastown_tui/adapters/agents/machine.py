"""What starts depend on besides the town's records: secrets, MCP files, room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui.adapters.agents.env_file import read_env_file
from gastown_tui.domain.errors import NotFound

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
        servers = _json(folder / ".mcp.json").get("mcpServers")
        return list(servers) if isinstance(servers, dict) else []

    def allowed_by(self, folder: Path, /) -> list[str]:
        """The permissions that a repository's `.claude/settings.json` gives without asking."""
        permissions = _json(folder / ".claude" / "settings.json").get("permissions")
        allowed = permissions.get("allow") if isinstance(permissions, dict) else None
        return [str(rule) for rule in allowed] if isinstance(allowed, list) else []

    def free(self, path: Path, /) -> int:
        """Bytes that we may still write where the folder lies."""
        return shutil.disk_usage(path).free


def _json(path: Path) -> dict[str, Any]:
    """A JSON object of a repository, which anybody may have written; empty when it is none."""
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(MAX_SETTINGS + 1))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
