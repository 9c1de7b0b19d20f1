"""What a sandbox holds and no commit may: moved out of it before it goes, never deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from gastown_tui.adapters.git.run import Git


def set_aside(path: Path, files: Iterable[str], place: Path) -> Path | None:
    """Move files out of a worktree into a folder of the town's; tracked ones are put back as were.

    Args:
        path: the worktree; its session's processes are gone.
        files: relative to it, as git names them (bytes that are no UTF-8 as surrogates).
        place: where to; with a number behind it when it is taken.

    Returns:
        The folder, for the user's eyes only; None when there was nothing to move.

    Raises:
        OSError: a file cannot be moved.
        GitFailed: git could not.
    """
    there = [name for name in files if os.path.lexists(path / name)]
    if not there:
        return None
    folder = _free(place)
    folder.mkdir(mode=0o700, parents=True)
    for name in there:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.move(path / name, target)
        _drop_empty(path, (path / name).parent)
    git = Git(path, env={"GIT_LITERAL_PATHSPECS": "1"})
    git.call("read-tree", "--reset", "HEAD")  # what was staged of them goes, too
    names = "".join(f"{name}\0" for name in there).encode("utf-8", "surrogateescape")
    known = git.call("ls-files", "-z", "--deleted").out.split(b"\0")
    back = b"".join(one + b"\0" for one in known if one and one in names.split(b"\0"))
    if back:
        given = ("--pathspec-from-file=-", "--pathspec-file-nul")
        git.call("checkout", "-q", "HEAD", *given, stdin=back)
    return folder


def _free(place: Path) -> Path:
    if not os.path.lexists(place):
        return place
    names = (place.with_name(f"{place.name}-{number}") for number in count(2))
    return next(one for one in names if not os.path.lexists(one))


def _drop_empty(top: Path, folder: Path) -> None:
    """Take folders away that nothing is left in."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
