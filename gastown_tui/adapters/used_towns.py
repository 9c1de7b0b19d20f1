"""The towns this person has used, newest first: a private file outside of every town.

It lies in `$XDG_STATE_HOME/gastown/towns.json` (`~/.local/state` by default), a list of objects
with `town` (an absolute path) and `at` (seconds since 1970). Losing it loses no work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.town_files import TOWN_FILE
from gastown_tui.services.files import write_private

_KEPT: Final = 10
_LARGEST: Final = 100_000
"""Bytes; a longer file is not ours."""


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A town, and when it was used last."""

    town: str
    at: float = 0.0

    @property
    def path(self) -> Path:
        """Its folder."""
        return Path(self.town)


def state_file(env: Mapping[str, str]) -> Path | None:
    """Where the list lies; None when nobody knows the person's home."""
    base = env.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):  # the XDG specification: relative paths are to be ignored
        home = env.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = f"{home}/.local/state"
    return Path(base) / "gastown" / "towns.json"


def used_towns(env: Mapping[str, str]) -> list[Used]:
    """Those that still are where they were; a file that others may write is not believed."""
    return [one for one in _listed(env) if (one.path / TOWN_FILE).is_file()]


def remember_town(town: Path, env: Mapping[str, str], now: float) -> None:
    """Put a town first.

    Args:
        town: its folder.
        env: the person's environment.
        now: seconds since 1970.

    Raises:
        OSError: the list cannot be written.
    """
    path = state_file(env)
    if path is None:
        return
    first = Used(town=str(town.resolve()), at=now)
    rest = [one for one in _listed(env) if one.town != first.town]
    kept = [first, *rest][:_KEPT]
    write_private(path, msgspec.json.encode(kept).decode() + "\n")


def _listed(env: Mapping[str, str]) -> list[Used]:
    path = state_file(env)
    if path is None:
        return []
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != os.getuid() or found.st_mode & 0o022:
                return []
            listed = msgspec.json.decode(file.read(_LARGEST), type=list[Used])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return []  # never written, or damaged: the next use writes it anew
    return [one for one in listed if one.town.startswith("/") and "\0" not in one.town]
