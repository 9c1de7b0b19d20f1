"""Where a town's sockets and locks live: a private folder with a path short enough for a socket."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gastown_tui.domain.errors import Unavailable

_LONGEST = 104
"""Bytes of a socket path on macOS, the shorter of the two systems (Linux: 108)."""


def _private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except FileExistsError:
        raise Unavailable(f"{path} is in the way: it is no folder", hint="remove it") from None
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be made: {error.strerror}", hint="set XDG_RUNTIME_DIR to another folder"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Unavailable(
            f"{path} is not a folder of yours", hint="remove it or set XDG_RUNTIME_DIR"
        )
    if found.st_mode & 0o077:
        raise Unavailable(f"{path} is open to other users", hint=f"run `chmod 700 {path}`")


def runtime_name(town: Path) -> str:
    """The name of a town's runtime folder: it follows from where the town is."""
    return hashlib.sha256(os.fsencode(town.resolve())).hexdigest()[:12]


def runtime_place(town: Path, env: Mapping[str, str]) -> Path:
    """Where a town's runtime folder is, or would be.

    Raises:
        Unavailable: its path is too long for a socket.
    """
    name = runtime_name(town)
    base = env.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir() and Path(base).stat().st_uid == os.getuid():
        parent = Path(base) / "gastown"
    else:
        parent = Path(tempfile.gettempdir()) / f"gastown-{os.getuid()}"
    path = parent / name
    if len(os.fsencode(path)) + len("/screens.sock") >= _LONGEST:
        raise Unavailable(
            f"the runtime folder {path} has too long a path for a socket",
            hint="set XDG_RUNTIME_DIR to a shorter one",
        )
    return path


def runtime_dir(town: Path, env: Mapping[str, str] | None = None) -> Path:
    """The town's runtime folder, made if needed, its owner and mode checked.

    Raises:
        Unavailable: it belongs to somebody else, is open to others, or its path is too long.
    """
    path = runtime_place(town, os.environ if env is None else env)
    _private(path.parent)
    _private(path)
    return path
